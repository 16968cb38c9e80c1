//! Plans as they are made: at Stripe first, then here, and never by halves.

use crate::State;
use crate::error::of_gateway;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::billing::{Attempt, Plan};
use tollgate_domain::{PlanId, UserId};
use tollgate_http::{ApiError, RequestContext};
use tollgate_platform::{fingerprint, random_bytes};
use tollgate_store::{PlanReservation, PlanWrite};
use tollgate_stripe::GatewayError;

/// The plan of this code that can be subscribed to.
pub async fn active_plan(state: &State, code: &str) -> Result<Plan, ApiError> {
    let plans = state.store.catalogue().await?.plans;
    plans.into_iter().find(|plan| plan.is_active && plan.code.as_str() == code).ok_or(ApiError::PlanNotFound)
}

/// A new try.
fn new_attempt(now: Timestamp) -> Attempt {
    Attempt { id: fingerprint(&format!("{:?}", random_bytes::<32>())), started_at: now }
}

/// Makes `plan`, whose id and Stripe ids are set here. The code is kept first; the product and its price are made in one
/// call under the plan's own id, so that what an interrupted try left at Stripe is found again.
pub async fn make(
    state: &State,
    entry: &(dyn Fn(Action, String) -> AuditEntry + Sync),
    now: Timestamp,
    mut plan: Plan,
) -> Result<Plan, ApiError> {
    let reservation = keep_code(state, now, &plan).await?;
    plan.id = reservation.plan_id;
    if !plan.is_free() {
        let product = match state.gateway.create_product(&plan, &reservation.attempt).await {
            Ok(product) => product,
            Err(GatewayError::Failed(cause)) => {
                match state.gateway.product(&plan.id.to_string()).await.map_err(of_gateway)? {
                    Some(product) => product,
                    None => {
                        state.store.release_plan(&reservation).await?;
                        return Err(ApiError::StripeUnavailable(cause));
                    }
                }
            }
            Err(error) => {
                if !error.may_have_happened() {
                    state.store.release_plan(&reservation).await?;
                }
                return Err(of_gateway(error));
            }
        };
        plan.stripe_price_id = product.price_id;
        plan.stripe_product_id = Some(product.id);
    }
    let mut audit = entry(Action::PlanCreated, plan.id.to_string());
    audit.after = Some(told(&plan));
    let write = PlanWrite::Made { plan: &plan, attempt: &reservation.attempt.id, audit: &audit };
    if state.store.write_plan(write).await? {
        return Ok(plan);
    }
    // Another call has the code: what this one made is nobody's.
    if let Some(product) = &plan.stripe_product_id {
        state.gateway.archive_product(product).await.map_err(of_gateway)?;
    }
    Err(ApiError::PlanCodeTaken)
}

/// What an audit entry tells of a plan.
fn told(plan: &Plan) -> Value {
    json!({
        "code": plan.code, "name": plan.name, "description": plan.description, "price_cents": plan.terms.price_cents,
        "currency": plan.terms.currency, "billing_period": plan.terms.billing_period, "tier": plan.tier,
        "trial_days": plan.trial_days, "features": plan.features, "is_active": plan.is_active,
    })
}

/// Keeps the plan's code. The same plan again goes on with the try before it; another one takes its place, and what that
/// may have made is archived.
async fn keep_code(state: &State, now: Timestamp, plan: &Plan) -> Result<PlanReservation, ApiError> {
    let digest = fingerprint(&told(plan).to_string());
    let new = PlanReservation {
        code: plan.code.clone(),
        plan_id: PlanId::new(now, random_bytes()),
        attempt: new_attempt(now),
        digest,
        is_made: false,
    };
    let old = match state.store.plan_reservation(&plan.code).await? {
        None if state.store.reserve_plan(&new, None).await? => return Ok(new),
        None => return Err(ApiError::PlanCodeTaken),
        Some(old) if old.is_made => return Err(ApiError::PlanCodeTaken),
        Some(old) => old,
    };
    if old.digest == new.digest && !old.attempt.is_old(now) {
        return Ok(old);
    }
    let id = old.plan_id.to_string();
    if state.gateway.product(&id).await.map_err(of_gateway)?.is_some() {
        state.gateway.archive_product(&id).await.map_err(of_gateway)?;
    }
    if state.store.reserve_plan(&new, Some(&old.attempt.id)).await? { Ok(new) } else { Err(ApiError::PlanCodeTaken) }
}

