//! What people do at Stripe's dashboard, and what a test wants to happen.

use crate::Stripe;
use crate::core::Core;
use crate::error::Fault;
use crate::resources::present_customer;
use crate::subscriptions::{Start, is_live};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What becomes of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is made.
    Paid,
    /// The card is refused.
    Failed,
    /// The card's owner must consent.
    ActionRequired,
}

/// A kind of object to be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Customers.
    Customers,
    /// Subscriptions.
    Subscriptions,
    /// Invoices.
    Invoices,
    /// Charges.
    Charges,
    /// Events.
    Events,
}

/// It cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// There is no such object.
    #[error("no such object")]
    NotFound,
    /// It is in no state for that.
    #[error("{0}")]
    Refused(String),
}

impl From<Fault> for DeskError {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault.message)
    }
}

impl Stripe {
    /// All of a kind, newest first.
    #[must_use]
    pub fn list(&self, what: Listed) -> Vec<Value> {
        let kind = match what {
            Listed::Customers => "customer",
            Listed::Subscriptions => "subscription",
            Listed::Invoices => "invoice",
            Listed::Charges => "charge",
            Listed::Events => "event",
        };
        self.core().all(kind).into_iter().map(|record| record.object.clone()).collect()
    }

    /// Makes a customer, as its dashboard would.
    pub fn create_customer(&self, email: &str) -> Value {
        self.with(|core| core.create_customer(Some(email.to_owned()), None, Map::new()))
    }

    /// Has a customer subscribe to a price, as its dashboard would. The first invoice is paid with this card.
    ///
    /// # Errors
    /// When there is no such customer or price.
    pub fn subscribe(&self, customer: &str, price: &str, card: &str) -> Result<Value, DeskError> {
        self.with(|core| {
            present_customer(core, customer).map_err(|_| DeskError::NotFound)?;
            let price = core.find("price", price).ok_or(DeskError::NotFound)?.clone();
            core.set_side(customer, "card", json!(card));
            let start = Start { metadata: json!({}), ..Start::default() };
            let (subscription, _) = core.begin(customer, &[(price, 1)], &start);
            Ok(core.object(&subscription))
        })
    }

    /// Lets a subscription end with its period.
    ///
    /// # Errors
    /// When there is no such subscription, or it has ended.
    pub fn cancel_at_period_end(&self, subscription: &str) -> Result<Value, DeskError> {
        self.with(|core| {
            live(core, subscription)?;
            core.set_cancel_at_period_end(subscription, true);
            Ok(core.object(subscription))
        })
    }

    /// The next period of a subscription, now, with this outcome whatever the card; where an invoice is open, its next
    /// attempt.
    ///
    /// # Errors
    /// When there is no such subscription, or it has ended.
    pub fn renew(&self, subscription: &str, outcome: Outcome) -> Result<Value, DeskError> {
        self.with(|core| {
            live(core, subscription)?;
            match core.open_invoices(subscription).first() {
                Some(invoice) => core.attempt(invoice, outcome),
                None => core.renew(subscription, Some(outcome)),
            }
            Ok(core.object(subscription))
        })
    }

    /// Ends a subscription.
    ///
    /// # Errors
    /// When there is no such subscription, or it has ended.
    pub fn cancel(&self, subscription: &str) -> Result<Value, DeskError> {
        self.with(|core| {
            live(core, subscription)?;
            core.end(subscription, "cancellation_requested");
            Ok(core.object(subscription))
        })
    }

    /// Gives back what was paid for an invoice, by default all that is left of it.
    ///
    /// # Errors
    /// When there is no such invoice, or not so much to give back.
    pub fn refund(&self, invoice: &str, amount: Option<i64>) -> Result<Value, DeskError> {
        self.with(|core| {
            core.find("invoice", invoice).ok_or(DeskError::NotFound)?;
            let charge = core.charge_of(invoice).ok_or_else(|| DeskError::Refused("it was not paid".to_owned()))?;
            let refund = core.refund(&charge, amount)?;
            Ok(core.object(&refund))
        })
    }

    /// The card's owner says that a payment was not theirs.
    ///
    /// # Errors
    /// When there is no such invoice, or it was not paid, or is disputed already.
    pub fn dispute(&self, invoice: &str) -> Result<Value, DeskError> {
        self.with(|core| {
            core.find("invoice", invoice).ok_or(DeskError::NotFound)?;
            let charge = core.charge_of(invoice).ok_or_else(|| DeskError::Refused("it was not paid".to_owned()))?;
            if core.object(&charge)["disputed"] == true {
                return Err(DeskError::Refused("it is disputed already".to_owned()));
            }
            core.set(&charge, "disputed", json!(true));
            let of = core.object(&charge);
            let dispute = json!({
                "id": core.new_id("du"), "object": "dispute", "amount": of["amount"], "balance_transactions": [],
                "charge": charge, "created": core.now(), "currency": of["currency"], "enhanced_eligibility_types": [],
                "evidence": evidence(), "evidence_details": {
                    "due_by": core.now() + 7 * 86_400, "enhanced_eligibility": {}, "has_evidence": false,
                    "past_due": false, "submission_count": 0,
                },
                "is_charge_refundable": true, "livemode": false, "metadata": {}, "payment_intent": of["payment_intent"],
                "reason": "fraudulent", "status": "needs_response",
            });
            core.insert(dispute.clone(), Value::Null);
            core.emit("charge.dispute.created", &dispute, None);
            Ok(dispute)
        })
    }

    /// Takes a customer away, as its dashboard would.
    ///
    /// # Errors
    /// When there is no such customer.
    pub fn delete_customer(&self, customer: &str) -> Result<Value, DeskError> {
        self.with(|core| core.delete_customer(customer).map_err(|_| DeskError::NotFound))
    }
}

/// That there is such a subscription and it has not ended.
fn live(core: &Core, subscription: &str) -> Result<(), DeskError> {
    let object = core.find("subscription", subscription).ok_or(DeskError::NotFound)?;
    if is_live(&object["status"]) { Ok(()) } else { Err(DeskError::Refused("it has ended".to_owned())) }
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
