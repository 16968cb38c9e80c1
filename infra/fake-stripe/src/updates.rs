//! How a subscription's change is applied: at once, or after its invoice is paid.

use crate::call::Answered;
use crate::core::Core;
use crate::error::ApiError;
use crate::invoices::subscription_of;
use crate::items::present_period;
use crate::params::Params;
use crate::pauses::pause_in;
use crate::proration::Change;
use crate::status::{is_live, live};
use serde_json::{Map, Value, json};

/// The longest time that a change waits for its payment.
const WAIT_SECONDS: i64 = 23 * 3600;

/// Merges the metadata of a call; an empty text removes a key.
fn merged(metadata: &Value, set: &Map<String, Value>) -> Value {
    let mut metadata = metadata.as_object().cloned().unwrap_or_default();
    for (key, value) in set {
        if value == "" {
            metadata.remove(key)
        } else {
            metadata.insert(key.clone(), value.clone())
        };
    }
    metadata.into()
}

/// The call that changes a subscription.
pub fn change_subscription(core: &mut Core, id: &str, mut params: Params) -> Answered {
    let has_ended = core.find("subscription", id).is_some_and(|subscription| !is_live(&subscription["status"]));
    if has_ended && params.any("items[") {
        let message = "A canceled subscription can only update its cancellation_details and metadata.";
        return Err(ApiError::invalid(message));
    }
    live(core, id)?;
    let subscription = core.object(id);
    let change = core.change_in(&subscription, &mut params, "")?;
    let at_end = params.flag("cancel_at_period_end")?;
    let cancel_at = optional_moment(&mut params, "cancel_at")?;
    let fields = plain_fields(core, &subscription, &mut params)?;
    let metadata = params.map("metadata");
    let behavior = params.take("payment_behavior");
    params.finish()?;
    let is_to_wait = match behavior.as_deref() {
        None | Some("allow_incomplete") => false,
        Some("pending_if_incomplete") => true,
        Some(_) => {
            return Err(ApiError::invalid(
                "Of payment_behavior, allow_incomplete and pending_if_incomplete are played here.",
            ));
        }
    };
    let is_plain = at_end.is_none() && cancel_at.is_none() && fields == json!({});
    if is_to_wait && !is_plain {
        let name = if at_end.is_some() { "cancel_at_period_end" } else { "payment_behavior" };
        let message = format!("{name} cannot be set with payment_behavior=pending_if_incomplete.");
        return Err(ApiError { param: Some(name.to_owned()), ..ApiError::invalid(message) });
    }
    if at_end == Some(true) && cancel_at.flatten().is_some() {
        return Err(ApiError::invalid("You cannot set both cancel_at and cancel_at_period_end."));
    }
    if change.is_some() || !is_plain {
        unmanaged(&subscription)?;
    }
    if let Some(requested) = at_end {
        core.set_cancel_at_period_end(id, requested);
    }
    if let Some(moment) = cancel_at {
        core.set_cancel_at(id, moment)?;
    }
    if fields != json!({}) {
        core.apply(id, fields, None, &Map::new());
    }
    match change {
        Some(change) => core.change_items(id, &change, is_to_wait, metadata),
        None if !metadata.is_empty() => core.apply(id, json!({}), None, &metadata),
        None => {}
    }
    Ok(core.object(id))
}

/// A time to be set, or to be cleared by an empty text.
fn optional_moment(params: &mut Params, name: &str) -> Result<Option<Option<i64>>, ApiError> {
    if params.get(name) == Some("") {
        params.take(name);
        return Ok(Some(None));
    }
    Ok(params.number(name)?.map(Some))
}

/// The fields that a call sets and that have no cost.
fn plain_fields(core: &Core, subscription: &Value, params: &mut Params) -> Result<Value, ApiError> {
    let mut fields = json!({});
    let (currency, present) = (&subscription["currency"], &subscription["discounts"]);
    if let Some(discounts) = core.discounts_in(params, "discounts", currency, present)? {
        fields["discounts"] = discounts;
    }
    if let Some(rates) = core.tax_rates_in(params, "default_tax_rates")? {
        fields["default_tax_rates"] = rates;
    }
    if let Some(pause) = pause_in(params)? {
        fields["pause_collection"] = pause;
    }
    if let Some(behavior) = params.take("trial_settings[end_behavior][missing_payment_method]") {
        fields["trial_settings"] = json!({"end_behavior": {"missing_payment_method": behavior}});
    }
    for name in ["default_payment_method", "description"] {
        if let Some(text) = params.take(name) {
            fields[name] = if text.is_empty() { Value::Null } else { json!(text) };
        }
    }
    Ok(fields)
}

