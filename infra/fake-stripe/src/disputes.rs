//! Disputes: the card's owner contests a payment, until the dispute is won or lost. The charge stays marked as
//! disputed.

use crate::control_error::ControlError;
use crate::core::Core;
use crate::stripe::Stripe;
use serde_json::{Value, json};

impl Stripe {
    /// Opens a dispute for the payment of an invoice.
    ///
    /// # Errors
    /// When there is no such invoice, or it was not paid, or is disputed already.
    pub fn dispute(&self, invoice: &str) -> Result<Value, ControlError> {
        self.with(|core| {
            core.find("invoice", invoice).ok_or(ControlError::NotFound)?;
            let charge = core.charge_of(invoice).ok_or_else(|| ControlError::Refused("it was not paid".to_owned()))?;
            if core.is_disputed(&charge) {
                return Err(ControlError::Refused("it is disputed already".to_owned()));
            }
            let dispute = core.new_dispute(&charge);
            let dispute = core.object(&dispute);
            core.emit("charge.dispute.created", &dispute, None);
            Ok(dispute)
        })
    }

    /// Closes a dispute as won or lost.
    ///
    /// # Errors
    /// When there is no such dispute, or it is closed already.
    pub fn close_dispute(&self, dispute: &str, is_won: bool) -> Result<Value, ControlError> {
        self.with(|core| {
            let object = core.find("dispute", dispute).ok_or(ControlError::NotFound)?;
            if is_closed(object) {
                return Err(ControlError::Refused("it is closed already".to_owned()));
            }
            core.set(dispute, "status", json!(if is_won { "won" } else { "lost" }));
            core.set(dispute, "is_charge_refundable", json!(is_won));
            let closed = core.object(dispute);
            core.emit("charge.dispute.closed", &closed, None);
            Ok(closed)
        })
    }
}

fn is_closed(dispute: &Value) -> bool {
    matches!(dispute["status"].as_str(), Some("won" | "lost"))
}

impl Core {
    /// Creates a dispute of a charge and returns its id.
    pub fn new_dispute(&mut self, charge: &str) -> String {
        self.set(charge, "disputed", json!(true));
        let of = self.object(charge);
        let dispute = json!({
            "id": self.new_id("du"), "object": "dispute", "amount": of["amount"], "balance_transactions": [],
            "charge": charge, "created": self.now(), "currency": of["currency"], "enhanced_eligibility_types": [],
            "evidence": evidence(), "evidence_details": {
                "due_by": self.now() + 7 * 86_400, "enhanced_eligibility": {}, "has_evidence": false,
                "past_due": false, "submission_count": 0,
            },
            "is_charge_refundable": true, "livemode": false, "metadata": {}, "payment_intent": of["payment_intent"],
            "reason": "fraudulent", "status": "needs_response",
        });
        self.insert(dispute, Value::Null)
    }

    /// Whether a dispute of a charge is open or lost.
    pub fn is_disputed(&self, charge: &str) -> bool {
        self.of("dispute", charge).into_iter().any(|record| record.object["status"] != "won")
    }
}

fn evidence() -> Value {
    let texts = [
        "access_activity_log",
        "billing_address",
        "cancellation_policy_disclosure",
        "cancellation_rebuttal",
        "customer_email_address",
        "customer_name",
        "customer_purchase_ip",
        "duplicate_charge_explanation",
        "duplicate_charge_id",
        "product_description",
        "refund_policy_disclosure",
        "refund_refusal_explanation",
        "service_date",
        "shipping_address",
        "shipping_carrier",
        "shipping_date",
        "shipping_tracking_number",
        "uncategorized_text",
        "cancellation_policy",
        "customer_communication",
        "customer_signature",
        "duplicate_charge_documentation",
        "receipt",
        "refund_policy",
        "service_documentation",
        "shipping_documentation",
        "uncategorized_file",
    ];
    let mut evidence: serde_json::Map<_, _> = texts.into_iter().map(|name| (name.to_owned(), Value::Null)).collect();
    evidence.insert("enhanced_evidence".to_owned(), json!({}));
    evidence.into()
}
