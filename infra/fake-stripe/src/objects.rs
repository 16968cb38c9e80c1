//! The objects' shapes, each with all fields that Stripe's schema requires.

use crate::core::Core;
use crate::items::quantity_of;
use crate::rules;
use serde_json::{Map, Value, json};

/// A list inside an object.
pub fn sublist(url: &str, data: Vec<Value>) -> Value {
    json!({"object": "list", "data": data, "has_more": false, "url": url})
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The purpose of an invoice line.
pub struct Line<'a> {
    pub price: &'a Value,
    pub amount: i64,
    pub description: String,
    /// The start and the end of its period.
    pub period: (i64, i64),
    pub is_proration: bool,
}

impl Core {
    pub fn new_product(&mut self, id: Option<String>, name: &str, metadata: Map<String, Value>) -> String {
        let id = id.unwrap_or_else(|| self.new_id("prod"));
        let now = self.now();
        let product = json!({
            "id": id, "object": "product", "active": true, "created": now, "default_price": null, "description": null,
            "images": [], "livemode": false, "marketing_features": [], "metadata": metadata, "name": name,
            "package_dimensions": null, "shippable": null, "statement_descriptor": null, "tax_code": null,
            "type": "service", "unit_label": null, "updated": now, "url": null,
        });
        self.insert(product, Value::Null)
    }

    pub fn new_price(
        &mut self,
        product: &str,
        (currency, amount, (interval, count)): (&str, i64, (&str, i64)),
        metadata: Map<String, Value>,
    ) -> String {
        let price = json!({
            "id": self.new_id("price"), "object": "price", "active": true, "billing_scheme": "per_unit",
            "created": self.now(), "currency": currency, "custom_unit_amount": null, "livemode": false,
            "lookup_key": null, "metadata": metadata, "nickname": null, "product": product,
            "recurring": {"interval": interval, "interval_count": count, "meter": null, "usage_type": "licensed"},
            "tax_behavior": "unspecified", "tiers_mode": null, "transform_quantity": null, "type": "recurring",
            "unit_amount": amount, "unit_amount_decimal": amount.to_string(),
        });
        self.insert(price, Value::Null)
    }

    pub fn new_customer(
        &mut self,
        email: Option<String>,
        name: Option<String>,
        metadata: Map<String, Value>,
    ) -> String {
        let customer = json!({
            "id": self.new_id("cus"), "object": "customer", "address": null, "balance": 0, "created": self.now(),
            "currency": null, "customer_account": null, "default_source": null, "delinquent": false,
            "description": null, "discount": null, "email": email,
            "invoice_prefix": null, "invoice_settings": {
                "custom_fields": null, "default_payment_method": null, "footer": null, "rendering_options": null,
            },
            "livemode": false, "metadata": metadata, "name": name, "phone": null, "preferred_locales": [],
            "shipping": null, "tax_exempt": "none", "test_clock": null,
        });
        self.insert(customer, json!({"card": null}))
    }

    /// The legacy plan of a subscription's item, beside the price.
    pub fn plan_of(price: &Value) -> Value {
        json!({
            "id": price["id"], "object": "plan", "active": price["active"], "amount": price["unit_amount"],
            "amount_decimal": price["unit_amount_decimal"], "billing_scheme": "per_unit", "created": price["created"],
            "currency": price["currency"], "interval": price["recurring"]["interval"],
            "interval_count": price["recurring"]["interval_count"],
            "livemode": false, "metadata": {}, "meter": null, "nickname": null, "product": price["product"],
            "tiers_mode": null, "transform_usage": null, "trial_period_days": null, "usage_type": "licensed",
        })
    }

