//! Plans, checkouts, Stripe's events and their effects.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;
use tollgate_tests::app::{ADMIN, Answer, Session, TestApp};
use tollgate_tests::events::{Paid, Twice, orders, same_as_stripe};
use tollgate_tests::stripe::{event, queued, signature};

const SUBSCRIBE: &str = "/billing/subscriptions/subscribe";

async fn admin(app: &TestApp) -> Session {
    Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200))
}

async fn patch(app: &TestApp, session: &Session, path: &str, body: Value) -> Answer {
    let bearer = format!("Bearer {}", session.access);
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    app.send(Method::PATCH, path, &headers, Some(body.to_string())).await
}

async fn webhook(app: &TestApp, body: &str, signature: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("stripe-signature", signature)];
    app.send(Method::POST, "/billing/stripe/webhook", &headers, Some(body.to_owned())).await
}

async fn secret(app: &TestApp) -> String {
    app.get("/_local/stripe").await.expect(200).body["webhook_secret"].as_str().unwrap().to_owned()
}

/// Rows of the billing table whose sort key has this prefix.
async fn rows(app: &TestApp, prefix: &str) -> Vec<Value> {
    let starts = |row: &Value| row["sk"]["S"].as_str().unwrap().starts_with(prefix);
    app.table("billing").await.into_iter().filter(starts).collect()
}

