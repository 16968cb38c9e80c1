//! The synchronisation with Stripe's real behaviour: links that differ on each read, debits in progress, refusals,
//! partial payments, late payments.

mod late_payments;
mod refused;

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
use tollgate_domain::billing::Rules;
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;
use tollgate_local::{Options, TABLE_PREFIX};
use tollgate_platform::Outbound;
use tollgate_store::Store;
use tollgate_stripe::Gateway;
use tollgate_tests::app::{PASSWORD, Session, TestApp, no_limits, options};
use tollgate_tests::request::Request;
use tollgate_tests::stripe::queued;
use tollgate_tokens::keys::{KeySource, SecretIds};

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

/// Ann, who has paid this many renewals without events.
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
        let recorded = app.table("billing").await;
        app.calls();
        event_about_nothing(&app, &format!("evt_{n}")).await;
        assert_eq!(count(&app, "TransactWriteItems"), 0, "nothing changed");
        let payments = |rows: Vec<Value>| {
            rows.into_iter().filter(|row| row["sk"]["S"].as_str().unwrap().starts_with("PAY#")).collect::<Vec<_>>()
        };
        assert_eq!(payments(app.table("billing").await), payments(recorded));
        assert_eq!(app.sweep("reconcile").await.expect(200).body["handled"], 0, "there is nothing to repair");
    }
}

// A2
#[tokio::test]
async fn the_latest_invoice_link_is_stored_with_the_next_change() {
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
async fn a_synchronisation_ends_for_any_sequence_of_stripe_answers() {
    let app = TestApp::start().await;
    let session = payer(&app, 20).await;
    let (sdk, clock) = (app.stack.sdk(), app.stack.clock().platform());
    let reads = Arc::new(AtomicUsize::new(0));
    let inner = SharedHttpConnector::new(Connector::builder().build_http());
    let outbound = Outbound::over(SharedHttpConnector::new(Unstable { inner, reads: Arc::clone(&reads) }), sdk);
    let (stripe, trials) = (Some("stripe".to_owned()), Some("trials".to_owned()));
    let ids = SecretIds { stripe, trials, ..SecretIds::default() };
    let keys = Arc::new(KeySource::new(ids, sdk, clock.clone()));
    let gateway = Gateway::new(outbound, Arc::clone(&keys), &format!("{}/_stripe", app.stack.origin()));
    let store: Store = Store::new(sdk, TABLE_PREFIX);
    let convergence = Convergence::new(store.narrow(), gateway, keys, clock, Rules::default());
    let user = session.user["id"].as_str().unwrap().parse().unwrap();
    let ended = convergence.sync(&user, Cause::default()).await;
    assert!(matches!(ended, Err(ConvergeError::Overtaken)), "{ended:?}");
    assert_eq!(reads.load(Ordering::SeqCst), MAX_FETCHES);
    // Its result is stored, and a fetch without differences ends at once.
    event_about_nothing(&app, "evt_after").await;
    assert_eq!(payments(&app, &session).await.len(), 21);
}

async fn advance(app: &TestApp, days: i64) {
    app.post("/_local/clock", json!({"advance_seconds": days * DAY})).await.expect(200);
    app.drain().await;
}

async fn kinds(app: &TestApp, email: &str) -> Vec<String> {
    app.mails(email).await.iter().map(|mail| mail["kind"].as_str().unwrap().to_owned()).collect()
}

async fn mail_count(app: &TestApp, email: &str, kind: &str) -> usize {
    kinds(app, email).await.iter().filter(|mail_count| *mail_count == kind).count()
}

async fn recorded(app: &TestApp, action: &str) -> usize {
    app.actions().await.iter().filter(|recorded| *recorded == action).count()
}

/// Makes Stripe refuse an operation permanently.
async fn refuse(app: &TestApp, operation: &str, status: u16, code: &str) {
    let refusal = json!({"operation": operation, "status": status, "code": code, "message": "Not possible."});
    app.at_stripe("refusals", refusal).await.expect(200);
}

async fn statuses(app: &TestApp, session: &Session) -> Vec<Value> {
    payments(app, session).await.iter().map(|payment| payment["status"].clone()).collect()
}

// A4
#[tokio::test]
async fn a_first_payment_by_debit_is_in_progress_until_it_fails() {
    let app = TestApp::start().await;
    let (email, ann) = app.person("ann").await;
    let checkout = app.subscribe(&ann, "pro").await.expect(201);
    app.pay_with(&checkout.body, "6200000000000047").await.expect(303);
    app.drain().await;
    let found = app.subscription(&ann).await;
    assert_eq!((&found["status"], &found["payment_processing"]), (&json!("incomplete"), &json!(true)));
    assert_eq!((&found["has_access"], app.get_as(&ann, "/me").await.body["tier"].clone()), (&json!(false), json!(0)));
    assert_eq!(statuses(&app, &ann).await, ["processing"]);
    assert_eq!(mail_count(&app, &email, "payment_failed").await, 0);
    for plan in ["pro", "team"] {
        app.subscribe(&ann, plan).await.refused(409, "already_subscribed");
    }
    advance(&app, 7).await;
    assert_eq!(app.sweep("reconcile").await.expect(200).body["handled"], 0);
    advance(&app, 2).await;
    let ann = app.sign_in(&email).await;
    assert_eq!(statuses(&app, &ann).await, ["failed"]);
    assert_eq!(mail_count(&app, &email, "payment_failed").await, 1);
    app.get_as(&ann, "/billing/subscriptions/me").await.refused(404, "no_subscription");
    app.subscribe(&ann, "pro").await.expect(201);
}

// A4
#[tokio::test]
async fn the_grace_of_a_renewal_by_debit_starts_when_the_debit_fails() {
    let app = TestApp::start().await;
    let (email, ann) = app.subscriber("ann").await;
    renew(&app, "processing_fails").await;
    app.drain().await;
    assert_eq!(statuses(&app, &ann).await, ["processing", "succeeded"]);
    let found = app.subscription(&ann).await;
    assert_eq!((&found["status"], &found["payment_processing"]), (&json!("active"), &json!(true)));
    advance(&app, 5).await;
    app.sweep("reminders").await.expect(200);
    assert_eq!(app.sweep("reconcile").await.expect(200).body["handled"], 0);
    assert_eq!(mail_count(&app, &email, "payment_failed").await, 0, "nothing has failed");
    advance(&app, 4).await;
    let ann = app.sign_in(&email).await;
    assert_eq!(statuses(&app, &ann).await, ["failed", "succeeded"]);
    let found = app.subscription(&ann).await;
    assert_eq!((&found["status"], &found["has_access"]), (&json!("past_due"), &json!(true)));
    assert_eq!(found["payment_processing"], false);
    assert_eq!(mail_count(&app, &email, "payment_failed").await, 1);
    let until: jiff::Timestamp = found["access_until"].as_str().unwrap().parse().unwrap();
    let remaining = until.duration_since(app.now()).as_hours();
    assert!((6 * 24..=7 * 24).contains(&remaining), "{remaining} hours: from the failure, not from the invoice");
    advance(&app, 1).await;
    app.sweep("reminders").await.expect(200);
    assert_eq!(mail_count(&app, &email, "payment_failed").await, 2, "a day after it failed");
}

// A4
#[tokio::test]
async fn a_debit_that_is_paid_was_never_a_failure() {
    let app = TestApp::start().await;
    let (email, ann) = app.person("ann").await;
    let checkout = app.subscribe(&ann, "pro").await.expect(201);
    app.pay_with(&checkout.body, "6200000000000005").await.expect(303);
    app.drain().await;
    assert_eq!(statuses(&app, &ann).await, ["processing"]);
    advance(&app, 2).await;
    let ann = app.sign_in(&email).await;
    assert_eq!(statuses(&app, &ann).await, ["succeeded"]);
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 1);
    assert_eq!(kinds(&app, &email).await.iter().filter(|kind| kind.contains("failed")).count(), 0);
    app.mail(&email, "subscription_confirmed").await;
}

