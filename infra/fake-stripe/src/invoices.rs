//! Invoices: created, finalized, paid, declined, refunded.

use crate::core::Core;
use crate::debits::{REFUNDABLE_SECONDS, is_in_progress};
use crate::error::ApiError;
use crate::outcome::Outcome;
use serde_json::{Value, json};

/// The days after the first failure on which a payment is retried.
const RETRY_DAYS: [i64; 4] = [3, 5, 10, 14];
const DAY: i64 = 86_400;

impl Core {
    /// Creates an invoice of a subscription and pays it.
    pub fn invoice(&mut self, subscription: &str, reason: &str, lines: Vec<Value>, outcome: Option<Outcome>) -> String {
        let behavior = self.object(subscription)["pause_collection"]["behavior"].clone();
        if behavior == "keep_as_draft" {
            return self.draft(subscription, reason, lines);
        }
        let invoice = self.draw_up(subscription, reason, lines);
        match behavior.as_str() {
            Some("void") => drop(self.void(&invoice)),
            Some(_) => self.mark_uncollectible(&invoice),
            None => self.ask_for(&invoice, outcome),
        }
        invoice
    }

    /// Creates an open invoice. A negative total is credited to the customer's balance.
    pub fn draw_up(&mut self, subscription: &str, reason: &str, lines: Vec<Value>) -> String {
        let invoice = self.draft(subscription, reason, lines);
        self.finalize(&invoice);
        let used = self.object(&invoice)["total_discount_amounts"].clone();
        let used = used.as_array().into_iter().flatten().filter_map(|of_it| of_it["discount"].as_str());
        let used: Vec<_> = used.map(str::to_owned).collect();
        self.drop_discounts(subscription, self.now(), &used);
        invoice
    }

    fn draft(&mut self, subscription: &str, reason: &str, mut lines: Vec<Value>) -> String {
        lines.append(&mut self.pending_lines(subscription));
        self.set_side(subscription, "pending_lines", json!([]));
        let id = self.new_id("in");
        let drawn = self.new_invoice(&id, &self.object(subscription), reason, lines);
        let invoice = self.insert(drawn.clone(), json!({"failures": 0, "first_failed_at": null}));
        self.set(subscription, "latest_invoice", json!(invoice));
        self.emit("invoice.created", &drawn, None);
        invoice
    }

    fn finalize(&mut self, invoice: &str) {
        let drawn = self.object(invoice);
        let mut transitions = drawn["status_transitions"].clone();
        transitions["finalized_at"] = json!(self.now());
        self.set(invoice, "status", json!("open"));
        self.set(invoice, "status_transitions", transitions);
        self.set(invoice, "ending_balance", json!(balance_after(&drawn)));
        self.set_balance(&drawn, balance_after(&drawn));
        let open = self.object(invoice);
        self.emit("invoice.finalized", &open, None);
    }

    /// Pays an open invoice, with this outcome whatever the card.
    pub fn ask_for(&mut self, invoice: &str, outcome: Option<Outcome>) {
        let open = self.object(invoice);
        if open["amount_due"] == 0 {
            return self.complete_invoice(invoice);
        }
        let intent = self.new_intent(&open, &open["amount_remaining"], true);
        self.set_side(invoice, "intent", json!(intent));
        let customer = open["customer"].as_str().unwrap_or_default().to_owned();
        let outcome = outcome.unwrap_or_else(|| self.outcome_of_card(&customer));
        self.attempt(invoice, outcome);
    }

    /// The lines that wait for a subscription's next invoice.
    pub fn pending_lines(&self, subscription: &str) -> Vec<Value> {
        self.side(subscription)["pending_lines"].as_array().cloned().unwrap_or_default()
    }

    /// Adds lines to a subscription's next invoice.
    pub fn add_pending_lines(&mut self, subscription: &str, lines: Vec<Value>) {
        let mut pending = self.pending_lines(subscription);
        pending.extend(lines);
        self.set_side(subscription, "pending_lines", pending.into());
    }

    fn set_balance(&mut self, invoice: &Value, balance: i64) {
        let customer = invoice["customer"].as_str().unwrap_or_default();
        let present = self.object(customer);
        if present["deleted"] != true && present["balance"] != balance {
            self.change(customer, "customer.updated", json!({"balance": balance}));
        }
    }