    pub fn new_session(&mut self, requested: Value, side: Value) -> String {
        let id = self.id_of_length("cs_test", 58);
        let mut session = json!({
            "id": id, "object": "checkout.session", "adaptive_pricing": null, "after_expiration": null,
            "allow_promotion_codes": null, "amount_subtotal": null, "amount_total": null, "automatic_tax": {
                "enabled": false, "liability": null, "provider": null, "status": null,
            },
            "billing_address_collection": null, "cancel_url": null, "client_reference_id": null, "client_secret": null,
            "collected_information": null, "consent": null, "consent_collection": null, "created": self.now(),
            "currency": null, "currency_conversion": null, "custom_fields": [], "custom_text": {
                "after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null,
            },
            "customer": null, "customer_account": null, "customer_creation": null, "customer_details": null,
            "customer_email": null,
            "discounts": [], "expires_at": self.now() + 86_400, "invoice": null, "integration_identifier": null,
            "invoice_creation": null,
            "livemode": false, "locale": null, "managed_payments": null, "metadata": {}, "mode": "subscription",
            "optional_items": null, "origin_context": null,
            "payment_intent": null, "payment_link": null, "payment_method_collection": "always",
            "payment_method_configuration_details": null, "payment_method_options": null,
            "payment_method_types": ["card"], "payment_status": "unpaid", "permissions": null, "recovered_from": null,
            "saved_payment_method_options": null, "setup_intent": null, "shipping_address_collection": null,
            "shipping_cost": null, "shipping_options": [], "status": "open", "submit_type": null, "subscription": null,
            "success_url": null, "total_details": null, "ui_mode": "hosted_page", "url": null, "wallet_options": null,
        });
        for (name, value) in requested.as_object().into_iter().flatten() {
            session[name] = value.clone();
        }
        // Stripe's page has settings of several hundred characters in its fragment, which the browser does not send.
        let fragment = self.id_of_length("fid", 320);
        session["url"] = json!(format!("{}/checkout/{id}#{fragment}", self.settings.base_url));
        self.insert(session, side)
    }

    pub fn new_subscription(&self, id: &str, customer: &str, currency: &Value, metadata: &Value) -> Value {
        json!({
            "id": id, "object": "subscription", "application": null, "application_fee_percent": null,
            "automatic_tax": {"disabled_reason": null, "enabled": false, "liability": null},
            "billing_cycle_anchor": self.now(), "billing_cycle_anchor_config": null,
            "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
            "billing_schedules": [],
            "billing_thresholds": null, "cancel_at": null, "cancel_at_period_end": false, "canceled_at": null,
            "cancellation_details": {"comment": null, "feedback": null, "feedback_option": null, "reason": null},
            "collection_method": "charge_automatically", "created": self.now(), "currency": currency,
            "customer": customer, "customer_account": null, "days_until_due": null, "default_payment_method": null,
            "default_source": null, "default_tax_rates": [], "description": null, "discounts": [], "ended_at": null,
            "invoice_settings": {
                "account_tax_ids": null, "custom_fields": null, "description": null, "footer": null,
                "issuer": {"type": "self"},
            },
            "items": null, "latest_invoice": null, "livemode": false, "managed_payments": null, "metadata": metadata,
            "next_pending_invoice_item_invoice": null,
            "on_behalf_of": null, "pause_collection": null, "payment_settings": {
                "payment_method_options": null, "payment_method_types": null, "save_default_payment_method": "off",
            },
            "pending_invoice_item_interval": null, "pending_setup_intent": null, "pending_update": null,
            "schedule": null, "start_date": self.now(), "status": "incomplete", "test_clock": null,
            "transfer_data": null, "trial_end": null,
            "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}}, "trial_start": null,
        })
    }

    pub fn new_item(&self, subscription: &str, price: &Value, quantity: i64, (start, end): (i64, i64)) -> Value {
        json!({
            "id": self.new_id("si"), "object": "subscription_item", "billing_thresholds": null, "created": self.now(),
            "current_period_end": end, "current_period_start": start, "discounts": [], "metadata": {},
            "plan": Self::plan_of(price), "price": price, "quantity": quantity, "subscription": subscription,
            "tax_rates": [],
        })
    }

