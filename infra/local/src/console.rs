//! `/_local`: the dev console, in which people (HTML) and tests (JSON) inspect the stack and change its state.

use crate::TABLE_PREFIX;
use crate::ai::{self, FakeModel, ScriptedAnswer};
use crate::clock::LocalClock;
use crate::documents::{DatabaseError, each_page, request_of, table_items};
use crate::event_sources::{EventSourceError, EventSources};
use crate::fakes::Fakes;
use crate::faults::{Fault, FaultInjector, Kind, Service};
use crate::providers::{Account, Providers};
use crate::queues::{Depth, Queue};
use crate::schedules::{SCHEDULES, Schedules};
use crate::{console_page, inbox, moved_clock, s3, stripe_console, stripe_dashboard, table_reader};
use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, Query, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use dynoxide::Database;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tollgate_domain::RequestId;
use tollgate_domain::user::IdentityProvider;
use tollgate_fake_stripe::Stripe;
use tollgate_http::{ApiError, FieldError};
use tollgate_platform::random_bytes;
use tollgate_store::schema::TABLES;

/// The state of the dev console.
#[derive(Clone)]
pub struct Console {
    /// Where the stack listens.
    pub base_url: String,
    /// Mails, queues, secrets.
    pub fakes: Fakes,
    /// Google and GitHub.
    pub providers: Providers,
    /// The event sources.
    pub event_sources: Arc<EventSources>,
    /// The fault injector.
    pub fault_injector: FaultInjector,
    /// The clock.
    pub clock: LocalClock,
    /// The tables.
    pub database: Database,
    /// The address of the tables' DynamoDB endpoint.
    pub tables_url: String,
    /// The address of the other fakes of AWS.
    pub aws_url: String,
    /// The random numbers for tokens.
    pub auth: tollgate_auth::State,
    /// Stripe, where it is the fake.
    pub stripe: Option<Stripe>,
    /// The schedules.
    pub schedules: Schedules,
    /// The chat model.
    pub model: FakeModel,
    /// The settings of the functions that `tollgate-ops` works with.
    pub environment: BTreeMap<&'static str, String>,
    /// The file of the functions' logs, if there is one.
    pub log: Option<PathBuf>,
}

/// How long a drain may take.
const DRAIN: Duration = Duration::from_secs(30);

/// An error of the dev console, as a problem document.
pub struct ConsoleError(ApiError);