#[tokio::test]
async fn a_user_subscribes_fails_to_pay_and_pays_again() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    app.get_as(&session, "/billing/subscriptions/me").await.refused(404, "no_subscription");
    app.subscribe(&session, "nothing").await.refused(404, "plan_not_found");
    app.subscribe(&session, "free").await.refused(422, "plan_is_free");
    let checkout = app.subscribe(&session, "pro").await.expect(201).body;
    app.pay_with(&checkout, "4000000000000002").await.expect(402);
    app.drain().await;
    assert_eq!(app.get_as(&session, "/me").await.body["tier"], 0, "a declined card gives nothing");
    let paid = app.pay(&checkout).await.expect(303);
    assert!(paid.headers["location"].to_str().unwrap().ends_with("/account?checkout=success"));
    app.drain().await;
    let found = app.subscription(&session).await;
    assert_eq!((found["status"].as_str(), found["has_access"].as_bool()), (Some("active"), Some(true)));
    assert_eq!((found["plan"]["code"].as_str(), found["price_cents"].as_i64()), (Some("pro"), Some(1900)));
    assert!(found["plan"].get("stripe_price_id").is_none());
    assert_eq!(app.get_as(&session, "/me").await.body["tier"], 1);
    app.subscribe(&session, "team").await.refused(409, "already_subscribed");
    app.mail(&email, "subscription_confirmed").await;

    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    app.advance(1);
    app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": "failed"})).await.expect(200);
    app.mail(&email, "payment_failed").await;
    let found = app.subscription(&session).await;
    assert_eq!((found["status"].as_str(), found["has_access"].as_bool()), (Some("past_due"), Some(true)));
    app.subscribe(&session, "pro").await.refused(409, "already_subscribed");
    let payments = app.get_as(&session, "/billing/payments/me").await.expect(200).body;
    assert_eq!(payments["items"][0]["status"], "failed");
    let page = payments["items"][0]["invoice_url"].as_str().unwrap().replace(&app.stack.base_url(), "");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    app.send(Method::POST, &page, &form, Some("card=4242424242424242".into())).await.expect(303);
    app.drain().await;
    assert_eq!(app.subscription(&session).await["status"], "active");
    let payments = app.get_as(&session, "/billing/payments/me").await.expect(200).body;
    let statuses: Vec<_> =
        payments["items"].as_array().unwrap().iter().map(|p| p["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["succeeded", "succeeded"]);
    same_as_stripe(&app, &session).await.unwrap();

    app.at_stripe(&format!("subscriptions/{id}/cancel"), json!({})).await.expect(200);
    app.mail(&email, "subscription_ended").await;
    let found = app.subscription(&session).await;
    assert_eq!((found["status"].as_str(), found["has_access"].as_bool()), (Some("canceled"), Some(false)));
    assert_eq!(app.get_as(&session, "/me").await.body["tier"], 0);
    app.subscribe(&session, "pro").await.expect(201);
}

#[tokio::test]
async fn payments_come_in_pages_newest_first() {
    let app = TestApp::start().await;
    let (_, session) = app.subscriber("ann").await;
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        app.advance(1);
        app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": "paid"})).await.expect(200);
    }
    app.drain().await;
    let (mut seen, mut query) = (Vec::new(), String::from("?limit=3"));
    loop {
        let page = app.get_as(&session, &format!("/billing/payments/me{query}")).await.expect(200).body;
        seen.extend(page["items"].as_array().unwrap().iter().map(|p| p["created_at"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("?limit=3&cursor={cursor}");
    }
    let mut sorted = seen.clone();
    sorted.sort_by(|a, b| b.cmp(a));
    assert_eq!((seen.len(), &seen), (4, &sorted));
    app.get_as(&session, "/billing/payments/me?cursor=x").await.refused(400, "invalid_cursor");
}

// S26
#[tokio::test]
async fn only_webhooks_signed_by_stripe_within_five_minutes_are_queued() {
    let app = TestApp::start().await;
    let secret = secret(&app).await;
    let body = event("evt_1", "customer.updated", &json!({"id": "cus_1", "object": "customer"})).to_string();
    let now = app.now().as_second();
    let good = signature(&secret, now, &body);
    for (given, what) in [
        (String::new(), "unsigned"),
        (signature("", now, &body), "signed with the empty string"),
        (signature(&secret, now - 301, &body), "too old"),
        (good.replace("v1=", "v0="), "another scheme"),
    ] {
        let answer = webhook(&app, &body, &given).await;
        assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (400, Some("invalid_signature")), "{what}");
    }
    webhook(&app, &body.replace("cus_1", "cus_2"), &good).await.refused(400, "invalid_signature");
    webhook(&app, "", &signature(&secret, now, "")).await.refused(400, "invalid_signature");
    webhook(&app, "{}", &signature(&secret, now, "{}")).await.refused(400, "invalid_event");
    let large = format!("\"{}\"", "x".repeat(256 * 1024));
    webhook(&app, &large, &signature(&secret, now, &large)).await.refused(413, "body_too_large");
    app.drain().await;
    assert_eq!(rows(&app, "EVENT").await, Vec::<Value>::new(), "no effect");
    webhook(&app, &body, &format!("{good},v1=00")).await.expect(200);
    app.drain().await;
    assert_eq!(rows(&app, "EVENT").await.len(), 1);
    let live = event("evt_live", "customer.subscription.updated", &json!({}))
        .to_string()
        .replace("\"livemode\":false", "\"livemode\":true");
    webhook(&app, &live, &signature(&secret, now, &live)).await.expect(200);
    app.drain().await;
    let kept = rows(&app, "EVENT").await.into_iter().find(|row| row["id"]["S"] == "evt_live").unwrap();
    assert_eq!(kept["outcome"]["S"], "of the other mode");
}

// S27
#[tokio::test]
async fn an_unpaid_or_foreign_event_gives_no_access() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    let (_, bob) = app.person("bob").await;
    app.subscribe(&ann, "pro").await.expect(201);
    app.subscribe(&bob, "pro").await.expect(201);
    let customers = app.stripe("customers").await;
    let claim = |customer: &Value, user: &Session| {
        json!({
            "id": "sub_claimed", "object": "subscription", "customer": customer["id"], "status": "active",
            "metadata": {"tollgate_user": user.user["id"]}, "client_reference_id": user.user["id"],
        })
    };
    let unknown = json!({"id": "cus_unknown"});
    for (index, object) in
        [claim(&customers[0], &ann), claim(&customers[1], &bob), claim(&unknown, &ann)].iter().enumerate()
    {
        let sent = event(&format!("evt_{index}"), "customer.subscription.created", object);
        app.stack.invoke("stripe-events", queued(&[&sent])).await.unwrap();
    }
    for session in [&ann, &bob] {
        assert_eq!(app.get_as(session, "/me").await.body["tier"], 0);
        app.get_as(session, "/billing/subscriptions/me").await.refused(404, "no_subscription");
    }
}

// R2
#[tokio::test]
async fn repeated_and_late_deliveries_of_an_event_have_one_effect() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    let checkout = app.subscribe(&session, "pro").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    let events = app.stripe("events").await;
    let paid = events.iter().find(|event| event["type"] == "invoice.paid").unwrap();
    let times = (0..100).map(|_| app.stack.invoke("stripe-events", queued(&[paid])));
    let failed: usize = join_all(times)
        .await
        .into_iter()
        .map(|answer| answer.unwrap()["batchItemFailures"].as_array().unwrap().len())
        .sum();
    // An event that was overtaken three times is retried by the queue.
    for _ in 0..failed {
        app.stack.invoke("stripe-events", queued(&[paid])).await.unwrap();
    }
    for seconds in [360, 3 * 86_400] {
        app.advance(seconds);
        app.stack.invoke("stripe-events", queued(&[paid])).await.unwrap();
    }
    assert_eq!((rows(&app, "SUB#").await.len(), rows(&app, "PAY#").await.len()), (1, 1));
    let confirmed = app.mails(&email).await.into_iter().filter(|mail| mail["kind"] == "subscription_confirmed").count();
    assert_eq!(confirmed, 1);
    let created = app.actions().await.into_iter().filter(|action| action.starts_with("subscription.")).count();
    assert_eq!(created, 1);
    same_as_stripe(&app, &app.sign_in(&email).await).await.unwrap();
}

