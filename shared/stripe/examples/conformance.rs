//! `cargo run -p tollgate-stripe --example conformance -- BASE_URL`: makes every call of the gateway once, at a server
//! that checks calls by Stripe's own description of its API. Prints one line for each; it fails if a call was refused
//! or not understood.
//!
//! `conformance BASE_URL altered`: every call again for each field of its answers, which is null, an unknown value or of another
//! type then, beside unknown fields: each is understood or is an answer that is not known. Nothing else happens.

#![allow(clippy::print_stdout)] // the purpose of this program

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_domain::billing::{Attempt, BillingPeriod, Catalogue, Checkout, Features, Plan, Subscription, Terms};
use tollgate_domain::{Email, PlanId, Secret, UserId};
use tollgate_platform::{Clock, Env, Outbound};
use tollgate_stripe::{Gateway, GatewayError, KEY_PERMISSIONS, Mode, NewCheckout, PriceChange, PriceChanged};
use tollgate_tokens::keys::{KeySource, SecretIds};

/// The key of the calls.
const KEY: &str = "sk_test_123";

/// Secrets Manager with one secret.
#[derive(Debug)]
struct Vault;

impl HttpConnector for Vault {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let answer = json!({"ARN": "arn:stripe", "Name": "stripe", "SecretString": KEY});
        HttpConnectorFuture::ready(answer_of(200, &answer))
    }
}

impl HttpClient for Vault {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Self)
    }
}

fn answer_of(status: u16, body: &Value) -> Result<HttpResponse, ConnectorError> {
    let answer = http::Response::builder().status(status).body(SdkBody::from(body.to_string())).map_err(failed)?;
    HttpResponse::try_from(answer).map_err(failed)
}

fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> ConnectorError {
    ConnectorError::user(error.into())
}

/// The client of stripe-mock: records the calls, and adds the parts of Stripe's answers that its samples lack.
#[derive(Debug, Clone)]
struct RecordingClient {
    plain: SharedHttpConnector,
    asked: Arc<Mutex<Vec<String>>>,
    /// The field of each answer that is altered, by its number, and the value in its place.
    altered: Arc<Mutex<Option<(usize, Value)>>>,
    /// The answers so far, by their requests, and the largest number of fields of one.
    held: Arc<Mutex<BTreeMap<String, (u16, Value)>>>,
    fields: Arc<Mutex<usize>>,
}

/// What may stand in the place of a field's value.
fn strange_values() -> [Value; 7] {
    [
        json!(null),
        json!("a_word_of_tomorrow"),
        json!(-1.5),
        json!(true),
        json!([null, 1, "x"]),
        json!({"id": 7}),
        json!(vec![json!({"id": null, "object": "another"}); 100]),
    ]
}

/// The places of all fields of a value.
fn places(value: &Value, place: &str, all: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), field)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    for (name, field) in inner {
        let place = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
        all.push(place.clone());
        places(field, &place, all);
    }
}

impl RecordingClient {
    fn new() -> Self {
        let plain = SharedHttpConnector::new(Connector::builder().build_http());
        let (asked, altered, held, fields) = (Arc::default(), Arc::default(), Arc::default(), Arc::default());
        Self { plain, asked, altered, held, fields }
    }

    fn alter(&self, altered: Option<(usize, Value)>) {
        *self.altered.lock().unwrap_or_else(PoisonError::into_inner) = altered;
    }

    fn fields(&self) -> usize {
        *self.fields.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer with the field that is to be altered, and with unknown fields.
    fn altered(&self, mut body: Value) -> Value {
        let altered = self.altered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut all = Vec::new();
        places(&body, "", &mut all);
        let mut most = self.fields.lock().unwrap_or_else(PoisonError::into_inner);
        *most = all.len().max(*most);
        let Some((number, value)) = altered else { return body };
        if let Some(place) = number.checked_rem(all.len()).and_then(|index| body.pointer_mut(&all[index])) {
            *place = value;
        }
        if let Some(fields) = body.as_object_mut() {
            fields.insert("a_field_of_tomorrow".to_owned(), json!({"deep": [1, null, "word"]}));
        }
        body
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn pass(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let path = request.uri().splitn(4, '/').nth(3).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default().to_owned();
        let asked = format!("{} /{path}", request.method());
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        let request_line = format!("{} {}", request.method(), request.uri());
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).get(&request_line).cloned();
        let (status, body) = match held {
            Some(held) => held,
            None => {
                let answer = self.plain.call(request).await?;
                let status = answer.status().as_u16();
                let body = answer.into_body().collect().await.map_err(failed)?;
                let mut body = serde_json::from_slice(&body.to_bytes()).map_err(failed)?;
                mend(&mut body);
                let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
                held.insert(request_line, (status, Value::clone(&body)));
                (status, body)
            }
        };
        answer_of(status, &self.altered(body))
    }
}

impl HttpConnector for RecordingClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().pass(request))
    }
}

