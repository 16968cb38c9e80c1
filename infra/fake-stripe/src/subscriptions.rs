//! Subscriptions: started by a checkout, renewed, ended.

use crate::cards::first_outcome;
use crate::core::Core;
use crate::error::ApiError;
use crate::items::{interval_of, items_of, periods_after, present_period, set_items, set_period};
use crate::objects::sublist;
use crate::outcome::Outcome;
use serde_json::{Value, json};

const DAY: i64 = 86_400;

/// The fields of a subscription that can differ in its next period.
const RENEWED: [&str; 8] = [
    "items",
    "status",
    "billing_cycle_anchor",
    "discounts",
    "default_tax_rates",
    "default_payment_method",
    "description",
    "metadata",
];

/// How a subscription begins.
#[derive(Default)]
pub struct Start {
    pub trial_days: i64,
    pub metadata: Value,
    /// The outcome of the first payment.
    pub outcome: Outcome,
    pub payment_method: Option<String>,
}

impl Start {
    /// A new subscription that is paid with this card.
    pub fn with_card(card: &str, payment_method: &str) -> Self {
        let (outcome, payment_method) = (first_outcome(card), Some(payment_method.to_owned()));
        Self { metadata: json!({}), outcome, payment_method, ..Self::default() }
    }
}

impl Core {
    /// Creates a subscription and its first invoice, which is paid; returns the ids of both.
    pub fn begin(&mut self, customer: &str, requested: &[(Value, i64)], start: &Start) -> (String, String) {
        let (id, now) = (self.new_id("sub"), self.now());
        let price = requested.first().map(|(price, _)| price.clone()).unwrap_or_default();
        let trial_end = (start.trial_days > 0).then(|| now + start.trial_days * DAY);
        let end = trial_end.unwrap_or_else(|| periods_after(now, &price, 1));
        let mut subscription = self.new_subscription(&id, customer, &price["currency"], &start.metadata);
        let items =
            requested.iter().map(|(price, quantity)| self.new_item(&id, price, *quantity, (now, end))).collect();
        subscription["items"] = sublist(&format!("/v1/subscription_items?subscription={id}"), items);
        let is_processing = matches!(start.outcome, Outcome::Processing | Outcome::ProcessingFails);
        subscription["status"] = json!(match trial_end {
            Some(_) => "trialing",
            None if is_processing => "incomplete",
            None => "active",
        });
        subscription["default_payment_method"] = json!(start.payment_method);
        subscription["trial_start"] = json!(trial_end.map(|_| now));
        subscription["trial_end"] = json!(trial_end);
        let (anchor, periods) = trial_end.map_or((now, 1), |end| (end, 0));
        subscription["billing_cycle_anchor"] = json!(anchor);
        self.insert(subscription.clone(), json!({"anchor": anchor, "periods": periods, "told_of_trial": false}));
        self.emit("customer.subscription.created", &subscription, None);
        let lines = self.period_lines(&subscription);
        let invoice = self.invoice(&id, "subscription_create", lines, Some(start.outcome));
        (id, invoice)
    }

