//! Subscriptions: begun by a checkout, renewed, ended.

use crate::core::Core;
use crate::desk::Outcome;
use crate::error::Fault;
use crate::objects::sublist;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::{Value, json};

const DAY: i64 = 86_400;

/// `count` periods after `anchor`: the same day of the month, or the month's last.
pub fn after(anchor: i64, interval: &str, count: i64) -> i64 {
    let start = Timestamp::from_second(anchor).unwrap_or(Timestamp::MIN).to_zoned(TimeZone::UTC);
    let span = if interval == "year" { Span::new().try_years(count) } else { Span::new().try_months(count) };
    let end = span.and_then(|span| start.checked_add(span));
    end.map_or(anchor, |end| end.timestamp().as_second())
}

pub fn will_end(subscription: &Value) -> bool {
    let end = subscription["items"]["data"][0]["current_period_end"].as_i64();
    subscription["cancel_at"].as_i64().is_some_and(|at| Some(at) <= end)
}

pub fn is_live(status: &Value) -> bool {
    matches!(status.as_str(), Some("trialing" | "active" | "past_due" | "unpaid" | "paused" | "incomplete"))
}

impl Core {
    /// Makes a subscription and its first invoice, which is paid; the ids of both.
    pub fn begin(&mut self, customer: &str, price: &Value, trial_days: i64, metadata: &Value) -> (String, String) {
        let interval = price["recurring"]["interval"].as_str().unwrap_or("month").to_owned();
        let (id, now) = (self.new_id("sub"), self.now());
        let trial_end = (trial_days > 0).then(|| now + trial_days * DAY);
        let end = trial_end.unwrap_or_else(|| after(now, &interval, 1));
        let mut subscription = self.new_subscription(&id, customer, price, metadata);
        let item = self.new_item(&id, price, (now, end));
        subscription["items"] = sublist(&format!("/v1/subscription_items?subscription={id}"), vec![item]);
        subscription["status"] = json!(if trial_end.is_some() { "trialing" } else { "active" });
        subscription["trial_start"] = json!(trial_end.map(|_| now));
        subscription["trial_end"] = json!(trial_end);
        let (anchor, periods) = trial_end.map_or((now, 1), |end| (end, 0));
        subscription["billing_cycle_anchor"] = json!(anchor);
        self.insert(subscription.clone(), json!({"anchor": anchor, "periods": periods, "told_of_trial": false}));
        self.emit("customer.subscription.created", &subscription, None);
        let line = self.period_line(&subscription);
        let invoice = self.invoice(&id, "subscription_create", vec![line], Some(Outcome::Paid));
        (id, invoice)
    }

    /// Pays a checkout: its subscription begins.
    pub fn complete(&mut self, session: &str) {
        let (object, side) = (self.object(session), self.side(session));
        let customer = object["customer"].as_str().unwrap_or_default();
        let price = self.object(side["price"].as_str().unwrap_or_default());
        let trial_days = side["trial_days"].as_i64().unwrap_or_default();
        let (subscription, invoice) = self.begin(customer, &price, trial_days, &side["metadata"]);
        let is_free = self.object(&invoice)["total"] == 0;
        for (name, value) in [
            ("status", json!("complete")),
            ("payment_status", json!(if is_free { "no_payment_required" } else { "paid" })),
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
    pub fn expire(&mut self, session: &str) -> Result<(), Fault> {
        if self.object(session)["status"] != "open" {
            return Err(Fault::invalid("Only Checkout Sessions with a status in [\"open\"] can be expired."));
        }
        self.set(session, "status", json!("expired"));
        self.set(session, "url", Value::Null);
        let expired = self.object(session);
        self.emit("checkout.session.expired", &expired, None);
        Ok(())
    }

    /// A subscription as it is in its next period; `side` counts that one.
    pub fn renewed(&self, subscription: &Value, side: &mut Value) -> Value {
        let mut next = subscription.clone();
        let item = &mut next["items"]["data"][0];
        let start = item["current_period_end"].as_i64().unwrap_or_default();
        let interval = item["price"]["recurring"]["interval"].clone();
        if let Some(price) = self.price_of_phase(subscription, start) {
            item["plan"] = Self::plan_of(&price);
            item["price"] = price;
        }
        let is_anew = item["price"]["recurring"]["interval"] != interval;
        let interval = item["price"]["recurring"]["interval"].as_str().unwrap_or("month").to_owned();
        let periods = if is_anew { 1 } else { side["periods"].as_i64().unwrap_or_default() + 1 };
        let anchor = if is_anew { start } else { side["anchor"].as_i64().unwrap_or_default() };
        item["current_period_start"] = json!(start);
        item["current_period_end"] = json!(after(anchor, &interval, periods));
        (side["anchor"], side["periods"]) = (json!(anchor), json!(periods));
        next["billing_cycle_anchor"] = json!(anchor);
        if next["status"] == "trialing" {
            next["status"] = json!("active");
        }
        next
    }

    /// The next period of a subscription, and its invoice.
    pub fn renew(&mut self, subscription: &str, outcome: Option<Outcome>) {
        let mut side = self.side(subscription);
        let next = self.renewed(&self.object(subscription), &mut side);
        for name in ["anchor", "periods"] {
            self.set_side(subscription, name, side[name].clone());
        }
        let fields = ["items", "status", "billing_cycle_anchor"].map(|name| (name.to_owned(), next[name].clone()));
        self.change(subscription, "customer.subscription.updated", Value::Object(fields.into_iter().collect()));
        self.enter_phase(subscription);
        let line = self.period_line(&self.object(subscription));
        self.invoice(subscription, "subscription_cycle", vec![line], outcome);
    }

    /// Ends a subscription now. Nothing more is asked for what is open of it.
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

    /// Takes back that a subscription ends.
    pub fn renew_again(&mut self, subscription: &str) {
        let fields = json!({"cancel_at_period_end": false, "cancel_at": null, "canceled_at": null});
        self.change(subscription, "customer.subscription.updated", fields);
    }

    /// Lets a subscription end with its period, or takes that back.
    pub fn set_cancel_at_period_end(&mut self, subscription: &str, wanted: bool) {
        let object = self.object(subscription);
        if object["cancel_at_period_end"] == wanted {
            return;
        }
        let end = object["items"]["data"][0]["current_period_end"].clone();
        if wanted {
            let fields = json!({"cancel_at_period_end": true, "cancel_at": end, "canceled_at": self.now()});
            self.change(subscription, "customer.subscription.updated", fields);
        } else {
            self.renew_again(subscription);
        }
    }
}
