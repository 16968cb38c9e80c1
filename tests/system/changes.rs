//! Changes of plan, their cost, and refunds.

use reqwest::Method;
use serde_json::{Value, json};
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;
use tollgate_tests::app::{Answer, Session, TestApp};
use tollgate_tests::request::Request;

const PREVIEW: &str = "/billing/subscriptions/preview";
const UPGRADE: &str = "/billing/subscriptions/upgrade";
const CANCEL: &str = "/billing/subscriptions/cancel";
const RESUME: &str = "/billing/subscriptions/resume";
const DAY: i64 = 86_400;

async fn preview(app: &TestApp, session: &Session, code: &str) -> Answer {
    app.post_as(session, PREVIEW, json!({"plan_code": code})).await
}

async fn upgrade(app: &TestApp, session: &Session, code: &str) -> Answer {
    app.post_as(session, UPGRADE, json!({"plan_code": code})).await
}

/// A plan that an admin adds to the first three.
async fn make_plan(app: &TestApp, code: &str, price_cents: i64, currency: &str, period: &str, tier: i64) {
    let (_, admin) = app.person(&format!("admin-{code}")).await;
    app.make_admins(&[&admin]).await;
    let plan = json!({
        "code": code, "name": code, "price_cents": price_cents, "currency": currency, "billing_period": period, "tier": tier,
    });
    app.post_as(&admin, "/billing/plans", plan).await.expect(201);
}

/// Ann, who pays for `pro` with a card that fails later.
async fn subscriber_with(app: &TestApp, card: &str) -> (String, Session) {
    let (email, ann) = app.person("ann").await;
    let checkout = app.subscribe(&ann, "pro").await.expect(201);
    app.pay_with(&checkout.body, card).await.expect(303);
    app.drain().await;
    (email, ann)
}

async fn advance(app: &TestApp, seconds: i64) {
    app.post("/_local/clock", json!({"advance_seconds": seconds})).await.expect(200);
    app.drain().await;
}

async fn kinds(app: &TestApp, email: &str) -> Vec<String> {
    let mails = app.mails(email).await;
    let mut kinds: Vec<_> = mails.iter().map(|mail| mail["kind"].as_str().unwrap().to_owned()).collect();
    kinds.retain(|kind| !["verify", "login_code"].contains(&kind.as_str()));
    kinds.reverse();
    kinds
}

async fn payments(app: &TestApp, session: &Session) -> Vec<Value> {
    app.get_as(session, "/billing/payments/me").await.expect(200).body["items"].as_array().unwrap().clone()
}

/// Pays on Stripe's page of an invoice.
async fn pay_invoice(app: &TestApp, url: &Value, card: &str) -> Answer {
    let path = url.as_str().unwrap().replace(&app.stack.base_url(), "");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    app.send(Method::POST, &path, &form, Some(format!("card={card}"))).await
}

fn plan_codes(subscription: &Value) -> (&str, Option<&str>) {
    (subscription["plan"]["code"].as_str().unwrap(), subscription["scheduled_plan"]["code"].as_str())
}

#[tokio::test]
async fn a_higher_tier_applies_at_once_and_costs_what_the_preview_stated() {
    let app = TestApp::start().await;
    let (email, _) = app.subscriber("ann").await;
    advance(&app, 10 * DAY + 4321).await;
    let ann = app.sign_in(&email).await;
    let said = preview(&app, &ann, "team").await.expect(200).body;
    let lines = said["lines"].as_array().unwrap();
    let sum: i64 = lines.iter().map(|line| line["amount_cents"].as_i64().unwrap()).sum();
    assert_eq!((lines.len(), said["currency"].as_str()), (2, Some("usd")));
    assert!(sum > 0 && said["amount_due_cents"] == sum, "{said}");
    app.advance(59 * 60);
    let ann = app.sign_in(&email).await;
    let body = json!({"plan_code": "team", "proration_date": said["proration_date"]});
    let changed = app.post_as(&ann, UPGRADE, body).await.expect(200).body;
    assert_eq!(plan_codes(&changed), ("team", None));
    assert_eq!((changed["price_cents"].as_i64(), changed["status"].as_str()), (Some(4900), Some("active")));
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 2);
    let paid = payments(&app, &ann).await;
    assert_eq!((paid.len(), &paid[0]["amount_cents"]), (2, &said["amount_due_cents"]));
    app.drain().await;
    assert_eq!(app.stripe("subscriptions").await.len(), 1, "it is the same subscription");
    assert_eq!(kinds(&app, &email).await, ["subscription_confirmed", "plan_changed"]);
}

