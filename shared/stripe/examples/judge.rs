//! `cargo run -p tollgate-stripe --example judge -- BASE_URL`: every call of the gateway, once, at a Stripe that judges calls
//! by Stripe's own description of its API. One line for each; the end is a failure if one was refused or not understood.

#![allow(clippy::print_stdout)] // it is what this program is for

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
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_domain::billing::{Attempt, BillingPeriod, Catalogue, Checkout, Features, Plan, Subscription, Terms};
use tollgate_domain::{Email, PlanId, UserId};
use tollgate_platform::keys::{KeySource, SecretIds};
use tollgate_platform::{Clock, Env, Outbound};
use tollgate_stripe::{CheckoutOrder, Gateway, GatewayError, Mode, PriceChange, Settled};

/// The key that it is called with.
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

/// The way to the judge: writes down what was asked for, and gives to its samples what they lack of Stripe's answers.
#[derive(Debug, Clone)]
struct Wire {
    plain: SharedHttpConnector,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    fn new() -> Self {
        let plain = SharedHttpConnector::new(Connector::builder().build_http());
        Self { plain, asked: Arc::default() }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn pass(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let path = request.uri().splitn(4, '/').nth(3).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default().to_owned();
        let asked = format!("{} /{path}", request.method());
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        let answer = self.plain.call(request).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.map_err(failed)?;
        let mut body = serde_json::from_slice(&body.to_bytes()).map_err(failed)?;
        mend(&mut body);
        answer_of(status, &body)
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().pass(request))
    }
}

/// What the samples lack: a sample of an invoice's payment is one that was not made.
fn mend(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(mend),
        Value::Object(fields) => {
            fields.values_mut().for_each(mend);
            if fields.get("object").and_then(Value::as_str) == Some("invoice_payment") {
                fields.insert("amount_paid".to_owned(), json!(1900));
                fields.insert("payment".to_owned(), json!({"type": "payment_intent", "payment_intent": "pi_1"}));
            }
        }
        _ => {}
    }
}

/// The calls so far.
struct Judge {
    wire: Wire,
    has_failed: bool,
}

impl Judge {
    /// `done` is one call of the gateway, which asks Stripe so many times and answers as expected.
    fn call<T: std::fmt::Debug>(
        &mut self,
        name: &str,
        asks: usize,
        done: Result<T, GatewayError>,
        is_expected: impl FnOnce(&T) -> bool,
    ) {
        let asked = self.wire.take();
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

async fn judge(base_url: &str) -> Result<bool, Box<dyn Error>> {
    let clock = Clock::system();
    let sdk = tollgate_platform::aws::load(&Env::from_pairs([("AWS_REGION", "us-east-1")]))?
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("judge", "judge", None, None, "judge")))
        .http_client(Vault)
        .build();
    let ids = SecretIds { stripe: Some("stripe".to_owned()), ..SecretIds::default() };
    let wire = Wire::new();
    let outbound = Outbound::over(SharedHttpConnector::new(wire.clone()), &sdk);
    let stripe = Gateway::new(outbound, Arc::new(KeySource::new(ids, &sdk, clock.clone())), base_url);
    let mut judge = Judge { wire, has_failed: false };

    let now = clock.now();
    let attempt = Attempt { id: "attempt-of-the-judge".to_owned(), started_at: now };
    let terms = Terms { price_cents: 1900, currency: "usd".parse()?, billing_period: BillingPeriod::Month };
    let plan = plan(now, &terms)?;
    let (user, email) = (UserId::new(now, [2; 10]), Email::parse("ann@example.com")?);
    let checkout = Checkout {
        attempt: attempt.clone(),
        plan_id: plan.id,
        plan_code: plan.code.clone(),
        stripe_price_id: "price_1".to_owned(),
        trial_days: 14,
        session_id: None,
        url: None,
    };
    let order = CheckoutOrder {
        user: &user,
        customer: "cus_1",
        checkout: &checkout,
        success_url: "https://app.example/paid?session={CHECKOUT_SESSION_ID}",
        cancel_url: "https://app.example/left",
    };