/// A plan's tier and features reach all its subscribers, page by page, and no other user.
#[tokio::test]
async fn subscribers_get_a_changed_tier_and_features_without_a_stripe_event() {
    let app = TestApp::start_with_admin().await;
    let admin = admin(&app).await;
    let (_, ann) = app.subscriber("ann").await;
    let (_, bob) = app.person("bob").await;
    let checkout = app.subscribe(&bob, "team").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    app.drain().await;
    let plans = app.get("/billing/plans").await.expect(200).body["items"].clone();
    let pro = plans.as_array().unwrap().iter().find(|plan| plan["code"] == "pro").unwrap()["id"].clone();
    let path = format!("/billing/plans/{}", pro.as_str().unwrap());
    let _before = app.calls();
    patch(&app, &admin, &path, json!({"tier": 7, "features": {"audits": true}})).await.expect(200);
    app.drain().await;
    let fetches = app.calls().into_iter().filter(|call| call.operation == "GET /v1/subscriptions").count();
    assert_eq!(fetches, 0, "Stripe is not asked for each of them");
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 7);
    assert_eq!(app.get_as(&bob, "/me").await.body["tier"], 2);
    let gates = app.table("gate").await;
    assert_eq!(gates.iter().filter(|gate| gate["features"]["M"]["audits"]["BOOL"] == true).count(), 1);
    patch(&app, &admin, &path, json!({"name": "Another name"})).await.expect(200);
    app.drain().await;
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 7);
}

/// More changes than one transaction holds: they are written in parts, and the event is handled with the last.
#[tokio::test]
async fn changes_of_years_without_events_are_written_in_parts() {
    let app = TestApp::start().await;
    let (_, session) = app.subscriber("ann").await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    for _ in 0..40 {
        app.advance(1);
        app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": "paid"})).await.expect(200);
    }
    let _before = app.calls();
    app.event_about_nothing("evt_nothing", &app.stripe("subscriptions").await[0]).await;
    let writes = app.calls().into_iter().filter(|call| call.operation == "TransactWriteItems").count();
    assert_eq!(writes, 4, "of forty payments twelve at once");
    same_as_stripe(&app, &session).await.unwrap();
}

// R3
#[tokio::test]
async fn any_sequence_of_events_ends_in_the_state_of_stripe() {
    let all = orders();
    assert_eq!(all.len(), 120);
    let paid = Paid::prepare().await.unwrap();
    // A sample of the sequences; `enumerate` runs all.
    for order in all.iter().step_by(13) {
        paid.arrive(order, Twice::AtTheEnd(0)).await.unwrap_or_else(|wrong| panic!("{order:?}: {wrong}"));
    }
}

// R4
#[tokio::test]
async fn a_week_without_events_ends_no_access_and_reconciliation_repairs_all() {
    let app = TestApp::start().await;
    let (_, _) = app.subscriber("ann").await;
    let (_, bob) = app.person("bob").await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    let checkout = app.subscribe(&bob, "team").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    // Ann's period ends in that week, and is renewed.
    app.send(
        Method::POST,
        "/_local/clock",
        &[],
        Some(json!({"advance_seconds": 28 * 86_400 + 7 * 86_400}).to_string()),
    )
    .await
    .expect(200);
    let (ann, bob) = (app.sign_in("ann@example.com").await, app.sign_in("bob@example.com").await);
    let _ = ann.refresh;
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 1, "a paying user has access");
    app.send(Method::POST, "/_local/schedules/reconcile/run", &[], None).await.expect(200);
    app.drain().await;
    assert_eq!(app.get_as(&bob, "/me").await.body["tier"], 2);
    let again = app.send(Method::POST, "/_local/schedules/reconcile/run", &[], None).await.expect(200);
    assert_eq!(again.body["handled"], 0, "nothing is left to repair");
    let listed = app.calls().iter().filter(|call| call.operation == "GET /v1/subscriptions").count();
    assert!(listed <= 20, "{listed}");
}

// R5
#[tokio::test]
async fn events_of_unknown_kinds_customers_and_objects_are_acknowledged() {
    let app = TestApp::start().await;
    let (_, session) = app.subscriber("ann").await;
    let customer = app.stripe("customers").await[0]["id"].clone();
    for (index, (kind, object)) in [
        ("no.such.thing", json!({"id": "x_1", "object": "x"})),
        ("customer.subscription.updated", json!({"id": "sub_none", "object": "subscription", "customer": "cus_none"})),
        ("invoice.paid", json!({"id": "in_none", "object": "invoice", "customer": customer})),
        ("checkout.session.completed", json!({"id": "cs_none", "object": "checkout.session", "customer": null})),
        ("price.updated", json!({"id": "price_none", "object": "price", "active": false})),
        ("customer.created", json!({"id": "cus_new", "object": "customer"})),
    ]
    .into_iter()
    .enumerate()
    {
        let sent = event(&format!("evt_{index}"), kind, &object);
        let answer = app.stack.invoke("stripe-events", queued(&[&sent])).await.unwrap();
        assert_eq!(answer["batchItemFailures"], json!([]), "{kind}");
        let kept = rows(&app, "EVENT").await;
        assert!(kept.iter().any(|row| row["id"]["S"] == format!("evt_{index}")), "{kind}");
    }
    same_as_stripe(&app, &session).await.unwrap();
}

