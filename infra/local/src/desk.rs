//! `/_local`: the desk from which people (HTML) and tests (JSON) look at the stack and move it.

use crate::TABLE_PREFIX;
use crate::ai::{self, FakeModel, ScriptedAnswer};
use crate::clock::LocalClock;
use crate::drawer::{DrawerError, each_page, request_of, table_items};
use crate::faults::{Fault, Wire};
use crate::providers::{Account, Providers};
use crate::pump::{PumpError, Pumps};
use crate::queues::{Depth, Queue};
use crate::schedules::{SCHEDULES, Schedules};
use crate::standins::{Mail, Standins};
use crate::{moved_clock, s3, stripe_dashboard, stripe_desk};
use askama::Template;
use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, Query, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use dynoxide::Database;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tollgate_domain::RequestId;
use tollgate_domain::user::IdentityProvider;
use tollgate_http::{ApiError, FieldError};
use tollgate_platform::random_bytes;
use tollgate_store::schema::TABLES;
use tollgate_stripe_standin::{Listed, Refusal, Stripe};

/// What the desk looks at.
#[derive(Clone)]
pub struct Desk {
    /// Where the stack listens.
    pub base_url: String,
    /// Mails, queues, secrets.
    pub standins: Standins,
    /// Google and GitHub.
    pub providers: Providers,
    /// The event sources.
    pub pumps: Arc<Pumps>,
    /// The wire.
    pub wire: Wire,
    /// The clock.
    pub clock: LocalClock,
    /// The tables.
    pub database: Database,
    /// Where they are reached as DynamoDB is.
    pub tables_url: String,
    /// Where the other fakes of AWS are served.
    pub aws_url: String,
    /// For tokens.
    pub auth: tollgate_auth::State,
    /// Stripe, where it is the stand-in.
    pub stripe: Option<Stripe>,
    /// The schedules.
    pub schedules: Schedules,
    /// The chat model.
    pub model: FakeModel,
}

/// How many mails the page shows, the newest.
const MAILS_SHOWN: u64 = 100;
/// How long a drain may take.
const DRAIN: Duration = Duration::from_secs(30);

