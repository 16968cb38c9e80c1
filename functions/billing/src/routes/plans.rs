//! `GET` and `POST /billing/plans`.

use crate::catalogue;
use crate::error::admin_errors;
use crate::state::State;
use axum::Json;
use axum::extract::{FromRequestParts, State as Shared};
use http::request::Parts;
use http::{StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::str::FromStr;
use tollgate_domain::PlanId;
use tollgate_domain::billing::money::MAX_PRICE_CENTS;
use tollgate_domain::billing::plan::MAX_FEATURES_DEPTH;
use tollgate_domain::billing::{BillingPeriod, Currency, Features, Plan, PlanCode, PlanView, Terms};
use tollgate_http::openapi::Describe;
use tollgate_http::{ActiveUser, Admin, ApiError, FieldError, JsonBody, Parameters, RequestContext, errors, filter};
use tollgate_platform::random_bytes;
use utoipa::openapi::path::Operation;
use utoipa::{IntoParams, ToSchema};

/// All active plans.
#[derive(Serialize, ToSchema)]
pub struct Plans {
    items: Vec<PlanView>,
}

/// The query for plans.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PlansQuery {
    /// Whether archived ones are included; only for admins.
    #[param(value_type = Option<bool>)]
    archived: Option<String>,
}

/// Whether the caller is an admin; an invalid bearer token is refused, a missing one is allowed.
pub struct IsAdmin(pub bool);

impl FromRequestParts<State> for IsAdmin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(Self(false));
        }
        Ok(Self(ActiveUser::from_request_parts(parts, state).await?.gate.is_admin))
    }
}

impl Describe for IsAdmin {
    fn describe(operation: &mut Operation) {
        ActiveUser::describe(operation);
    }
}

/// All active plans, by price and code.
#[utoipa::path(
    get, path = "/billing/plans", operation_id = "list_plans", tag = "Billing",
    security((), ("bearer" = [])), params(PlansQuery), responses((status = 200, body = Plans))
)]
pub async fn list(
    Shared(state): Shared<State>,
    context: RequestContext,
    IsAdmin(is_admin): IsAdmin,
    Parameters(query): Parameters<PlansQuery>,
) -> Result<Json<Plans>, ApiError> {
    let archived = filter("archived", query.archived.as_deref())?.unwrap_or(false);
    // An admin who edits them gets the stored state, whichever process wrote it.
    let plans = match is_admin {
        true => state.plans.current(&state.store, context.now).await?,
        false => state.plans.recent(&state.store, context.now).await?,
    };
    let mut plans = plans.to_vec();
    plans.retain(|plan| plan.is_active || (archived && is_admin));
    plans.sort_by(|a, b| (a.terms.price_cents, &a.code).cmp(&(b.terms.price_cents, &b.code)));
    Ok(Json(Plans { items: plans.into_iter().map(|plan| PlanView::of(plan, is_admin)).collect() }))
}

/// A plan to create.
#[derive(Deserialize, ToSchema)]
pub struct PlanToCreate {
    /// 1–64 of `a–z 0–9 _ -`; a code is never reused.
    #[schema(pattern = "^[a-z0-9_-]{1,64}$")]
    code: String,
    /// 1–200 characters.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// The description.
    #[serde(default)]
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// 0–99,999,999, in minor units.
    #[schema(minimum = 0, maximum = 99_999_999)]
    price_cents: i64,
    /// ISO 4217, lower case.
    #[schema(pattern = "^[a-z]{3}$")]
    currency: String,
    billing_period: BillingPeriod,
    /// 0–1000.
    #[schema(minimum = 0, maximum = 1000)]
    tier: i64,
    /// 0–730.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 730)]
    trial_days: Option<i64>,
    /// At most 1 KiB of JSON.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    features: Option<Map<String, Value>>,
}

