//! The conventions that hold for every response: headers, problem bodies, origins, and one line of log for each request.

use crate::client_ip::{EdgeProxy, client_ip};
use crate::context::Arrival;
use crate::{ApiError, MAX_BODY_BYTES};
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::{HeaderName, HeaderValue, Method, header};
use std::any::Any;
use std::time::Duration;
use tollgate_domain::RequestId;
use tollgate_guard::RequestTime;
use tollgate_platform::{Clock, ConfigError, Origins, random_bytes};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer, ExposeHeaders};

/// The settings with which a function's router is served.
#[derive(Clone, Debug)]
pub struct Conventions {
    /// The origins from which browsers may call.
    pub origins: Origins,
    /// The current time.
    pub clock: Clock,
    /// The operator's own proxy, which names the client; `None` without one.
    pub proxy: Option<EdgeProxy>,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The headers that a browser may send from another origin: the contract's own, and those that tracing libraries add.
const ALLOWED_HEADERS: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
    HeaderName::from_static("sentry-trace"),
];

impl Conventions {
    /// Adds the conventions to `router`, whose fallbacks become the contract's 404 and 405.
    pub fn serve(self, router: Router) -> Router {
        let origins = self.origins.clone();
        let allowed =
            AllowOrigin::predicate(move |origin, _| origin.to_str().is_ok_and(|origin| origins.allow(origin)));
        let cors = CorsLayer::new()
            .allow_origin(allowed)
            .allow_credentials(true)
            .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
            .allow_headers(ALLOWED_HEADERS)
            .expose_headers(ExposeHeaders::list([
                REQUEST_ID,
                header::RETRY_AFTER,
                crate::error::RATELIMIT,
                crate::error::RATELIMIT_POLICY,
            ]))
            .max_age(Duration::from_secs(600))
            .vary([header::ORIGIN]);
        // One layer of several: axum boxes each layer, and clones all layers inside it for each request.
        router.fallback(not_found).method_not_allowed_fallback(method_not_allowed).layer((
            from_fn_with_state((self.clock, self.proxy), each_request),
            cors,
            CatchPanicLayer::custom(panicked),
            DefaultBodyLimit::max(MAX_BODY_BYTES),
        ))
    }
}

/// The router of a function with invalid settings (S16): 503 for every request, with the variable's name in the log, so
/// that the alarm on errors fires.
pub fn misconfigured(error: &ConfigError, clock: Clock) -> Router {
    let cause = format!("a setting is missing or wrong: {error}");
    let unavailable = async move || ApiError::Unavailable(cause);
    Router::new().fallback(unavailable).layer(from_fn_with_state((clock, None), each_request))
}

/// The contract's 404.
pub async fn not_found() -> ApiError {
    ApiError::NotFound
}

/// The contract's 405; the router adds `allow`.
pub async fn method_not_allowed() -> ApiError {
    ApiError::MethodNotAllowed
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    ApiError::Internal(format!("panic: {}", text.unwrap_or("without a text"))).into_response()
}

async fn each_request(
    State((clock, proxy)): State<(Clock, Option<EdgeProxy>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let now = clock.now();
    let request_id = RequestId::new(now, random_bytes());
    let ip = client_ip(&request, proxy).await;
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(Arrival { request_id, now, ip });
    request.extensions_mut().insert(RequestTime(now));
    let mut response = next.run(request).await;
    finish(&mut response, &request_id);
    let latency_ms = clock.now().duration_since(now).as_millis() as i64;
    let route = route.as_ref().map_or("-", MatchedPath::as_str);
    let status = response.status().as_u16();
    let error = ApiError::of(response.extensions());
    let code = error.as_ref().map(ApiError::code);
    match error.as_ref().and_then(ApiError::cause) {
        None => tracing::info!(%request_id, %method, route, status, code, latency_ms, "request"),
        Some(cause) => tracing::error!(%request_id, %method, route, status, code, latency_ms, cause, "request"),
    }
    response
}

fn finish(response: &mut Response, request_id: &RequestId) {
    if let Some(error) = ApiError::of(response.extensions()) {
        let body = Json(error.body(request_id)).into_response();
        *response.body_mut() = body.into_body();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(request_id.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let is_html = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_html {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    }
}

/// The policy of every HTML page: nothing inline, nothing foreign, in no frame.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    async fn ask(router: Router, path: &str) -> (http::response::Parts, serde_json::Value) {
        let request = http::Request::builder().uri(path).body(Body::empty()).unwrap();
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        (parts, serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap())
    }

    // S16
    #[tokio::test]
    async fn a_function_with_invalid_settings_answers_503_without_details() {
        let error = ConfigError::new("TABLE_PREFIX", "a name");
        let (parts, body) = ask(misconfigured(&error, Clock::system()), "/login").await;
        assert_eq!((parts.status.as_u16(), body["code"].as_str()), (503, Some("unavailable")));
        assert!(parts.headers.contains_key("retry-after") && !body.to_string().contains("TABLE_PREFIX"));
    }

    #[tokio::test]
    async fn a_panic_is_a_500_without_details_and_the_next_request_succeeds() {
        let routes =
            Router::new().route("/panic", axum::routing::get(async || -> &'static str { panic!("the inside") }));
        let conventions = Conventions { origins: Origins::of([]), clock: Clock::system(), proxy: None };
        let router = conventions.serve(routes);
        for _ in 0..2 {
            let (parts, body) = ask(router.clone(), "/panic").await;
            assert_eq!((parts.status.as_u16(), body["code"].as_str()), (500, Some("internal")));
            assert!(!body.to_string().contains("inside"));
        }
    }
}