/// What goes wrong at the desk, told as everywhere else.
pub struct Refused(ApiError);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let request = RequestId::new(Timestamp::UNIX_EPOCH, random_bytes());
        if let Some(cause) = self.0.cause() {
            tracing::error!(cause, "desk");
        }
        let body = self.0.body(&request).to_string();
        (self.0.status(), [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<DrawerError> for Refused {
    fn from(error: DrawerError) -> Self {
        Self(ApiError::Internal(error.to_string()))
    }
}

impl From<PumpError> for Refused {
    fn from(error: PumpError) -> Self {
        Self(ApiError::Internal(error.to_string()))
    }
}

pub type Answer<T = Json<Value>> = Result<T, Refused>;

impl Desk {
    /// Its routes.
    pub fn router(self) -> Router {
        let providers = self.providers.clone().router();
        let stripe = self.stripe.clone();
        let shows_clock = from_fn_with_state(self.clock.clone(), moved_clock::show);
        let model = Router::new().route("/chat/completions", post(ai::complete)).with_state(self.model.clone());
        let files = Router::new().fallback(file).with_state(self.clone());
        let desk = Router::new()
            .route("/_local", get(page))
            .route("/_local/emails", get(mails).delete(clear_mails))
            .route("/_local/queues", get(queues))
            .route("/_local/queues/{name}/redrive", post(redrive))
            .route("/_local/drain", post(drain))
            .route("/_local/clock", get(clock).post(move_clock))
            .route("/_local/clock/back", post(go_back))
            .route("/_local/schedules/{name}/run", post(run_schedule))
            .route("/_local/tables/{name}", get(table))
            .route("/_local/tokens", post(token))
            .route("/_local/faults", post(add_fault).delete(clear_faults))
            .route("/_local/ai", get(model_requests).post(script_model))
            .route("/_local/google/accounts", post(google_account))
            .route("/_local/github/accounts", post(github_account))
            .merge(stripe_desk::routes())
            .merge(stripe_dashboard::routes())
            .route("/_local/{*path}", axum::routing::any(nothing))
            .method_not_allowed_fallback(async || Refused(ApiError::MethodNotAllowed))
            .with_state(self)
            .merge(providers)
            .layer(from_fn(guard))
            // What functions and browsers call: not the console's.
            .nest(ai::PATH, model)
            .nest_service(s3::PATH, files);
        let all = match stripe {
            // The functions' way to Stripe, and Stripe's pages: not the desk's.
            Some(stripe) => desk.nest_service("/_stripe", stripe.pages().fallback_service(stripe.api())),
            None => desk,
        };
        all.layer(shows_clock)
    }
}

async fn model_requests(State(desk): State<Desk>) -> Json<Value> {
    Json(json!({"items": desk.model.requests()}))
}

/// What the chat model is to answer.
#[derive(Deserialize)]
struct Script {
    answers: Vec<ScriptedAnswer>,
}

async fn script_model(State(desk): State<Desk>, headers: HeaderMap, bytes: Bytes) -> Answer {
    let script: Script = body(&headers, &bytes)?;
    let count = script.answers.len();
    desk.model.script(script.answers);
    Ok(Json(json!({"answers": count})))
}

/// A file, for a browser.
async fn file(State(desk): State<Desk>, uri: OriginalUri, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    let s3 = s3::FakeS3 { drawer: desk.standins.drawer.clone(), clock: desk.clock.clone() };
    let call = s3::Call { method: &method, uri: &uri, headers: &headers, body: &body };
    // Whose signature it is, by the name of the function.
    let signer = |key: &str| ["admin", "reports"].into_iter().find(|function| *function == key);
    s3.answer(&call, |key, action| signer(key).is_some_and(|function| desk.wire.of(function).allows_file(action)))
}

/// Whether `authority` is this machine, by a name or an address of its own.
fn is_this_machine(authority: &str) -> bool {
    let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    name == "localhost" || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a request comes from this machine alone: from no site that gave its own name to this address (DNS rebinding),
/// from no page of another site whose form leads here. A page without a referrer names no origin in its forms; then the
/// browser's own word counts.
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
        return Refused(ApiError::Forbidden).into_response();
    }
    let policy = match request.uri().path().starts_with("/_local") {
        true => tollgate_http::CONTENT_SECURITY_POLICY,
        // A provider's form leads to the callback, which leads on to the front end, wherever that is.
        false => "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'",
    };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

async fn nothing() -> Refused {
    Refused(ApiError::NotFound)
}

/// The body as JSON or as the page's own form; none at all counts as `{}`.
pub fn body<T: DeserializeOwned>(headers: &HeaderMap, bytes: &Bytes) -> Result<T, Refused> {
    let wrong = |text: String| Refused(ApiError::Validation(FieldError::new("", text)));
    if is_form(headers) {
        return serde_urlencoded::from_bytes(bytes).map_err(|error| wrong(error.to_string()));
    }
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    let value: Value = serde_json::from_slice(text).map_err(|_| Refused(ApiError::InvalidJson))?;
    serde_json::from_value(value).map_err(|error| wrong(error.to_string()))
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/x-www-form-urlencoded")
}

/// JSON for a program, the desk again for a person's button.
pub fn done(headers: &HeaderMap, value: Value) -> Response {
    if is_form(headers) { Redirect::to("/_local").into_response() } else { Json(value).into_response() }
}

#[derive(Template)]
#[template(path = "desk.html")]
struct DeskPage {
    base_url: String,
    now: String,
    /// How far the clock is ahead, where it was moved, and whether it can go back.
    ahead: Option<(String, bool)>,
    mails: Vec<Mail>,
    queues: Vec<Value>,
    tables: Vec<&'static str>,
    subscriptions: Vec<Value>,
    refusals: Vec<Refusal>,
}

async fn page(State(desk): State<Desk>, headers: HeaderMap) -> Answer<Response> {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.starts_with("application/json") {
        let now = desk.clock.now();
        let emails = desk.standins.mail_count()?;
        let about = json!({
            "now": now, "emails": emails, "queues": desk.depths(), "tables_url": desk.tables_url, "aws_url": desk.aws_url,
            "table_prefix": TABLE_PREFIX,
        });
        return Ok(Json(about).into_response());
    }
    let queues = desk.depths().into_iter().map(|depth| json!(depth)).collect();
    let tables = TABLES.iter().map(|table| table.name).collect();
    let now = desk.clock.now().strftime("%A, %-d %B %Y, %H:%M:%S UTC").to_string();
    let stripe = desk.stripe.as_ref();
    let subscriptions = stripe.map(|stripe| stripe.list(Listed::Subscriptions)).unwrap_or_default();
    let refusals = stripe.map(Stripe::refusals).unwrap_or_default();
    let mails = desk.standins.newest_mails(MAILS_SHOWN)?;
    let ahead = moved_clock::ahead(&desk.clock).map(|ahead| desk.can_go_back().map(|can| (ahead, can))).transpose()?;
    let page = DeskPage { base_url: desk.base_url, now, ahead, mails, queues, tables, subscriptions, refusals };
    page.render().map(|text| Html(text).into_response()).map_err(|error| Refused(ApiError::Internal(error.to_string())))
}

impl Desk {
    fn depths(&self) -> Vec<Depth> {
        self.standins.queues.iter().map(Queue::depth).collect()
    }
}

#[derive(Deserialize)]
struct MailQuery {
    to: Option<String>,
}

async fn mails(State(desk): State<Desk>, Query(query): Query<MailQuery>) -> Answer {
    let mails = match &query.to {
        Some(to) => desk.standins.mails_to(to)?,
        None => desk.standins.mails()?,
    };
    Ok(Json(json!({"items": mails})))
}

async fn clear_mails(State(desk): State<Desk>) -> Answer<StatusCode> {
    desk.standins.clear_mails()?;
    Ok(StatusCode::NO_CONTENT)
}

async fn queues(State(desk): State<Desk>) -> Json<Value> {
    Json(json!({"items": desk.depths()}))
}

async fn redrive(State(desk): State<Desk>, Path(name): Path<String>, headers: HeaderMap) -> Answer<Response> {
    let queue = desk.standins.queues.iter().find(|queue| queue.name() == name).ok_or(ApiError::NotFound)?;
    Ok(done(&headers, json!({"redriven": queue.redrive()?})))
}

async fn drain(State(desk): State<Desk>, headers: HeaderMap) -> Answer<Response> {
    match tokio::time::timeout(DRAIN, desk.pumps.drain()).await {
        Ok(handled) => {
            let handled = handled?;
            desk.schedules.count_before_next_read();
            Ok(done(&headers, json!({"handled": handled})))
        }
        Err(_) => Ok((StatusCode::GATEWAY_TIMEOUT, Json(json!({"queues": desk.depths()}))).into_response()),
    }
}

async fn clock(State(desk): State<Desk>) -> Json<Value> {
    Json(json!({"now": desk.clock.now(), "ahead_seconds": desk.clock.offset().as_secs()}))
}

/// What is to be done where the clock cannot go back.
const NEW_FOLDER: &str = "What is stored relies on the moved clock. To be at the machine's own time again, start with a new \
                          data folder: cargo run -- --data .tollgate-now";

impl Desk {
    fn can_go_back(&self) -> Result<bool, Refused> {
        Ok(!moved_clock::is_relied_on(&self.database, &self.clock)?)
    }
}

/// Takes every move of the clock back, where nothing relies on it.
async fn go_back(State(desk): State<Desk>, headers: HeaderMap) -> Answer<Response> {
    if !desk.can_go_back()? {
        return Ok((StatusCode::CONFLICT, Json(json!({"detail": NEW_FOLDER}))).into_response());
    }
    desk.clock.go_back();
    desk.standins.drawer.delete("stack", "clock")?;
    desk.schedules.begin_anew()?;
    desk.schedules.count_before_next_read();
    Ok(done(&headers, json!({"now": desk.clock.now()})))
}

#[derive(Deserialize)]
struct Move {
    advance_seconds: i64,
}

async fn move_clock(State(desk): State<Desk>, headers: HeaderMap, bytes: Bytes) -> Answer<Response> {
    let Move { advance_seconds } = body(&headers, &bytes)?;
    let farthest = SignedDuration::from_hours(24 * 3660).as_secs();
    if !(0..=farthest).contains(&advance_seconds) {
        let field = FieldError::new("advance_seconds", "advance_seconds is a number of seconds from 0 to ten years.");
        return Err(ApiError::Validation(field).into());
    }
    desk.clock.advance(SignedDuration::from_secs(advance_seconds));
    desk.standins.drawer.put("stack", "clock", &desk.clock.offset().as_secs())?;
    if let Some(stripe) = &desk.stripe {
        stripe.tick();
    }
    desk.schedules.catch_up().await;
    for table in TABLES {
        if let Some(ttl) = table.ttl {
            desk.expire(table.name, ttl)?;
        }
    }
    Ok(done(&headers, json!({"now": desk.clock.now()})))
}

impl Desk {
    /// What DynamoDB does within days: takes out the items whose time has passed.
    fn expire(&self, table: &str, ttl: &str) -> Result<(), Refused> {
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
                        .map_err(|error| Refused(ApiError::Internal(error.to_string())))?;
                }
            }
            Ok(())
        })
    }
}

