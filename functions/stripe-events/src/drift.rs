//! Drift: a product or a price that was changed at Stripe. The plan's row takes precedence; differences are logged, and
//! an alarm counts them.

use crate::error::HandlingError;
use crate::state::State;
use serde_json::Value;

/// Whether `object`, a product or a price of an event of this kind, differs from the plan.
pub async fn of(kind: &str, object: &Value, state: &State) -> Result<bool, HandlingError> {
    let id = object["id"].as_str().unwrap_or_default();
    let catalogue = state.store.catalogue().await?;
    let is_deleted = kind.ends_with(".deleted");
    let is_active = object["active"].as_bool().unwrap_or_default() && !is_deleted;
    let drifted = if kind.starts_with("product.") {
        let plan = catalogue.plans.iter().find(|plan| plan.stripe_product_id.as_deref() == Some(id));
        plan.is_some_and(|plan| is_active != plan.is_active || object["name"] != plan.name.as_str())
    } else {
        let plan = catalogue.plans.iter().find(|plan| plan.stripe_price_id.as_deref() == Some(id));
        let is_other = |plan: &tollgate_domain::billing::Plan| {
            is_active != plan.is_active
                || object["unit_amount"] != plan.terms.price_cents
                || object["currency"] != plan.terms.currency.as_str()
        };
        plan.is_some_and(is_other)
    };
    if drifted {
        tracing::error!(object = id, kind, metric = "catalogue_drift", "changed at Stripe, the plan rules");
    }
    Ok(drifted)
}
