//! The `pages` function: the account pages, the dashboard, the documentation, and the 404 for every unknown path. Static,
//! compressed at build; it calls no other service.
//!
//! It touches nothing, and cannot name the tables, because its manifest has no store:
//!
//! ```
//! use tollgate_http::Conventions;
//! ```
//!
//! ```compile_fail
//! use tollgate_store::ProfileOf;
//! ```

mod config;
mod offer;
mod product;
/// The part of the build that checks texts, for its tests.
#[cfg(test)]
#[path = "../build/texts.rs"]
mod texts;

pub use config::Config;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use offer::Offer;
use tollgate_domain::language::{preferred, primary};
use tollgate_http::{
    ApiError, Conventions, Description, RouterOf, Routes, header_text, prefers_html, requested_languages, routes,
};
use tollgate_platform::Clock;
use utoipa::openapi::OpenApi;

/// A file of `web/`.
struct Asset {
    /// The path below `web/`.
    path: &'static str,
    content_type: &'static str,
    etag: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
}

/// The paths that the gateway routes here in addition to those of the OpenAPI document.
pub const FILE_PATHS: &[&str] = &["/account/{proxy+}", "/dashboard/{proxy+}", "/docs/{proxy+}"];

const ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));
/// The languages of the account pages: the folders of `languages/`.
const LANGUAGES: &[&str] = include!(concat!(env!("OUT_DIR"), "/languages.rs"));
/// The language of a browser that asks for none of them.
const FIRST: &str = "en";
/// The page that every view of the account starts from; there is one in each language.
const ACCOUNT: &str = "account/index";
/// The page that every view of the dashboard starts from.
const DASHBOARD: &str = "dashboard/index.html";
/// The OpenAPI document of a deployment without billing; the build makes it.
const WITHOUT_BILLING: &str = "openapi-without-billing.json";
/// The paths of billing: without it the gateway has no routes for them, and they lead here.
const BILLING: &str = "/billing/{*path}";
/// The page for a browser that requests an unknown path, in each language.
const NOT_FOUND: &str = "account/not-found";
/// The views of the account below `/account`. `main.js` shows the same ones.
const VIEWS: [&str; 13] = [
    "sign-in", "register", "code", "verify", "forgot", "security", "billing", "email", "methods", "sessions",
    "password", "close", "delete",
];

/// The pages of the dashboard below `/dashboard`; `*` is any one id. `main.js` shows the same ones.
const DASHBOARD_VIEWS: [&str; 9] =
    ["users", "users/*", "subscriptions", "payments", "plans", "audit", "reports", "reports/*", "system"];

/// Every path of this function.
pub fn router(config: Config, clock: Clock) -> Router {
    let conventions = Conventions { origins: config.origins.clone(), clock, proxy: None };
    let offer = config.offer;
    let files = operations(RouterOf::new(&offer))
        .into_router()
        .route("/account/product.json", get(async move |requested| product::read(&config, requested)))
        .route("/account/{*path}", get(account_file))
        .route("/dashboard/{*path}", get(dashboard_file))
        .route("/docs/{*path}", get(docs_file));
    let files = if offer.billing { files } else { files.route(BILLING, any(async || ApiError::NotEnabled)) };
    conventions.serve(files.route("/{*path}", any(unknown)).with_state(offer))
}

/// This function's part of the OpenAPI document.
#[must_use]
pub fn openapi() -> OpenApi {
    operations(Description::default()).into_openapi()
}

fn operations<R: Routes<Offer>>(list: R) -> R {
    routes![list; root, change_password, account, dashboard, admin, docs, openapi_document]
}

/// Redirects the start page.
#[utoipa::path(get, path = "/", tag = "Service", responses((status = 303, description = "To `/account`")))]
async fn root() -> Redirect {
    Redirect::to("/account")
}

/// Redirects password managers to the page that changes a password.
#[utoipa::path(
    get, path = "/.well-known/change-password", operation_id = "change_password_page", tag = "Service",
    responses((status = 302, description = "To `/account/password`"))
)]
async fn change_password() -> Response {
    (StatusCode::FOUND, [(header::LOCATION, "/account/password")]).into_response()
}

/// The account pages.
#[utoipa::path(
    get, path = "/account", tag = "Service",
    responses((status = 200, description = "A page", content_type = "text/html", body = String),
        (status = 304, description = "As `if-none-match` names it"))
)]
async fn account(headers: HeaderMap) -> Response {
    serve_in_language(ACCOUNT, &headers)
}

/// The admin dashboard.
#[utoipa::path(
    get, path = "/dashboard", tag = "Service",
    responses((status = 200, description = "A page", content_type = "text/html", body = String),
        (status = 304, description = "As `if-none-match` names it"))
)]
async fn dashboard(headers: HeaderMap) -> Response {
    serve(DASHBOARD, None, &headers)
}

