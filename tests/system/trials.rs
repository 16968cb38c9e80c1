//! A trial is given once: to a user, to an address, to a card. The ledger outlives an account.

use reqwest::Method;
use serde_json::{Value, json};
use tollgate_local::Options;
use tollgate_tests::app::{PASSWORD, Session, TestApp, no_limits, options};

const ME: &str = "/billing/subscriptions/me";
const DAY: i64 = 86_400;
const CARD: &str = "4242424242424242";
const OTHER_CARD: &str = "5555555555554444";

async fn advance(app: &TestApp, seconds: i64) {
    app.post("/_local/clock", json!({"advance_seconds": seconds})).await.expect(200);
    app.drain().await;
}

/// A stack in which `pro` has a trial of 14 days.
async fn with_trial(options: Options) -> TestApp {
    let app = TestApp::start_with(options).await;
    let admin = app.person("root").await.1;
    app.make_admins(&[&admin]).await;
    let plans = app.get("/billing/plans").await.expect(200).body["items"].clone();
    let pro = plans.as_array().unwrap().iter().find(|plan| plan["code"] == "pro").unwrap()["id"].clone();
    let bearer = format!("Bearer {}", admin.access);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let trial = Some(json!({"trial_days": 14}).to_string());
    app.send(Method::PATCH, &format!("/billing/plans/{}", pro.as_str().unwrap()), &headers, trial).await.expect(200);
    app
}

async fn subscribe_with(app: &TestApp, session: &Session, card: &str) -> Value {
    let checkout = app.subscribe(session, "pro").await.expect(201).body;
    app.pay_with(&checkout, card).await.expect(303);
    app.drain().await;
    app.get_as(session, ME).await.expect(200).body
}

/// Deletes and erases the account, so that its address and its name are free.
async fn delete(app: &TestApp, email: &str) {
    advance(app, 60).await;
    let session = app.sign_in(email).await;
    app.post_as(&session, "/me/delete", json!({"password": PASSWORD})).await.expect(202);
    app.drain().await;
    app.sweep("accounts").await.expect(200);
    app.drain().await;
}

async fn kinds(app: &TestApp, email: &str) -> Vec<String> {
    let mails = app.mails(email).await;
    mails.iter().map(|mail| mail["kind"].as_str().unwrap().to_owned()).collect()
}

// A13
#[tokio::test]
async fn an_address_has_one_trial_although_its_account_was_deleted() {
    let app = with_trial(options()).await;
    let (email, ann) = app.person("ann").await;
    assert_eq!(subscribe_with(&app, &ann, CARD).await["status"], "trialing");
    delete(&app, &email).await;
    let (_, again) = app.person("ann").await;
    let shown = subscribe_with(&app, &again, OTHER_CARD).await;
    assert_eq!(shown["status"], "active", "the first payment is due at once");
    let paid = app.get_as(&again, "/billing/payments/me").await.expect(200).body;
    assert_eq!(paid["items"][0]["amount_cents"], 1900);
}

// A13
#[tokio::test]
async fn a_card_has_one_trial_for_all_users() {
    for is_deleted in [false, true] {
        let app = with_trial(options()).await;
        let (email, ann) = app.person("ann").await;
        assert_eq!(subscribe_with(&app, &ann, CARD).await["status"], "trialing");
        if is_deleted {
            delete(&app, &email).await;
        }
        let (address, bob) = app.person("bob").await;
        let shown = subscribe_with(&app, &bob, CARD).await;
        assert_eq!((&shown["status"], &shown["has_access"]), (&json!("canceled"), &json!(false)));
        let sent = kinds(&app, &address).await;
        assert_eq!(sent.iter().filter(|kind| *kind == "trial_refused").count(), 1, "{sent:?}");
        for other in ["subscription_confirmed", "subscription_ended", "subscription_canceled", "refunded"] {
            assert!(!sent.iter().any(|kind| kind == other), "{sent:?}");
        }
        assert_eq!(app.get_as(&bob, "/billing/payments/me").await.expect(200).body["items"], json!([]));
        assert_eq!(app.get_as(&bob, "/me").await.expect(200).body["tier"], 0);
        // The next checkout has no trial, and the same card pays.
        let shown = subscribe_with(&app, &bob, CARD).await;
        assert_eq!((&shown["status"], &shown["has_access"]), (&json!("active"), &json!(true)));
        // A card without a trial gets its own.
        let (_, cem) = app.person("cem").await;
        assert_eq!(subscribe_with(&app, &cem, OTHER_CARD).await["status"], "trialing");
    }
}

