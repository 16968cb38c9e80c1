//! `GET /billing/subscriptions/me`.

use crate::state::State;
use axum::Json;
use axum::extract::{FromRequestParts, State as Shared};
use http::request::Parts;
use jiff::Timestamp;
use std::sync::Arc;
use tollgate_domain::billing::{Plan, PlanView, Status, Subscription, SubscriptionView};
use tollgate_http::openapi::Describe;
use tollgate_http::{ActiveUser, ApiError, RequestContext, admit_beside, errors};
use tollgate_store::StoreError;
use utoipa::openapi::path::Operation;

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
    own: OwnSubscriptions,
) -> Result<Json<SubscriptionView>, ApiError> {
    let OwnSubscriptions { subscriptions, plans } = own;
    let begun = subscriptions.into_iter().filter(|s| s.plan_id.is_some() && began(s));
    // A subscription that must end is shown only if there is no other.
    let shown = begun.max_by_key(|s| (s.duplicate_refund.is_none(), s.status.is_live(), s.started_at, s.id));
    view_with(&state, shown.ok_or(ApiError::NoSubscription)?, plans, context.now).await
}

/// The subscriptions of the caller and the plans, read at the same time as the gate.
pub struct OwnSubscriptions {
    subscriptions: Vec<Subscription>,
    plans: Arc<[Plan]>,
}

impl FromRequestParts<State> for OwnSubscriptions {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        let Ok(context) = RequestContext::from_request_parts(parts, state).await;
        let (_, (subscriptions, plans)) = admit_beside(parts, state, |user| async move {
            let plans = state.plans.recent(&state.store, context.now);
            let (subscriptions, plans) = tokio::join!(state.store.subscriptions(&user), plans);
            Ok::<_, StoreError>((subscriptions?, plans?))
        })
        .await?;
        Ok(Self { subscriptions, plans })
    }
}

impl Describe for OwnSubscriptions {
    fn describe(operation: &mut Operation) {
        ActiveUser::describe(operation);
    }
}

/// `shown` at `now`.
pub async fn view(state: &State, shown: Subscription, now: Timestamp) -> Result<Json<SubscriptionView>, ApiError> {
    let plans = state.plans.recent(&state.store, now).await?;
    view_with(state, shown, plans, now).await
}

async fn view_with(
    state: &State,
    shown: Subscription,
    mut plans: Arc<[Plan]>,
    now: Timestamp,
) -> Result<Json<SubscriptionView>, ApiError> {
    let wanted = [shown.plan_id, shown.next_plan_id()];
    // Another process has created the plan since they were read.
    if !wanted.iter().flatten().all(|id| plans.iter().any(|plan| plan.id == *id)) {
        plans = state.plans.current(&state.store, now).await?;
    }
    let [plan, scheduled_plan] = wanted.map(|id| plans.iter().find(|plan| Some(plan.id) == id).cloned());
    let plan = plan.ok_or_else(|| ApiError::Internal(format!("{} has no plan", shown.id)))?;
    let scheduled_plan = scheduled_plan.map(|plan| PlanView::of(plan, false));
    let plan = Some(PlanView::of(plan, false));
    Ok(Json(SubscriptionView::of(shown, plan, scheduled_plan, state.config.rules.grace, now)))
}

/// Whether it ever started: one whose first payment never arrived did not, one whose payment is in progress did.
fn began(subscription: &Subscription) -> bool {
    subscription.payment_processing || !matches!(subscription.status, Status::Incomplete | Status::IncompleteExpired)
}
