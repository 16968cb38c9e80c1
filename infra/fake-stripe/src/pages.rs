//! Stripe's pages: the checkout, an invoice to pay, and the route to the portal.

use crate::cards::{DECLINED, first_outcome};
use crate::html::{card_of, money, page, see_other};
use crate::portal_page::{portal, press_portal_button};
use crate::stripe::Stripe;
use crate::subscriptions::Start;
use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

/// A document of one empty page.
const EMPTY_PDF: &str = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count \
                         1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 \
                         R>>\n%%EOF\n";

#[derive(Template)]
#[template(path = "pay.html")]
struct PayPage<'a> {
    heading: &'a str,
    amount: String,
    /// The items to pay for.
    lines: Vec<String>,
    error: &'a str,
    cancel_url: &'a str,
    is_open: bool,
    state: &'a str,
}

#[derive(Deserialize)]
struct Payment {
    #[serde(default)]
    card: String,
}

impl Stripe {
    /// `/checkout/{id}`, `/invoice/{id}` and `/portal/{id}`: forms, which are posted to their own address.
    pub fn pages(&self) -> Router {
        Router::new()
            .route("/checkout/{id}", get(checkout).post(pay_checkout))
            .route("/invoice/{id}", get(invoice).post(pay_invoice))
            .route("/invoice/{id}/pdf", get(invoice_pdf))
            .route("/portal/{id}", get(portal).post(press_portal_button))
            .with_state(self.clone())
    }

    /// The current state of the object of a page.
    pub(crate) fn page_object(&self, kind: &str, id: &str) -> Option<Value> {
        self.with(|core| {
            core.tick();
            core.find(kind, id).cloned()
        })
    }

    /// The name of each item of a checkout and the prices with their periods.
    fn items_of_checkout(&self, session: &str) -> (String, Vec<String>) {
        let core = self.core();
        let side = core.side(session);
        let ids = side["items"].as_array().into_iter().flatten().map(|item| item["price"].as_str());
        let prices: Vec<_> = ids.map(|id| core.object(id.unwrap_or_default())).collect();
        let names: Vec<_> = prices.iter().map(|price| core.name_of(price)).collect();
        (names.join(", "), prices.iter().map(price_text).collect())
    }
}

/// "19.00 USD a month".
fn price_text(price: &Value) -> String {
    let interval = price["recurring"]["interval"].as_str().unwrap_or("period");
    format!("{} a {interval}", money(&price["unit_amount"], &price["currency"]))
}

fn checkout_page(stripe: &Stripe, session: &Value, status: StatusCode, error: &str) -> Response {
    let id = session["id"].as_str().unwrap_or_default();
    let (name, lines) = stripe.items_of_checkout(id);
    let state = match session["status"].as_str() {
        Some("complete") => "the checkout is complete",
        _ => "the checkout has expired",
    };
    page(
        status,
        &PayPage {
            heading: &format!("Subscribe to {name}"),
            lines,
            amount: money(&session["amount_total"], &session["currency"]),
            error,
            cancel_url: session["cancel_url"].as_str().unwrap_or_default(),
            is_open: session["status"] == "open",
            state,
        },
    )
}

async fn checkout(State(stripe): State<Stripe>, Path(id): Path<String>) -> Response {
    match stripe.page_object("checkout.session", &id) {
        Some(session) => checkout_page(&stripe, &session, StatusCode::OK, ""),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn pay_checkout(State(stripe): State<Stripe>, Path(id): Path<String>, Form(form): Form<Payment>) -> Response {
    let Some(session) = stripe.page_object("checkout.session", &id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if session["status"] != "open" {
        return checkout_page(&stripe, &session, StatusCode::CONFLICT, "");
    }
    let refused = StatusCode::PAYMENT_REQUIRED;
    let Some(card) = card_of(&form.card) else {
        return checkout_page(&stripe, &session, refused, "Enter a valid card number.");
    };
    if card == DECLINED {
        return checkout_page(&stripe, &session, refused, "Your card was declined. Try another one.");
    }
    stripe.with(|core| {
        let customer = session["customer"].as_str().unwrap_or_default();
        let method = core.attach_card(customer, &card, &session["currency"]);
        core.complete(&id, Start::with_card(&card, &method));
    });
    let success = session["success_url"].as_str().unwrap_or_default();
    see_other(&success.replace("{CHECKOUT_SESSION_ID}", &id))
}

fn invoice_page(invoice: &Value, status: StatusCode, error: &str) -> Response {
    let state = match invoice["status"].as_str() {
        Some("paid") => "the invoice is paid",
        Some("void") => "the invoice is void",
        Some("uncollectible") => "the invoice was given up",
        _ => "the invoice is not open yet",
    };
    let lines = invoice["lines"]["data"].as_array().into_iter().flatten();
    let lines = lines.filter_map(|line| line["description"].as_str().map(str::to_owned)).collect();
    page(
        status,
        &PayPage {
            heading: "Pay invoice",
            lines,
            amount: money(&invoice["amount_due"], &invoice["currency"]),
            error,
            cancel_url: "",
            is_open: invoice["status"] == "open",
            state,
        },
    )
}

async fn invoice(State(stripe): State<Stripe>, Path(id): Path<String>) -> Response {
    match stripe.page_object("invoice", &id) {
        Some(invoice) => invoice_page(&invoice, StatusCode::OK, ""),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn invoice_pdf(State(stripe): State<Stripe>, Path(id): Path<String>) -> Response {
    match stripe.page_object("invoice", &id) {
        Some(_) => ([(header::CONTENT_TYPE, "application/pdf")], EMPTY_PDF).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn pay_invoice(State(stripe): State<Stripe>, Path(id): Path<String>, Form(form): Form<Payment>) -> Response {
    let Some(invoice) = stripe.page_object("invoice", &id) else { return StatusCode::NOT_FOUND.into_response() };
    if invoice["status"] != "open" {
        return invoice_page(&invoice, StatusCode::CONFLICT, "");
    }
    let refused = StatusCode::PAYMENT_REQUIRED;
    let Some(card) = card_of(&form.card) else { return invoice_page(&invoice, refused, "Enter a valid card number.") };
    if card == DECLINED {
        return invoice_page(&invoice, refused, "Your card was declined. Try another one.");
    }
    stripe.with(|core| {
        core.attach_card(invoice["customer"].as_str().unwrap_or_default(), &card, &invoice["currency"]);
        core.attempt(&id, first_outcome(&card));
    });
    see_other(&id)
}