#[tokio::test]
async fn a_lower_tier_applies_at_period_end_and_costs_nothing() {
    let app = TestApp::start().await;
    let (email, ann) = app.subscriber("ann").await;
    upgrade(&app, &ann, "team").await.expect(200);
    let before = payments(&app, &ann).await.len();
    let said = preview(&app, &ann, "pro").await.expect(200).body;
    assert_eq!((&said["amount_due_cents"], &said["lines"]), (&json!(0), &json!([])));
    let waiting = upgrade(&app, &ann, "pro").await.expect(200).body;
    assert_eq!(plan_codes(&waiting), ("team", Some("pro")));
    assert_eq!((&waiting["cancel_at_period_end"], &waiting["price_cents"]), (&json!(false), &json!(4900)));
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 2);
    upgrade(&app, &ann, "pro").await.refused(409, "same_plan");
    assert_eq!(payments(&app, &ann).await.len(), before);
    advance(&app, 32 * DAY).await;
    let ann = app.sign_in(&email).await;
    let now = app.subscription(&ann).await;
    assert_eq!((plan_codes(&now), now["price_cents"].as_i64()), (("pro", None), Some(1900)));
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 1);
    assert_eq!(payments(&app, &ann).await[0]["amount_cents"], 1900);
    let mails = ["subscription_confirmed", "plan_changed", "downgrade_scheduled", "plan_changed", "renewed"];
    assert_eq!(kinds(&app, &email).await, mails);
    // Its schedule is released before the next change.
    let up = upgrade(&app, &ann, "team").await.expect(200).body;
    assert_eq!(plan_codes(&up), ("team", None));
}

#[tokio::test]
async fn an_upgrade_that_is_not_paid_changes_nothing_until_it_is() {
    for (card, code, kind) in [
        ("4000000000000341", "payment_failed", "payment_failed"),
        ("4000002760003184", "payment_action_required", "action_required"),
    ] {
        let app = TestApp::start().await;
        let (email, ann) = subscriber_with(&app, card).await;
        let refused = upgrade(&app, &ann, "team").await.refused(402, code);
        assert_eq!(plan_codes(&app.subscription(&ann).await), ("pro", None));
        app.drain().await;
        assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 1);
        let mail = app.mail(&email, kind).await;
        assert!(mail["links"].as_array().unwrap().contains(&refused.body["invoice_url"]), "{mail}");
        let text = mail["text"].as_str().unwrap();
        assert!(text.contains("payment for Team"), "{text}");
        assert_eq!(text.contains("Nothing has changed"), kind == "payment_failed", "{text}");
        pay_invoice(&app, &refused.body["invoice_url"], "4242424242424242").await.expect(303);
        app.drain().await;
        assert_eq!(plan_codes(&app.subscription(&ann).await), ("team", None));
        assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 2);
        assert_eq!(kinds(&app, &email).await, ["subscription_confirmed", kind, "plan_changed"]);
    }
}

