//! `POST /billing/subscriptions/cancel` and `/resume`: whether the subscription renews after its period.

use super::subscription::view;
use crate::current::{release, sync_subscription, sync_subscription_if};
use crate::error::{of_gateway, of_unpaid, user_errors};
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use tollgate_domain::billing::{Status, Subscription, SubscriptionView};
use tollgate_http::{ActiveUser, ApiError, RequestContext, errors};
use tollgate_stripe::{GatewayError, PriceChanged};

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

/// Makes the caller's subscription end with its period: access continues until then.
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
    let renews = |subscription: &Subscription| match subscription.will_renew() {
        true => Ok(()),
        false => Err(ApiError::AlreadyCanceling),
    };
    let subscription = sync_subscription_if(&state, &context, &user, &renews).await?;
    let outcome = async {
        release(&state, &subscription).await?;
        state.gateway.cancel_at_period_end(&subscription.stripe_id).await
    };
    after(&state, &context, &user, outcome.await).await
}

/// Undoes what is scheduled for the end of the period of the caller's subscription: its end, or a lower plan. A paused
/// subscription resumes, with a period that is charged now.
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
    let waits = |subscription: &Subscription| {
        let waits = is_to_end(subscription) || subscription.next_price_id().is_some();
        if waits || subscription.status == Status::Paused { Ok(()) } else { Err(ApiError::NotCanceling) }
    };
    let subscription = sync_subscription_if(&state, &context, &user, &waits).await?;
    if subscription.status == Status::Paused {
        let resumed = state.gateway.resume_paused(&subscription.stripe_id).await;
        let subscription = sync_subscription(&state, &context, &user).await?;
        return match resumed {
            Ok(PriceChanged::Unpaid(unpaid)) => Err(of_unpaid(unpaid)),
            Err(error) if !error.is_missing() => Err(of_gateway(error)),
            Ok(PriceChanged::Done) | Err(_) => view(&state, state.shown(&subscription), context.now).await,
        };
    }
    let outcome = async {
        release(&state, &subscription).await?;
        if is_to_end(&subscription) { state.gateway.resume(&subscription.stripe_id).await } else { Ok(()) }
    };
    after(&state, &context, &user, outcome.await).await
}

fn is_to_end(subscription: &Subscription) -> bool {
    subscription.cancel_at_period_end || subscription.cancel_at().is_some()
}

/// The caller's subscription after a change at Stripe: if Stripe does not find it, it has ended in between.
async fn after(
    state: &State,
    context: &RequestContext,
    user: &ActiveUser,
    outcome: Result<(), GatewayError>,
) -> Result<Json<SubscriptionView>, ApiError> {
    match outcome {
        Err(error) if !error.is_missing() => Err(of_gateway(error)),
        Ok(()) | Err(_) => {
            let subscription = sync_subscription(state, context, user).await?;
            view(state, state.shown(&subscription), context.now).await
        }
    }
}