    /// Pays a checkout: its subscription starts.
    pub fn complete(&mut self, session: &str, start: Start) {
        let (object, side) = (self.object(session), self.side(session));
        let customer = object["customer"].as_str().unwrap_or_default();
        let requested: Vec<_> = side["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| {
                (self.object(item["price"].as_str().unwrap_or_default()), item["quantity"].as_i64().unwrap_or(1))
            })
            .collect();
        let trial_days = side["trial_days"].as_i64().unwrap_or_default();
        let start = Start { trial_days, metadata: side["metadata"].clone(), ..start };
        let (subscription, invoice) = self.begin(customer, &requested, &start);
        let payment_status = match self.object(&invoice)["status"] == "open" {
            true => "unpaid",
            false if self.object(&invoice)["amount_paid"] == 0 => "no_payment_required",
            false => "paid",
        };
        for (name, value) in [
            ("status", json!("complete")),
            ("payment_status", json!(payment_status)),
            ("subscription", json!(subscription)),
            ("invoice", json!(invoice)),
            ("url", Value::Null),
        ] {
            self.set(session, name, value);
        }
        let complete = self.object(session);
        self.emit("checkout.session.completed", &complete, None);
    }

    /// Closes an open checkout.
    pub fn expire(&mut self, session: &str) -> Result<(), ApiError> {
        if self.object(session)["status"] != "open" {
            return Err(ApiError::invalid("Only Checkout Sessions with a status in [\"open\"] can be expired."));
        }
        self.set(session, "status", json!("expired"));
        self.set(session, "url", Value::Null);
        let expired = self.object(session);
        self.emit("checkout.session.expired", &expired, None);
        Ok(())
    }

    /// A subscription in its next period; `side` is the number of that period.
    pub fn renewed(&self, subscription: &Value, side: &mut Value) -> Value {
        let mut next = subscription.clone();
        let price_of = |subscription: &Value| items_of(subscription).first().map(|item| item["price"].clone());
        let (_, start) = present_period(subscription);
        if let Some(phase) = self.phase_from(subscription, start) {
            next = self.in_phase(subscription, &phase);
        }
        let (before, price) = (price_of(subscription).unwrap_or_default(), price_of(&next).unwrap_or_default());
        let is_anew = interval_of(&price) != interval_of(&before);
        let periods = if is_anew { 1 } else { side["periods"].as_i64().unwrap_or_default() + 1 };
        let anchor = if is_anew { start } else { side["anchor"].as_i64().unwrap_or_default() };
        let mut items = items_of(&next).to_vec();
        set_period(&mut items, (start, periods_after(anchor, &price, periods)));
        set_items(&mut next, items);
        (side["anchor"], side["periods"]) = (json!(anchor), json!(periods));
        next["billing_cycle_anchor"] = json!(anchor);
        if next["status"] == "trialing" {
            next["status"] = json!("active");
        }
        next
    }

    /// Starts the next period of a subscription, and creates its invoice.
    pub fn renew(&mut self, subscription: &str, outcome: Option<Outcome>) {
        let mut side = self.side(subscription);
        let next = self.renewed(&self.object(subscription), &mut side);
        for name in ["anchor", "periods"] {
            self.set_side(subscription, name, side[name].clone());
        }
        let fields = RENEWED.map(|name| (name.to_owned(), next[name].clone()));
        let mut fields = Value::Object(fields.into_iter().collect());
        self.redeem_all(&next, &mut fields);
        self.change(subscription, "customer.subscription.updated", fields);
        self.enter_phase(subscription);
        let lines = self.period_lines(&self.object(subscription));
        self.invoice(subscription, "subscription_cycle", lines, outcome);
    }

    /// Ends a subscription now. Its open invoices are not retried.
    pub fn end(&mut self, subscription: &str, reason: &str) {
        let now = self.now();
        self.drop_update(subscription);
        self.end_schedule(subscription, reason);
        let canceled_at = self.object(subscription)["canceled_at"].as_i64().unwrap_or(now);
        for (name, value) in [
            ("status", json!("canceled")),
            ("canceled_at", json!(canceled_at)),
            ("ended_at", json!(now)),
            (
                "cancellation_details",
                json!({"comment": null, "feedback": null, "feedback_option": null, "reason": reason}),
            ),
        ] {
            self.set(subscription, name, value);
        }
        for invoice in self.open_invoices(subscription) {
            self.set(&invoice, "next_payment_attempt", Value::Null);
            self.set(&invoice, "auto_advance", json!(false));
        }
        let ended = self.object(subscription);
        self.emit("customer.subscription.deleted", &ended, None);
    }

    /// Undoes the cancellation of a subscription.
    pub fn renew_again(&mut self, subscription: &str) {
        let fields = json!({"cancel_at_period_end": false, "cancel_at": null, "canceled_at": null});
        self.change(subscription, "customer.subscription.updated", fields);
    }

    /// Makes a subscription end at a given time, or undoes that.
    pub fn set_cancel_at(&mut self, subscription: &str, moment: Option<i64>) -> Result<(), ApiError> {
        match moment {
            Some(moment) if moment <= self.now() => {
                let message = "cancel_at must be in the future.";
                return Err(ApiError { param: Some("cancel_at".to_owned()), ..ApiError::invalid(message) });
            }
            Some(_) => {
                let fields = json!({"cancel_at_period_end": false, "cancel_at": moment, "canceled_at": self.now()});
                self.change(subscription, "customer.subscription.updated", fields);
            }
            None if self.object(subscription)["cancel_at"].is_null() => {}
            None => self.renew_again(subscription),
        }
        Ok(())
    }

    /// Makes a subscription end with its period, or undoes that.
    pub fn set_cancel_at_period_end(&mut self, subscription: &str, requested: bool) {
        let object = self.object(subscription);
        if object["cancel_at_period_end"] == requested {
            return;
        }
        let (_, end) = present_period(&object);
        if requested {
            let fields = json!({"cancel_at_period_end": true, "cancel_at": end, "canceled_at": self.now()});
            self.change(subscription, "customer.subscription.updated", fields);
        } else {
            self.renew_again(subscription);
        }
    }
}