// A4
#[tokio::test]
async fn a_debit_that_fails_without_an_event_is_found_by_reconciliation() {
    // Whether it was known while it was in progress, or only when it had failed.
    for is_seen_before in [true, false] {
        let app = TestApp::start().await;
        let (email, _) = app.subscriber("ann").await;
        let silence = async || app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
        if !is_seen_before {
            silence().await;
        }
        renew(&app, "processing_fails").await;
        app.drain().await;
        if is_seen_before {
            app.sweep("reconcile").await.expect(200);
            silence().await;
        }
        for _ in 0..3 {
            app.advance(3 * DAY);
            if is_seen_before {
                app.sweep("reconcile").await.expect(200);
            }
        }
        app.sweep("reconcile").await.expect(200);
        app.drain().await;
        let ann = app.sign_in(&email).await;
        assert_eq!(statuses(&app, &ann).await, ["failed", "succeeded"]);
        assert_eq!(mail_count(&app, &email, "payment_failed").await, 1);
        let found = app.subscription(&ann).await;
        let until: jiff::Timestamp = found["access_until"].as_str().unwrap().parse().unwrap();
        let remaining = until.duration_since(app.now()).as_hours();
        assert!((6 * 24..=7 * 24).contains(&remaining), "{is_seen_before}: {remaining} hours, from when it is known");
    }
}

