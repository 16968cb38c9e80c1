//! The caller's subscription as Stripe has it now: the stored one may be older. What each change of it begins with.

use crate::error::of_convergence;
use crate::state::State;
use std::sync::OnceLock;
use tollgate_convergence::Cause;
use tollgate_domain::billing::{Account, Subscription};
use tollgate_http::{ActiveUser, ApiError, RequestContext};
use tollgate_stripe::GatewayError;

/// Synchronises and returns the caller's subscription.
pub async fn sync_subscription(
    state: &State,
    context: &RequestContext,
    user: &ActiveUser,
) -> Result<Subscription, ApiError> {
    let cause = Cause { request_id: Some(context.request_id), ..Cause::default() };
    let synced = state.convergence.sync(&user.id, cause).await.map_err(of_convergence)?;
    synced.into_iter().find(Subscription::is_held).ok_or(ApiError::NoSubscription)
}

/// The same if `check` accepts the subscription. The stored one is checked first, and if it is refused, Stripe is not
/// called; then Stripe's state is checked.
pub async fn sync_subscription_if(
    state: &State,
    context: &RequestContext,
    user: &ActiveUser,
    check: &(dyn Fn(&Subscription) -> Result<(), ApiError> + Send + Sync),
) -> Result<Subscription, ApiError> {
    let refusal = OnceLock::new();
    let refuses = |account: &Account| {
        let checked = match account.subscriptions.iter().find(|subscription| subscription.is_held()) {
            Some(subscription) => check(subscription),
            // It may be paid already.
            None if is_buying(account) => Ok(()),
            None => Err(ApiError::NoSubscription),
        };
        checked.is_err_and(|error| refusal.set(error).is_ok())
    };
    let cause = Cause { request_id: Some(context.request_id), ..Cause::default() };
    let synced = state.convergence.sync_unless(&user.id, cause, &refuses).await.map_err(of_convergence)?;
    let Some(synced) = synced else { return Err(refusal.into_inner().unwrap_or(ApiError::NoSubscription)) };
    let subscription = synced.into_iter().find(Subscription::is_held).ok_or(ApiError::NoSubscription)?;
    check(&subscription)?;
    Ok(subscription)
}

/// Whether a checkout is reserved without a known subscription.
fn is_buying(account: &Account) -> bool {
    account.customer.checkout.as_ref().is_some_and(|checkout| {
        // Stripe counts in whole seconds.
        let begun = checkout.attempt.started_at.as_second();
        account.subscriptions.iter().all(|subscription| subscription.started_at.as_second() < begun)
    })
}

/// Releases the subscription from its schedule at Stripe, if it has one: it cannot be changed before.
pub async fn release(state: &State, subscription: &Subscription) -> Result<(), GatewayError> {
    match &subscription.schedule {
        Some(schedule) => state.gateway.release(&schedule.stripe_id).await,
        None => Ok(()),
    }
}