    judge.call("mode", 0, stripe.mode().await, |mode| *mode == Mode::Test);
    judge.call("ensure_product", 1, stripe.ensure_product(&plan).await, |()| true);
    // The product, its active prices, and the plan's own, which is not among them.
    judge.call("show_plan", 3, stripe.show_plan(&plan, &Catalogue::default()).await, |()| true);
    judge.call("archive_product", 1, stripe.archive_product("prod_1").await, |()| true);
    judge.call("create_price", 1, stripe.create_price("prod_1", &terms, &attempt).await, |id| !id.is_empty());
    judge.call("price_of_attempt", 1, stripe.price_of_attempt("prod_1", &attempt).await, Option::is_none);
    judge.call("archive_price", 1, stripe.archive_price("price_1").await, |()| true);
    let made = stripe.create_customer(&user, &email, &attempt).await;
    judge.call("create_customer", 1, made, |id| !id.is_empty());
    judge.call("customer_of_attempt", 1, stripe.customer_of_attempt(&email, &attempt).await, Option::is_none);
    judge.call("has_customer", 1, stripe.has_customer("cus_1").await, |exists| *exists);
    judge.call("update_customer", 1, stripe.update_customer("cus_1", &email).await, |()| true);
    judge.call("create_checkout", 1, stripe.create_checkout(order).await, |made| !made.id.is_empty());
    judge.call("checkout_of_attempt", 1, stripe.checkout_of_attempt("cus_1", &checkout).await, Option::is_none);
    judge.call("checkout", 1, stripe.checkout("cs_test_1").await, |found| !found.id.is_empty());
    judge.call("expire_checkout", 1, stripe.expire_checkout("cs_test_1").await, |found| !found.id.is_empty());
    let seen = stripe.look("cus_1").await;
    judge.call("look", 3, seen, |seen| !seen.subscriptions.is_empty() && !seen.invoices.is_empty());
    let Some(kept) = seen_of(&stripe, &judge.wire).await? else { return Ok(false) };
    let change = PriceChange { subscription: &kept, price: "price_2", from: now, trial: None };
    judge.call("preview", 1, stripe.preview(change).await, |preview| !preview.lines.is_empty());
    // The sample waits for a payment: which of the two it is, its payments say.
    let settled = stripe.change_price(change).await;
    judge.call("change_price", 2, settled, |settled| matches!(settled, Settled::Unpaid(_)));
    judge.call("invoice_links", 1, stripe.invoice_links("in_1").await, |_| true);
    judge.call("needs_consent", 1, stripe.needs_consent("in_1").await, |_| true);
    // The schedule, then its phases.
    judge.call("schedule_price", 2, stripe.schedule_price(&kept, "price_2", &terms).await, |()| true);
    let unmanaged = Subscription { schedule: None, ..kept.clone() };
    judge.call("schedule_price", 2, stripe.schedule_price(&unmanaged, "price_2", &terms).await, |()| true);
    judge.call("release", 1, stripe.release("sub_sched_1").await, |()| true);
    judge.call("customer_of_charge", 1, stripe.customer_of_charge("ch_1").await, |_| true);
    judge.call("subscriptions", 1, stripe.subscriptions(None).await, |page| !page.items.is_empty());
    judge.call("open_invoices", 1, stripe.open_invoices(None).await, |page| !page.items.is_empty());
    let invoices = stripe.invoices_since(now, Some("in_1".to_owned())).await;
    judge.call("invoices_since", 1, invoices, |page| !page.items.is_empty());
    judge.call("charges_since", 1, stripe.charges_since(now, None).await, |_| true);
    judge.call("refunds_since", 1, stripe.refunds_since(now, None).await, |_| true);
    judge.call("disputes_since", 1, stripe.disputes_since(now, None).await, |_| true);
    judge.call("customers", 1, stripe.customers(None).await, |page| !page.items.is_empty());
    judge.call("products", 1, stripe.products(None).await, |page| !page.items.is_empty());
    judge.call("check_key", 1, stripe.check_key().await, |()| true);
    judge.call("prices", 1, stripe.prices(None).await, |page| !page.items.is_empty());
    judge.call("cancel", 1, stripe.cancel("sub_1").await, |()| true);
    judge.call("cancel_at_period_end", 1, stripe.cancel_at_period_end("sub_1").await, |()| true);
    // The subscription there is to end at a moment.
    judge.call("resume_paused", 1, stripe.resume_paused("sub_1").await, |_| true);
    judge.call("resume", 2, stripe.resume("sub_1").await, |()| true);
    judge.call("portal", 1, stripe.portal("cus_1", "https://app.example").await, |url| !url.is_empty());
    judge.call("dispute_of_charge", 1, stripe.dispute_of_charge("ch_1").await, |_| true);
    judge.call("refund", 1, stripe.refund("ch_1", Some(1)).await, |()| true);
    Ok(!judge.has_failed)
}

/// A subscription as the judge's samples have it, not counted among the calls.
async fn seen_of(stripe: &Gateway, wire: &Wire) -> Result<Option<Subscription>, GatewayError> {
    let seen = stripe.look("cus_1").await?;
    wire.take();
    Ok(seen.subscriptions.into_iter().next().map(|found| found.subscription))
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
        stripe_price_id: Some("price_of_the_judge".to_owned()),
        created_at: now,
        updated_at: now,
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(base_url) = std::env::args().nth(1) else {
        println!("judge BASE_URL");
        return ExitCode::from(2);
    };
    match judge(&base_url).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}