/// Brings a plan from one state to another: a new price where its terms are others, then the plan's row, then what is left
/// over at Stripe. Whoever buys meanwhile buys at the old price or at the new one, each of which leads to the plan.
pub async fn change(
    state: &State,
    context: &RequestContext,
    actor: UserId,
    from: Plan,
    mut to: Plan,
) -> Result<Plan, ApiError> {
    let is_new_price = to.terms != from.terms && !to.is_free();
    if to.is_free() {
        to.stripe_price_id = None;
    } else if is_new_price {
        to.stripe_price_id = Some(new_price(state, context, &from, &to).await?);
        to.stripe_product_id = Some(to.id.to_string());
    }
    to.updated_at = context.now.max(from.updated_at + SignedDuration::from_millis(1));
    let mut audit = context.entry(
        if to.is_active { Action::PlanChanged } else { Action::PlanArchived },
        Some(actor),
        Some(to.id.to_string()),
    );
    (audit.before, audit.after) = difference(&from, &to);
    if !state.store.write_plan(PlanWrite::Changed { plan: &to, from: from.updated_at, audit: &audit }).await? {
        return Err(ApiError::PlanChanged);
    }
    if to.stripe_product_id.is_some() {
        // The plan is what it is now; Stripe shows it so a little later where this fails: the next change or a look at the
        // drift brings it there.
        let shown = async {
            state.gateway.update_product(&to).await?;
            match &from.stripe_price_id {
                Some(old) if from.stripe_price_id != to.stripe_price_id || !to.is_active => {
                    state.gateway.archive_price(old).await
                }
                _ => Ok(()),
            }
        };
        if let Err(error) = shown.await {
            tracing::error!(plan = %to.id, %error, metric = "catalogue_drift", "Stripe shows the plan as it was");
        }
    }
    Ok(to)
}

/// Another price of a plan. One that an interrupted try left over leads nowhere: no plan names it.
async fn new_price(state: &State, context: &RequestContext, from: &Plan, to: &Plan) -> Result<String, ApiError> {
    let product = from.id.to_string();
    let attempt = new_attempt(context.now);
    if from.stripe_product_id.is_none() {
        // It was free so far: its product is made with the price.
        return match state.gateway.create_product(to, &attempt).await {
            Ok(made) => made.price_id.ok_or_else(|| ApiError::Internal(format!("{product} was made without a price"))),
            // An interrupted try made it: its price may be another.
            Err(GatewayError::Refused { code, .. }) if code == "resource_already_exists" => {
                made_price(state, &product, to, &attempt).await
            }
            Err(error) => Err(of_gateway(error)),
        };
    }
    made_price(state, &product, to, &attempt).await
}

async fn made_price(state: &State, product: &str, to: &Plan, attempt: &Attempt) -> Result<String, ApiError> {
    match state.gateway.create_price(product, &to.terms, attempt).await {
        Ok(price) => Ok(price.id),
        Err(error) if error.may_have_happened() => {
            match state.gateway.price_of_attempt(product, attempt).await.map_err(of_gateway)? {
                Some(price) => Ok(price.id),
                None => Err(of_gateway(error)),
            }
        }
        Err(error) => Err(of_gateway(error)),
    }
}

/// The fields that differ, before and after.
fn difference(from: &Plan, to: &Plan) -> (Option<Value>, Option<Value>) {
    let (Value::Object(mut before), Value::Object(mut after)) = (told(from), told(to)) else { return (None, None) };
    before.retain(|name, value| after.get(name) != Some(value));
    after.retain(|name, _| before.contains_key(name));
    (Some(before.into()), Some(after.into()))
}