/// Refuses a change of a subscription that a schedule manages.
pub fn unmanaged(subscription: &Value) -> Result<(), ApiError> {
    subscription["schedule"].as_str().map_or(Ok(()), |schedule| {
        Err(ApiError::invalid(format!(
            "The subscription is managed by the subscription schedule `{schedule}`, and updating it directly is not \
             allowed. Please update the schedule instead."
        )))
    })
}

impl Core {
    /// Changes the items of a subscription and charges the cost. It replaces a pending change.
    pub fn change_items(&mut self, id: &str, change: &Change, is_to_wait: bool, metadata: Map<String, Value>) {
        self.drop_update(id);
        let subscription = self.object(id);
        let changed = self.changed(&subscription, change);
        if !is_to_wait || changed.lines.is_empty() || changed.is_to_wait {
            self.apply(id, changed.fields, changed.anchor, &metadata);
            if changed.is_to_wait {
                self.add_pending_lines(id, changed.lines);
            } else if !changed.lines.is_empty() {
                self.invoice(id, "subscription_update", changed.lines, None);
            }
            return;
        }
        let (_, end) = present_period(&subscription);
        let waiting = json!({
            "billing_cycle_anchor": changed.anchor, "discount": null, "discounts": null,
            "expires_at": end.min(self.now() + WAIT_SECONDS), "metadata": Some(&metadata).filter(|set| !set.is_empty()),
            "subscription_items": changed.fields["items"]["data"], "trial_end": changed.fields["trial_end"], "trial_from_plan": null,
        });
        let invoice = self.draw_up(id, "subscription_update", changed.lines);
        let update = json!({"fields": changed.fields, "anchor": changed.anchor, "metadata": metadata});
        self.set_side(&invoice, "update", update);
        self.ask_for(&invoice, None);
        if self.object(&invoice)["status"] == "open" {
            self.change(id, "customer.subscription.updated", json!({"pending_update": waiting}));
        }
    }

    /// Sets fields of a subscription, and emits an event if a value changes.
    pub fn apply(&mut self, id: &str, mut fields: Value, anchor: Option<i64>, metadata: &Map<String, Value>) {
        if let Some(anchor) = anchor {
            self.set_side(id, "anchor", json!(anchor));
            // A trial is a period before the first one.
            let is_trial = fields["trial_end"] == anchor && fields["status"].is_null();
            self.set_side(id, "periods", json!(i64::from(!is_trial)));
            self.set_side(id, "told_of_trial", json!(false));
        }
        let before = self.object(id);
        self.redeem_all(&before, &mut fields);
        fields["metadata"] = merged(&before["metadata"], metadata);
        if fields.as_object().is_some_and(|fields| fields.iter().any(|(name, value)| before[name] != *value)) {
            self.change(id, "customer.subscription.updated", fields);
        }
    }

    /// Applies the change that waited for this invoice to be paid, if any.
    pub fn apply_update(&mut self, invoice: &str) {
        let update = self.side(invoice)["update"].clone();
        let Some(id) = subscription_of(&self.object(invoice)).filter(|_| update.is_object()) else { return };
        self.set_side(invoice, "update", Value::Null);
        let has_waited = self.object(&id)["pending_update"].is_object();
        let mut fields = update["fields"].clone();
        fields["pending_update"] = Value::Null;
        let metadata = update["metadata"].as_object().cloned().unwrap_or_default();
        self.apply(&id, fields, update["anchor"].as_i64(), &metadata);
        if has_waited {
            let subscription = self.object(&id);
            self.emit("customer.subscription.pending_update_applied", &subscription, None);
        }
    }

    /// Drops the pending change of this voided invoice, if any.
    pub fn forget_update(&mut self, invoice: &str) {
        let is_waiting = self.side(invoice)["update"].is_object();
        let Some(id) = subscription_of(&self.object(invoice)).filter(|_| is_waiting) else { return };
        self.set_side(invoice, "update", Value::Null);
        self.change(&id, "customer.subscription.updated", json!({"pending_update": null}));
        let subscription = self.object(&id);
        self.emit("customer.subscription.pending_update_expired", &subscription, None);
    }

    /// Drops the pending change of a subscription, if any, and voids its invoice.
    pub fn drop_update(&mut self, id: &str) {
        for invoice in self.open_invoices(id) {
            if self.side(&invoice)["update"].is_object() {
                // It is open, so it can be voided.
                drop(self.void(&invoice));
            }
        }
    }
}
