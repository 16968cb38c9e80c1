//! The calls, one after another.

use crate::call::{Answered, Call};
use crate::core::Core;
use crate::discounts::make_coupon;
use crate::endpoints::{change_endpoint, delete_endpoint, make_endpoint};
use crate::error::ApiError;
use crate::items::cost_of;
use crate::lists::one;
use crate::params::Params;
use crate::pauses::resume_subscription;
use crate::portal::{list_configurations, make_configuration, portal_session};
use crate::preview::preview;
use crate::rules;
use crate::schedules::{change_schedule, make_schedule, release_schedule};
use crate::status::{is_live, live, present_customer};
use crate::taxes::make_tax_rate;
use crate::updates::{change_subscription, unmanaged};
use serde_json::{Map, Value, json};

impl Call<'_> {
    /// Executes it.
    pub fn run(self, core: &mut Core) -> Answered {
        let params = self.params;
        match (self.method.as_str(), self.path) {
            ("POST", ["products"]) => product(core, params),
            ("POST", ["products", id]) => change_product(core, id, params),
            ("POST", ["prices"]) => price(core, params),
            ("POST", ["prices", id]) => change_price(core, id, params),
            ("POST", ["coupons"]) => make_coupon(core, params),
            ("POST", ["tax_rates"]) => make_tax_rate(core, params),
            ("POST", ["customers"]) => customer(core, params),
            ("POST", ["customers", id]) => change_customer(core, id, params),
            ("DELETE", ["customers", id]) => core.delete_customer(id),
            ("POST", ["checkout", "sessions"]) => session(core, params),
            ("POST", ["checkout", "sessions", id, "expire"]) => expire_session(core, id, params),
            ("POST", ["subscriptions", id]) => change_subscription(core, id, params),
            ("POST", ["subscriptions", id, "resume"]) => resume_subscription(core, id, params),
            ("DELETE", ["subscriptions", id]) => end_subscription(core, id, params),
            ("POST", ["invoices", "create_preview"]) => preview(core, params),
            ("POST", ["invoices", id, "pay"]) => pay_invoice(core, id, params),
            ("POST", ["invoices", id, "void"]) => void_invoice(core, id, params),
            ("POST", ["subscription_schedules"]) => make_schedule(core, params),
            ("POST", ["subscription_schedules", id]) => change_schedule(core, id, params),
            ("POST", ["subscription_schedules", id, "release"]) => release_schedule(core, id, params),
            ("POST", ["billing_portal", "sessions"]) => portal_session(core, params),
            ("POST", ["billing_portal", "configurations"]) => make_configuration(core, params),
            ("GET", ["billing_portal", "configurations"]) => list_configurations(core, params),
            ("POST", ["webhook_endpoints"]) => make_endpoint(core, params),
            ("POST", ["webhook_endpoints", id]) => change_endpoint(core, id, params),
            ("DELETE", ["webhook_endpoints", id]) => delete_endpoint(core, id),
            ("POST", ["refunds"]) => refund(core, params),
            ("GET", path) => one(core, path),
            (method, path) => Err(ApiError {
                status: 404,
                ..ApiError::invalid(format!("Unrecognized request URL ({method}: /v1/{})", path.join("/")))
            }),
        }
    }
}

fn change_price(core: &mut Core, id: &str, mut params: Params) -> Answered {
    core.find("price", id).ok_or_else(|| ApiError::missing("price", id))?;
    let active = params.flag("active")?;
    params.finish()?;
    if let Some(active) = active {
        core.change(id, "price.updated", json!({"active": active}));
    }
    Ok(core.object(id))
}

fn expire_session(core: &mut Core, id: &str, params: Params) -> Answered {
    core.find("checkout.session", id).ok_or_else(|| ApiError::missing("checkout.session", id))?;
    params.finish()?;
    core.expire(id)?;
    Ok(core.object(id))
}

fn end_subscription(core: &mut Core, id: &str, mut params: Params) -> Answered {
    live(core, id)?;
    unmanaged(&core.object(id))?;
    for ignored in ["invoice_now", "prorate"] {
        params.flag(ignored)?;
    }
    params.finish()?;
    core.end(id, "cancellation_requested");
    Ok(core.object(id))
}

fn pay_invoice(core: &mut Core, id: &str, params: Params) -> Answered {
    let invoice = core.find("invoice", id).ok_or_else(|| ApiError::missing("invoice", id))?;
    if invoice["status"] != "open" {
        return Err(ApiError::invalid("Invoice is already paid").code("invoice_not_payable", "id"));
    }
    params.finish()?;
    core.attempt_by_card(id);
    let invoice = core.object(id);
    if invoice["status"] == "paid" {
        return Ok(invoice);
    }
    let refused = ApiError::invalid("Your card was declined.").code("card_declined", "");
    Err(ApiError { status: 402, kind: "card_error", param: None, ..refused })
}