/// Ann, whose trial of `pro` ends in three days, and the event about it, which was not sent.
async fn trial_that_ends(app: &TestApp) -> (String, Value) {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let plans = app.get("/billing/plans").await.expect(200).body["items"].clone();
    let pro = plans.as_array().unwrap().iter().find(|plan| plan["code"] == "pro").unwrap()["id"].clone();
    let path = format!("/billing/plans/{}", pro.as_str().unwrap());
    Request::patch_as(&admin, &path, json!({"trial_days": 14})).send(app).await.expect(200);
    let (email, _) = app.subscriber("ann").await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    app.advance(11 * DAY + 60);
    let events = app.stripe("events").await;
    let event = events.into_iter().find(|event| event["type"] == "customer.subscription.trial_will_end");
    (email, event.unwrap())
}

// A16
#[tokio::test]
async fn an_event_is_handled_only_when_its_reminder_is_written() {
    for operation in ["PutItem", "GetItem"] {
        let app = TestApp::start().await;
        let (email, event) = trial_that_ends(&app).await;
        app.stack.fault_injector().clear();
        // It is recorded as handled after the reminder, whichever call fails in between.
        let mut failed = 0;
        for after in 0..6 {
            let fault = tollgate_local::faults::Fault {
                service: Service::Dynamodb,
                operation: Some(operation.to_owned()),
                kind: Kind::Error,
                after,
                times: 20,
            };
            assert!(app.stack.fault_injector().add(fault));
            let answer = app.stack.invoke("stripe-events", queued(&[&event])).await.unwrap();
            app.stack.fault_injector().clear();
            failed += answer["batchItemFailures"].as_array().unwrap().len();
        }
        assert!(failed > 0, "{operation}");
        app.stack.invoke("stripe-events", queued(&[&event])).await.unwrap();
        assert_eq!(mail_count(&app, &email, "trial_ending").await, 1, "{operation}");
    }
}

// A11
#[tokio::test]
async fn a_won_dispute_restores_the_status_and_a_lost_one_stays() {
    for (status, then) in [("won", "succeeded"), ("lost", "disputed")] {
        for is_delivered in [true, false] {
            let app = TestApp::start().await;
            let (_, ann) = app.subscriber("ann").await;
            let invoice = newest(&app, "invoices").await;
            let dispute = app.at_stripe(&format!("invoices/{invoice}/dispute"), json!({})).await.expect(200).body;
            app.drain().await;
            assert_eq!(statuses(&app, &ann).await, ["disputed"]);
            app.sweep("reconcile").await.expect(200);
            app.at_stripe("delivery", json!({"mode": if is_delivered { "normal" } else { "drop" }})).await.expect(200);
            let close = format!("disputes/{}/close", dispute["id"].as_str().unwrap());
            app.at_stripe(&close, json!({"status": status})).await.expect(200);
            app.drain().await;
            if !is_delivered {
                app.sweep("reconcile").await.expect(200);
            }
            assert_eq!(statuses(&app, &ann).await, [then], "{status} {is_delivered}");
            assert_eq!(app.sweep("reconcile").await.expect(200).body["handled"], 0);
        }
    }
}

// A11
#[tokio::test]
async fn schedules_and_credit_notes_are_hints_like_others() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let subscription = newest(&app, "subscriptions").await;
    let team = app.get("/billing/plans").await.body["items"].clone();
    assert!(team.as_array().unwrap().iter().any(|plan| plan["code"] == "team"));
    let prices = app.stripe_list("prices?active=true").await;
    let price = prices.iter().find(|price| price["unit_amount"] == 4900).or(prices.first()).unwrap()["id"].clone();
    let phases = json!([{"duration": {"interval": "month"}}, {"price": price, "duration": {"interval": "month"}}]);
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    app.at_stripe(&format!("subscriptions/{subscription}/schedule"), json!({"phases": phases})).await.expect(200);
    let invoice = newest(&app, "invoices").await;
    let resend = async |starts: &str| {
        let events = app.stripe("events").await;
        let event = events.iter().find(|event| event["type"].as_str().unwrap().starts_with(starts)).unwrap().clone();
        let path = format!("/_local/stripe/events/{}/resend", event["id"].as_str().unwrap());
        app.post(&path, json!({})).await.expect(200);
        app.drain().await;
    };
    let waits = app.stripe("schedules").await[0]["phases"].as_array().unwrap().len() > 1;
    resend("subscription_schedule.").await;
    let recorded = app.table("billing").await.into_iter().find(|row| row["stripe_id"]["S"] == *subscription).unwrap();
    assert!(waits && recorded["schedule"].is_object(), "{recorded}");
    app.at_stripe(&format!("invoices/{invoice}/credit_note"), json!({"amount_cents": 700})).await.expect(200);
    resend("credit_note.created").await;
    assert_eq!(payments(&app, &ann).await[0]["refunded_cents"], 700);
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    renew(&app, "processing").await;
    resend("payment_intent.processing").await;
    assert_eq!(statuses(&app, &ann).await, ["processing", "succeeded"]);
}