// R6
#[tokio::test]
async fn a_poison_message_stops_only_its_group_and_becomes_a_dead_letter() {
    let mut app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let checkout = app.subscribe(&session, "pro").await.expect(201);
    let queue = app.stack.sdk().clone();
    let sqs = aws_sdk_sqs::Client::new(&queue);
    let url = app.stack.environment().get("STRIPE_QUEUE_URL").unwrap().to_owned();
    sqs.send_message()
        .queue_url(url)
        .message_body("poison")
        .message_group_id("poisoned")
        .message_deduplication_id("p")
        .send()
        .await
        .unwrap();
    app.pay(&checkout.body).await.expect(303);
    app.drain().await;
    assert_eq!(app.get_as(&session, "/me").await.body["tier"], 1, "other groups continue");
    assert_eq!(app.stack.dead_letters(), 1);
    app.send(Method::POST, "/_local/queues/stripe.fifo/redrive", &[], None).await.expect(200);
    app.drain().await;
    app.dead_wanted = 1;
}

// R11
#[tokio::test]
async fn twenty_clicks_at_once_make_one_customer_and_one_open_checkout() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let clicks = join_all((0..20).map(|_| app.subscribe(&session, "pro"))).await;
    let urls: BTreeSet<_> = clicks
        .iter()
        .filter(|c| c.status == 201)
        .map(|c| c.body["checkout_url"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(urls.len(), 1);
    assert!(clicks.iter().all(|click| matches!(click.status.as_u16(), 201 | 503)), "{clicks:?}");
    assert_eq!(app.stripe("customers").await.len(), 1);
    let other = app.subscribe(&session, "team").await.expect(201).body;
    let old = clicks.iter().find(|click| click.status == 201).unwrap();
    app.pay(&old.body).await.expect(409);
    app.pay(&other).await.expect(303);
    app.subscribe(&session, "pro").await.refused(409, "already_subscribed");
}

// R11
#[tokio::test]
async fn an_open_checkout_of_a_subscriber_is_closed_with_the_next_one() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let left_open = app.subscribe(&session, "pro").await.expect(201).body;
    let customer = app.stripe("customers").await[0]["id"].as_str().unwrap().to_owned();
    let price = app.stripe_list("prices?active=true").await[0]["id"].as_str().unwrap().to_owned();
    app.second_checkout(&customer, &price).await;
    app.drain().await;
    let paid = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("subscriptions/{paid}/cancel"), json!({})).await.expect(200);
    app.drain().await;
    assert_eq!(app.subscribe(&session, "pro").await.expect(201).body, left_open, "it is still valid");
    app.subscribe(&session, "team").await.expect(201);
    assert_eq!(app.stripe_list("checkout/sessions?status=open").await.len(), 1);
    app.pay(&left_open).await.expect(409);
}

