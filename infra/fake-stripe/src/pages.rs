//! Stripe's pages: the checkout, an invoice to pay, and the route to the portal.

use crate::Stripe;
use crate::cards::{DECLINED, first_outcome};
use crate::portal::{portal, press_portal_button};
use crate::subscriptions::Start;
use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

/// A document of one empty page.
const EMPTY_PDF: &str = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count \
                         1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 \
                         R>>\n%%EOF\n";
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action *; base-uri 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "pay.html")]
struct PayPage<'a> {
    title: &'a str,
    amount: String,
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
    /// `/checkout/{id}`, `/invoice/{id}` and `/portal/{id}`: forms, which are sent back to their own address.
    pub fn pages(&self) -> Router {
        Router::new()
            .route("/checkout/{id}", get(checkout).post(pay_checkout))
            .route("/invoice/{id}", get(invoice).post(pay_invoice))
            .route("/invoice/{id}/pdf", get(invoice_pdf))
            .route("/portal/{id}", get(portal).post(press_portal_button))
            .with_state(self.clone())
    }

    /// What a page is about, as it is now.
    pub(crate) fn page_object(&self, kind: &str, id: &str) -> Option<Value> {
        self.with(|core| {
            core.tick();
            core.find(kind, id).cloned()
        })
    }

    fn name_of_price(&self, session: &str) -> String {
        let core = self.core();
        let side = core.side(session);
        let prices = side["items"].as_array().into_iter().flatten().map(|item| item["price"].as_str());
        let names: Vec<_> = prices.map(|price| core.name_of(&core.object(price.unwrap_or_default()))).collect();
        names.join(", ")
    }
}

pub fn money(amount: &Value, currency: &Value) -> String {
    let cents = amount.as_i64().unwrap_or_default();
    format!("{}.{:02} {}", cents / 100, cents % 100, currency.as_str().unwrap_or_default().to_uppercase())
}

pub fn page(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, [(header::CONTENT_SECURITY_POLICY, POLICY)], Html(text)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

pub fn see_other(url: &str) -> Response {
    let location = HeaderValue::try_from(url).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// A card's number without its spaces, if it is one.
pub fn card_of(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    (digits.len() >= 13 && digits.len() <= 19 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

fn checkout_page(stripe: &Stripe, session: &Value, status: StatusCode, error: &str) -> Response {
    let id = session["id"].as_str().unwrap_or_default();
    let name = stripe.name_of_price(id);
    page(
        status,
        &PayPage {
            title: &name,
            amount: money(&session["amount_total"], &session["currency"]),
            error,
            cancel_url: session["cancel_url"].as_str().unwrap_or_default(),
            is_open: session["status"] == "open",
            state: session["status"].as_str().unwrap_or_default(),
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
        return checkout_page(&stripe, &session, refused, "This is no card number.");
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
    page(
        status,
        &PayPage {
            title: "Invoice",
            amount: money(&invoice["amount_due"], &invoice["currency"]),
            error,
            cancel_url: "",
            is_open: invoice["status"] == "open",
            state: invoice["status"].as_str().unwrap_or_default(),
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
    let Some(card) = card_of(&form.card) else { return invoice_page(&invoice, refused, "This is no card number.") };
    if card == DECLINED {
        return invoice_page(&invoice, refused, "Your card was declined. Try another one.");
    }
    stripe.with(|core| {
        core.attach_card(invoice["customer"].as_str().unwrap_or_default(), &card, &invoice["currency"]);
        core.attempt(&id, first_outcome(&card));
    });
    see_other(&id)
}