    /// A line of an invoice; its invoice is set later.
    pub fn new_line(&self, subscription: &Value, item: &Value, line: &Line<'_>) -> Value {
        let (price, quantity) = (line.price, quantity_of(item));
        json!({
            "id": self.new_id("il"), "object": "line_item", "amount": line.amount, "currency": price["currency"],
            "description": line.description, "discount_amounts": [], "discountable": !line.is_proration,
            "discounts": [], "invoice": null, "livemode": false, "metadata": {},
            "parent": {"invoice_item_details": null, "subscription_item_details": {
                "invoice_item": line.is_proration.then(|| self.new_id("ii")), "proration": line.is_proration,
                "proration_details": {"credited_items": null}, "subscription": subscription["id"],
                "subscription_item": item["id"],
            }, "type": "subscription_item_details"},
            "period": {"start": line.period.0, "end": line.period.1}, "pretax_credit_amounts": [],
            "pricing": {"price_details": {"price": price["id"], "product": price["product"]}, "type": "price_details",
                "unit_amount_decimal": price["unit_amount_decimal"]},
            "quantity": quantity, "quantity_decimal": quantity.to_string(), "subscription": subscription["id"], "subtotal": line.amount,
            "taxes": [],
        })
    }

    /// A subscription's invoice as a draft. The customer's credit is deducted from it.
    pub fn new_invoice(&self, id: &str, subscription: &Value, reason: &str, mut lines: Vec<Value>) -> Value {
        let now = self.now();
        let customer = self.object(subscription["customer"].as_str().unwrap_or_default());
        let balance = customer["balance"].as_i64().unwrap_or_default();
        let sums = self.total_up(subscription, &mut lines);
        let (subtotal, total) = (sums.subtotal, sums.total);
        let due = rules::charge_of(total + balance, text(&subscription["currency"]));
        lines.iter_mut().for_each(|line| line["invoice"] = json!(id));
        json!({
            "id": id, "object": "invoice", "account_country": "US", "account_name": null, "account_tax_ids": null,
            "amount_due": due, "amount_overpaid": 0, "amount_paid": 0, "amount_paid_off_stripe": 0,
            "amount_remaining": due, "amount_shipping": 0, "application": null, "attempt_count": 0,
            "attempted": false, "auto_advance": true, "automatic_tax": {
                "disabled_reason": null, "enabled": false, "liability": null, "provider": null, "status": null,
            },
            "automatically_finalizes_at": null, "billing_reason": reason, "collection_method": "charge_automatically",
            "created": now, "currency": subscription["currency"], "custom_fields": null, "customer": subscription["customer"],
            "customer_account": null, "customer_address": null, "customer_email": null, "customer_name": null,
            "customer_phone": null, "customer_shipping": null, "customer_tax_exempt": "none", "customer_tax_ids": [],
            "default_payment_method": null, "default_source": null,
            "default_tax_rates": subscription["default_tax_rates"], "description": null,
            "discounts": subscription["discounts"], "due_date": null, "effective_at": now, "ending_balance": null, "footer": null,
            "from_invoice": null, "hosted_invoice_url": format!("{}/invoice/{id}", self.settings.base_url),
            "invoice_pdf": format!("{}/invoice/{id}/pdf", self.settings.base_url), "issuer": {"type": "self"}, "last_finalization_error": null, "latest_revision": null,
            "lines": sublist(&format!("/v1/invoices/{id}/lines"), lines), "livemode": false, "metadata": {},
            "next_payment_attempt": null, "number": null, "on_behalf_of": null,
            "parent": {"quote_details": null, "subscription_details": {
                "metadata": subscription["metadata"], "subscription": subscription["id"],
            }, "type": "subscription_details"},
            "payment_settings": {"default_mandate": null, "payment_method_options": null, "payment_method_types": null},
            "period_end": now, "period_start": now, "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0, "receipt_number": null, "rendering": null, "shipping_cost": null,
            "shipping_details": null, "starting_balance": balance, "statement_descriptor": null, "status": "draft",
            "status_transitions": {
                "finalized_at": null, "marked_uncollectible_at": null, "paid_at": null, "voided_at": null,
            },
            "subtotal": subtotal, "subtotal_excluding_tax": subtotal - sums.included_tax, "test_clock": null,
            "total": total, "total_discount_amounts": sums.discounts,
            "total_excluding_tax": total - sums.tax - sums.included_tax, "total_pretax_credit_amounts": [],
            "total_taxes": sums.taxes, "webhooks_delivered_at": null,
        })
    }