/// The parts that the samples lack: the sample of an invoice's payment is not paid.
fn mend(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(mend),
        Value::Object(fields) => {
            fields.values_mut().for_each(mend);
            if fields.get("object").and_then(Value::as_str) == Some("invoice_payment") {
                fields.insert("amount_paid".to_owned(), json!(1900));
                fields.insert("payment".to_owned(), json!({"type": "payment_intent", "payment_intent": "pi_1"}));
            }
            if fields.get("object").and_then(Value::as_str) == Some("webhook_endpoint") {
                fields.entry("secret").or_insert(json!("whsec_1"));
            }
        }
        _ => {}
    }
}

/// The calls so far.
struct Conformance {
    recorder: RecordingClient,
    has_failed: bool,
    /// Whether the answers are altered, so that they need not be understood.
    is_altered: bool,
    calls: usize,
    unknown: usize,
}

impl Conformance {
    /// `done` is one call of the gateway, which makes this number of requests and returns the expected result.
    fn call<T: std::fmt::Debug>(
        &mut self,
        name: &str,
        asks: usize,
        done: Result<T, GatewayError>,
        is_expected: impl FnOnce(&T) -> bool,
    ) {
        let asked = self.recorder.take();
        self.calls += 1;
        if self.is_altered {
            match &done {
                Err(error) if !error.may_have_happened() => {
                    self.has_failed = true;
                    println!("{name}: {error} ({})", asked.join(", "));
                }
                _ => self.unknown += usize::from(done.is_err()),
            }
            return;
        }
        let verdict = match &done {
            Err(error) => format!("REFUSED {error}"),
            Ok(answer) if !is_expected(answer) => format!("UNEXPECTED {answer:?}"),
            Ok(_) if asked.len() != asks => format!("ASKED {} times", asked.len()),
            Ok(_) => "ok".to_owned(),
        };
        self.has_failed |= verdict != "ok";
        println!("{name}: {verdict} ({})", asked.join(", "));
    }
}

/// Every call with its answers as they are, then altered in each of their fields.
async fn altered(base_url: &str) -> Result<bool, Box<dyn Error>> {
    let recorder = RecordingClient::new();
    let mut all = conformance(base_url, recorder.clone(), None).await?;
    let values = strange_values();
    for round in 0..values.len() {
        for number in 0..recorder.fields() {
            let value = values[(number + round) % values.len()].clone();
            let run = conformance(base_url, recorder.clone(), Some((number, value))).await?;
            all = (all.0 && run.0, all.1 + run.1, all.2 + run.2);
        }
    }
    println!("{} calls with altered answers, {} of them not understood", all.1, all.2);
    Ok(all.0 && all.2 > 0)
}

/// Whether each call of the gateway is as expected, how many calls there were, and how many answers were not understood.
async fn conformance(
    base_url: &str,
    recorder: RecordingClient,
    altered: Option<(usize, Value)>,
) -> Result<(bool, usize, usize), Box<dyn Error>> {
    let clock = Clock::system();
    let sdk = tollgate_platform::aws::load(&Env::from_pairs([("AWS_REGION", "us-east-1")]))?
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("check", "check", None, None, "check")))
        .http_client(Vault)
        .build();
    let ids = SecretIds { stripe: Some("stripe".to_owned()), ..SecretIds::default() };
    let outbound = Outbound::over(SharedHttpConnector::new(recorder.clone()), &sdk);
    let stripe = Gateway::new(outbound, Arc::new(KeySource::new(ids, &sdk, clock.clone())), base_url);
    let is_altered = altered.is_some();
    let mut conformance =
        Conformance { recorder: recorder.clone(), has_failed: false, is_altered, calls: 0, unknown: 0 };
    recorder.alter(None);
    let Some(subscription) = subscription_of(&stripe, &recorder).await? else { return Ok((false, 0, 0)) };
    recorder.alter(altered);

    let now = clock.now();
    let attempt = Attempt { id: "attempt-of-the-check".to_owned(), started_at: now };
    let terms = Terms { price_cents: 1900, currency: "usd".parse()?, billing_period: BillingPeriod::Month };
    let plan = plan(now, &terms)?;
    call_plans(&stripe, &mut conformance, &plan, &attempt).await;
    call_checkouts(&stripe, &mut conformance, &plan, &attempt).await?;
    call_subscriptions(&stripe, &mut conformance, &subscription, &terms, now).await;
    call_lists(&stripe, &mut conformance, now).await;
    call_ends(&stripe, &mut conformance).await;
    set_up(&stripe, &mut conformance).await;
    Ok((!conformance.has_failed, conformance.calls, conformance.unknown))
}