// A13: both checkouts are open before either is paid, in any order of Stripe's events.
#[tokio::test]
async fn of_two_checkouts_with_one_card_one_has_the_trial() {
    for mode in ["normal", "reverse", "duplicate"] {
        let app = with_trial(options()).await;
        let (_, ann) = app.person("ann").await;
        let (_, bob) = app.person("bob").await;
        app.at_stripe("delivery", json!({"mode": mode})).await.expect(200);
        let first = app.subscribe(&ann, "pro").await.expect(201).body;
        let second = app.subscribe(&bob, "pro").await.expect(201).body;
        app.pay_with(&first, CARD).await.expect(303);
        app.pay_with(&second, CARD).await.expect(303);
        app.at_stripe("delivery", json!({"mode": "normal"})).await.expect(200);
        app.drain().await;
        let mut statuses = Vec::new();
        for person in [&ann, &bob] {
            statuses.push(app.get_as(person, ME).await.expect(200).body["status"].as_str().unwrap().to_owned());
        }
        statuses.sort();
        assert_eq!(statuses, ["canceled", "trialing"], "{mode}");
    }
}

// A13: the ledger itself contains no address.
#[tokio::test]
async fn the_ledger_holds_no_address_and_no_fingerprint() {
    let app = with_trial(options()).await;
    let (email, ann) = app.person("ann").await;
    subscribe_with(&app, &ann, CARD).await;
    let method = app.stripe_list("payment_methods").await;
    delete(&app, &email).await;
    let rows = app.get("/_local/tables/billing").await.expect(200).body["items"].clone();
    let ledger: Vec<_> =
        rows.as_array().unwrap().iter().filter(|row| row["sk"].to_string().contains("TRIAL")).collect();
    assert_eq!(ledger.len(), 2, "one for the address, one for the card: {rows}");
    let text = json!(ledger).to_string();
    assert!(!text.contains("example.com") && !text.contains("ann"), "{text}");
    for method in method {
        if let Some(fingerprint) = method["card"]["fingerprint"].as_str() {
            assert!(!text.contains(fingerprint), "{text}");
        }
    }
}

// A13
#[tokio::test]
async fn a_deletion_refunds_nothing_by_default() {
    for (setting, wanted) in [(None, None), (Some("nothing"), None), (Some("unused"), Some((1900 * 21) / 31))] {
        let env = setting.map(|setting| ("REFUND_ON_DELETION".to_owned(), setting.to_owned()));
        let app = TestApp::start_with(Options { env: no_limits().into_iter().chain(env).collect(), ..options() }).await;
        let (email, _) = app.subscriber("ann").await;
        advance(&app, 10 * DAY).await;
        delete(&app, &email).await;
        let subscription = app.stripe("subscriptions").await.remove(0);
        assert_eq!(subscription["status"], "canceled");
        let refunds = app.stripe_list("refunds").await;
        let refunded: Vec<_> = refunds.iter().map(|refund| refund["amount"].as_i64().unwrap()).collect();
        match wanted {
            None => assert_eq!(refunded, Vec::<i64>::new(), "{setting:?}"),
            // 31 days of March, of which ten and a minute are over.
            Some(cents) => {
                assert_eq!(refunded.len(), 1, "{refunded:?}");
                assert!((cents - 1..=cents).contains(&refunded[0]), "{refunded:?} beside {cents}");
                app.sweep("reconcile").await.expect(200);
                app.drain().await;
                assert_eq!(app.stripe_list("refunds").await.len(), 1, "once");
            }
        }
    }
}
