//! The customer portal's page, where a customer ends a subscription or keeps it, pays what is open and leaves another card.

use crate::cards::DECLINED;
use crate::core::Core;
use crate::html::{card_of, date, money, page, see_other};
use crate::items::{amount_of_all, items_of, present_period};
use crate::outcome::Outcome;
use crate::status::{is_live, present_customer, will_end};
use crate::stripe::Stripe;
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

impl Core {
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
