//! `GET /billing/subscriptions/me`.

use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use jiff::Timestamp;
use tollgate_domain::billing::{PlanView, ShownSubscription, SubscriptionView};
use tollgate_http::{ActiveUserWith, ApiError, RequestContext, errors};
use tollgate_store::CustomerOf;

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
    caller: ActiveUserWith<CustomerOf>,
) -> Result<Json<SubscriptionView>, ApiError> {
    let customer = caller.own.ok_or(ApiError::NoSubscription)?;
    let shown = match customer.current_copy() {
        Some(copy) => copy.subscription.clone(),
        None => {
            let all = state.store.subscriptions(&caller.user.id).await?;
            ShownSubscription::among(&all, state.config.rules.grace)
        }
    };
    view(&state, shown.ok_or(ApiError::NoSubscription)?, context.now).await
}

/// The answer about `shown` at `now`.
pub async fn view(state: &State, shown: ShownSubscription, now: Timestamp) -> Result<Json<SubscriptionView>, ApiError> {
    let wanted = [shown.plan_id, shown.scheduled_plan_id];
    let mut plans = state.plans.recent(&state.store, now).await?;
    // Another process has created the plan since they were read.
    if !wanted.iter().flatten().all(|id| plans.iter().any(|plan| plan.id == *id)) {
        plans = state.plans.current(&state.store, now).await?;
    }
    let [plan, scheduled_plan] = wanted.map(|id| plans.iter().find(|plan| Some(plan.id) == id).cloned());
    let plan = plan.ok_or_else(|| ApiError::Internal(format!("{} has no plan", shown.id)))?;
    let scheduled_plan = scheduled_plan.map(|plan| PlanView::of(plan, false));
    Ok(Json(SubscriptionView::of(shown, Some(PlanView::of(plan, false)), scheduled_plan, now)))
}
