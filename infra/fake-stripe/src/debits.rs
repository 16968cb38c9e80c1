//! Bank debits: in progress for a day or more, then paid or failed.

use crate::cards::debit_details;
use crate::core::Core;
use crate::outcome::Outcome;
use serde_json::{Value, json};

const DAY: i64 = 86_400;
/// How long a debit takes until it succeeds, and until it fails.
const TAKES_DAYS: i64 = 1;
const FAILS_AFTER_DAYS: i64 = 8;
/// How long a debit can be refunded.
pub const REFUNDABLE_SECONDS: i64 = 180 * DAY;

/// Whether a debit of this invoice is in progress.
pub fn is_in_progress(side: &Value) -> bool {
    side["debit"].is_object()
}

impl Core {
    /// Starts a bank debit for the open amount of an invoice.
    pub fn begin_debit(&mut self, invoice: &str, outcome: Outcome) {
        let object = self.object(invoice);
        let intent = self.side(invoice)["intent"].as_str().unwrap_or_default().to_owned();
        let charge = self.new_charge(&intent, &object, &object["amount_remaining"]);
        self.set(&charge, "paid", json!(false));
        self.set(&charge, "status", json!("pending"));
        // Only a bank account's payment is in progress for days, whatever card the customer has left.
        if self.object(&charge)["payment_method_details"]["type"] == "card" {
            self.set(&charge, "payment_method_details", debit_details(&object["currency"]));
        }
        self.set(&intent, "status", json!("processing"));
        self.set(&intent, "latest_charge", json!(charge));
        self.set(invoice, "next_payment_attempt", Value::Null);
        let fails = outcome == Outcome::ProcessingFails;
        let due_at = self.now() + DAY * if fails { FAILS_AFTER_DAYS } else { TAKES_DAYS };
        self.set_side(invoice, "debit", json!({"charge": charge, "due_at": due_at, "fails": fails}));
        let (intent, charge) = (self.object(&intent), self.object(&charge));
        self.emit("charge.pending", &charge, None);
        self.emit("payment_intent.processing", &intent, None);
    }

    /// Sets the outcome of a debit.
    pub fn end_debit(&mut self, invoice: &str, fails: bool) {
        let debit = self.side(invoice)["debit"].clone();
        let charge = debit["charge"].as_str().unwrap_or_default().to_owned();
        self.set_side(invoice, "debit", Value::Null);
        if !fails {
            self.set(&charge, "paid", json!(true));
            self.set(&charge, "status", json!("succeeded"));
            return self.paid_by(invoice, &charge);
        }
        let (code, message) =
            ("insufficient_funds", "The customer's account has insufficient funds to cover this payment.");
        self.set(&charge, "status", json!("failed"));
        self.set(&charge, "failure_code", json!(code));
        self.set(&charge, "failure_message", json!(message));
        let failed = self.object(&charge);
        self.emit("charge.failed", &failed, None);
        let intent = failed["payment_intent"].as_str().unwrap_or_default().to_owned();
        let error = json!({"type": "card_error", "charge": charge, "code": code, "message": message});
        self.set(&intent, "last_payment_error", error);
        self.set(&intent, "status", json!("requires_payment_method"));
        let intent = self.object(&intent);
        self.emit("payment_intent.payment_failed", &intent, None);
        self.refuse(invoice, Outcome::Failed);
    }

    /// Completes a debit that is due.
    pub fn end_due_debit(&mut self, invoice: &str) {
        let fails = self.side(invoice)["debit"]["fails"] == true;
        self.end_debit(invoice, fails);
    }

    /// A subscription whose first payment failed never starts.
    pub fn expire_incomplete(&mut self, subscription: &str, invoice: &str) {
        let fields = json!({"status": "incomplete_expired", "ended_at": self.now()});
        self.change(subscription, "customer.subscription.updated", fields);
        // It is open, so it can be voided.
        drop(self.void(invoice));
        self.end_checkout(invoice, "checkout.session.async_payment_failed", None);
    }

    /// Emits the outcome of a checkout's payment that was in progress when the checkout was completed.
    pub fn end_checkout(&mut self, invoice: &str, kind: &str, payment_status: Option<&str>) {
        for session in
            self.ids_of("checkout.session", Some(invoice), |session| session.object["payment_status"] == "unpaid")
        {
            if let Some(status) = payment_status {
                self.set(&session, "payment_status", json!(status));
            }
            let session = self.object(&session);
            self.emit(kind, &session, None);
        }
    }
}
