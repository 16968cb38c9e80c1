//! The API: authentication, the choice of the call, its answer.

use crate::call::Call;
use crate::error::ApiError;
use crate::lists::lists;
use crate::params::Params;
use crate::refusals::operation_of;
use crate::stripe::Stripe;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use serde_json::Value;

impl Stripe {
    /// The API under `/v1`.
    pub fn api(&self) -> Router {
        Router::new().fallback(call).with_state(self.clone())
    }
}

async fn call(State(stripe): State<Stripe>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let answer = stripe.with(|core| {
        core.tick();
        let bearer = text("authorization").strip_prefix("Bearer ").unwrap_or_default();
        if bearer != core.settings.secret_key {
            return Err(ApiError { status: 401, ..ApiError::invalid("Invalid API Key provided") });
        }
        let version = text("stripe-version");
        if !version.is_empty() && version != crate::settings::API_VERSION {
            return Err(ApiError::invalid(format!("Invalid Stripe API version: {version}")));
        }
        let body = String::from_utf8_lossy(&body);
        let parameters = if method == Method::GET { uri.query().unwrap_or_default() } else { &body };
        let key = Some(text("idempotency-key")).filter(|key| !key.is_empty() && method == Method::POST);
        let mut params = Params::parse(parameters)?;
        // The same parameters in another order are the same call.
        let made = format!("{method} {} {params:?}", uri.path());
        if let Some(key) = key
            && let Some(answer) = core.replayed(key, &made)?
        {
            return Ok((answer, true));
        }
        if let Some(fault) = core.refusal(&operation_of(method.as_str(), uri.path())) {
            return Err(fault);
        }
        let expand = params.list("expand");
        let path: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
        let call = Call { method: &method, path: path.get(1..).unwrap_or_default(), params };
        let done = match lists(core, &call) {
            Some(list) => list,
            None => call.run(core),
        };
        let answer = match done.and_then(|answer| core.expanded(answer, &expand)) {
            Ok(answer) => (200, core.with_links(answer)),
            // A payment that failed was attempted: its refusal is stored as the answer to this key.
            Err(fault) if fault.status == 402 => (402, fault.body()),
            Err(fault) => return Err(fault),
        };
        if let Some(key) = key {
            core.remember(key, &made, &answer);
        }
        Ok((answer, false))
    });
    let request_id = stripe.core().new_id("req");
    let mut response = match answer {
        Err(fault) => fault.into_response(),
        Ok(((status, body), is_replayed)) => respond(status, &body, is_replayed),
    };
    response
        .headers_mut()
        .extend(HeaderValue::try_from(request_id).map(|id| (header::HeaderName::from_static("request-id"), id)));
    response.headers_mut().insert("stripe-version", HeaderValue::from_static(crate::settings::API_VERSION));
    response
}

fn respond(status: u16, body: &Value, is_replayed: bool) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response();
    if is_replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}