impl PlanToCreate {
    /// The plan, without product and price at Stripe.
    fn into_plan(self, now: Timestamp) -> Result<Plan, ApiError> {
        let plan = Plan {
            id: PlanId::new(now, random_bytes()),
            code: field("code", PlanCode::from_str(&self.code).ok(), "1 to 64 of a-z, 0-9, dashes and underscores")?,
            name: name(&self.name)?,
            description: description(self.description.as_deref())?,
            terms: Terms {
                price_cents: price_cents(self.price_cents)?,
                currency: currency(&self.currency)?,
                billing_period: self.billing_period,
            },
            tier: tier(self.tier)?,
            trial_days: trial_days(self.trial_days.unwrap_or_default())?,
            features: features(self.features.unwrap_or_default())?,
            is_active: true,
            stripe_product_id: None,
            stripe_price_id: None,
            created_at: now,
            updated_at: now,
        };
        check_amount(&plan.terms)?;
        Ok(plan)
    }
}

/// The value in `field`, if it passes.
fn field<T>(field: &'static str, value: Option<T>, wants: &str) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::Validation(FieldError::new(field, format!("{field} is {wants}."))))
}

/// `number` of `field`, if it is from 0 to `most`.
fn up_to(name: &'static str, number: i64, most: u32) -> Result<u32, ApiError> {
    let fits = u32::try_from(number).ok().filter(|number| *number <= most);
    field(name, fits, &format!("a whole number from 0 to {most}"))
}

/// The name of a plan.
pub fn name(text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    let fits = (1..=200).contains(&text.chars().count()).then(|| text.to_owned());
    field("name", fits, "1 to 200 characters")
}

/// The description of a plan; an empty one counts as absent.
pub fn description(text: Option<&str>) -> Result<Option<String>, ApiError> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    let fits = text.is_none_or(|text| text.chars().count() <= 2000).then(|| text.map(str::to_owned));
    field("description", fits, "at most 2,000 characters")
}

/// The price of a plan.
pub fn price_cents(cents: i64) -> Result<i64, ApiError> {
    let fits = (0..=MAX_PRICE_CENTS).contains(&cents).then_some(cents);
    field("price_cents", fits, "a whole number from 0 to 99,999,999")
}

/// The currency.
pub fn currency(text: &str) -> Result<Currency, ApiError> {
    field("currency", Currency::from_str(text).ok(), "a lower-case ISO 4217 code")
}

/// The tier of a plan.
pub fn tier(number: i64) -> Result<u32, ApiError> {
    up_to("tier", number, 1000)
}

/// The trial of a plan.
pub fn trial_days(days: i64) -> Result<u32, ApiError> {
    up_to("trial_days", days, 730)
}

/// The features of a plan.
pub fn features(map: Map<String, Value>) -> Result<Features, ApiError> {
    let features = Features(map);
    let fits = features.fits().then_some(features);
    let features = field("features", fits, "an object of at most 1,024 bytes")?;
    let fits = features.can_be_stored().then_some(features);
    let wants = format!(
        "at most {MAX_FEATURES_DEPTH} levels deep, without empty names, with numbers of up to 38 digits between 1e-130 and 1e126"
    );
    field("features", fits, &wants)
}

/// The price of a plan in its currency, if Stripe can charge it.
pub fn check_amount(terms: &Terms) -> Result<(), ApiError> {
    let step = terms.currency.step();
    let fits = (terms.price_cents % step == 0).then_some(());
    field("price_cents", fits, &format!("divisible by {step} in {}", terms.currency))
}

errors! {
    /// Why no plan is created.
    CreatePlanErrors = admin_errors().into_iter().chain([ApiError::PlanCodeTaken])
}

/// Creates a plan, with its product and price at Stripe.
#[utoipa::path(
    post, path = "/billing/plans", operation_id = "create_plan", tag = "Billing",
    security(("bearer" = [])), request_body = PlanToCreate,
    responses((status = 201, body = PlanView), CreatePlanErrors)
)]
pub async fn create(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    JsonBody(body): JsonBody<PlanToCreate>,
) -> Result<(StatusCode, Json<PlanView>), ApiError> {
    let plan = body.into_plan(context.now)?;
    let entry = |action, target| context.entry(action, Some(admin.id), Some(target));
    let plan = catalogue::make(&state, &entry, context.now, plan).await?;
    Ok((StatusCode::CREATED, Json(PlanView::of(plan, true))))
}