fn void_invoice(core: &mut Core, id: &str, params: Params) -> Answered {
    core.find("invoice", id).ok_or_else(|| ApiError::missing("invoice", id))?;
    params.finish()?;
    core.void(id)?;
    Ok(core.object(id))
}

fn product(core: &mut Core, mut params: Params) -> Answered {
    let name = params.require("name")?;
    let id = params.take("id");
    let metadata = params.map("metadata");
    let mut price = params.map("default_price_data");
    // `default_price_data[recurring][interval]` is two levels deep.
    let interval = price.remove("recurring][interval");
    let count = price.remove("recurring][interval_count").and_then(|count| count.as_str()?.parse().ok());
    let description = params.take("description");
    params.finish()?;
    let amount = price.remove("unit_amount").and_then(|amount| amount.as_str()?.parse().ok()).unwrap_or_default();
    let currency =
        price.remove("currency").map(|text| rules::currency(text.as_str().unwrap_or_default())).transpose()?;
    if let Some(currency) = &currency {
        rules::amount(amount, currency, "default_price_data[unit_amount]")?;
    }
    if let Some(id) = id.as_deref().filter(|id| core.record(id).is_some()) {
        return Err(ApiError::invalid(format!("Product already exists: {id}")).code("resource_already_exists", "id"));
    }
    let id = core.new_product(id, &name, metadata);
    if let Some(description) = description {
        core.set(&id, "description", json!(description));
    }
    if let Some(currency) = currency {
        let interval = interval.as_ref().and_then(Value::as_str).unwrap_or("month");
        let terms = (currency.as_str(), amount, (interval, count.unwrap_or(1)));
        let price = core.new_price(&id, terms, Map::new());
        core.set(&id, "default_price", json!(price));
        let made = core.object(&price);
        core.emit("price.created", &made, None);
    }
    let made = core.object(&id);
    core.emit("product.created", &made, None);
    Ok(made)
}

fn change_product(core: &mut Core, id: &str, mut params: Params) -> Answered {
    core.find("product", id).ok_or_else(|| ApiError::missing("product", id))?;
    let mut fields = Map::new();
    for name in ["name", "description", "default_price"] {
        if let Some(text) = params.take(name) {
            fields.insert(name.to_owned(), if text.is_empty() { Value::Null } else { json!(text) });
        }
    }
    if let Some(active) = params.flag("active")? {
        fields.insert("active".to_owned(), json!(active));
    }
    params.finish()?;
    fields.insert("updated".to_owned(), json!(core.now()));
    core.change(id, "product.updated", fields.into());
    Ok(core.object(id))
}

fn price(core: &mut Core, mut params: Params) -> Answered {
    let product = params.require("product")?;
    core.find("product", &product).ok_or_else(|| ApiError { status: 400, ..ApiError::missing("product", &product) })?;
    let currency = rules::currency(&params.require("currency")?)?;
    let amount = params.number("unit_amount")?.unwrap_or_default();
    rules::amount(amount, &currency, "unit_amount")?;
    let interval = params.take("recurring[interval]").unwrap_or_else(|| "month".to_owned());
    let count = params.number("recurring[interval_count]")?.unwrap_or(1);
    let metadata = params.map("metadata");
    params.finish()?;
    let id = core.new_price(&product, (&currency, amount, (&interval, count)), metadata);
    let made = core.object(&id);
    core.emit("price.created", &made, None);
    Ok(made)
}

fn customer(core: &mut Core, mut params: Params) -> Answered {
    let (email, name, metadata) = (params.take("email"), params.take("name"), params.map("metadata"));
    params.finish()?;
    email.as_deref().filter(|email| !email.is_empty()).map_or(Ok(()), rules::email)?;
    Ok(core.create_customer(email, name, metadata))
}

fn change_customer(core: &mut Core, id: &str, mut params: Params) -> Answered {
    present_customer(core, id).map_err(|fault| ApiError { status: 404, ..fault })?;
    let mut fields = Map::new();
    for name in ["email", "name"] {
        if let Some(text) = params.take(name) {
            if name == "email" && !text.is_empty() {
                rules::email(&text)?;
            }
            fields.insert(name.to_owned(), json!(text));
        }
    }
    params.finish()?;
    core.change(id, "customer.updated", fields.into());
    Ok(core.object(id))
}