#[tokio::test]
async fn a_change_that_is_not_possible_is_refused_with_its_reason() {
    let app = TestApp::start().await;
    let (_, bob) = app.person("bob").await;
    make_plan(&app, "euro", 2900, "eur", "month", 5).await;
    let (email, ann) = app.subscriber("ann").await;
    for path in [PREVIEW, UPGRADE] {
        let ask = async |session: &Session, code: &str| app.post_as(session, path, json!({"plan_code": code})).await;
        ask(&bob, "team").await.refused(404, "no_subscription");
        ask(&ann, "nothing").await.refused(404, "plan_not_found");
        ask(&ann, "pro").await.refused(409, "same_plan");
        ask(&ann, "euro").await.refused(409, "currency_mismatch");
        ask(&ann, "free").await.refused(422, "plan_is_free");
    }
    advance(&app, 2 * DAY).await;
    let ann = app.sign_in(&email).await;
    let at = async |date: &str| {
        let body = json!({"plan_code": "team", "proration_date": date});
        app.post_as(&ann, UPGRADE, body).await.refused(422, "invalid_proration_date");
    };
    let now = app.now();
    at(&(now + jiff::SignedDuration::from_secs(2)).to_string()).await;
    at(&(now - jiff::SignedDuration::from_secs(3601)).to_string()).await;
    at("yesterday").await;
    assert_eq!(plan_codes(&app.subscription(&ann).await), ("pro", None));
}

#[tokio::test]
async fn a_proration_date_of_the_previous_period_is_refused() {
    let app = TestApp::start().await;
    let (email, ann) = app.subscriber("ann").await;
    let end: jiff::Timestamp = app.subscription(&ann).await["current_period_end"].as_str().unwrap().parse().unwrap();
    let seconds = end.as_second() - app.now().as_second();
    advance(&app, seconds + 600).await;
    let ann = app.sign_in(&email).await;
    let before = (end - jiff::SignedDuration::from_secs(60)).to_string();
    let body = json!({"plan_code": "team", "proration_date": before});
    app.post_as(&ann, UPGRADE, body).await.refused(422, "invalid_proration_date");
    let body = json!({"plan_code": "team", "proration_date": end.to_string()});
    app.post_as(&ann, UPGRADE, body).await.expect(200);
}

#[tokio::test]
async fn a_longer_period_applies_at_once_and_a_shorter_one_at_period_end() {
    let app = TestApp::start().await;
    make_plan(&app, "pro-year", 19_000, "usd", "year", 1).await;
    let (email, ann) = app.subscriber("ann").await;
    let said = preview(&app, &ann, "pro-year").await.expect(200).body;
    let yearly = upgrade(&app, &ann, "pro-year").await.expect(200).body;
    assert_eq!((plan_codes(&yearly), yearly["billing_period"].as_str()), (("pro-year", None), Some("year")));
    let paid = payments(&app, &ann).await;
    assert!(paid.iter().any(|payment| payment["amount_cents"] == said["amount_due_cents"]), "{paid:?}");
    let waiting = upgrade(&app, &ann, "pro").await.expect(200).body;
    assert_eq!(plan_codes(&waiting), ("pro-year", Some("pro")));
    advance(&app, 366 * DAY).await;
    let ann = app.sign_in(&email).await;
    let monthly = app.subscription(&ann).await;
    assert_eq!((plan_codes(&monthly), monthly["billing_period"].as_str()), (("pro", None), Some("month")));
}

#[tokio::test]
async fn a_pending_cancellation_stays_and_a_pending_downgrade_is_undone() {
    let app = TestApp::start().await;
    let (email, ann) = app.subscriber("ann").await;
    app.post_as(&ann, CANCEL, json!({})).await.expect(200);
    let team = upgrade(&app, &ann, "team").await.expect(200).body;
    assert_eq!((plan_codes(&team), &team["cancel_at_period_end"]), (("team", None), &json!(true)));
    // It has no next period in which another plan could begin.
    upgrade(&app, &ann, "pro").await.refused(409, "already_canceling");
    app.post_as(&ann, RESUME, json!({})).await.expect(200);
    upgrade(&app, &ann, "pro").await.expect(200);
    let back = app.post_as(&ann, RESUME, json!({})).await.expect(200).body;
    assert_eq!(plan_codes(&back), ("team", None));
    app.post_as(&ann, RESUME, json!({})).await.refused(409, "not_canceling");
    upgrade(&app, &ann, "pro").await.expect(200);
    let canceled = app.post_as(&ann, CANCEL, json!({})).await.expect(200).body;
    assert_eq!((plan_codes(&canceled), &canceled["cancel_at_period_end"]), (("team", None), &json!(true)));
    app.drain().await;
    let mails = [
        "subscription_confirmed",
        "subscription_canceled",
        "plan_changed",
        "subscription_resumed",
        "downgrade_scheduled",
        "subscription_resumed",
        "downgrade_scheduled",
        "subscription_canceled",
    ];
    assert_eq!(kinds(&app, &email).await, mails);
}

