//! `POST /billing/subscriptions/cancel` and `/resume`: whether the subscription goes on after its period.

use super::subscription::{SubscriptionView, view};
use crate::State;
use crate::error::{of_convergence, of_gateway};
use axum::Json;
use axum::extract::State as Shared;
use tollgate_convergence::Cause;
use tollgate_domain::billing::Subscription;
use tollgate_http::{ActiveUser, ApiError, RequestContext};
use tollgate_stripe::GatewayError;

/// Lets the caller's subscription end with its period: access stays until then.
#[utoipa::path(
    post, path = "/billing/subscriptions/cancel", operation_id = "cancel_subscription", tag = "Billing",
    security(("bearer" = [])),
    responses((status = 200, body = SubscriptionView), (status = 404, description = "`no_subscription`"),
        (status = 409, description = "`already_canceling`, `idempotency_in_progress`"),
        (status = 502, description = "`stripe_unavailable`"), (status = 503, description = "`stripe_not_configured`"))
)]
pub async fn cancel(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
) -> Result<Json<SubscriptionView>, ApiError> {
    let subscription = that_goes_on(&state, &context, &user, true).await?.ok_or(ApiError::AlreadyCanceling)?;
    let told = state.gateway.cancel_at_period_end(&subscription.stripe_id).await;
    after(&state, &context, &user, told).await
}

/// Takes back that the caller's subscription ends with its period.
#[utoipa::path(
    post, path = "/billing/subscriptions/resume", operation_id = "resume_subscription", tag = "Billing",
    security(("bearer" = [])),
    responses((status = 200, body = SubscriptionView), (status = 404, description = "`no_subscription`"),
        (status = 409, description = "`not_canceling`, `idempotency_in_progress`"),
        (status = 502, description = "`stripe_unavailable`"), (status = 503, description = "`stripe_not_configured`"))
)]
pub async fn resume(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
) -> Result<Json<SubscriptionView>, ApiError> {
    let subscription = that_goes_on(&state, &context, &user, false).await?.ok_or(ApiError::NotCanceling)?;
    let told = state.gateway.resume(&subscription.stripe_id).await;
    after(&state, &context, &user, told).await
}

/// The caller's live subscription, if it goes on after its period or does not, as is asked. Before the answer is no, Stripe
/// is looked at: what is kept may be older.
async fn that_goes_on(
    state: &State,
    context: &RequestContext,
    user: &ActiveUser,
    goes_on: bool,
) -> Result<Option<Subscription>, ApiError> {
    let is_wanted = |subscription: &Subscription| subscription.will_renew() == goes_on;
    let kept = held(state.store.subscriptions(&user.id).await?);
    if let Some(subscription) = kept.filter(is_wanted) {
        return Ok(Some(subscription));
    }
    Ok(Some(followed(state, context, user).await?).filter(is_wanted))
}

/// The caller's subscription after Stripe was told: one that Stripe does not find has ended meanwhile.
async fn after(
    state: &State,
    context: &RequestContext,
    user: &ActiveUser,
    told: Result<(), GatewayError>,
) -> Result<Json<SubscriptionView>, ApiError> {
    match told {
        Err(error) if !error.is_missing() => Err(of_gateway(error)),
        Ok(()) | Err(_) => view(state, followed(state, context, user).await?, context.now).await,
    }
}

/// The one that the caller has.
fn held(subscriptions: Vec<Subscription>) -> Option<Subscription> {
    subscriptions.into_iter().find(Subscription::is_held)
}

/// The same as Stripe has it now.
async fn followed(state: &State, context: &RequestContext, user: &ActiveUser) -> Result<Subscription, ApiError> {
    let cause = Cause { request_id: Some(context.request_id), ..Cause::default() };
    let followed = state.convergence.follow(&user.id, cause).await.map_err(of_convergence)?;
    held(followed).ok_or(ApiError::NoSubscription)
}
