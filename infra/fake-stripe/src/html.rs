//! What the pages share: amounts and dates in words, an answer, a card's number.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action *; base-uri 'none'; frame-ancestors 'none'";

/// "19.00 USD".
pub fn money(amount: &Value, currency: &Value) -> String {
    let cents = amount.as_i64().unwrap_or_default();
    format!("{}.{:02} {}", cents / 100, cents % 100, currency.as_str().unwrap_or_default().to_uppercase())
}

/// "1 May 2026".
pub fn date(seconds: &Value) -> String {
    let time = seconds.as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map(|time| time.strftime("%-d %B %Y").to_string()).unwrap_or_default()
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

/// A card's number without spaces, if it is valid.
pub fn card_of(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    (digits.len() >= 13 && digits.len() <= 19 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}