// R11
#[tokio::test]
async fn a_second_paid_subscription_is_canceled_and_refunded_at_once() {
    let app = TestApp::start().await;
    let (email, session) = app.subscriber("ann").await;
    // A second one, created by hand at Stripe with the same customer.
    let customer = app.stripe("customers").await[0]["id"].as_str().unwrap().to_owned();
    let price = app.stripe("subscriptions").await[0]["items"]["data"][0]["price"]["id"].as_str().unwrap().to_owned();
    app.advance(60);
    app.second_checkout(&customer, &price).await;
    app.drain().await;
    let statuses: Vec<_> = app.stripe("subscriptions").await.iter().map(|s| s["status"].clone()).collect();
    assert_eq!(statuses, ["canceled", "active"], "the first one stays");
    let payments = app.get_as(&session, "/billing/payments/me").await.expect(200).body;
    let found: Vec<_> = payments["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["status"].clone(), p["refunded_cents"].clone()))
        .collect();
    assert_eq!(found, [(json!("refunded"), json!(1900)), (json!("succeeded"), json!(0))]);
    assert_eq!(app.get_as(&session, "/me").await.body["tier"], 1);
    assert_eq!(app.subscription(&session).await["status"], "active");
    app.mail(&email, "refunded").await;
    assert!(app.actions().await.contains(&"payment.refunded".to_owned()));
}

// R14
#[tokio::test]
async fn acknowledged_events_survive_a_failure_of_the_queue() {
    let app = TestApp::start().await;
    let secret = secret(&app).await;
    app.fail(Service::Sqs, Kind::Error, 30, 90);
    let bodies: Vec<_> = (0..100)
        .map(|n| {
            event(&format!("evt_{n}"), "customer.updated", &json!({"id": format!("cus_{n}"), "object": "customer"}))
                .to_string()
        })
        .collect();
    let at = app.now().as_second();
    let signatures: Vec<_> = bodies.iter().map(|body| signature(&secret, at, body)).collect();
    let answers =
        join_all(bodies.iter().zip(&signatures).map(|(body, signature)| webhook(&app, body, signature))).await;
    app.stack.fault_injector().clear();
    app.drain().await;
    let kept = rows(&app, "EVENT").await;
    for (n, answer) in answers.iter().enumerate() {
        let is_kept = kept.iter().any(|row| row["id"]["S"] == format!("evt_{n}"));
        assert!(answer.status.is_server_error() || (answer.status == 200 && is_kept), "{n}: {}", answer.status);
    }
    assert!(answers.iter().any(|a| a.status == 200) && answers.iter().any(|a| a.status.is_server_error()));
}

// R16
#[tokio::test]
async fn a_failing_stripe_gives_502_without_partial_objects() {
    for kind in [Kind::Error, Kind::Throttle, Kind::LostResponse, Kind::Hang] {
        for after in 0..2 {
            let app = TestApp::start_with_admin().await;
            let (_, session) = app.person("ann").await;
            app.fail(Service::Stripe, kind, after, 20);
            app.subscribe(&session, "pro").await.refused(502, "stripe_unavailable");
            app.stack.fault_injector().clear();
            let checkout = app.subscribe(&session, "pro").await.expect(201).body;
            assert_eq!(app.stripe("customers").await.len(), 1, "{kind:?} {after}");
            app.pay(&checkout).await.expect(303);
            app.drain().await;
            assert_eq!(app.get_as(&session, "/me").await.body["tier"], 1);
        }
        let app = TestApp::start_with_admin().await;
        let admin = admin(&app).await;
        let plan = json!({
            "code": "gold", "name": "Gold", "price_cents": 9900, "currency": "eur", "billing_period": "year", "tier": 9,
        });
        app.fail(Service::Stripe, kind, 0, 20);
        app.post_as(&admin, "/billing/plans", plan.clone()).await.refused(502, "stripe_unavailable");
        app.stack.fault_injector().clear();
        let codes =
            |plans: &Value| plans["items"].as_array().unwrap().iter().map(|p| p["code"].clone()).collect::<Vec<_>>();
        assert_eq!(codes(&app.get("/billing/plans").await.body), ["free", "pro", "team"], "{kind:?}");
        app.post_as(&admin, "/billing/plans", plan).await.expect(201);
        assert_eq!(codes(&app.get("/billing/plans").await.body), ["free", "pro", "team", "gold"]);
    }
}

#[tokio::test]
async fn an_admin_creates_changes_and_archives_a_plan_and_prices_stay() {
    let app = TestApp::start_with_admin().await;
    let admin = admin(&app).await;
    let (_, ann) = app.subscriber("ann").await;
    let plans = app.get_as(&admin, "/billing/plans").await.expect(200).body;
    let pro = plans["items"].as_array().unwrap().iter().find(|plan| plan["code"] == "pro").unwrap().clone();
    assert!(pro["stripe_price_id"].as_str().unwrap().starts_with("price_"));
    let path = format!("/billing/plans/{}", pro["id"].as_str().unwrap());
    let change = json!({"price_cents": 2900, "name": "Pro 2", "is_admin": true, "updated_at": pro["updated_at"]});
    let changed = patch(&app, &admin, &path, change.clone()).await.expect(200).body;
    assert_eq!((changed["price_cents"].as_i64(), changed["name"].as_str()), (Some(2900), Some("Pro 2")));
    assert_ne!(changed["stripe_price_id"], pro["stripe_price_id"]);
    patch(&app, &admin, &path, change).await.refused(409, "plan_changed");
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": "paid"})).await.expect(200);
    app.drain().await;
    let found = app.subscription(&ann).await;
    assert_eq!((found["price_cents"].as_i64(), found["plan"]["price_cents"].as_i64()), (Some(1900), Some(2900)));
    assert_eq!(found["has_access"], true);

    app.delete_as(&admin, &path).await.expect(204);
    app.delete_as(&admin, &path).await.expect(404);
    let (_, bob) = app.person("bob").await;
    app.subscribe(&bob, "pro").await.refused(404, "plan_not_found");
    assert_eq!(app.get(&path).await.expect(200).body["is_active"], false);
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 1);
    let again = json!({"code": "pro", "name": "Pro", "price_cents": 1, "currency": "usd", "billing_period": "month", "tier": 1});
    app.post_as(&admin, "/billing/plans", again).await.refused(409, "plan_code_taken");
    app.drain().await;
    assert!(
        app.actions().await.iter().filter(|action| action.starts_with("plan.")).eq(["plan.archived", "plan.changed"])
    );
}

