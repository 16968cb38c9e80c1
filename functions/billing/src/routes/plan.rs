//! `GET`, `PATCH` and `DELETE /billing/plans/{id}`.

use super::plans::{IsAdmin, check_amount, currency, description, features, name, price_cents, tier, trial_days};
use crate::catalogue;
use crate::error::admin_errors;
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use tollgate_domain::PlanId;
use tollgate_domain::billing::{BillingPeriod, Plan, PlanView};
use tollgate_http::{Admin, ApiError, Patch, PatchBody, PathId, RequestContext, errors};
use utoipa::ToSchema;

/// One plan, archived or not.
#[utoipa::path(
    get, path = "/billing/plans/{id}", operation_id = "get_plan", tag = "Billing", security((), ("bearer" = [])),
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = PlanView))
)]
pub async fn get(
    Shared(state): Shared<State>,
    IsAdmin(is_admin): IsAdmin,
    PathId(id): PathId<PlanId>,
) -> Result<Json<PlanView>, ApiError> {
    let plan = state.store.plan(&id).await?.ok_or(ApiError::NotFound)?;
    Ok(Json(PlanView::of(plan, is_admin)))
}

/// The fields of a plan to change.
#[derive(Deserialize, ToSchema)]
pub struct PlanChange {
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    name: Option<String>,
    /// `null` removes it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    description: Option<Option<String>>,
    #[serde(default)]
    #[schema(value_type = i64, required = false, minimum = 0, maximum = 99_999_999)]
    price_cents: Option<i64>,
    #[serde(default)]
    #[schema(value_type = String, required = false, pattern = "^[a-z]{3}$")]
    currency: Option<String>,
    #[serde(default)]
    #[schema(value_type = BillingPeriod, required = false)]
    billing_period: Option<BillingPeriod>,
    #[serde(default)]
    #[schema(value_type = i64, required = false, minimum = 0, maximum = 1000)]
    tier: Option<i64>,
    #[serde(default)]
    #[schema(value_type = i64, required = false, minimum = 0, maximum = 730)]
    trial_days: Option<i64>,
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    features: Option<Map<String, Value>>,
    /// The state for which the change was made: another one is refused.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

impl Patch for PlanChange {
    const NULLABLE: &'static [&'static str] = &["description"];
    const PARAMETERS: &'static [&'static str] = &["updated_at"];
}

impl PlanChange {
    /// The plan `from` with the changes.
    fn apply(self, from: &Plan) -> Result<Plan, ApiError> {
        let mut to = from.clone();
        if let Some(text) = &self.name {
            to.name = name(text)?;
        }
        if let Some(text) = &self.description {
            to.description = description(text.as_deref())?;
        }
        if let Some(cents) = self.price_cents {
            to.terms.price_cents = price_cents(cents)?;
        }
        if let Some(code) = &self.currency {
            to.terms.currency = currency(code)?;
        }
        if let Some(period) = self.billing_period {
            to.terms.billing_period = period;
        }
        if let Some(number) = self.tier {
            to.tier = tier(number)?;
        }
        if let Some(days) = self.trial_days {
            to.trial_days = trial_days(days)?;
        }
        if let Some(map) = self.features {
            to.features = features(map)?;
        }
        check_amount(&to.terms)?;
        Ok(to)
    }
}

/// A field that was sent, also as `null`.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

errors! {
    /// Why a plan is not changed.
    PlanChangeErrors = admin_errors().into_iter().chain([ApiError::PlanChanged])
}

/// Changes a plan. Another amount, currency or period creates another price at Stripe: subscribers keep theirs.
#[utoipa::path(
    patch, path = "/billing/plans/{id}", operation_id = "change_plan", tag = "Billing",
    security(("bearer" = [])), request_body = PlanChange, params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = PlanView), PlanChangeErrors)
)]
pub async fn change(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    PathId(id): PathId<PlanId>,
    PatchBody(body): PatchBody<PlanChange>,
) -> Result<Json<PlanView>, ApiError> {
    let from = active(&state, &id).await?;
    if body.updated_at.is_some_and(|seen| seen != from.updated_at) {
        return Err(ApiError::PlanChanged);
    }
    let to = body.apply(&from)?;
    if to == from {
        return Ok(Json(PlanView::of(from, true)));
    }
    let plan = catalogue::change(&state, &context, admin.id, from, to).await?;
    Ok(Json(PlanView::of(plan, true)))
}

/// Archives a plan: it cannot be subscribed to any more, and subscribers keep it.
#[utoipa::path(
    delete, path = "/billing/plans/{id}", operation_id = "archive_plan", tag = "Billing", security(("bearer" = [])),
    params(("id" = String, Path, description = "Its id")),
    responses((status = 204, description = "Archived"), PlanChangeErrors)
)]
pub async fn archive(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    PathId(id): PathId<PlanId>,
) -> Result<StatusCode, ApiError> {
    let from = active(&state, &id).await?;
    let to = Plan { is_active: false, ..from.clone() };
    catalogue::change(&state, &context, admin.id, from, to).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn active(state: &State, id: &PlanId) -> Result<Plan, ApiError> {
    state.store.plan(id).await?.filter(|plan| plan.is_active).ok_or(ApiError::NotFound)
}