/// The calls for plans: products and prices.
async fn call_plans(stripe: &Gateway, conformance: &mut Conformance, plan: &Plan, attempt: &Attempt) {
    let terms = &plan.terms;
    conformance.call("mode", 0, stripe.mode().await, |mode| *mode == Mode::Test);
    conformance.call("ensure_product", 1, stripe.ensure_product(plan).await, |()| true);
    // The product, its active prices, and the plan's own, which is not among them.
    conformance.call("show_plan", 3, stripe.show_plan(plan, &Catalogue::default()).await, |()| true);
    conformance.call("archive_product", 1, stripe.archive_product("prod_1").await, |()| true);
    conformance.call("create_price", 1, stripe.create_price("prod_1", terms, attempt).await, |id| !id.is_empty());
    conformance.call("price_of_attempt", 1, stripe.price_of_attempt("prod_1", attempt).await, Option::is_none);
    conformance.call("archive_price", 1, stripe.archive_price("price_1").await, |()| true);
}

/// The calls for customers and checkouts.
async fn call_checkouts(
    stripe: &Gateway,
    conformance: &mut Conformance,
    plan: &Plan,
    attempt: &Attempt,
) -> Result<(), Box<dyn Error>> {
    let (user, email) = (UserId::new(attempt.started_at, [2; 10]), Email::parse("ann@example.com")?);
    let checkout = Checkout {
        attempt: attempt.clone(),
        plan_id: plan.id,
        plan_code: plan.code.clone(),
        stripe_price_id: "price_1".to_owned(),
        trial_days: 14,
        session_id: None,
        url: None,
    };
    let new_checkout = NewCheckout {
        user: &user,
        customer: "cus_1",
        checkout: &checkout,
        success_url: "https://app.example/paid?session={CHECKOUT_SESSION_ID}",
        cancel_url: "https://app.example/left",
    };

    let made = stripe.create_customer(&user, &email, attempt).await;
    conformance.call("create_customer", 1, made, |id| !id.is_empty());
    conformance.call("customer_of_attempt", 1, stripe.customer_of_attempt(&email, attempt).await, Option::is_none);
    conformance.call("has_customer", 1, stripe.has_customer("cus_1").await, |exists| *exists);
    conformance.call("update_customer", 1, stripe.update_customer("cus_1", &email).await, |()| true);
    conformance.call("create_checkout", 1, stripe.create_checkout(new_checkout).await, |made| !made.id.is_empty());
    conformance.call("checkout_of_attempt", 1, stripe.checkout_of_attempt("cus_1", &checkout).await, Option::is_none);
    conformance.call("checkout", 1, stripe.checkout("cs_test_1").await, |found| !found.id.is_empty());
    conformance.call("expire_checkout", 1, stripe.expire_checkout("cs_test_1").await, |found| !found.id.is_empty());
    Ok(())
}

/// The calls for subscriptions.
async fn call_subscriptions(
    stripe: &Gateway,
    conformance: &mut Conformance,
    subscription: &Subscription,
    terms: &Terms,
    now: Timestamp,
) {
    let state = stripe.fetch_state("cus_1").await;
    conformance.call("fetch_state", 3, state, |state| !state.subscriptions.is_empty() && !state.invoices.is_empty());
    let change = PriceChange { subscription, price: "price_2", from: now, trial: None };
    conformance.call("preview", 1, stripe.preview(change).await, |preview| !preview.lines.is_empty());
    // The sample waits for a payment: its payments say why.
    let changed = stripe.change_price(change).await;
    conformance.call("change_price", 2, changed, |changed| matches!(changed, PriceChanged::Unpaid(_)));
    conformance.call("invoice_links", 1, stripe.invoice_links("in_1").await, |_| true);
    conformance.call("needs_consent", 1, stripe.needs_consent("in_1").await, |_| true);
    // The schedule, then its phases.
    conformance.call("schedule_price", 2, stripe.schedule_price(subscription, "price_2", terms).await, |()| true);
    let unmanaged = Subscription { schedule: None, ..subscription.clone() };
    conformance.call("schedule_price", 2, stripe.schedule_price(&unmanaged, "price_2", terms).await, |()| true);
    conformance.call("release", 1, stripe.release("sub_sched_1").await, |()| true);
    conformance.call("customer_of_charge", 1, stripe.customer_of_charge("ch_1").await, |_| true);
}