    /// Tries to pay an open invoice.
    pub fn attempt(&mut self, invoice: &str, outcome: Outcome) {
        let object = self.object(invoice);
        let count = object["attempt_count"].as_i64().unwrap_or_default() + 1;
        self.set(invoice, "attempt_count", json!(count));
        self.set(invoice, "attempted", json!(true));
        if is_in_progress(&self.side(invoice)) {
            return self.end_debit(invoice, outcome != Outcome::Paid);
        }
        match outcome {
            Outcome::Paid => self.pay(invoice),
            Outcome::Processing | Outcome::ProcessingFails => self.begin_debit(invoice, outcome),
            Outcome::Failed | Outcome::ActionRequired => self.refuse(invoice, outcome),
        }
    }

    /// An attempt with the card that the customer has.
    pub fn attempt_by_card(&mut self, invoice: &str) {
        let customer = self.object(invoice)["customer"].as_str().unwrap_or_default().to_owned();
        let outcome = self.outcome_of_card(&customer);
        self.attempt(invoice, outcome);
    }

    fn pay(&mut self, invoice: &str) {
        let object = self.object(invoice);
        let intent = self.side(invoice)["intent"].as_str().unwrap_or_default().to_owned();
        let charge = self.new_charge(&intent, &object, &object["amount_remaining"]);
        self.paid_by(invoice, &charge);
    }

    /// A charge paid the open amount of an invoice.
    pub fn paid_by(&mut self, invoice: &str, charge: &str) {
        let intent = self.side(invoice)["intent"].as_str().unwrap_or_default().to_owned();
        self.record_charge(invoice, &intent, charge);
        self.complete_invoice(invoice);
    }

    /// An invoice that is paid, or has nothing to pay.
    pub fn complete_invoice(&mut self, invoice: &str) {
        let object = self.object(invoice);
        let mut transitions = object["status_transitions"].clone();
        transitions["paid_at"] = json!(self.now());
        self.set(invoice, "status", json!("paid"));
        self.set(invoice, "amount_paid", object["amount_due"].clone());
        self.set(invoice, "amount_remaining", json!(0));
        self.set(invoice, "next_payment_attempt", Value::Null);
        self.set(invoice, "status_transitions", transitions);
        let paid = self.object(invoice);
        self.emit("invoice.paid", &paid, None);
        self.emit("invoice.payment_succeeded", &paid, None);
        self.apply_update(invoice);
        self.end_checkout(invoice, "checkout.session.async_payment_succeeded", Some("paid"));
        if let Some(subscription) = subscription_of(&paid)
            && matches!(self.object(&subscription)["status"].as_str(), Some("past_due" | "incomplete" | "unpaid"))
        {
            self.change(&subscription, "customer.subscription.updated", json!({"status": "active"}));
        }
    }

    /// Records a declined payment.
    pub fn refuse(&mut self, invoice: &str, outcome: Outcome) {
        let side = self.side(invoice);
        // An invoice of a pending change is not retried.
        let is_of_update = side["update"].is_object();
        let first = side["first_failed_at"].as_i64().unwrap_or_else(|| self.now());
        let failures = side["failures"].as_u64().unwrap_or_default();
        self.set_side(invoice, "first_failed_at", json!(first));
        self.set_side(invoice, "failures", json!(failures + 1));
        let next = usize::try_from(failures).ok().and_then(|failures| RETRY_DAYS.get(failures));
        let next = next.filter(|_| !is_of_update);
        self.set(invoice, "next_payment_attempt", json!(next.map(|days| first + days * DAY)));
        let status = if outcome == Outcome::ActionRequired { "requires_action" } else { "requires_payment_method" };
        let intent = side["intent"].as_str().unwrap_or_default().to_owned();
        self.set(&intent, "status", json!(status));
        let refused = self.object(invoice);
        self.emit("invoice.payment_failed", &refused, None);
        if outcome == Outcome::ActionRequired {
            self.emit("invoice.payment_action_required", &refused, None);
        }
        let Some(subscription) = subscription_of(&refused).filter(|_| !is_of_update) else { return };
        if self.object(&subscription)["status"] == "incomplete" {
            self.expire_incomplete(&subscription, invoice);
        } else if next.is_none() {
            self.end(&subscription, "payment_failed");
        } else if self.object(&subscription)["status"] == "active" || self.object(&subscription)["status"] == "trialing"
        {
            self.change(&subscription, "customer.subscription.updated", json!({"status": "past_due"}));
        }
    }