async fn run_schedule(State(desk): State<Desk>, Path(name): Path<String>, headers: HeaderMap) -> Answer<Response> {
    if !SCHEDULES.iter().any(|(known, _)| *known == name) {
        return Err(ApiError::NotFound.into());
    }
    Ok(done(&headers, desk.schedules.run(&name).await.map_err(ApiError::Internal)?))
}

async fn table(State(desk): State<Desk>, Path(name): Path<String>) -> Answer {
    let known = TABLES.iter().find(|table| table.name == name).ok_or(ApiError::NotFound)?;
    Ok(Json(json!({"items": table_items(&desk.database, known.name)?})))
}

#[derive(Deserialize)]
struct Token {
    header: Value,
    claims: Value,
}

async fn token(State(desk): State<Desk>, headers: HeaderMap, bytes: Bytes) -> Answer {
    let Token { header, claims } = body(&headers, &bytes)?;
    let token = desk.auth.sign_for_desk(header, claims).await?;
    Ok(Json(json!({"token": token.expose()})))
}

async fn google_account(desk: State<Desk>, headers: HeaderMap, bytes: Bytes) -> Answer<(StatusCode, Json<Account>)> {
    let account = desk.providers.put_account(IdentityProvider::Google, body(&headers, &bytes)?)?;
    Ok((StatusCode::CREATED, Json(account)))
}

async fn github_account(desk: State<Desk>, headers: HeaderMap, bytes: Bytes) -> Answer<(StatusCode, Json<Account>)> {
    let account = desk.providers.put_account(IdentityProvider::Github, body(&headers, &bytes)?)?;
    Ok((StatusCode::CREATED, Json(account)))
}

async fn add_fault(State(desk): State<Desk>, headers: HeaderMap, bytes: Bytes) -> Answer<(StatusCode, Json<Value>)> {
    let fault: Fault = body(&headers, &bytes)?;
    if !desk.wire.add(fault.clone()) {
        let field = FieldError::new("operation", "No function calls this operation of this service.");
        return Err(ApiError::Validation(field).into());
    }
    Ok((StatusCode::CREATED, Json(json!(fault))))
}

async fn clear_faults(State(desk): State<Desk>) -> StatusCode {
    desk.wire.clear();
    StatusCode::NO_CONTENT
}
