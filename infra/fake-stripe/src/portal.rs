//! The customer portal: a session, and its page, where a customer cancels or resumes a subscription, pays open invoices
//! and adds another card.

use crate::Stripe;
use crate::cards::DECLINED;
use crate::controls::Outcome;
use crate::core::Core;
use crate::error::ApiError;
use crate::items::{amount_of_all, items_of, present_period};
use crate::pages::{card_of, date, money, page, see_other};
use crate::params::Params;
use crate::resources::{Answered, present_customer};
use crate::subscriptions::{is_live, will_end};
use askama::Template;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Template)]
#[template(path = "portal.html")]
struct PortalPage<'a> {
    error: &'a str,
    email: String,
    return_url: &'a str,
    /// The card for renewals.
    card: String,
    subscriptions: Vec<SubscriptionOfPage>,
    invoices: Vec<InvoiceOfPage>,
}

struct SubscriptionOfPage {
    id: String,
    name: String,
    price: String,
    state: String,
    /// The action: its value and its label.
    action: &'static str,
    label: &'static str,
}

struct InvoiceOfPage {
    id: String,
    url: String,
    amount: String,
    date: String,
    state: &'static str,
    is_open: bool,
}

/// An action on the page.
#[derive(Deserialize)]
pub struct PortalAction {
    #[serde(default)]
    action: String,
    #[serde(default)]
    subscription: String,
    #[serde(default)]
    invoice: String,
    #[serde(default)]
    card: String,
}

