//! Pauses: the collection of payments, which leaves the subscription active, and the pause of a subscription whose trial
//! ended without a card.

use crate::call::Answered;
use crate::control_error::ControlError;
use crate::core::Core;
use crate::error::ApiError;
use crate::items::{items_of, periods_after, set_items, set_period};
use crate::params::Params;
use crate::status::present;
use crate::stripe::Stripe;
use serde_json::{Map, Value, json};

const BEHAVIORS: [&str; 3] = ["keep_as_draft", "mark_uncollectible", "void"];

/// The pause in the parameters of a call; empty ones end it.
pub fn pause_in(params: &mut Params) -> Result<Option<Value>, ApiError> {
    if params.take("pause_collection").is_some_and(|text| text.is_empty()) {
        return Ok(Some(Value::Null));
    }
    let Some(behavior) = params.take("pause_collection[behavior]") else { return Ok(None) };
    let resumes_at = params.number("pause_collection[resumes_at]")?;
    if !BEHAVIORS.contains(&behavior.as_str()) {
        let message = format!("Invalid pause_collection[behavior]: must be one of {}", BEHAVIORS.join(", "));
        return Err(ApiError { param: Some("pause_collection[behavior]".to_owned()), ..ApiError::invalid(message) });
    }
    Ok(Some(json!({"behavior": behavior, "resumes_at": resumes_at})))
}

/// The call that resumes a paused subscription: its period begins now and is paid first.
pub fn resume_subscription(core: &mut Core, id: &str, mut params: Params) -> Answered {
    let subscription = core.find("subscription", id).ok_or_else(|| ApiError::missing("subscription", id))?.clone();
    let anchor = params.take("billing_cycle_anchor").unwrap_or_else(|| "now".to_owned());
    params.take("proration_behavior");
    params.finish()?;
    if subscription["status"] != "paused" {
        return Err(ApiError::invalid("Only a subscription with the status `paused` can be resumed."));
    }
    if anchor != "now" {
        return Err(ApiError::invalid("Of billing_cycle_anchor, now is played here."));
    }
    core.resume(&subscription);
    Ok(core.object(id))
}

impl Stripe {
    /// Pauses the collection of payments with this behavior, or ends the pause.
    ///
    /// # Errors
    /// When there is no such subscription, it has ended, or the behavior is not valid.
    pub fn pause(&self, subscription: &str, behavior: Option<&str>) -> Result<Value, ControlError> {
        self.with(|core| {
            present(core, subscription)?;
            let mut params = Params::default();
            match behavior {
                Some(behavior) => params.put("pause_collection[behavior]".to_owned(), behavior.to_owned()),
                None => params.put("pause_collection".to_owned(), String::new()),
            }
            let pause = pause_in(&mut params)?.unwrap_or_default();
            core.apply(subscription, json!({"pause_collection": pause}), None, &Map::new());
            Ok(core.object(subscription))
        })
    }

    /// Removes the customer's card; a trial that ends without one pauses the subscription.
    ///
    /// # Errors
    /// When there is no such subscription, or it has ended.
    pub fn remove_card(&self, subscription: &str) -> Result<Value, ControlError> {
        self.with(|core| {
            let object = present(core, subscription)?;
            let customer = object["customer"].as_str().unwrap_or_default();
            core.set_side(customer, "card", Value::Null);
            core.set_side(customer, "payment_method", Value::Null);
            let fields = json!({
                "default_payment_method": null,
                "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
            });
            core.apply(subscription, fields, None, &Map::new());
            Ok(core.object(subscription))
        })
    }
}

impl Core {
    fn has_card(&self, subscription: &Value) -> bool {
        self.side(subscription["customer"].as_str().unwrap_or_default())["card"].is_string()
    }

    /// Whether a trial that ends now pauses its subscription.
    pub fn has_to_pause(&self, subscription: &str) -> bool {
        let object = self.object(subscription);
        object["status"] == "trialing"
            && object["trial_settings"]["end_behavior"]["missing_payment_method"] == "pause"
            && !self.has_card(&object)
    }

    /// Pauses a subscription.
    pub fn pause(&mut self, subscription: &str) {
        self.set(subscription, "status", json!("paused"));
        let paused = self.object(subscription);
        self.emit("customer.subscription.paused", &paused, None);
    }

    /// Begins a period of a paused subscription. Until its invoice is paid it stays paused.
    fn resume(&mut self, subscription: &Value) {
        let id = subscription["id"].as_str().unwrap_or_default();
        let (mut next, now) = (subscription.clone(), self.now());
        let mut items = items_of(subscription).to_vec();
        let price = items.first().map(|item| item["price"].clone()).unwrap_or_default();
        set_period(&mut items, (now, periods_after(now, &price, 1)));
        set_items(&mut next, items);
        next["status"] = json!("active");
        let lines = self.period_lines(&next);
        for open in self.open_invoices(id) {
            // It is open, so it can be voided.
            drop(self.void(&open));
        }
        self.set_side(id, "anchor", json!(now));
        self.set_side(id, "periods", json!(1));
        let invoice = self.invoice(id, "subscription_cycle", lines, None);
        if self.object(&invoice)["status"] != "paid" {
            return;
        }
        let fields = json!({"status": "active", "items": next["items"], "billing_cycle_anchor": now});
        self.change(id, "customer.subscription.updated", fields);
        let resumed = self.object(id);
        self.emit("customer.subscription.resumed", &resumed, None);
    }
}
