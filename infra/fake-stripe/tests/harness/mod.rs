//! A fake in this process, with a clock that is frozen until it is moved. Tests can read every answer and every page's
//! status; all deliveries are recorded.

use aws_lc_rs::hmac;
use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tollgate_fake_stripe::{Delivery, DocumentStore, Listed, MemoryDocumentStore, Settings, Stripe};
use tower::ServiceExt;

pub const KEY: &str = "sk_test_play";
pub const SECRET: &str = "whsec_play";
pub const DAY: i64 = 86_400;

/// Cards, by their outcome.
pub const PAYS: &str = "4242 4242 4242 4242";
pub const REFUSED_LATER: &str = "4000000000000341";
pub const ASKS_LATER: &str = "4000002760003184";
pub const DECLINED: &str = "4000000000000002";
pub const DEBIT: &str = "6200000000000005";
pub const DEBIT_THAT_FAILS: &str = "6200000000000047";

/// The answer to a call.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub is_replayed: bool,
}

impl Answer {
    /// The id of the object.
    pub fn id(&self) -> String {
        text(&self.body["id"])
    }

    /// The code of the error.
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// The ids of a list.
    pub fn ids(&self) -> Vec<String> {
        self.body["data"].as_array().into_iter().flatten().map(|object| text(&object["id"])).collect()
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub fn at(moment: &str) -> i64 {
    moment.parse::<Timestamp>().expect("a moment").as_second()
}

pub struct Harness {
    pub stripe: Stripe,
    now: Arc<AtomicI64>,
    documents: Arc<MemoryDocumentStore>,
    pub received: Mutex<Vec<Value>>,
}

impl Harness {
    /// Starts it without records, at `moment`.
    pub fn at(moment: &str) -> Self {
        Self::open(Arc::default(), Arc::new(AtomicI64::new(at(moment))))
    }

    fn open(documents: Arc<MemoryDocumentStore>, now: Arc<AtomicI64>) -> Self {
        let settings = Settings {
            base_url: "https://pay.example".to_owned(),
            secret_key: KEY.to_owned(),
            webhook_secret: SECRET.to_owned(),
            webhook_url: "https://app.example/webhooks/stripe".to_owned(),
        };
        let present = Arc::clone(&now);
        let clock = Arc::new(move || Timestamp::from_second(present.load(Ordering::SeqCst)).expect("a moment"));
        let stripe = Stripe::open(documents.clone(), settings, clock, Arc::new(|| {}))
            .expect("a document store that can be read");
        Self { stripe, now, documents, received: Mutex::default() }
    }

    /// The number of stored objects of a kind.
    pub fn stored(&self, kind: &str) -> usize {
        let stored = self.documents.list("stripe").expect("a document store that can be read");
        stored.iter().filter(|record| record["object"]["object"] == kind).count()
    }

    /// Restarts the process.
    pub fn again(self) -> Self {
        Self::open(self.documents, self.now)
    }

    pub fn now(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    /// Moves the clock ahead and does the due work.
    pub fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
        self.stripe.tick();
    }

    /// The same, up to a time.
    pub fn pass_to(&self, moment: &str) {
        self.pass(at(moment) - self.now());
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], None).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.call("POST", path, form, None).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, &[], None).await
    }

    pub async fn call(&self, method: &str, path: &str, form: &[(&str, &str)], key: Option<&str>) -> Answer {
        let headers = [("authorization", format!("Bearer {KEY}")), ("idempotency-key", key.unwrap_or_default().into())];
        self.call_with(method, path, form, &headers).await
    }

    pub async fn call_with(
        &self,
        method: &str,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, String)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/v1/{path}"));
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, value);
        }
        let body = serde_urlencoded::to_string(form).expect("a form");
        let answer = self.stripe.api().oneshot(request.body(Body::from(body)).expect("a request")).await;
        let answer = answer.expect("an answer");
        let (status, is_replayed) = (
            answer.status().as_u16(),
            answer.headers().get("idempotent-replayed").is_some_and(|value| value == "true"),
        );
        let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
        let body: Value = serde_json::from_slice(&bytes).expect("JSON");
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query: Vec<(String, String)> = serde_urlencoded::from_str(query).expect("a query");
        let names: Vec<&str> =
            query.iter().map(|(name, _)| name.as_str()).chain(form.iter().map(|(name, _)| *name)).collect();
        let kind = if body.get("error").is_some() { "error" } else { body["object"].as_str().unwrap_or_default() };
        self.hear(json!({
            "schema": kind, "call": format!("{method} /v1/{path}"), "status": status, "parameters": names, "object": body,
        }));
        Answer { status, body, is_replayed }
    }

    fn hear(&self, line: Value) {
        self.received.lock().expect("a list").push(line);
    }

    /// An object of the store, as the API shows it.
    pub fn saw(&self, object: Value) -> Value {
        self.hear(json!({"schema": object["object"], "object": object}));
        object
    }

    /// Enters a card's number on a page (`checkout/{id}` or `invoice/{id}`).
    pub async fn pay(&self, page: &str, card: &str) -> StatusCode {
        self.fill(page, &[("card", card)]).await.0
    }

    /// Posts a page's form: the status, and the resulting page.
    pub async fn fill(&self, page: &str, form: &[(&str, &str)]) -> (StatusCode, String) {
        let request = Request::post(format!("/{page}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(serde_urlencoded::to_string(form).expect("a form")));
        self.visit(request.expect("a request")).await
    }

    /// A page.
    pub async fn page(&self, page: &str) -> (StatusCode, String) {
        self.visit(Request::get(format!("/{page}")).body(Body::empty()).expect("a request")).await
    }

    async fn visit(&self, request: Request<Body>) -> (StatusCode, String) {
        let answer = self.stripe.pages().oneshot(request).await.expect("an answer");
        let status = answer.status();
        let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Creates a price in usd with a new product and returns its id.
    pub async fn price(&self, name: &str, cents: &str, interval: &str) -> String {
        let product = self.post("products", &[("name", name)]).await.id();
        let form = [
            ("product", product.as_str()),
            ("currency", "usd"),
            ("unit_amount", cents),
            ("recurring[interval]", interval),
        ];
        self.post("prices", &form).await.id()
    }

    /// A call that changes the price of a subscription's item.
    pub async fn change(&self, subscription: &str, price: &str, more: &[(&str, &str)]) -> Answer {
        let item = text(&self.subscription(subscription).await["items"]["data"][0]["id"]);
        let mut form = vec![("items[0][id]", item.as_str()), ("items[0][price]", price)];
        form.extend(more);
        self.post(&format!("subscriptions/{subscription}"), &form).await
    }

    /// The preview of that change.
    pub async fn preview(&self, subscription: &str, price: &str, more: &[(&str, &str)]) -> Answer {
        let found = self.subscription(subscription).await;
        let (item, customer) = (text(&found["items"]["data"][0]["id"]), text(&found["customer"]));
        let mut form = vec![
            ("customer", customer.as_str()),
            ("subscription", subscription),
            ("subscription_details[items][0][id]", item.as_str()),
            ("subscription_details[items][0][price]", price),
        ];
        form.extend(more);
        self.post("invoices/create_preview", &form).await
    }

    /// The price of a subscription's item.
    pub async fn price_of(&self, subscription: &str) -> String {
        text(&self.subscription(subscription).await["items"]["data"][0]["price"]["id"])
    }

    /// Creates a plan of 19.00 a month, a customer, and an open checkout: returns their ids.
    pub async fn checkout(&self, more: &[(&str, &str)]) -> (String, String) {
        let product = self
            .post(
                "products",
                &[
                    ("name", "Pro"),
                    ("default_price_data[currency]", "usd"),
                    ("default_price_data[unit_amount]", "1900"),
                    ("default_price_data[recurring][interval]", "month"),
                ],
            )
            .await;
        let price = text(&product.body["default_price"]);
        let customer = self.post("customers", &[("email", "ann@example.com")]).await.id();
        let mut form = vec![
            ("mode", "subscription"),
            ("customer", &customer),
            ("line_items[0][price]", &price),
            ("line_items[0][quantity]", "1"),
            ("success_url", "https://app.example/paid?session={CHECKOUT_SESSION_ID}"),
            ("cancel_url", "https://app.example/left"),
        ];
        form.extend(more);
        let session = self.post("checkout/sessions", &form).await.id();
        (customer, session)
    }

    /// Creates a customer who subscribed with this card: returns the ids of both.
    pub async fn subscriber(&self, card: &str, trial_days: &str) -> (String, String) {
        let more = [("subscription_data[trial_period_days]", trial_days)];
        let (customer, session) = self.checkout(if trial_days.is_empty() { &[] } else { &more }).await;
        assert_eq!(self.pay(&format!("checkout/{session}"), card).await, StatusCode::SEE_OTHER);
        let session = self.get(&format!("checkout/sessions/{session}")).await;
        (customer, text(&session.body["subscription"]))
    }

    /// The newest invoice of a subscription.
    pub async fn latest_invoice(&self, subscription: &str) -> Value {
        let found = self.get(&format!("invoices?subscription={subscription}&limit=1")).await;
        found.body["data"][0].clone()
    }

    pub async fn subscription(&self, id: &str) -> Value {
        self.get(&format!("subscriptions/{id}")).await.body
    }

    /// The types of all events, oldest first.
    pub fn event_types(&self) -> Vec<String> {
        self.stripe.list(Listed::Events).iter().rev().map(|event| text(&event["type"])).collect()
    }

    /// Whether the signature of a delivery is valid for its bytes and the secret.
    pub fn is_signed(delivery: &Delivery) -> bool {
        let Some((at, tag)) = delivery.signature.split_once(',') else { return false };
        let (Some(at), Some(tag)) = (at.strip_prefix("t="), tag.strip_prefix("v1=")) else { return false };
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let made = hmac::sign(&key, format!("{at}.{}", delivery.body).as_bytes());
        made.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>() == tag
    }
}