#[tokio::test]
async fn each_wrong_field_of_a_plan_is_named() {
    let app = TestApp::start_with_admin().await;
    let admin = admin(&app).await;
    let good = json!({
        "code": "x", "name": "X", "price_cents": 1, "currency": "usd", "billing_period": "month", "tier": 1,
    });
    let long = "x".repeat(201);
    for (field, value) in [
        ("code", json!("X")),
        ("code", json!("")),
        ("name", json!("")),
        ("name", json!(long)),
        ("price_cents", json!(-1)),
        ("price_cents", json!(100_000_000)),
        ("price_cents", json!("1")),
        ("currency", json!("USD")),
        ("currency", json!("xxx")),
        ("billing_period", json!("week")),
        ("tier", json!(-1)),
        ("tier", json!(1001)),
        ("trial_days", json!(731)),
        ("features", json!([])),
        ("features", json!({"a": "x".repeat(1024)})),
    ] {
        let mut wrong = good.clone();
        wrong[field] = value.clone();
        let answer = app.post_as(&admin, "/billing/plans", wrong).await.refused(422, "validation_failed");
        assert_eq!(answer.body["errors"][0]["field"], field, "{value}");
    }
    for field in ["code", "name", "price_cents", "currency", "billing_period", "tier"] {
        let mut missing = good.clone();
        missing.as_object_mut().unwrap().remove(field);
        let answer = app.post_as(&admin, "/billing/plans", missing).await.refused(422, "validation_failed");
        assert_eq!(answer.body["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn the_same_idempotency_key_and_body_get_the_same_answer_for_a_day() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let bearer = format!("Bearer {}", session.access);
    let send = async |key: &str, body: Value| {
        let headers =
            [("content-type", "application/json"), ("authorization", bearer.as_str()), ("idempotency-key", key)];
        app.send(Method::POST, SUBSCRIBE, &headers, Some(body.to_string())).await
    };
    let pro = || json!({"plan_code": "pro"});
    let first = send("one", pro()).await.expect(201);
    assert_eq!(send("one", pro()).await.expect(201).body, first.body);
    send("one", json!({"plan_code": "team"})).await.refused(422, "idempotency_key_reused");
    let missing = send("two", json!({"plan_code": "none"})).await.expect(404);
    assert_eq!(send("two", json!({"plan_code": "none"})).await.expect(404).body, missing.body, "a refusal is kept too");
    app.fail(Service::Stripe, Kind::Error, 0, 20);
    send("three", pro()).await.refused(502, "stripe_unavailable");
    app.stack.fault_injector().clear();
    send("three", pro()).await.expect(201);
    send(&"x".repeat(256), pro()).await.refused(422, "validation_failed");
    let asked = app.send(Method::GET, "/billing/plans", &[("idempotency-key", "one")], None).await;
    asked.expect(200); // a GET is not stored
    let (_, other) = app.person("bob").await;
    app.post_as(&other, SUBSCRIBE, pro()).await.expect(201);
}

/// Ann, who can subscribe to `trial`.
async fn at_a_plan_with_a_trial(app: &TestApp) -> Session {
    let admin = admin(app).await;
    let plan = json!({
        "code": "trial", "name": "Trial", "price_cents": 500, "currency": "usd", "billing_period": "month", "tier": 4,
        "trial_days": 14,
    });
    app.post_as(&admin, "/billing/plans", plan).await.expect(201);
    app.person("ann").await.1
}

#[tokio::test]
async fn a_trial_is_given_once() {
    let app = TestApp::start_with_admin().await;
    let session = at_a_plan_with_a_trial(&app).await;
    for status in ["trialing", "active"] {
        let checkout = app.subscribe(&session, "trial").await.expect(201);
        app.pay(&checkout.body).await.expect(303);
        app.drain().await;
        let found = app.subscription(&session).await;
        assert_eq!((found["status"].as_str(), found["has_access"].as_bool()), (Some(status), Some(true)));
        let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
        app.at_stripe(&format!("subscriptions/{id}/cancel"), json!({})).await.expect(200);
        app.drain().await;
        app.advance(1);
    }
}

#[tokio::test]
async fn a_trial_counts_before_its_event_arrives() {
    let app = TestApp::start_with_admin().await;
    let session = at_a_plan_with_a_trial(&app).await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    for status in ["trialing", "active"] {
        let checkout = app.subscribe(&session, "trial").await.expect(201);
        app.pay(&checkout.body).await.expect(303);
        let newest = app.stripe("subscriptions").await[0].clone();
        assert_eq!(newest["status"], status);
        let id = newest["id"].as_str().unwrap();
        app.at_stripe(&format!("subscriptions/{id}/cancel"), json!({})).await.expect(200);
        app.advance(1);
    }
}

#[tokio::test]
async fn closing_the_account_ends_renewals_and_open_checkouts() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let (_, bob) = app.person("bob").await;
    let checkout = app.subscribe(&bob, "pro").await.expect(201);
    for session in [&ann, &bob] {
        app.post_as(session, "/deactivate", json!({})).await.expect(200);
    }
    app.drain().await;
    let subscription = app.stripe("subscriptions").await[0].clone();
    assert_eq!(
        (subscription["cancel_at_period_end"].as_bool(), subscription["status"].as_str()),
        (Some(true), Some("active"))
    );
    app.pay(&checkout.body).await.expect(409);
}

#[tokio::test]
async fn a_canceled_subscription_has_access_to_the_period_end_and_can_resume() {
    const CANCEL: &str = "/billing/subscriptions/cancel";
    const RESUME: &str = "/billing/subscriptions/resume";
    let app = TestApp::start().await;
    let (_, bob) = app.person("bob").await;
    for path in [CANCEL, RESUME] {
        app.post_as(&bob, path, json!({})).await.refused(404, "no_subscription");
    }
    let (email, ann) = app.subscriber("ann").await;
    app.post_as(&ann, RESUME, json!({})).await.refused(409, "not_canceling");
    let canceled = app.post_as(&ann, CANCEL, json!({})).await.expect(200).body;
    assert_eq!(
        (canceled["cancel_at_period_end"].as_bool(), canceled["has_access"].as_bool()),
        (Some(true), Some(true))
    );
    assert_eq!(canceled["access_until"], canceled["current_period_end"]);
    app.mail(&email, "subscription_canceled").await;
    app.post_as(&ann, CANCEL, json!({})).await.refused(409, "already_canceling");
    let resumed = app.post_as(&ann, RESUME, json!({})).await.expect(200).body;
    assert_eq!(resumed["cancel_at_period_end"], false);
    app.mail(&email, "subscription_resumed").await;
    app.post_as(&ann, CANCEL, json!({})).await.expect(200);
    let body = json!({"advance_seconds": 32 * 86_400});
    app.post("/_local/clock", body).await.expect(200);
    app.drain().await;
    let ann = app.sign_in(&email).await;
    assert_eq!(app.subscription(&ann).await["status"], "canceled");
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 0);
    app.mail(&email, "subscription_ended").await;
    app.post_as(&ann, RESUME, json!({})).await.refused(404, "no_subscription");
}

#[tokio::test]
async fn changes_in_the_portal_are_applied_without_an_event() {
    let app = TestApp::start().await;
    let (_, bob) = app.person("bob").await;
    app.post_as(&bob, "/billing/portal", json!({})).await.refused(404, "no_customer");
    let (_, ann) = app.subscriber("ann").await;
    let url = app.post_as(&ann, "/billing/portal", json!({})).await.expect(201).body["url"].clone();
    let page = url.as_str().unwrap().replace(&app.stack.base_url(), "");
    assert!(app.get(&page).await.expect(200).text.contains("/account"));
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    let press = async |action: &str| {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        app.send(Method::POST, &page, &form, Some(format!("action={action}&subscription={id}"))).await.expect(303);
    };
    press("cancel").await;
    app.drain().await;
    // Stripe's portal sets only the time.
    assert_eq!(app.stripe("subscriptions").await[0]["cancel_at_period_end"], false);
    assert_eq!(app.subscription(&ann).await["cancel_at_period_end"], true);
    let resumed = app.post_as(&ann, "/billing/subscriptions/resume", json!({})).await.expect(200).body;
    assert_eq!(resumed["cancel_at_period_end"], false);
    assert!(app.stripe("subscriptions").await[0]["cancel_at"].is_null());
    press("cancel").await;
    app.drain().await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    press("resume").await;
    // The stored state says that it ends already, so Stripe is not called (B19). Reconciliation finds the change
    // without an event.
    app.post_as(&ann, "/billing/subscriptions/cancel", json!({})).await.refused(409, "already_canceling");
    app.sweep("reconcile").await.expect(200);
    let canceled = app.post_as(&ann, "/billing/subscriptions/cancel", json!({})).await.expect(200).body;
    assert_eq!(canceled["cancel_at_period_end"], true);
    assert_eq!(app.stripe("subscriptions").await[0]["cancel_at_period_end"], true);
    app.at_stripe(&format!("subscriptions/{id}/cancel"), json!({})).await.expect(200);
    app.post_as(&ann, "/billing/subscriptions/resume", json!({})).await.refused(404, "no_subscription");
}

#[tokio::test]
async fn stripe_gets_a_new_address_once_it_is_verified() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let token = app.verification_of_address(&ann, "new@example.com").await;
    app.post("/verify", token).await.expect(200);
    app.drain().await;
    assert_eq!(app.stripe("customers").await[0]["email"], "new@example.com");
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": "failed"})).await.expect(200);
    app.mail("new@example.com", "payment_failed").await;
}