fn session(core: &mut Core, mut params: Params) -> Answered {
    let mode = params.require("mode")?;
    if mode != "subscription" {
        return Err(ApiError::invalid("Only the mode `subscription` is played here."));
    }
    let customer = params.require("customer")?;
    present_customer(core, &customer)?;
    let items = line_items(core, &mut params)?;
    let currency = items[0].0["currency"].clone();
    let amount: i64 = items.iter().map(|(price, quantity)| cost_of(price) * quantity).sum();
    let smallest = rules::smallest_charge(currency.as_str().unwrap_or_default());
    if (1..smallest).contains(&amount) {
        let message = format!("The Checkout Session's total amount due must add up to at least {smallest} {currency}.");
        return Err(ApiError::invalid(message).code("amount_too_small", "line_items"));
    }
    let trial_days = params.number("subscription_data[trial_period_days]")?.unwrap_or_default();
    let metadata = params.map("subscription_data[metadata]");
    let items: Vec<_> =
        items.iter().map(|(price, quantity)| json!({"price": price["id"], "quantity": quantity})).collect();
    let side = json!({"items": items, "trial_days": trial_days, "metadata": metadata});
    let mut requested = json!({
        "customer": customer, "currency": currency, "amount_subtotal": amount, "amount_total": amount,
        "success_url": params.require("success_url")?, "cancel_url": params.take("cancel_url"),
        "client_reference_id": params.take("client_reference_id"), "metadata": params.map("metadata"),
        "allow_promotion_codes": params.flag("allow_promotion_codes")?,
    });
    if let Some(collection) = params.take("payment_method_collection") {
        requested["payment_method_collection"] = json!(collection);
    }
    params.finish()?;
    let id = core.new_session(requested, side);
    Ok(core.object(&id))
}

/// The items of a checkout: prices and quantities.
fn line_items(core: &Core, params: &mut Params) -> Result<Vec<(Value, i64)>, ApiError> {
    let mut items: Vec<(Value, i64)> = Vec::new();
    while items.is_empty() || params.any(&format!("line_items[{}]", items.len())) {
        let named = |name: &str| format!("line_items[{}][{name}]", items.len());
        let price = params.require(&named("price"))?;
        let missing = || ApiError { status: 400, ..ApiError::missing("price", &price) };
        let known = core.find("price", &price).ok_or_else(missing)?;
        if known["active"] != true {
            return Err(ApiError::invalid(format!("The price specified is inactive: {price}")));
        }
        if items.iter().any(|(other, _)| other["currency"] != known["currency"]) {
            return Err(ApiError::invalid("All prices on a Checkout Session must be in the same currency."));
        }
        let quantity = params.number(&named("quantity"))?.unwrap_or(1);
        items.push((known.clone(), quantity));
    }
    Ok(items)
}

fn refund(core: &mut Core, mut params: Params) -> Answered {
    let amount = params.number("amount")?;
    let charge = match (params.take("charge"), params.take("payment_intent")) {
        (Some(charge), _) => charge,
        (None, Some(intent)) => core.object(&intent)["latest_charge"].as_str().unwrap_or_default().to_owned(),
        (None, None) => return Err(ApiError::invalid("One of charge or payment_intent is needed.")),
    };
    params.finish()?;
    core.find("charge", &charge).ok_or_else(|| ApiError { status: 400, ..ApiError::missing("charge", &charge) })?;
    let id = core.refund(&charge, amount)?;
    Ok(core.object(&id))
}

impl Core {
    /// Creates a customer and its event.
    pub fn create_customer(
        &mut self,
        email: Option<String>,
        name: Option<String>,
        metadata: Map<String, Value>,
    ) -> Value {
        let id = self.new_customer(email, name, metadata);
        let made = self.object(&id);
        self.emit("customer.created", &made, None);
        made
    }

    /// Deletes a customer: subscriptions end, open checkouts close.
    pub fn delete_customer(&mut self, id: &str) -> Answered {
        let before = present_customer(self, id).map_err(|fault| ApiError { status: 404, ..fault })?.clone();
        for subscription in self.ids_of("subscription", Some(id), |record| is_live(&record.object["status"])) {
            self.end(&subscription, "cancellation_requested");
        }
        for session in self.ids_of("checkout.session", Some(id), |record| record.object["status"] == "open") {
            self.expire(&session)?;
        }
        let gone = json!({"id": id, "object": "customer", "deleted": true});
        self.replace(id, gone.clone());
        self.emit("customer.deleted", &before, None);
        Ok(gone)
    }
}