type Refusal = (StatusCode, &'static str);

const MANAGED: Refusal = (StatusCode::CONFLICT, "A scheduled change manages this subscription.");
const NOT_THERE: Refusal = (StatusCode::CONFLICT, "This subscription or invoice can't be changed any more.");
const REFUSED: Refusal = (StatusCode::PAYMENT_REQUIRED, "Your card was declined. Try another one.");

/// The call that creates a session.
pub fn portal_session(core: &mut Core, mut params: Params) -> Answered {
    let customer = params.require("customer")?;
    let (return_url, locale) = (params.take("return_url"), params.take("locale"));
    let configuration = params.take("configuration");
    params.finish()?;
    present_customer(core, &customer)?;
    if let Some(id) = &configuration {
        core.find(CONFIGURATION, id).ok_or_else(|| ApiError { status: 400, ..ApiError::missing(CONFIGURATION, id) })?;
    } else if !core.is_portal_configured() {
        let message = "No configuration provided and your test mode default configuration has not been created. Provide \
                       a configuration or create your default by saving your customer portal settings in test mode at \
                       https://dashboard.stripe.com/test/settings/billing/portal.";
        return Err(ApiError::invalid(message));
    }
    let id = core.new_id("bps");
    let session = json!({
        "id": id, "object": "billing_portal.session", "configuration": configuration.as_deref().unwrap_or(DEFAULT), "created": core.now(),
        "customer": customer, "customer_account": null, "flow": null, "livemode": false, "locale": locale,
        "on_behalf_of": null, "return_url": return_url, "url": format!("{}/portal/{id}", core.settings.base_url),
    });
    core.insert(session.clone(), Value::Null);
    core.emit("billing_portal.session.created", &session, None);
    Ok(session)
}

const CONFIGURATION: &str = "billing_portal.configuration";
/// The configuration that the dashboard saves.
const DEFAULT: &str = "bpc_default";

fn configuration(id: &str, created: i64, is_default: bool, more: &Value) -> Value {
    json!({
        "id": id, "object": CONFIGURATION, "active": true, "application": null, "business_profile": {"headline": null, "privacy_policy_url": null, "terms_of_service_url": null},
        "created": created, "default_return_url": more["default_return_url"], "features": features(&more["features"]),
        "is_default": is_default, "livemode": false, "login_page": {"enabled": false, "url": null},
        "metadata": more["metadata"], "name": null, "updated": created,
    })
}

/// The features of a configuration, from parameters such as `invoice_history][enabled`.
fn features(sent: &Value) -> Value {
    let is_on = |name: &str| sent[format!("{name}][enabled")] == "true";
    json!({
        "customer_update": {"allowed_updates": [], "enabled": is_on("customer_update")},
        "invoice_history": {"enabled": is_on("invoice_history")},
        "payment_method_update": {"enabled": is_on("payment_method_update"), "payment_method_configuration": null},
        "subscription_cancel": {
            "cancellation_reason": {"enabled": false, "feedback_options": null, "options": []}, "enabled": is_on("subscription_cancel"),
            "mode": "at_period_end", "proration_behavior": "none",
        },
        "subscription_update": {
            "billing_cycle_anchor": null, "default_allowed_updates": [], "enabled": is_on("subscription_update"),
            "products": null, "proration_behavior": "none",
            "schedule_at_period_end": {"conditions": []}, "trial_update_behavior": "continue_trial",
        },
    })
}

/// The call that creates a configuration.
pub fn make_configuration(core: &mut Core, mut params: Params) -> Answered {
    let more = json!({
        "default_return_url": params.take("default_return_url"), "features": params.map("features"),
        "metadata": params.map("metadata"),
    });
    params.finish()?;
    let (id, now) = (core.new_id("bpc"), core.now());
    core.insert(configuration(&id, now, false, &more), Value::Null);
    Ok(core.object(&id))
}

/// The call that lists the configurations, the newest first.
pub fn list_configurations(core: &mut Core, mut params: Params) -> Answered {
    params.number("limit")?;
    params.finish()?;
    let mut data: Vec<_> = core.all(CONFIGURATION).into_iter().map(|record| record.object.clone()).collect();
    if core.is_portal_configured() {
        data.push(configuration(DEFAULT, 0, true, &json!({"features": {}, "metadata": {}})));
    }
    Ok(json!({"object": "list", "url": "/v1/billing_portal/configurations", "has_more": false, "data": data}))
}

/// The page.
pub async fn portal(State(stripe): State<Stripe>, Path(id): Path<String>) -> Response {
    match stripe.page_object("billing_portal.session", &id) {
        Some(session) => shown(&stripe, &session, (StatusCode::OK, "")),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The handler of its forms.
pub async fn press_portal_button(
    State(stripe): State<Stripe>,
    Path(id): Path<String>,
    Form(act): Form<PortalAction>,
) -> Response {
    let Some(session) = stripe.page_object("billing_portal.session", &id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let customer = session["customer"].as_str().unwrap_or_default();
    let done = stripe.with(|core| match act.action.as_str() {
        "cancel" => core.end_at_portal(customer, &act.subscription, true),
        "resume" => core.end_at_portal(customer, &act.subscription, false),
        "pay" => core.pay_at_portal(customer, &act.invoice),
        "card" => core.leave_card(customer, &act.card),
        _ => Err((StatusCode::BAD_REQUEST, "This action does not exist.")),
    });
    match done {
        Ok(()) => see_other(&id),
        Err(refusal) => shown(&stripe, &session, refusal),
    }
}

fn shown(stripe: &Stripe, session: &Value, (status, error): Refusal) -> Response {
    let core = stripe.core();
    let customer = session["customer"].as_str().unwrap_or_default();
    let of_customer = |kind: &str| core.of(kind, customer).into_iter().map(|record| &record.object);
    let subscriptions = of_customer("subscription").filter(|object| is_live(&object["status"]));
    let mut invoices: Vec<_> = of_customer("invoice").filter(|object| object["status"] != "draft").collect();
    invoices.sort_by_key(|object| std::cmp::Reverse(object["created"].as_i64()));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let shown = PortalPage {
        error,
        email: text(&core.object(customer)["email"]),
        card: core.card_of_page(customer),
        return_url: session["return_url"].as_str().unwrap_or_default(),
        subscriptions: subscriptions.map(|subscription| core.subscription_of_page(subscription)).collect(),
        invoices: invoices.into_iter().map(invoice_of_page).collect(),
    };
    page(status, &shown)
}

fn invoice_of_page(invoice: &Value) -> InvoiceOfPage {
    let text = |name: &str| invoice[name].as_str().unwrap_or_default().to_owned();
    let is_open = invoice["status"] == "open";
    let state = match invoice["status"].as_str() {
        Some("paid") => "Paid",
        Some("open") => "Open",
        Some("void") => "Void",
        Some("uncollectible") => "Uncollectible",
        _ => "Unknown",
    };
    InvoiceOfPage {
        id: text("id"),
        url: text("hosted_invoice_url"),
        amount: money(&invoice[if is_open { "amount_due" } else { "total" }], &invoice["currency"]),
        date: date(&invoice["created"]),
        state,
        is_open,
    }
}

const SETTINGS: &str = "settings_portal";

impl Stripe {
    /// Whether the portal's settings were saved in the dashboard: without them no session is created. The default is
    /// true.
    pub fn set_portal_configured(&self, is_configured: bool) {
        self.with(|core| {
            core.insert(json!({"id": SETTINGS, "object": "settings"}), json!({"configured": is_configured}));
        });
    }
}

impl Core {
    fn is_portal_configured(&self) -> bool {
        self.side(SETTINGS)["configured"] != false
    }

    fn subscription_of_page(&self, subscription: &Value) -> SubscriptionOfPage {
        let items = items_of(subscription);
        let price = items.first().map(|item| item["price"].clone()).unwrap_or_default();
        let names: Vec<_> = items.iter().map(|item| self.name_of(&item["price"])).collect();
        let is_ending = will_end(subscription);
        let (action, label) = match (subscription["schedule"].is_null(), is_ending) {
            (false, _) => ("", ""),
            (true, false) => ("cancel", "Cancel subscription"),
            (true, true) => ("resume", "Don't cancel subscription"),
        };
        let interval = price["recurring"]["interval"].as_str().unwrap_or_default();
        let (_, end) = present_period(subscription);
        let end = date(&json!(end));
        let state = match (is_ending, subscription["status"].as_str().unwrap_or_default()) {
            (true, _) => format!("Ends on {end}"),
            (false, "active") => format!("Renews on {end}"),
            (false, "trialing") => format!("The trial ends on {end}"),
            (false, "past_due" | "unpaid") => "A payment is open: pay the invoice below".to_owned(),
            (false, status) => format!("Status: {status}"),
        };
        SubscriptionOfPage {
            id: subscription["id"].as_str().unwrap_or_default().to_owned(),
            name: names.join(", "),
            price: format!("{} a {interval}", money(&json!(amount_of_all(items)), &price["currency"])),
            state,
            action,
            label,
        }
    }

    /// The payment method for renewals, in words.
    fn card_of_page(&self, customer: &str) -> String {
        let id = self.side(customer)["payment_method"].clone();
        let method = self.object(id.as_str().unwrap_or_default());
        let kind = method["type"].as_str().unwrap_or_default();
        match (kind, method[kind]["last4"].as_str()) {
            (_, None) => "No payment method is stored.".to_owned(),
            ("card", Some(last4)) => format!("Card ending in {last4}"),
            (_, Some(last4)) => format!("Bank account ending in {last4}"),
        }
    }

    fn end_at_portal(&mut self, customer: &str, id: &str, requested: bool) -> Result<(), Refusal> {
        let subscription = self.find("subscription", id).ok_or(NOT_THERE)?;
        if subscription["customer"] != customer || !is_live(&subscription["status"]) {
            return Err(NOT_THERE);
        }
        if !subscription["schedule"].is_null() {
            return Err(MANAGED);
        }
        let (_, end) = present_period(subscription);
        match requested {
            // As Stripe's portal does for a subscription in flexible billing mode: it sets only the time.
            true if subscription["cancel_at"].is_null() => {
                let fields = json!({"cancel_at": end, "canceled_at": self.now()});
                self.change(id, "customer.subscription.updated", fields);
            }
            true => {}
            false => self.renew_again(id),
        }
        Ok(())
    }

    /// Pays an invoice with the stored card. The person at the page can confirm the payment.
    fn pay_at_portal(&mut self, customer: &str, id: &str) -> Result<(), Refusal> {
        let invoice = self.find("invoice", id).ok_or(NOT_THERE)?;
        if invoice["customer"] != customer || invoice["status"] != "open" {
            return Err(NOT_THERE);
        }
        let outcome = match self.outcome_of_card(customer) {
            Outcome::ActionRequired => Outcome::Paid,
            other => other,
        };
        self.attempt(id, outcome);
        if outcome == Outcome::Failed { Err(REFUSED) } else { Ok(()) }
    }

    fn leave_card(&mut self, customer: &str, card: &str) -> Result<(), Refusal> {
        let card = card_of(card).ok_or((StatusCode::PAYMENT_REQUIRED, "Enter a valid card number."))?;
        if card == DECLINED {
            return Err(REFUSED);
        }
        present_customer(self, customer).map_err(|_| NOT_THERE)?;
        let method = self.attach_card(customer, &card, &json!("usd"));
        let mut settings = self.object(customer)["invoice_settings"].clone();
        settings["default_payment_method"] = json!(method);
        self.change(customer, "customer.updated", json!({"invoice_settings": settings}));
        Ok(())
    }
}