/// Redirects the usual address of a dashboard.
#[utoipa::path(
    get, path = "/admin", operation_id = "admin_page", tag = "Service",
    responses((status = 303, description = "To `/dashboard`"))
)]
async fn admin() -> Redirect {
    Redirect::to("/dashboard")
}

/// A page that shows this document.
#[utoipa::path(
    get, path = "/docs", tag = "Service",
    responses((status = 200, description = "A page", content_type = "text/html", body = String),
        (status = 304, description = "As `if-none-match` names it"))
)]
async fn docs(headers: HeaderMap) -> Response {
    serve("docs/index.html", None, &headers)
}

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "Service",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value),
        (status = 304, description = "As `if-none-match` names it"))
)]
async fn openapi_document(State(offer): State<Offer>, headers: HeaderMap) -> Response {
    serve(if offer.billing { "openapi.json" } else { WITHOUT_BILLING }, None, &headers)
}

/// A file, or for the name of a view the page itself: its views have their own addresses.
async fn account_file(
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Ok(Path(path)) = path else { return not_found(&headers) };
    if VIEWS.contains(&path.as_str()) {
        serve_in_language(ACCOUNT, &headers)
    } else {
        serve(&format!("account/{path}"), query.as_deref(), &headers)
    }
}

async fn dashboard_file(
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Ok(Path(path)) = path else { return not_found(&headers) };
    let is_view = |view: &&str| match view.strip_suffix('*') {
        Some(list) => path.strip_prefix(list).is_some_and(|id| !id.is_empty() && !id.contains('/')),
        None => path == **view,
    };
    if DASHBOARD_VIEWS.iter().any(is_view) {
        serve(DASHBOARD, None, &headers)
    } else {
        serve(&format!("dashboard/{path}"), query.as_deref(), &headers)
    }
}

async fn docs_file(
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Ok(Path(path)) = path else { return not_found(&headers) };
    serve(&format!("docs/{path}"), query.as_deref(), &headers)
}

/// An unknown path.
async fn unknown(method: Method, headers: HeaderMap) -> Response {
    let is_read = method == Method::GET || method == Method::HEAD;
    if is_read { not_found(&headers) } else { ApiError::NotFound.into_response() }
}

/// A page with links for a browser, the problem for a client.
fn not_found(request: &HeaderMap) -> Response {
    let path = in_language(NOT_FOUND, request);
    let page = ASSETS.iter().find(|asset| asset.path == path).filter(|_| prefers_html(request));
    let Some(page) = page else { return ApiError::NotFound.into_response() };
    let (kind, vary) = (HeaderValue::from_static(page.content_type), HeaderValue::from_static(VARY_IN_LANGUAGE));
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, kind), (header::VARY, vary)], page.plain).into_response()
}

/// The path of the page in the language that the browser asks for, or that was chosen in it.
fn in_language(page: &str, request: &HeaderMap) -> String {
    let known = |tag: &str| LANGUAGES.iter().find(|language| language.eq_ignore_ascii_case(primary(tag)));
    let language = preferred(&requested_languages(request), known).unwrap_or(&FIRST);
    format!("{page}.{language}.html")
}

/// A page that exists in each language.
fn serve_in_language(page: &str, request: &HeaderMap) -> Response {
    let mut response = serve(&in_language(page, request), None, request);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static(VARY_IN_LANGUAGE));
    response
}

/// What a page that exists in each language depends on.
const VARY_IN_LANGUAGE: &str = "accept-encoding, accept-language, cookie, origin";

/// A file. At an address with its version it never changes; at another one a browser checks it each time.
fn serve(path: &str, query: Option<&str>, request: &HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.path == path) else { return not_found(request) };
    let text = |name| header_text(request, name);
    let is_gzip = text(header::ACCEPT_ENCODING).split(',').any(takes_gzip);
    // A tag names one representation: the compressed one has its own.
    let etag = if is_gzip { format!("\"{}-gzip\"", asset.etag) } else { format!("\"{}\"", asset.etag) };
    let is_known = text(header::IF_NONE_MATCH).split(',').any(|known| known.trim().trim_start_matches("W/") == etag);
    let mut response = match (is_known, is_gzip) {
        (true, _) => StatusCode::NOT_MODIFIED.into_response(),
        (false, true) => asset.gzip.into_response(),
        (false, false) => asset.plain.into_response(),
    };
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    if !is_known {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
        if is_gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }
    let is_this_version = query.and_then(|query| query.strip_prefix("v=")) == Some(asset.etag);
    let caching = if is_this_version { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    // In one header: Lambda's response has one value for each name.
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding, origin"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

/// Whether one entry of `accept-encoding` accepts gzip.
fn takes_gzip(entry: &str) -> bool {
    let (name, quality) = entry.split_once(';').unwrap_or((entry, ""));
    let refused = quality.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse().is_ok_and(|q: f32| q == 0.0));
    name.trim().eq_ignore_ascii_case("gzip") && !refused
}

#[cfg(test)]
mod tests;
