//! `POST /billing/subscriptions/preview` and `/upgrade`: another plan for the same subscription. An upgrade applies at
//! once and is charged now, a downgrade at the end of the period.

use super::subscription::view;
use crate::current::sync_subscription;
use crate::error::user_errors;
use crate::plan_change::{Change, parse_proration_date, whole_seconds};
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::billing::SubscriptionView;
use tollgate_http::{ActiveUser, ApiError, JsonBody, RequestContext, errors};
use tollgate_stripe::PreviewLine;
use utoipa::ToSchema;

/// The plan to preview.
#[derive(Deserialize, ToSchema)]
pub struct UpgradePreview {
    /// Its code.
    plan_code: String,
}

/// The new plan.
#[derive(Deserialize, ToSchema)]
pub struct Upgrade {
    /// Its code.
    plan_code: String,
    /// The `proration_date` of the preview whose amount is charged; without it the current time.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    proration_date: Option<String>,
}

/// The cost of a change.
#[derive(Serialize, ToSchema)]
pub struct PreviewView {
    /// The amount that is charged now, in minor units.
    amount_due_cents: i64,
    currency: String,
    /// The start of the proration: an upgrade with the same value charges the same amount. Its fraction of a second is
    /// a digest of the values on which the amount depends.
    #[schema(value_type = String, format = DateTime)]
    proration_date: Timestamp,
    lines: Vec<LineView>,
}

/// A line of the invoice.
#[derive(Serialize, ToSchema)]
pub struct LineView {
    description: String,
    /// Negative for a credit.
    amount_cents: i64,
}

/// The errors of [`Change::find`].
fn change_errors() -> [ApiError; 7] {
    [
        ApiError::PaymentActionRequired(None),
        ApiError::PlanNotFound,
        ApiError::NoSubscription,
        ApiError::SamePlan,
        ApiError::CurrencyMismatch,
        ApiError::AlreadyCanceling,
        ApiError::PlanIsFree,
    ]
}

errors! {
    /// Why there is no preview of a change.
    PreviewErrors = user_errors().into_iter().chain(change_errors())
}

errors! {
    /// Why a plan is not changed.
    UpgradeErrors = user_errors().into_iter().chain(change_errors()).chain([ApiError::InvalidProrationDate])
}

/// Returns the cost of a change of the caller's subscription now.
#[utoipa::path(
    post, path = "/billing/subscriptions/preview", operation_id = "preview_upgrade", tag = "Billing",
    security(("bearer" = [])), request_body = UpgradePreview,
    responses((status = 200, body = PreviewView), PreviewErrors)
)]
pub async fn preview(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
    JsonBody(body): JsonBody<UpgradePreview>,
) -> Result<Json<PreviewView>, ApiError> {
    let change = Change::find(&state, &context, &user, &body.plan_code).await?;
    let from = whole_seconds(context.now);
    let preview = change.cost(&state, from).await?;
    let line = |line: PreviewLine| LineView { description: line.description, amount_cents: line.amount_cents };
    Ok(Json(PreviewView {
        amount_due_cents: preview.amount_due_cents,
        currency: preview.currency.to_string(),
        proration_date: change.proration_date(from),
        lines: preview.lines.into_iter().map(line).collect(),
    }))
}

/// Changes the plan of the caller's subscription.
#[utoipa::path(
    post, path = "/billing/subscriptions/upgrade", operation_id = "upgrade_subscription", tag = "Billing",
    security(("bearer" = [])), request_body = Upgrade,
    responses((status = 200, body = SubscriptionView), UpgradeErrors)
)]
pub async fn upgrade(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
    JsonBody(body): JsonBody<Upgrade>,
) -> Result<Json<SubscriptionView>, ApiError> {
    let asked = body.proration_date.as_deref().map(|text| parse_proration_date(text, context.now)).transpose()?;
    let change = Change::find(&state, &context, &user, &body.plan_code).await?;
    let from = match asked {
        Some(exact) => change.moment(exact)?,
        None => whole_seconds(context.now),
    };
    let done = change.execute(&state, from).await;
    let after = sync_subscription(&state, &context, &user).await;
    let after = change.outcome(done, after)?;
    view(&state, state.shown(&after), context.now).await
}
