//! Cards and bank accounts by their numbers: the outcome of payments with each, and its payment method.

use crate::core::Core;
use crate::outcome::Outcome;
use aws_lc_rs::digest;
use serde_json::{Value, json};

/// The card that is always declined.
pub const DECLINED: &str = "4000000000000002";
/// Cards with an outcome other than success.
const REFUSED_LATER: &str = "4000000000000341";
const ASKS_LATER: &str = "4000002760003184";
/// Bank accounts, whose debits take time.
const DEBIT: &str = "6200000000000005";
const DEBIT_THAT_FAILS: &str = "6200000000000047";

/// The outcome of the payment for which a card is entered.
pub fn first_outcome(card: &str) -> Outcome {
    match card {
        DEBIT => Outcome::Processing,
        DEBIT_THAT_FAILS => Outcome::ProcessingFails,
        _ => Outcome::Paid,
    }
}

fn is_debit(card: &str) -> bool {
    matches!(card, DEBIT | DEBIT_THAT_FAILS)
}

/// The kind of payment method of a number, for payments in a currency.
fn kind_of(card: &str, currency: &Value) -> &'static str {
    match (is_debit(card), currency == "usd") {
        (true, true) => "us_bank_account",
        (true, false) => "sepa_debit",
        (false, _) => "card",
    }
}

/// The fingerprint: equal for equal numbers, different for others.
fn fingerprint_of(card: &str) -> String {
    let hash = digest::digest(&digest::SHA256, format!("fingerprint {card}").as_bytes());
    hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn last4(card: &str) -> &str {
    card.get(card.len().saturating_sub(4)..).unwrap_or_default()
}

impl Core {
    /// The outcome of later payments with the customer's card.
    pub fn outcome_of_card(&self, customer: &str) -> Outcome {
        match self.side(customer)["card"].as_str() {
            Some(REFUSED_LATER) | None => Outcome::Failed,
            Some(ASKS_LATER) => Outcome::ActionRequired,
            Some(card) => first_outcome(card),
        }
    }

    /// Stores a card as a payment method of the customer, and returns its id.
    pub fn attach_card(&mut self, customer: &str, card: &str, currency: &Value) -> String {
        let id = self.new_id("pm");
        let method = json!({
            "id": id, "object": "payment_method", "allow_redisplay": "limited", "billing_details": details_of_none(),
            "created": self.now(), "customer": customer, "customer_account": null, "livemode": false, "metadata": {},
            "type": kind_of(card, currency), kind_of(card, currency): method_of(card, currency),
        });
        self.insert(method, json!({"card": card}));
        self.set_side(customer, "card", json!(card));
        self.set_side(customer, "payment_method", json!(id));
        id
    }

    /// The payment method of a charge: its id, its kind, and the details that the charge shows.
    pub fn method_of_charge(&self, customer: &str, currency: &Value) -> (Value, &'static str, Value) {
        let side = self.side(customer);
        let card = side["card"].as_str().unwrap_or("4242424242424242");
        let kind = kind_of(card, currency);
        (side["payment_method"].clone(), kind, json!({"type": kind, kind: charged(card, currency)}))
    }
}

fn details_of_none() -> Value {
    json!({"address": null, "email": null, "name": null, "phone": null, "tax_id": null})
}

fn method_of(card: &str, currency: &Value) -> Value {
    match kind_of(card, currency) {
        "card" => json!({
            "brand": "visa", "checks": null, "country": "US", "display_brand": "visa", "exp_month": 12, "exp_year": 2040,
            "fingerprint": fingerprint_of(card), "funding": "credit", "generated_from": null, "last4": last4(card),
            "networks": null, "regulated_status": "unregulated", "three_d_secure_usage": null, "wallet": null,
        }),
        "sepa_debit" => json!({
            "bank_code": "37040044", "branch_code": null, "country": "DE", "fingerprint": fingerprint_of(card),
            "generated_from": null, "last4": last4(card),
        }),
        _ => json!({
            "account_holder_type": "individual", "account_type": "checking", "bank_name": "TEST BANK",
            "financial_connections_account": null, "fingerprint": fingerprint_of(card), "last4": last4(card),
            "networks": null, "routing_number": "110000000", "status_details": null,
        }),
    }
}

/// What a charge of a bank account shows of it.
pub fn debit_details(currency: &Value) -> Value {
    let kind = kind_of(DEBIT, currency);
    json!({"type": kind, kind: charged(DEBIT, currency)})
}

fn charged(card: &str, currency: &Value) -> Value {
    match kind_of(card, currency) {
        "card" => json!({
            "amount_authorized": null, "authorization_code": null, "brand": "visa", "checks": null, "country": "US",
            "exp_month": 12, "exp_year": 2040, "fingerprint": fingerprint_of(card), "funding": "credit",
            "installments": null, "last4": last4(card), "mandate": null, "network": "visa", "network_token": null,
            "network_transaction_id": null, "regulated_status": "unregulated", "three_d_secure": null,
            "transaction_link_id": null, "wallet": null,
        }),
        "sepa_debit" => json!({
            "bank_code": "37040044", "branch_code": null, "country": "DE", "fingerprint": fingerprint_of(card),
            "last4": last4(card), "mandate": null,
        }),
        _ => json!({
            "account_holder_type": "individual", "account_type": "checking", "bank_name": "TEST BANK",
            "fingerprint": fingerprint_of(card), "last4": last4(card), "payment_reference": null,
            "routing_number": "110000000",
        }),
    }
}