#[tokio::test]
async fn an_open_invoice_must_be_paid_before_a_change() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    for (outcome, code) in [("failed", "payment_failed"), ("action_required", "payment_action_required")] {
        app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": outcome})).await.expect(200);
        app.drain().await;
        let refused = upgrade(&app, &ann, "team").await.refused(402, code);
        assert!(refused.body["invoice_url"].as_str().unwrap().contains("/invoice/"), "{}", refused.body);
        pay_invoice(&app, &refused.body["invoice_url"], "4242424242424242").await.expect(303);
        app.drain().await;
    }
    assert_eq!(plan_codes(&upgrade(&app, &ann, "team").await.expect(200).body), ("team", None));
}

// R16
#[tokio::test]
async fn a_change_whose_answer_was_lost_is_reported_as_done() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    app.fail_operation(Service::Stripe, "POST /v1/subscriptions/{id}", Kind::LostResponse, 1);
    assert_eq!(plan_codes(&upgrade(&app, &ann, "team").await.expect(200).body), ("team", None));
    assert_eq!(payments(&app, &ann).await.len(), 2);
    app.fail_operation(Service::Stripe, "POST /v1/subscription_schedules", Kind::LostResponse, 1);
    upgrade(&app, &ann, "pro").await.refused(502, "stripe_unavailable");
    assert_eq!(plan_codes(&upgrade(&app, &ann, "pro").await.expect(200).body), ("team", Some("pro")));
}

#[tokio::test]
async fn a_trial_ends_with_an_upgrade_to_a_plan_without_one() {
    let app = TestApp::start().await;
    let (_, admin) = app.person("root").await;
    app.make_admins(&[&admin]).await;
    let plans = app.get("/billing/plans").await.body["items"].as_array().unwrap().clone();
    let pro = plans.iter().find(|plan| plan["code"] == "pro").unwrap()["id"].as_str().unwrap().to_owned();
    let headers = [("authorization", format!("Bearer {}", admin.access)), ("content-type", "application/json".into())];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let body = json!({"trial_days": 14}).to_string();
    app.send(Method::PATCH, &format!("/billing/plans/{pro}"), &headers, Some(body)).await.expect(200);
    let (_, ann) = app.subscriber("ann").await;
    assert_eq!(app.subscription(&ann).await["status"], "trialing");
    assert_eq!(preview(&app, &ann, "team").await.expect(200).body["amount_due_cents"], 4900);
    let team = upgrade(&app, &ann, "team").await.expect(200).body;
    assert_eq!((plan_codes(&team), team["status"].as_str()), (("team", None), Some("active")));
    assert_eq!(payments(&app, &ann).await[0]["amount_cents"], 4900);
    assert_eq!(plan_codes(&upgrade(&app, &ann, "pro").await.expect(200).body), ("team", Some("pro")));
}

