//! Stripe's events: signed, repeated, late, unknown, poisonous.

use super::*;

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