    pub fn new_intent(&mut self, invoice: &Value, amount: &Value, is_default: bool) -> String {
        let (method, kind, _) = self.method_of_charge(text(&invoice["customer"]), &invoice["currency"]);
        let intent = json!({
            "id": self.new_id("pi"), "object": "payment_intent", "amount": amount,
            "allowed_payment_method_types": null, "amount_capturable": 0, "amount_received": 0, "application": null,
            "application_fee_amount": null,
            "automatic_payment_methods": null, "canceled_at": null, "cancellation_reason": null,
            "capture_method": "automatic", "client_secret": null, "confirmation_method": "automatic",
            "created": self.now(), "currency": invoice["currency"], "customer": invoice["customer"],
            "customer_account": null, "description": "Subscription", "excluded_payment_method_types": null,
            "last_payment_error": null,
            "latest_charge": null, "livemode": false, "managed_payments": null, "metadata": {}, "next_action": null,
            "on_behalf_of": null,
            "payment_method": method, "payment_method_configuration_details": null, "payment_method_options": {},
            "payment_method_types": [kind], "processing": null, "receipt_email": null, "review": null,
            "setup_future_usage": null, "shipping": null, "statement_descriptor": null,
            "statement_descriptor_suffix": null, "status": "requires_payment_method", "transfer_data": null,
            "transfer_group": null,
        });
        let intent = self.insert(intent, Value::Null);
        let payment = json!({
            "id": self.new_id("inpay"), "object": "invoice_payment", "amount_paid": null,
            "amount_requested": amount, "created": self.now(), "currency": invoice["currency"],
            "invoice": invoice["id"], "is_default": is_default, "livemode": false,
            "payment": {"payment_intent": intent, "type": "payment_intent"}, "status": "open",
            "status_transitions": {"canceled_at": null, "paid_at": null},
        });
        self.insert(payment, Value::Null);
        intent
    }

    pub fn new_charge(&mut self, intent: &str, invoice: &Value, amount: &Value) -> String {
        let (method, _, details) = self.method_of_charge(text(&invoice["customer"]), &invoice["currency"]);
        let charge = json!({
            "id": self.new_id("ch"), "object": "charge", "amount": amount,
            "amount_captured": amount, "amount_refunded": 0, "application": null,
            "application_fee": null, "application_fee_amount": null, "balance_transaction": null,
            "billing_details": {"address": null, "email": null, "name": null, "phone": null, "tax_id": null},
            "calculated_statement_descriptor": null, "captured": true, "created": self.now(),
            "currency": invoice["currency"], "customer": invoice["customer"], "description": "Subscription",
            "disputed": false, "failure_balance_transaction": null, "failure_code": null, "failure_message": null,
            "fraud_details": {}, "livemode": false, "metadata": {}, "on_behalf_of": null, "outcome": null,
            "paid": true,
            "payment_intent": intent, "payment_method": method, "payment_method_details": details, "receipt_email": null,
            "receipt_number": null, "receipt_url": null, "refunded": false, "review": null, "shipping": null,
            "source_transfer": null, "statement_descriptor": null, "statement_descriptor_suffix": null,
            "status": "succeeded", "transfer_data": null, "transfer_group": null,
        });
        self.insert(charge, Value::Null)
    }

    pub fn new_refund(&mut self, charge: &Value, amount: i64) -> String {
        let refund = json!({
            "id": self.new_id("re"), "object": "refund", "amount": amount, "balance_transaction": null,
            "charge": charge["id"], "created": self.now(), "currency": charge["currency"],
            "customer": charge["customer"],
            "customer_account": null, "metadata": {}, "payment_method": charge["payment_method"],
            "payment_intent": charge["payment_intent"], "reason": null, "receipt_number": null,
            "source_transfer_reversal": null, "status": "succeeded", "transfer_reversal": null,
        });
        self.insert(refund, Value::Null)
    }
}