impl IntoResponse for ConsoleError {
    fn into_response(self) -> Response {
        let request = RequestId::new(Timestamp::UNIX_EPOCH, random_bytes());
        if let Some(cause) = self.0.cause() {
            tracing::error!(cause, "request to the dev console failed");
        }
        let body = self.0.body(&request).to_string();
        (self.0.status(), [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}

impl From<ApiError> for ConsoleError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<DatabaseError> for ConsoleError {
    fn from(error: DatabaseError) -> Self {
        Self(ApiError::Internal(error.to_string()))
    }
}

impl From<EventSourceError> for ConsoleError {
    fn from(error: EventSourceError) -> Self {
        Self(ApiError::Internal(error.to_string()))
    }
}

pub type Answer<T = Json<Value>> = Result<T, ConsoleError>;

impl Console {
    /// Its routes.
    pub fn router(self) -> Router {
        let providers = self.providers.clone().router();
        let stripe = self.stripe.clone();
        let shows_clock = from_fn_with_state(self.clock.clone(), moved_clock::show);
        let model = Router::new().route("/chat/completions", post(ai::complete)).with_state(self.model.clone());
        let files = Router::new().fallback(file).with_state(self.clone());
        let console = Router::new()
            .route("/_local", get(page))
            .route("/_local/emails", get(mails).delete(clear_mails))
            .route("/_local/queues", get(queues))
            .route("/_local/queues/{name}/redrive", post(redrive))
            .route("/_local/drain", post(drain))
            .route("/_local/stream", post(read_stream))
            .route("/_local/clock", get(clock).post(move_clock))
            .route("/_local/clock/back", post(go_back))
            .route("/_local/schedules/{name}/run", post(run_schedule))
            .route("/_local/tables/{name}", get(table))
            .route("/_local/tokens", post(token))
            .route("/_local/faults", post(add_fault).delete(clear_faults))
            .route("/_local/ai", get(model_requests).post(script_model))
            .route("/_local/google/accounts", post(google_account))
            .route("/_local/github/accounts", post(github_account))
            .merge(console_page::routes())
            .merge(inbox::routes())
            .merge(table_reader::routes())
            .merge(stripe_console::routes())
            .merge(stripe_dashboard::routes())
            .route("/_local/{*path}", axum::routing::any(nothing))
            .method_not_allowed_fallback(async || ConsoleError(ApiError::MethodNotAllowed))
            .with_state(self)
            .merge(providers)
            .layer(from_fn(guard))
            // Functions and browsers call these; they are not part of the console.
            .nest(ai::PATH, model)
            .nest_service(s3::PATH, files);
        let all = match stripe {
            // The functions' Stripe endpoint, and Stripe's pages: they are not part of the dev console.
            Some(stripe) => console.nest_service("/_stripe", stripe.pages().fallback_service(stripe.api())),
            None => console,
        };
        all.layer(shows_clock)
    }
}

async fn model_requests(State(console): State<Console>) -> Json<Value> {
    Json(json!({"items": console.model.requests()}))
}

/// The scripted answer of the chat model.
#[derive(Deserialize)]
struct Script {
    answers: Vec<ScriptedAnswer>,
}

async fn script_model(State(console): State<Console>, headers: HeaderMap, bytes: Bytes) -> Answer {
    let script: Script = body(&headers, &bytes)?;
    let count = script.answers.len();
    console.model.script(script.answers);
    Ok(Json(json!({"answers": count})))
}

/// A file, for a browser.
async fn file(
    State(console): State<Console>,
    uri: OriginalUri,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let s3 = s3::FakeS3 { documents: console.fakes.documents.clone(), clock: console.clock.clone() };
    let call = s3::Call { method: &method, uri: &uri, headers: &headers, body: &body };
    // The access key, which is the function's name, says who signed.
    let signer = |key: &str| ["admin", "reports"].into_iter().find(|function| *function == key);
    s3.answer(&call, |key, action| {
        signer(key).is_some_and(|function| console.fault_injector.of(function).allows_file(action))
    })
}

/// Whether `authority` is this machine, by name or address.
fn is_this_machine(authority: &str) -> bool {
    let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    name == "localhost" || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a request comes from this machine only: from no site that pointed its own name at this address (DNS
/// rebinding), and from no page of another site whose form is sent here. A page without a referrer sends forms without
/// an origin; then `sec-fetch-site` decides.
fn is_own(headers: &HeaderMap) -> bool {
    let header = |name: &str| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    let from_here = match header("origin") {
        None => true,
        Some("null") => header("sec-fetch-site") == Some("same-origin"),
        Some(origin) => origin.strip_prefix("http://").is_some_and(is_this_machine),
    };
    header("host").is_some_and(is_this_machine) && from_here
}

async fn guard(request: Request, next: Next) -> Response {
    if !is_own(request.headers()) {
        return ConsoleError(ApiError::Forbidden).into_response();
    }
    let policy = match request.uri().path().starts_with("/_local") {
        true => tollgate_http::CONTENT_SECURITY_POLICY,
        // A provider's form leads to the callback, which redirects to the front end.
        false => "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'",
    };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(policy));
    response
}

async fn nothing() -> ConsoleError {
    ConsoleError(ApiError::NotFound)
}

/// The body as JSON or as the page's own form; an empty one counts as `{}`.
pub fn body<T: DeserializeOwned>(headers: &HeaderMap, bytes: &Bytes) -> Result<T, ConsoleError> {
    let wrong = |text: String| ConsoleError(ApiError::Validation(FieldError::new("", text)));
    if is_form(headers) {
        return serde_urlencoded::from_bytes(bytes).map_err(|error| wrong(error.to_string()));
    }
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    let value: Value = serde_json::from_slice(text).map_err(|_| ConsoleError(ApiError::InvalidJson))?;
    serde_json::from_value(value).map_err(|error| wrong(error.to_string()))
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/x-www-form-urlencoded")
}

/// JSON for a program; a redirect to the dev console for a person's button.
pub fn done(headers: &HeaderMap, value: Value) -> Response {
    if is_form(headers) { Redirect::to("/_local").into_response() } else { Json(value).into_response() }
}

async fn page(State(console): State<Console>, headers: HeaderMap) -> Answer<Response> {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.starts_with("application/json") {
        let now = console.clock.now();
        let emails = console.fakes.mail_count()?;
        let about = json!({
            "now": now, "emails": emails, "queues": console.depths(), "tables_url": console.tables_url, "aws_url": console.aws_url,
            "table_prefix": TABLE_PREFIX, "environment": console.environment, "files": s3::admin_credentials(),
            "log": console.log,
        });
        return Ok(Json(about).into_response());
    }
    Ok(console_page::page())
}

impl Console {
    fn depths(&self) -> Vec<Depth> {
        self.fakes.queues.iter().map(Queue::depth).collect()
    }
}

#[derive(Deserialize)]
struct MailQuery {
    to: Option<String>,
}

async fn mails(State(console): State<Console>, Query(query): Query<MailQuery>) -> Answer {
    let mails = match &query.to {
        Some(to) => console.fakes.mails_to(to)?,
        None => console.fakes.mails()?,
    };
    Ok(Json(json!({"items": mails})))
}

async fn clear_mails(State(console): State<Console>) -> Answer<StatusCode> {
    console.fakes.clear_mails()?;
    Ok(StatusCode::NO_CONTENT)
}

async fn queues(State(console): State<Console>) -> Json<Value> {
    Json(json!({"items": console.depths()}))
}

async fn redrive(State(console): State<Console>, Path(name): Path<String>, headers: HeaderMap) -> Answer<Response> {
    let queue = console.fakes.queues.iter().find(|queue| queue.name() == name).ok_or(ApiError::NotFound)?;
    Ok(done(&headers, json!({"redriven": queue.redrive()?})))
}

async fn drain(State(console): State<Console>, headers: HeaderMap) -> Answer<Response> {
    match tokio::time::timeout(DRAIN, console.event_sources.drain()).await {
        Ok(handled) => {
            let handled = handled?;
            console.schedules.count_before_next_read();
            Ok(done(&headers, json!({"handled": handled})))
        }
        Err(_) => Ok((StatusCode::GATEWAY_TIMEOUT, Json(json!({"queues": console.depths()}))).into_response()),
    }
}

/// Starts a read of the outbox's stream: another process, such as `tollgate-ops`, has written to the tables.
async fn read_stream(State(console): State<Console>) -> StatusCode {
    console.fault_injector.announce_write();
    StatusCode::ACCEPTED
}

async fn clock(State(console): State<Console>) -> Json<Value> {
    Json(json!({"now": console.clock.now(), "ahead_seconds": console.clock.offset().as_secs()}))
}

/// The instruction when the clock cannot be reset.
pub const NEW_FOLDER: &str = "What is stored relies on the moved clock. To be at the machine's own time again, start with a new \
                          data folder: cargo run -- --data .tollgate-now";

impl Console {
    fn can_go_back(&self) -> Result<bool, ConsoleError> {
        Ok(!moved_clock::is_relied_on(&self.database, &self.clock)?)
    }
}

/// Resets the clock, unless stored data depend on it.
async fn go_back(State(console): State<Console>, headers: HeaderMap) -> Answer<Response> {
    if !console.can_go_back()? {
        return Ok((StatusCode::CONFLICT, Json(json!({"detail": NEW_FOLDER}))).into_response());
    }
    console.clock.go_back();
    console.fakes.documents.delete("stack", "clock")?;
    console.schedules.begin_anew()?;
    console.schedules.count_before_next_read();
    Ok(done(&headers, json!({"now": console.clock.now()})))
}

#[derive(Deserialize)]
struct Move {
    advance_seconds: i64,
}

async fn move_clock(State(console): State<Console>, headers: HeaderMap, bytes: Bytes) -> Answer<Response> {
    let Move { advance_seconds } = body(&headers, &bytes)?;
    let farthest = SignedDuration::from_hours(24 * 3660).as_secs();
    if !(0..=farthest).contains(&advance_seconds) {
        let field = FieldError::new("advance_seconds", "advance_seconds is a number of seconds from 0 to ten years.");
        return Err(ApiError::Validation(field).into());
    }
    console.clock.advance(SignedDuration::from_secs(advance_seconds));
    console.fakes.documents.put("stack", "clock", &console.clock.offset().as_secs())?;
    if let Some(stripe) = &console.stripe {
        stripe.tick();
    }
    console.schedules.catch_up().await;
    for table in TABLES {
        if let Some(ttl) = table.ttl {
            console.expire(table.name, ttl)?;
        }
    }
    Ok(done(&headers, json!({"now": console.clock.now()})))
}

impl Console {
    /// Does what DynamoDB does within days: removes the items whose time to live has passed.
    fn expire(&self, table: &str, ttl: &str) -> Result<(), ConsoleError> {
        let spec = TABLES.iter().find(|spec| spec.name == table).ok_or(ApiError::NotFound)?;
        let now = self.clock.now().as_second();
        each_page(&self.database, table, |items| {
            for item in items {
                let end =
                    item.pointer(&format!("/{ttl}/N")).and_then(Value::as_str).and_then(|end| end.parse::<i64>().ok());
                if end.is_some_and(|end| end < now) {
                    let mut key = json!({spec.partition_key: item[spec.partition_key]});
                    if let Some(sort_key) = spec.sort_key {
                        key[sort_key] = item[sort_key].clone();
                    }
                    let request = request_of(json!({"TableName": format!("{TABLE_PREFIX}{table}"), "Key": key}))?;
                    self.database
                        .delete_item(request)
                        .map_err(|error| ConsoleError(ApiError::Internal(error.to_string())))?;
                }
            }
            Ok(())
        })
    }
}

async fn run_schedule(
    State(console): State<Console>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    if !SCHEDULES.iter().any(|(known, _)| *known == name) {
        return Err(ApiError::NotFound.into());
    }
    Ok(done(&headers, console.schedules.run(&name).await.map_err(ApiError::Internal)?))
}

async fn table(State(console): State<Console>, Path(name): Path<String>) -> Answer {
    // An earlier version had another name for the table `system`; both are answered.
    let name = if name == "desk" { "system" } else { &name };
    let known = TABLES.iter().find(|table| table.name == name).ok_or(ApiError::NotFound)?;
    Ok(Json(json!({"items": table_items(&console.database, known.name)?})))
}

#[derive(Deserialize)]
struct Token {
    header: Value,
    claims: Value,
}

async fn token(State(console): State<Console>, headers: HeaderMap, bytes: Bytes) -> Answer {
    let Token { header, claims } = body(&headers, &bytes)?;
    let token = console.auth.sign_for_console(header, claims).await?;
    Ok(Json(json!({"token": token.expose()})))
}

async fn google_account(
    console: State<Console>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<(StatusCode, Json<Account>)> {
    let account = console.providers.put_account(IdentityProvider::Google, body(&headers, &bytes)?)?;
    Ok((StatusCode::CREATED, Json(account)))
}

async fn github_account(
    console: State<Console>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<(StatusCode, Json<Account>)> {
    let account = console.providers.put_account(IdentityProvider::Github, body(&headers, &bytes)?)?;
    Ok((StatusCode::CREATED, Json(account)))
}

async fn add_fault(
    State(console): State<Console>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<(StatusCode, Json<Value>)> {
    let fault: Fault = body(&headers, &bytes)?;
    if !console.fault_injector.add(fault.clone()) {
        let field = FieldError::new("operation", "No function calls this operation of this service.");
        return Err(ApiError::Validation(field).into());
    }
    Ok((StatusCode::CREATED, Json(json!(fault))))
}

/// Which faults are removed; all of them without a service.
#[derive(Deserialize)]
struct FaultsToClear {
    service: Option<Service>,
    operation: Option<String>,
    kind: Option<Kind>,
}

async fn clear_faults(State(console): State<Console>, Query(wanted): Query<FaultsToClear>) -> StatusCode {
    let FaultsToClear { service, operation, kind } = wanted;
    match (service, kind) {
        (Some(service), Some(kind)) => console.fault_injector.remove(service, operation.as_deref(), kind),
        _ => drop(console.fault_injector.clear()),
    }
    StatusCode::NO_CONTENT
}