/// The lists.
async fn call_lists(stripe: &Gateway, conformance: &mut Conformance, now: Timestamp) {
    conformance.call("subscriptions", 1, stripe.subscriptions(None).await, |page| !page.items.is_empty());
    conformance.call("open_invoices", 1, stripe.open_invoices(None).await, |page| !page.items.is_empty());
    let invoices = stripe.invoices_since(now, Some("in_1".to_owned())).await;
    conformance.call("invoices_since", 1, invoices, |page| !page.items.is_empty());
    conformance.call("charges_since", 1, stripe.charges_since(now, None).await, |_| true);
    conformance.call("refunds_since", 1, stripe.refunds_since(now, None).await, |_| true);
    conformance.call("disputes_since", 1, stripe.disputes_since(now, None).await, |_| true);
    conformance.call("customers", 1, stripe.customers(None).await, |page| !page.items.is_empty());
    conformance.call("products", 1, stripe.products(None).await, |page| !page.items.is_empty());
    conformance.call("check_key", 1, stripe.check_key().await, |()| true);
    conformance.call("prices", 1, stripe.prices(None).await, |page| !page.items.is_empty());
}

/// The calls that end or resume a subscription, or refund it.
async fn call_ends(stripe: &Gateway, conformance: &mut Conformance) {
    conformance.call("cancel", 1, stripe.cancel("sub_1").await, |()| true);
    conformance.call("cancel_at_period_end", 1, stripe.cancel_at_period_end("sub_1").await, |()| true);
    // The sample subscription has a cancellation time.
    conformance.call("resume_paused", 1, stripe.resume_paused("sub_1").await, |_| true);
    conformance.call("resume", 2, stripe.resume("sub_1").await, |()| true);
    conformance.call("portal", 1, stripe.portal("cus_1", "https://app.example").await, |url| !url.is_empty());
    conformance.call("dispute_of_charge", 1, stripe.dispute_of_charge("ch_1").await, |_| true);
    conformance.call("refund", 1, stripe.refund("ch_1", Some(1)).await, |()| true);
}

/// The calls of `tollgate-ops` that set up an account and check a key.
async fn set_up(stripe: &Gateway, conformance: &mut Conformance) {
    for permission in KEY_PERMISSIONS {
        conformance.call("has_permission", 1, stripe.has_permission(permission).await, |has_it| *has_it);
    }
    let (url, secret) = ("https://app.example/billing/stripe/webhook", Secret::new("whsec_1".to_owned()));
    conformance.call("webhook_endpoints", 1, stripe.webhook_endpoints().await, |found| !found.is_empty());
    let created = stripe.create_webhook_endpoint(url).await.map(|(endpoint, _)| endpoint.id);
    conformance.call("create_webhook_endpoint", 1, created, |id| !id.is_empty());
    conformance.call("update_webhook_endpoint", 1, stripe.update_webhook_endpoint("we_1").await, |()| true);
    conformance.call("name_webhook_secret", 1, stripe.name_webhook_secret("we_1", &secret).await, |()| true);
    conformance.call("delete_webhook_endpoint", 1, stripe.delete_webhook_endpoint("we_1").await, |()| true);
    conformance.call("portal_configurations", 1, stripe.portal_configurations().await, |found| !found.is_empty());
    let created = stripe.create_portal_configuration("https://app.example").await;
    conformance.call("create_portal_configuration", 1, created, |id| !id.is_empty());
}

/// A subscription of stripe-mock's samples, not counted among the calls.
async fn subscription_of(stripe: &Gateway, recorder: &RecordingClient) -> Result<Option<Subscription>, GatewayError> {
    let state = stripe.fetch_state("cus_1").await?;
    recorder.take();
    Ok(state.subscriptions.into_iter().next().map(|found| found.subscription))
}

fn plan(now: Timestamp, terms: &Terms) -> Result<Plan, Box<dyn Error>> {
    Ok(Plan {
        id: PlanId::new(now, [1; 10]),
        code: "pro".parse()?,
        name: "Pro".to_owned(),
        description: Some("Everything".to_owned()),
        terms: *terms,
        tier: 1,
        trial_days: 14,
        features: Features::default(),
        is_active: true,
        stripe_product_id: Some("prod_1".to_owned()),
        stripe_price_id: Some("price_of_the_check".to_owned()),
        created_at: now,
        updated_at: now,
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(base_url) = std::env::args().nth(1) else {
        println!("conformance BASE_URL");
        return ExitCode::from(2);
    };
    let done = match std::env::args().nth(2).as_deref() {
        Some("altered") => altered(&base_url).await,
        _ => conformance(&base_url, RecordingClient::new(), None).await.map(|(is_right, _, _)| is_right),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}