#[tokio::test]
async fn a_refund_is_recorded_in_part_and_in_full_and_mailed_once() {
    let app = TestApp::start().await;
    let (email, ann) = app.subscriber("ann").await;
    let invoice = app.stripe("invoices").await[0]["id"].as_str().unwrap().to_owned();
    let refund = format!("invoices/{invoice}/refund");
    app.at_stripe(&refund, json!({"amount_cents": 500})).await.expect(200);
    app.drain().await;
    let payment = payments(&app, &ann).await.remove(0);
    assert_eq!((&payment["status"], &payment["refunded_cents"]), (&json!("succeeded"), &json!(500)));
    app.at_stripe(&refund, json!({})).await.expect(200);
    app.drain().await;
    let payment = payments(&app, &ann).await.remove(0);
    assert_eq!((&payment["status"], &payment["refunded_cents"]), (&json!("refunded"), &json!(1900)));
    assert_eq!(kinds(&app, &email).await, ["subscription_confirmed", "refunded", "refunded"]);
    let texts: Vec<_> = app.mails(&email).await.iter().map(|mail| mail["text"].as_str().unwrap().to_owned()).collect();
    assert!(texts[0].contains("14.00 USD") && texts[1].contains("5.00 USD"), "{texts:?}");
    assert_eq!(app.actions().await.iter().filter(|action| *action == "payment.refunded").count(), 2);
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 1, "money alone takes no access");
}

#[tokio::test]
async fn a_dispute_is_stored_and_audited_once() {
    let app = TestApp::start().await;
    app.subscriber("ann").await;
    let invoice = app.stripe("invoices").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("invoices/{invoice}/dispute"), json!({})).await.expect(200);
    app.drain().await;
    let events = app.stripe("events").await;
    let id = events.iter().find(|event| event["type"] == "charge.dispute.created").unwrap()["id"].clone();
    app.at_stripe(&format!("events/{}/resend", id.as_str().unwrap()), json!({})).await.expect(200);
    app.drain().await;
    assert_eq!(app.actions().await.iter().filter(|action| *action == "payment.disputed").count(), 1);
}

// R13
#[tokio::test]
async fn a_failed_payment_is_mailed_again_on_days_1_3_and_5_only() {
    let app = TestApp::start().await;
    let (email, _) = subscriber_with(&app, "4000000000000341").await;
    let failed = async || kinds(&app, &email).await.iter().filter(|kind| *kind == "payment_failed").count();
    let run = async || app.send(Method::POST, "/_local/schedules/reminders/run", &[], None).await.expect(200);
    // The renewal is due on day 31 and fails.
    advance(&app, 31 * DAY + 7200).await;
    assert_eq!(failed().await, 1);
    let mut sent = Vec::new();
    for _ in 1..=7 {
        app.advance(DAY);
        for _ in 0..2 {
            run().await;
        }
        app.drain().await;
        sent.push(failed().await);
    }
    assert_eq!(sent[..6], [2, 2, 3, 3, 4, 4], "{sent:?}");
}

#[tokio::test]
async fn a_preview_of_a_plan_that_was_changed_is_not_charged() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let said = preview(&app, &ann, "team").await.expect(200).body;
    app.advance(60);
    let plans = app.get("/billing/plans").await.expect(200).body["items"].clone();
    let id = plans.as_array().unwrap().iter().find(|plan| plan["code"] == "team").unwrap()["id"].clone();
    let path = format!("/billing/plans/{}", id.as_str().unwrap());
    Request::patch_as(&admin, &path, json!({"price_cents": 9900})).send(&app).await.expect(200);
    let at = |said: &Value| json!({"plan_code": "team", "proration_date": said["proration_date"]});
    app.post_as(&ann, UPGRADE, at(&said)).await.refused(422, "invalid_proration_date");
    let anew = preview(&app, &ann, "team").await.expect(200).body;
    app.post_as(&ann, UPGRADE, at(&anew)).await.expect(200);
    assert_eq!(payments(&app, &ann).await[0]["amount_cents"], anew["amount_due_cents"]);
}