    /// Marks an open invoice as uncollectible.
    fn mark_uncollectible(&mut self, invoice: &str) {
        let mut transitions = self.object(invoice)["status_transitions"].clone();
        transitions["marked_uncollectible_at"] = json!(self.now());
        self.set(invoice, "status", json!("uncollectible"));
        self.set(invoice, "status_transitions", transitions);
        let given_up = self.object(invoice);
        self.emit("invoice.marked_uncollectible", &given_up, None);
    }

    /// Voids an open invoice.
    pub fn void(&mut self, invoice: &str) -> Result<(), ApiError> {
        let object = self.object(invoice);
        if object["status"] != "open" {
            return Err(ApiError::invalid("You can only void an open invoice."));
        }
        let mut transitions = object["status_transitions"].clone();
        transitions["voided_at"] = json!(self.now());
        self.set(invoice, "status", json!("void"));
        self.set(invoice, "next_payment_attempt", Value::Null);
        self.set(invoice, "status_transitions", transitions);
        let void = self.object(invoice);
        self.emit("invoice.voided", &void, None);
        let balance = self.object(void["customer"].as_str().unwrap_or_default())["balance"].as_i64();
        let used = void["starting_balance"].as_i64().unwrap_or_default() - balance_after(&void);
        self.set_balance(&void, balance.unwrap_or_default() + used);
        self.forget_update(invoice);
        Ok(())
    }

    /// Refunds `amount` of a charge, by default all that was not refunded yet.
    pub fn refund(&mut self, charge: &str, amount: Option<i64>) -> Result<String, ApiError> {
        let object = self.object(charge);
        let refunded = object["amount_refunded"].as_i64().unwrap_or_default();
        let remaining = object["amount"].as_i64().unwrap_or_default() - refunded;
        if remaining == 0 {
            let message = format!("Charge {charge} has already been refunded.");
            return Err(ApiError::invalid(message).code("charge_already_refunded", "charge"));
        }
        if object["status"] != "succeeded" {
            let message = format!("Charge {charge} cannot be refunded: its status is {}.", object["status"]);
            return Err(ApiError { param: Some("charge".to_owned()), ..ApiError::invalid(message) });
        }
        let is_debit = object["payment_method_details"]["type"] != "card";
        if is_debit && object["created"].as_i64().is_some_and(|at| self.now() - at > REFUNDABLE_SECONDS) {
            let message = format!("Charge {charge} is a bank debit of more than 180 days ago; it cannot be refunded.");
            return Err(ApiError { param: Some("charge".to_owned()), ..ApiError::invalid(message) });
        }
        if self.is_disputed(charge) {
            let message = format!("Charge {charge} has been charged back; cannot issue a refund.");
            return Err(ApiError::invalid(message).code("charge_disputed", "charge"));
        }
        let amount = amount.unwrap_or(remaining);
        if amount < 1 || amount > remaining {
            let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({remaining})");
            return Err(ApiError::invalid(message).code("amount_too_large", "amount"));
        }
        let refund = self.new_refund(&object, amount);
        self.set(charge, "amount_refunded", json!(refunded + amount));
        self.set(charge, "refunded", json!(amount == remaining));
        let (refund_object, charge_object) = (self.object(&refund), self.object(charge));
        self.emit("refund.created", &refund_object, None);
        self.emit("charge.refunded", &charge_object, Some(json!({"amount_refunded": refunded})));
        Ok(refund)
    }

    /// The open invoices of a subscription, oldest first.
    pub fn open_invoices(&self, subscription: &str) -> Vec<String> {
        self.ids_of("invoice", Some(subscription), |invoice| invoice.object["status"] == "open")
    }
}

/// The customer's balance after an invoice. An amount below the minimum charge is added to it as a debt.
pub fn balance_after(invoice: &Value) -> i64 {
    let of = |name: &str| invoice[name].as_i64().unwrap_or_default();
    of("starting_balance") + of("total") - of("amount_due")
}

/// The subscription of an invoice.
pub fn subscription_of(invoice: &Value) -> Option<String> {
    invoice.pointer("/parent/subscription_details/subscription")?.as_str().map(str::to_owned)
}
