//! The synchronisation with Stripe as Stripe really is: links that differ on each read, debits in progress, refusals, payments
//! in parts, payments that come too late.

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollgate_convergence::{Cause, ConvergeError, Convergence, MAX_FETCHES};
use tollgate_domain::billing::Grace;
use tollgate_local::TABLE_PREFIX;
use tollgate_local::faults::{Kind, Service};
use tollgate_platform::Outbound;
use tollgate_platform::keys::{KeySource, SecretIds};
use tollgate_store::Store;
use tollgate_stripe::Gateway;
use tollgate_tests::app::{Session, TestApp};

const DAY: i64 = 86_400;

/// Stripe's id of the newest object of a kind.
async fn newest(app: &TestApp, kind: &str) -> String {
    app.stripe(kind).await[0]["id"].as_str().unwrap().to_owned()
}

async fn payments(app: &TestApp, session: &Session) -> Vec<Value> {
    let page = app.get_as(session, "/billing/payments/me?limit=100").await.expect(200).body;
    page["items"].as_array().unwrap().clone()
}

async fn renew(app: &TestApp, outcome: &str) {
    let subscription = newest(app, "subscriptions").await;
    app.advance(1);
    app.at_stripe(&format!("subscriptions/{subscription}/renew"), json!({"outcome": outcome})).await.expect(200);
}

async fn event_about_nothing(app: &TestApp, id: &str) {
    app.event_about_nothing(id, &app.stripe("subscriptions").await[0]).await;
}

fn count(app: &TestApp, operation: &str) -> usize {
    app.calls().iter().filter(|call| call.operation == operation).count()
}

/// Ann, who has paid this many renewals of which no event told.
async fn payer(app: &TestApp, renewals: usize) -> Session {
    let (_, session) = app.subscriber("ann").await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    for _ in 0..renewals {
        renew(app, "paid").await;
    }
    session
}

// A2
#[tokio::test]
async fn links_that_differ_on_each_read_change_no_payment() {
    let app = TestApp::start().await;
    let session = payer(&app, 35).await;
    let _before = app.calls();
    event_about_nothing(&app, "evt_first").await;
    let calls = app.calls().into_iter().filter(|call| call.service == Service::Stripe).count();
    assert_eq!(calls, 9, "three parts, three lists each");
    assert_eq!(payments(&app, &session).await.len(), 36);
    for n in 1..3 {
        app.advance(DAY / 2);
        let kept = app.table("billing").await;
        app.calls();
        event_about_nothing(&app, &format!("evt_{n}")).await;
        assert_eq!(count(&app, "TransactWriteItems"), 0, "nothing changed");
        let payments = |rows: Vec<Value>| {
            rows.into_iter().filter(|row| row["sk"]["S"].as_str().unwrap().starts_with("PAY#")).collect::<Vec<_>>()
        };
        assert_eq!(payments(app.table("billing").await), payments(kept));
        assert_eq!(app.sweep("reconcile").await.expect(200).body["handled"], 0, "there is nothing to repair");
    }
}

// A2
#[tokio::test]
async fn the_link_of_the_last_read_is_kept_with_another_change() {
    let app = TestApp::start().await;
    let (_, session) = app.subscriber("ann").await;
    let link = async || payments(&app, &session).await[0]["invoice_url"].clone();
    let first = link().await;
    app.advance(60);
    event_about_nothing(&app, "evt_first").await;
    assert_eq!(link().await, first);
    let invoice = newest(&app, "invoices").await;
    app.at_stripe(&format!("invoices/{invoice}/refund"), json!({"amount_cents": 700})).await.expect(200);
    app.drain().await;
    assert_ne!(link().await, first);
}

// A2
#[tokio::test]
async fn the_current_links_to_an_invoice_are_requested_from_stripe() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let (_, bob) = app.person("bob").await;
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let payment = payments(&app, &ann).await[0].clone();
    let path = format!("/billing/payments/{}/invoice", payment["id"].as_str().unwrap());
    app.advance(60);
    let links = app.get_as(&ann, &path).await.expect(200).body;
    assert_ne!(links["url"], payment["invoice_url"], "the link of this second");
    assert!(
        links["url"].as_str().unwrap().contains("/invoice/") && links["pdf_url"].as_str().unwrap().contains("/pdf")
    );
    assert_eq!(app.get_as(&admin, &path).await.expect(200).body, links);
    app.get_as(&bob, &path).await.refused(404, "not_found");
    app.get_as(&ann, "/billing/payments/pay_none/invoice").await.refused(404, "not_found");
    app.get(&path).await.refused(401, "unauthenticated");
    app.fail_operation(Service::Stripe, "GET /v1/invoices/{id}", Kind::Error, 1);
    app.get_as(&ann, &path).await.refused(502, "stripe_unavailable");
    let gone = json!({"operation": "GET /v1/invoices/{id}", "status": 404, "times": 1});
    app.at_stripe("refusals", gone).await.expect(200);
    app.get_as(&ann, &path).await.refused(404, "not_found");
    app.get_as(&ann, &path).await.expect(200);
}

/// Stripe, where the descriptions of invoices differ on each read.
#[derive(Debug, Clone)]
struct Unstable {
    inner: SharedHttpConnector,
    reads: Arc<AtomicUsize>,
}

impl Unstable {
    async fn pass(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let is_list = request.uri().contains("/v1/invoices?");
        let answer = self.inner.call(request).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        if is_list {
            let read = self.reads.fetch_add(1, Ordering::SeqCst);
            for invoice in body["data"].as_array_mut().unwrap() {
                invoice["description"] = json!(format!("Read {read}"));
            }
        }
        let answer = http::Response::builder().status(status).body(SdkBody::from(body.to_string())).unwrap();
        Ok(HttpResponse::try_from(answer).unwrap())
    }
}

impl HttpConnector for Unstable {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().pass(request))
    }
}

// A2
#[tokio::test]
async fn a_synchronisation_ends_whatever_stripe_answers() {
    let app = TestApp::start().await;
    let session = payer(&app, 20).await;
    let (sdk, clock) = (app.stack.sdk(), app.stack.clock().platform());
    let reads = Arc::new(AtomicUsize::new(0));
    let inner = SharedHttpConnector::new(Connector::builder().build_http());
    let outbound = Outbound::over(SharedHttpConnector::new(Unstable { inner, reads: Arc::clone(&reads) }), sdk);
    let ids = SecretIds { stripe: Some("stripe".to_owned()), ..SecretIds::default() };
    let keys = Arc::new(KeySource::new(ids, sdk, clock.clone()));
    let gateway = Gateway::new(outbound, keys, &format!("{}/_stripe", app.stack.origin()));
    let store = Store::new(sdk, TABLE_PREFIX);
    let convergence = Convergence::new(store, gateway, clock, Grace::default());
    let user = session.user["id"].as_str().unwrap().parse().unwrap();
    let ended = convergence.follow(&user, Cause::default()).await;
    assert!(matches!(ended, Err(ConvergeError::Overtaken)), "{ended:?}");
    assert_eq!(reads.load(Ordering::SeqCst), MAX_FETCHES);
    // What it wrote is there, and a look at what does not differ ends at once.
    event_about_nothing(&app, "evt_after").await;
    assert_eq!(payments(&app, &session).await.len(), 21);
}