#[tokio::test]
async fn a_late_command_does_not_restore_an_old_address() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let first = app.verification_of_address(&ann, "new@example.com").await;
    app.missed_by_relay(app.post("/verify", first)).await.expect(200);
    let ann = app.sign_in("new@example.com").await;
    let second = app.verification_of_address(&ann, "newer@example.com").await;
    app.post("/verify", second).await.expect(200);
    app.drain().await;
    app.advance(600);
    assert!(app.sweep("outbox").await.expect(200).body["handled"].as_u64() > Some(0), "the first one's command");
    app.drain().await;
    assert_eq!(app.stripe("customers").await[0]["email"], "newer@example.com");
    let kept = rows(&app, "CUSTOMER").await;
    assert_eq!(kept.iter().find_map(|row| row["email"]["S"].as_str()), Some("newer@example.com"));
}

/// Creates a customer at Stripe, loses the answer, and then changes the address.
async fn half_made_and_renamed(app: &TestApp) {
    let (_, ann) = app.person("ann").await;
    app.fail_operation(Service::Stripe, "POST /v1/customers", Kind::LostResponse, 1);
    app.subscribe(&ann, "pro").await.refused(502, "stripe_unavailable");
    let token = app.verification_of_address(&ann, "new@example.com").await;
    app.post("/verify", token).await.expect(200);
    app.drain().await;
}

