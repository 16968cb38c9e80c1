//! The creation of plans: at Stripe first, then here, and never partially.

use crate::error::for_admin;
use crate::state::State;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::billing::{Attempt, Command, Plan, PlanCommand};
use tollgate_domain::{MessageId, PlanId, UserId};
use tollgate_http::{ApiError, RequestContext};
use tollgate_platform::{fingerprint, random_bytes};
use tollgate_store::{OutboxMessage, PlanReservation, PlanWrite};
use tollgate_stripe::GatewayError;

/// The active one of `plans` with this code.
pub fn active_plan(plans: &[Plan], code: &str) -> Result<Plan, ApiError> {
    let found = plans.iter().find(|plan| plan.is_active && plan.code.as_str() == code);
    found.cloned().ok_or(ApiError::PlanNotFound)
}

/// A new attempt.
fn new_attempt(now: Timestamp) -> Attempt {
    Attempt { id: fingerprint(&format!("{:?}", random_bytes::<32>())), started_at: now }
}

/// Creates `plan`, whose id and Stripe ids are set here. The code is reserved first; the product and its price are
/// created under the attempt of the reservation, so that objects of an interrupted attempt are found at Stripe.
pub async fn make(
    state: &State,
    entry: &(dyn Fn(Action, String) -> AuditEntry + Sync),
    now: Timestamp,
    mut plan: Plan,
) -> Result<Plan, ApiError> {
    let _change = state.plans.change();
    let reservation = keep_code(state, now, &plan).await?;
    plan.id = reservation.plan_id;
    if !plan.is_free() {
        match create_price(state, &plan, &reservation.attempt).await {
            Ok(price) => plan.stripe_price_id = Some(price),
            Err(PriceError(error, is_certain)) => {
                if is_certain {
                    state.gateway.archive_product(&plan.id.to_string()).await.map_err(for_admin)?;
                    state.store.release_plan(&reservation).await?;
                }
                return Err(for_admin(error));
            }
        }
        plan.stripe_product_id = Some(plan.id.to_string());
    }
    let mut audit = entry(Action::PlanCreated, plan.id.to_string());
    audit.after = Some(plan_details(&plan));
    let write = PlanWrite::Created { plan: &plan, attempt: &reservation.attempt.id, audit: &audit };
    if state.store.write_plan(write).await? {
        return Ok(plan);
    }
    // Another call has the code. Unless it created the same product, the product of this call is unused.
    let is_same = state.store.plan_reservation(&plan.code).await?.is_some_and(|stored| stored.plan_id == plan.id);
    if !is_same && plan.stripe_product_id.is_some() {
        state.gateway.archive_product(&plan.id.to_string()).await.map_err(for_admin)?;
    }
    Err(ApiError::PlanCodeTaken)
}

/// Why there is no price, and whether it is certain that none was created.
struct PriceError(GatewayError, bool);

/// The price of `plan` that `attempt` creates, with the plan's product.
async fn create_price(state: &State, plan: &Plan, attempt: &Attempt) -> Result<String, PriceError> {
    let of_product = |error: GatewayError| {
        let is_certain = !error.may_have_happened();
        PriceError(error, is_certain)
    };
    state.gateway.ensure_product(plan).await.map_err(of_product)?;
    let product = plan.id.to_string();
    match state.gateway.create_price(&product, &plan.terms, attempt).await {
        Ok(price) => Ok(price),
        // The same key would return the same answer for a day: the price may have been created nevertheless.
        Err(error @ GatewayError::Failed(_)) => match state.gateway.price_of_attempt(&product, attempt).await {
            Ok(Some(price)) => Ok(price),
            Ok(None) => Err(PriceError(error, true)),
            Err(error) => Err(PriceError(error, false)),
        },
        Err(error) => Err(of_product(error)),
    }
}

