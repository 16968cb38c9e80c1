//! `GET /billing/subscriptions/me`.

use super::PlanView;
use crate::State;
use axum::Json;
use axum::extract::State as Shared;
use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::billing::{BillingPeriod, Status, Subscription};
use tollgate_domain::{PlanId, SubscriptionId};
use tollgate_http::{ActiveUser, ApiError, RequestContext};
use utoipa::ToSchema;

/// The `Subscription` of the contract.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Subscription)]
pub struct SubscriptionView {
    #[schema(value_type = String)]
    id: SubscriptionId,
    /// The plan as it is now.
    plan: PlanView,
    /// What it will be after the period, where that is another.
    scheduled_plan: Option<PlanView>,
    /// What this subscriber pays, in minor units.
    price_cents: i64,
    currency: String,
    billing_period: BillingPeriod,
    /// Stripe's status.
    status: Status,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    current_period_start: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    current_period_end: Timestamp,
    cancel_at_period_end: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    canceled_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    access_until: Option<Timestamp>,
    has_access: bool,
}

/// The caller's subscription: the live one, else the last that ended.
#[utoipa::path(
    get, path = "/billing/subscriptions/me", operation_id = "my_subscription", tag = "Billing",
    security(("bearer" = [])),
    responses((status = 200, body = SubscriptionView), (status = 404, description = "`no_subscription`"))
)]
pub async fn mine(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
) -> Result<Json<SubscriptionView>, ApiError> {
    let subscriptions = state.store.subscriptions(&user.id).await?;
    let begun = subscriptions.into_iter().filter(|s| s.plan_id.is_some() && s.surplus.is_none() && began(s));
    let shown = begun.max_by_key(|s| (s.status.is_live(), s.started_at, s.id)).ok_or(ApiError::NoSubscription)?;
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
    let grace = state.config.grace;
    Ok(Json(SubscriptionView {
        plan: PlanView::of(plan, false),
        scheduled_plan,
        price_cents: shown.terms.price_cents,
        currency: shown.terms.currency.to_string(),
        billing_period: shown.terms.billing_period,
        status: shown.status,
        started_at: shown.started_at,
        current_period_start: shown.current_period_start,
        current_period_end: shown.current_period_end,
        cancel_at_period_end: shown.cancel_at_period_end,
        canceled_at: shown.canceled_at,
        access_until: shown.access_until(grace),
        has_access: shown.has_access(grace, now),
        id: shown.id,
    }))
}

/// Whether it ever was one: a first payment that never came makes none.
fn began(subscription: &Subscription) -> bool {
    !matches!(subscription.status, Status::Incomplete | Status::IncompleteExpired)
}
