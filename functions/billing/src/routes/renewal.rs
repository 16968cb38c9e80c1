//! `POST /billing/subscriptions/cancel` and `/resume`: whether the subscription goes on after its period.

use super::change::refused;
use super::subscription::view;
use crate::State;
use crate::error::{of_convergence, of_gateway, user_errors};
use axum::Json;
use axum::extract::State as Shared;
use tollgate_convergence::Cause;
use tollgate_domain::billing::{Status, Subscription, SubscriptionView};
use tollgate_http::{ActiveUser, ApiError, RequestContext, errors};
use tollgate_stripe::{GatewayError, Settled};

errors! {
    /// Why a subscription is not cancelled.
    CancelErrors = user_errors().into_iter().chain([ApiError::NoSubscription, ApiError::AlreadyCanceling])
}

errors! {
    /// Why a subscription is not resumed.
    ResumeErrors = user_errors().into_iter().chain([
        ApiError::NoSubscription,
        ApiError::NotCanceling,
        ApiError::PaymentActionRequired(None),
    ])
}

/// Lets the caller's subscription end with its period: access stays until then.
#[utoipa::path(
    post, path = "/billing/subscriptions/cancel", operation_id = "cancel_subscription", tag = "Billing",
    security(("bearer" = [])),
    responses((status = 200, body = SubscriptionView), CancelErrors)
)]
pub async fn cancel(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
) -> Result<Json<SubscriptionView>, ApiError> {
    let subscription = followed(&state, &context, &user).await?;
    if !subscription.will_renew() {
        return Err(ApiError::AlreadyCanceling);
    }
    let told = async {
        release(&state, &subscription).await?;
        state.gateway.cancel_at_period_end(&subscription.stripe_id).await
    };
    after(&state, &context, &user, told.await).await
}

/// Takes back what waits for the end of the period of the caller's subscription: that it ends, or a lower plan. A paused
/// subscription goes on, with a period that is charged now.
#[utoipa::path(
    post, path = "/billing/subscriptions/resume", operation_id = "resume_subscription", tag = "Billing",
    security(("bearer" = [])),
    responses((status = 200, body = SubscriptionView), ResumeErrors)
)]
pub async fn resume(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
) -> Result<Json<SubscriptionView>, ApiError> {
    let subscription = followed(&state, &context, &user).await?;
    if subscription.status == Status::Paused {
        let resumed = state.gateway.resume_paused(&subscription.stripe_id).await;
        let subscription = followed(&state, &context, &user).await?;
        return match resumed {
            Ok(Settled::Unpaid(unpaid)) => Err(refused(unpaid)),
            Err(error) if !error.is_missing() => Err(of_gateway(error)),
            Ok(Settled::Done) | Err(_) => view(&state, subscription, context.now).await,
        };
    }
    let is_to_end = subscription.cancel_at_period_end || subscription.cancel_at().is_some();
    if !is_to_end && subscription.next_price_id().is_none() {
        return Err(ApiError::NotCanceling);
    }
    let told = async {
        release(&state, &subscription).await?;
        if is_to_end { state.gateway.resume(&subscription.stripe_id).await } else { Ok(()) }
    };
    after(&state, &context, &user, told.await).await
}

/// Lets the subscription go from what manages it at Stripe, if anything does: nothing else may touch it before.
pub async fn release(state: &State, subscription: &Subscription) -> Result<(), GatewayError> {
    match &subscription.schedule {
        Some(schedule) => state.gateway.release(&schedule.stripe_id).await,
        None => Ok(()),
    }
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

/// The subscription that the caller has, as it is at Stripe now: what is kept may be older.
pub async fn followed(state: &State, context: &RequestContext, user: &ActiveUser) -> Result<Subscription, ApiError> {
    let cause = Cause { request_id: Some(context.request_id), ..Cause::default() };
    let followed = state.convergence.follow(&user.id, cause).await.map_err(of_convergence)?;
    followed.into_iter().find(Subscription::is_held).ok_or(ApiError::NoSubscription)
}