/// The fields of a plan in an audit entry.
fn plan_details(plan: &Plan) -> Value {
    json!({
        "code": plan.code, "name": plan.name, "description": plan.description, "price_cents": plan.terms.price_cents,
        "currency": plan.terms.currency, "billing_period": plan.terms.billing_period, "tier": plan.tier,
        "trial_days": plan.trial_days, "features": plan.features, "is_active": plan.is_active,
    })
}

/// Reserves the plan's code. The same plan continues the previous attempt; another plan replaces it, and objects of
/// that attempt are archived.
async fn keep_code(state: &State, now: Timestamp, plan: &Plan) -> Result<PlanReservation, ApiError> {
    let digest = fingerprint(&plan_details(plan).to_string());
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
    state.gateway.archive_product(&old.plan_id.to_string()).await.map_err(for_admin)?;
    if state.store.reserve_plan(&new, Some(&old.attempt.id)).await? {
        return Ok(new);
    }
    // That attempt has created its plan in between: a command restores its product at Stripe.
    let command = Command::Plan(PlanCommand { plan_id: old.plan_id, from: None });
    state
        .store
        .put_message_once(&OutboxMessage::of_command(&command, MessageId::new(now, random_bytes()), now)?)
        .await?;
    Err(ApiError::PlanCodeTaken)
}

/// Changes a plan: creates a new price if its terms change, then writes the plan's row with the command that updates
/// Stripe. Commands about one plan are executed one after another; a direct call could overwrite a newer state. A
/// concurrent checkout uses the old or the new price, both of which belong to the plan.
pub async fn change(
    state: &State,
    context: &RequestContext,
    actor: UserId,
    from: Plan,
    mut to: Plan,
) -> Result<Plan, ApiError> {
    let _change = state.plans.change();
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
    let command = Command::Plan(PlanCommand { plan_id: to.id, from: None });
    let command = OutboxMessage::of_command(&command, MessageId::new(context.now, random_bytes()), context.now)?;
    let write = PlanWrite::Changed { plan: &to, from: from.updated_at, audit: &audit, command: &command };
    if !state.store.write_plan(write).await? {
        if let Some(price) = to.stripe_price_id.filter(|_| is_new_price) {
            state.gateway.archive_price(&price).await.map_err(for_admin)?;
        }
        return Err(ApiError::PlanChanged);
    }
    Ok(to)
}

/// Creates another price of a plan, under an attempt that is stored with the plan's code until its outcome is known.
async fn new_price(state: &State, context: &RequestContext, from: &Plan, to: &Plan) -> Result<String, ApiError> {
    let gone = || ApiError::Internal(format!("the code of {} is not kept", from.id));
    let stored = state.store.plan_reservation(&from.code).await?.ok_or_else(gone)?;
    let digest = fingerprint(&format!("{} {}", from.updated_at, plan_details(to)));
    let attempt = if stored.digest == digest && !stored.attempt.is_old(context.now) {
        stored.attempt.clone()
    } else {
        let new = PlanReservation { digest, attempt: new_attempt(context.now), ..stored.clone() };
        if state.store.reserve_price(&new, &stored.attempt.id).await?.attempt != new.attempt {
            return Err(ApiError::PlanChanged);
        }
        new.attempt
    };
    match create_price(state, to, &attempt).await {
        Ok(price) => Ok(price),
        Err(PriceError(error, is_certain)) => {
            if is_certain {
                let again = PlanReservation { digest: String::new(), attempt: new_attempt(context.now), ..stored };
                state.store.reserve_price(&again, &attempt.id).await?;
            }
            Err(for_admin(error))
        }
    }
}

/// The fields that differ, before and after.
fn difference(from: &Plan, to: &Plan) -> (Option<Value>, Option<Value>) {
    let (Value::Object(mut before), Value::Object(mut after)) = (plan_details(from), plan_details(to)) else {
        return (None, None);
    };
    before.retain(|name, value| after.get(name) != Some(value));
    after.retain(|name, _| before.contains_key(name));
    (Some(before.into()), Some(after.into()))
}