// R16
#[tokio::test]
async fn an_address_change_during_creation_reaches_the_one_customer() {
    for (case, hours, kind) in [
        ("the idempotency key identifies the customer", 0, None),
        ("Stripe fails the second time", 0, Some(Kind::Error)),
        ("the idempotency key has expired", 30, None),
    ] {
        let app = TestApp::start().await;
        half_made_and_renamed(&app).await;
        app.advance(hours * 3_600);
        let ann = app.sign_in("new@example.com").await;
        if let Some(kind) = kind {
            app.fail_operation(Service::Stripe, "POST /v1/customers", kind, 1);
        }
        let checkout = app.subscribe(&ann, "pro").await.expect(201).body;
        app.drain().await;
        let customers = app.stripe("customers").await;
        assert_eq!((customers.len(), &customers[0]["email"]), (1, &json!("new@example.com")), "{case}");
        app.pay(&checkout).await.expect(303);
        app.mail("new@example.com", "subscription_confirmed").await;
        assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 1, "{case}");
    }
}

#[tokio::test]
async fn a_customer_deleted_at_stripe_loses_access_and_can_subscribe_again() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let customer = app.stripe("customers").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("customers/{customer}/delete"), json!({})).await.expect(200);
    app.drain().await;
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 0);
    let checkout = app.subscribe(&ann, "pro").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    app.drain().await;
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 1);
    // R5: an event of a deleted customer is recorded.
    let again = event("evt_late", "customer.deleted", &json!({"id": customer, "object": "customer"}));
    app.stack.invoke("stripe-events", queued(&[&again])).await.unwrap();
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 1, "another customer was deleted");
}

#[tokio::test]
async fn access_ends_with_the_grace_without_an_event() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    let checkout = app.subscribe(&session, "pro").await.expect(201);
    app.pay_with(&checkout.body, "4000000000000341").await.expect(303);
    app.drain().await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    let tier_in = async |days: i64| {
        app.post("/_local/clock", json!({"advance_seconds": days * 86_400})).await.expect(200);
        let session = app.sign_in(&email).await;
        let status = app.subscription(&session).await["status"].clone();
        (app.get_as(&session, "/me").await.body["tier"].clone(), status)
    };
    // The renewal of 1 April fails; the sweep at that time fetches the state from Stripe.
    assert_eq!(tier_in(31).await, (json!(1), json!("past_due")));
    assert_eq!(tier_in(6).await, (json!(1), json!("past_due")));
    assert_eq!(tier_in(1).await, (json!(0), json!("past_due")));
    // R12: the state now depends on Stripe.
    assert_eq!(app.sweep("expiry").await.expect(200).body["handled"], 0);
    // After its last attempt Stripe gives up; then the due index does not contain it any more.
    assert_eq!(tier_in(7).await, (json!(0), json!("canceled")));
    assert!(rows(&app, "SUB#").await.iter().all(|row| row.get("due_at").is_none()));
}
