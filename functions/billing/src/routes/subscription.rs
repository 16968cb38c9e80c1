//! `GET /billing/subscriptions/me`.

use crate::State;
use axum::Json;
use axum::extract::State as Shared;
use jiff::Timestamp;
use tollgate_domain::PlanId;
use tollgate_domain::billing::{PlanView, Status, Subscription, SubscriptionView};
use tollgate_http::{ActiveUser, ApiError, RequestContext, errors};

errors! {
    /// Why no subscription is shown.
    MySubscriptionErrors = [ApiError::NoSubscription]
}

/// The caller's subscription: the live one, else the last that ended.
#[utoipa::path(
    get, path = "/billing/subscriptions/me", operation_id = "my_subscription", tag = "Billing",
    security(("bearer" = [])),
    responses((status = 200, body = SubscriptionView), MySubscriptionErrors)
)]
pub async fn mine(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
) -> Result<Json<SubscriptionView>, ApiError> {
    let subscriptions = state.store.subscriptions(&user.id).await?;
    let begun = subscriptions.into_iter().filter(|s| s.plan_id.is_some() && began(s));
    // One that must not stay is shown only where there was no other.
    let shown = begun.max_by_key(|s| (s.duplicate_refund.is_none(), s.status.is_live(), s.started_at, s.id));
    let shown = shown.ok_or(ApiError::NoSubscription)?;
    view(&state, shown, context.now).await
}

/// `shown` as it is at `now`.
pub async fn view(state: &State, shown: Subscription, now: Timestamp) -> Result<Json<SubscriptionView>, ApiError> {
    let plan_of = async |id: Option<PlanId>| match id {
        Some(id) => state.store.plan(&id).await,
        None => Ok(None),
    };
    let plan = plan_of(shown.plan_id).await?;
    let plan = plan.ok_or_else(|| ApiError::Internal(format!("{} has no plan", shown.id)))?;
    let scheduled_plan = plan_of(shown.next_plan_id()).await?.map(|plan| PlanView::of(plan, false));
    let plan = Some(PlanView::of(plan, false));
    Ok(Json(SubscriptionView::of(shown, plan, scheduled_plan, state.config.rules.grace, now)))
}

/// Whether it ever was one: a first payment that never came makes none, one that is in progress does.
fn began(subscription: &Subscription) -> bool {
    subscription.payment_processing || !matches!(subscription.status, Status::Incomplete | Status::IncompleteExpired)
}
