//! Credit notes: of a paid invoice, whose amount is refunded.

use crate::control_error::ControlError;
use crate::objects::sublist;
use crate::stripe::Stripe;
use serde_json::{Value, json};

impl Stripe {
    /// Credits this amount of a paid invoice, by default all that was not refunded yet, and refunds it.
    ///
    /// # Errors
    /// When there is no such invoice, it was not paid, or the amount is too large.
    pub fn credit(&self, invoice: &str, amount: Option<i64>) -> Result<Value, ControlError> {
        self.with(|core| {
            let object = core.find("invoice", invoice).ok_or(ControlError::NotFound)?.clone();
            let charge = core.charge_of(invoice).ok_or_else(|| ControlError::Refused("it was not paid".to_owned()))?;
            let refund = core.refund(&charge, amount)?;
            let amount = core.object(&refund)["amount"].as_i64().unwrap_or_default();
            let (id, line) = (core.new_id("cn"), core.new_id("cnli"));
            let line = json!({
                "id": line, "object": "credit_note_line_item", "amount": amount, "description": "Credit",
                "discount_amount": 0, "discount_amounts": [], "livemode": false, "metadata": {},
                "pretax_credit_amounts": [], "quantity": 1, "tax_rates": [], "taxes": [], "type": "custom_line_item",
                "unit_amount": amount, "unit_amount_decimal": amount.to_string(),
            });
            let note = json!({
                "id": id, "object": "credit_note", "amount": amount, "amount_shipping": 0, "created": core.now(),
                "currency": object["currency"], "customer": object["customer"], "customer_account": null,
                "customer_balance_transaction": null, "discount_amount": 0, "discount_amounts": [],
                "effective_at": core.now(), "invoice": invoice,
                "lines": sublist(&format!("/v1/credit_notes/{id}/lines"), vec![line]), "livemode": false, "memo": null,
                "metadata": {}, "number": format!("{id}-CN-01"), "out_of_band_amount": null,
                "pdf": format!("{}/credit_note/{id}/pdf", core.settings.base_url), "post_payment_amount": amount,
                "pre_payment_amount": 0, "pretax_credit_amounts": [], "reason": null,
                "refunds": [{"amount_refunded": amount, "payment_record_refund": null, "refund": refund, "type": "refund"}],
                "shipping_cost": null, "status": "issued", "subtotal": amount, "subtotal_excluding_tax": amount,
                "total": amount, "total_excluding_tax": amount, "total_taxes": [], "type": "post_payment",
                "voided_at": null,
            });
            core.insert(note.clone(), Value::Null);
            let credited = object["post_payment_credit_notes_amount"].as_i64().unwrap_or_default();
            core.set(invoice, "post_payment_credit_notes_amount", json!(credited + amount));
            core.emit("credit_note.created", &note, None);
            let credited = core.object(invoice);
            core.emit("invoice.updated", &credited, None);
            Ok(note)
        })
    }
}