// R11
#[tokio::test]
async fn a_payment_after_the_end_is_refunded() {
    let app = TestApp::start().await;
    let (email, _) = subscriber_with(&app, "4000000000000341").await;
    let first = app.stripe("invoices").await[0]["id"].clone();
    advance(&app, 31 * DAY).await;
    advance(&app, 20 * DAY).await;
    assert_eq!(app.stripe("subscriptions").await[0]["status"], "canceled");
    let invoice = app.stripe("invoices").await[0].clone();
    assert_eq!(invoice["status"], "open");
    pay_invoice(&app, &invoice["hosted_invoice_url"], "4242424242424242").await.expect(303);
    app.drain().await;
    let ann = app.sign_in(&email).await;
    let found: Vec<_> = payments(&app, &ann).await.iter().map(|paid| paid["status"].clone()).collect();
    assert_eq!(found, ["refunded", "succeeded"], "and {first} stays");
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 0);
    let sent = kinds(&app, &email).await;
    assert_eq!(sent.iter().filter(|kind| *kind == "refunded").count(), 1, "{sent:?}");
    assert!(!sent.contains(&"renewed".to_owned()), "{sent:?}");
}

#[tokio::test]
async fn a_refused_payment_that_then_requires_consent_is_mailed_again() {
    const CONSENT: &str = "4000002760003184";
    let app = TestApp::start().await;
    let (email, _) = subscriber_with(&app, "4000000000000341").await;
    advance(&app, 31 * DAY).await;
    let ann = app.sign_in(&email).await;
    let portal = app.post_as(&ann, "/billing/portal", json!({})).await.expect(201).body["url"].clone();
    let page = portal.as_str().unwrap().replace(&app.stack.base_url(), "");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    app.send(Method::POST, &page, &form, Some(format!("action=card&card={CONSENT}"))).await.expect(303);
    advance(&app, 3 * DAY).await;
    let sent = kinds(&app, &email).await;
    assert_eq!(sent.iter().filter(|kind| *kind == "payment_failed").count(), 2, "at once and on day 3: {sent:?}");
    assert_eq!(sent.iter().filter(|kind| *kind == "action_required").count(), 1, "{sent:?}");
    let events = app.stripe("events").await;
    let again = events.iter().find(|event| event["type"] == "invoice.payment_action_required").unwrap();
    app.at_stripe(&format!("events/{}/resend", again["id"].as_str().unwrap()), json!({})).await.expect(200);
    app.drain().await;
    assert_eq!(kinds(&app, &email).await, sent);
}

#[tokio::test]
async fn a_reminder_is_sent_late_if_missed_and_not_after_payment() {
    let app = TestApp::start().await;
    let (email, _) = subscriber_with(&app, "4000000000000341").await;
    advance(&app, 31 * DAY + 7200).await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    let invoice = app.stripe("invoices").await[0].clone();
    pay_invoice(&app, &invoice["hosted_invoice_url"], "4242424242424242").await.expect(303);
    app.advance(4 * DAY);
    app.send(Method::POST, "/_local/schedules/reminders/run", &[], None).await.expect(200);
    app.drain().await;
    assert_eq!(kinds(&app, &email).await, ["subscription_confirmed", "payment_failed", "renewed"]);
}

#[tokio::test]
async fn the_trial_reminder_is_mailed_once_by_schedule_or_event() {
    for delivery in ["normal", "drop"] {
        let app = TestApp::start().await;
        let (_, admin) = app.person("root").await;
        app.make_admins(&[&admin]).await;
        let plan = json!({
            "code": "tried", "name": "Tried", "price_cents": 900, "currency": "usd", "billing_period": "month", "tier": 1,
            "trial_days": 14,
        });
        app.post_as(&admin, "/billing/plans", plan).await.expect(201);
        let (email, ann) = app.person("ann").await;
        let checkout = app.subscribe(&ann, "tried").await.expect(201);
        app.pay(&checkout.body).await.expect(303);
        app.drain().await;
        app.at_stripe("delivery", json!({"mode": delivery})).await.expect(200);
        let sent = async || kinds(&app, &email).await.iter().filter(|kind| *kind == "trial_ending").count();
        advance(&app, 10 * DAY).await;
        assert_eq!(sent().await, 0);
        advance(&app, DAY + 3600).await;
        app.send(Method::POST, "/_local/schedules/reminders/run", &[], None).await.expect(200);
        app.drain().await;
        assert_eq!(sent().await, 1, "{delivery}");
        advance(&app, DAY).await;
        assert_eq!(sent().await, 1, "{delivery}");
    }
}
