//! Several payments for one invoice.

use crate::core::Core;
use crate::error::ApiError;
use serde_json::{Value, json};

impl Core {
    /// Pays a part of an open invoice, with a payment intent of its own.
    pub fn pay_part(&mut self, invoice: &str, cents: i64) -> Result<(), ApiError> {
        let object = self.object(invoice);
        let remaining = object["amount_remaining"].as_i64().unwrap_or_default();
        if object["status"] != "open" || !(1..=remaining).contains(&cents) {
            return Err(ApiError::invalid(format!("Of this invoice {remaining} can be paid.")));
        }
        let intent = self.new_intent(&object, &json!(cents), false);
        let charge = self.new_charge(&intent, &object, &json!(cents));
        self.record_charge(invoice, &intent, &charge);
        let paid = object["amount_paid"].as_i64().unwrap_or_default() + cents;
        self.set(invoice, "amount_paid", json!(paid));
        self.set(invoice, "amount_remaining", json!(remaining - cents));
        if cents == remaining {
            self.complete_invoice(invoice);
        } else {
            let part = self.object(invoice);
            self.emit("invoice.updated", &part, None);
        }
        Ok(())
    }

    /// Records a charge: its intent and its payment of the invoice have succeeded.
    pub fn record_charge(&mut self, invoice: &str, intent: &str, charge: &str) {
        let amount = self.object(charge)["amount"].clone();
        self.set(intent, "status", json!("succeeded"));
        self.set(intent, "amount_received", amount.clone());
        self.set(intent, "latest_charge", json!(charge));
        for payment in
            self.ids_of("invoice_payment", Some(invoice), |it| it.object["payment"]["payment_intent"] == intent)
        {
            self.set(&payment, "status", json!("paid"));
            self.set(&payment, "amount_paid", amount.clone());
            self.set(&payment, "amount_requested", amount.clone());
            self.set(&payment, "status_transitions", json!({"canceled_at": null, "paid_at": self.now()}));
            let payment = self.object(&payment);
            if payment["is_default"] == false {
                self.emit("invoice_payment.paid", &payment, None);
            }
        }
        let (intent, charge) = (self.object(intent), self.object(charge));
        self.emit("payment_intent.succeeded", &intent, None);
        self.emit("charge.succeeded", &charge, None);
    }

    /// The charges that paid an invoice, oldest first.
    pub fn charges_of(&self, invoice: &str) -> Vec<String> {
        let paid = self.ids_of("invoice_payment", Some(invoice), |payment| payment.object["status"] == "paid");
        let intents = paid.iter().map(|payment| self.object(payment)["payment"]["payment_intent"].clone());
        let charge = |intent: Value| self.object(intent.as_str()?)["latest_charge"].as_str().map(str::to_owned);
        intents.filter_map(charge).collect()
    }

    /// The first charge of an invoice that is not fully refunded, else the last one.
    pub fn charge_of(&self, invoice: &str) -> Option<String> {
        let charges = self.charges_of(invoice);
        let remaining = charges.iter().find(|charge| self.object(charge)["refunded"] != true);
        remaining.or(charges.last()).cloned()
    }
}
