//! Plans, checkouts, Stripe's events, commands and sweeps: Stripe's calls fail like any other.

use super::{Again, Case, Operation, case, operation};
use crate::app::{PASSWORD, Session, TestApp, World};
use crate::events::same_as_stripe;
use crate::request::Request;
use futures_util::FutureExt;
use serde_json::{Value, json};

pub const OPERATIONS: &[Operation] = &[
    operation!(TheAnswer, WithPlans, "POST /billing/plans", make_plan),
    operation!(TheAnswer, WithPlans, "PATCH /billing/plans/{id} to another price", change_price),
    operation!(TheAnswer, WithPlans, "PATCH /billing/plans/{id} of a free plan to a price", price_free),
    operation!(TheAnswer, WithPlans, "PATCH /billing/plans/{id} to nothing to pay", make_free),
    operation!(TheAnswer, WithPlans, "DELETE /billing/plans/{id}", archive_plan),
    operation!(TheAnswer, WithPlans, "POST /billing/subscriptions/subscribe", subscribe),
    operation!(TheAnswer, WithPlans, "POST /billing/subscriptions/subscribe again", subscribe_again),
    operation!(TheAnswer, WithPlans, "POST /billing/subscriptions/subscribe to another plan", subscribe_to_another),
    operation!(TheAnswer, WithPlans, "POST /billing/subscriptions/subscribe after it was paid", subscribe_paid),
    operation!(TheAnswer, WithPlans, "POST /billing/subscriptions/subscribe to a trial", subscribe_to_trial),
    operation!(TheAnswer, WithPlans, "POST /billing/subscriptions/cancel", cancel),
    operation!(TheAnswer, WithPlans, "POST /billing/subscriptions/resume", resume),
    operation!(TheAnswer, WithPlans, "POST /billing/subscriptions/resume of a paused one", resume_paused),
    operation!(TheAnswer, WithPlans, "POST /billing/subscriptions/preview", preview),
    operation!(TheAnswer, WithPlans, "POST /billing/subscriptions/upgrade", upgrade),
    operation!(TheAnswer, WithPlans, "POST /billing/subscriptions/upgrade to a lower plan", downgrade),
    operation!(TheAnswer, WithPlans, "POST /billing/portal", portal),
    operation!(TheAnswer, WithPlans, "GET /billing/payments/{id}/invoice", invoice_links),
    operation!(TheAnswer, WithPlans, "POST /example/quota", count_use),
    operation!(TheAnswer, WithPlans, "the sweep of what is due", sweep),
    operation!(TheAnswer, WithPlans, "the reconciliation", reconcile),
    operation!(TheAnswer, WithPlans, "the reconciliation that finds a trial", reconcile_trial),
    operation!(TheAnswer, WithPlans, "the sweep of reminders", reminders),
    operation!(Afterwards, WithPlans, "the event of a paid invoice", paid_event),
    operation!(Afterwards, WithPlans, "the event of a second subscription", second_event),
    operation!(Afterwards, WithPlans, "the event of a refund", refund_event),
    operation!(Afterwards, WithPlans, "the event of a dispute", dispute_event),
    operation!(Afterwards, WithPlans, "the event of a dispute that is won", won_event),
    operation!(Afterwards, WithPlans, "the event of a payment after the end", late_event),
    operation!(Afterwards, WithPlans, "the event of a trial that begins", trial_begins),
    operation!(Afterwards, WithPlans, "the event of a trial with a card that had one", trial_refused),
    operation!(Afterwards, WithPlans, "the event of a trial that ends", trial_event),
    operation!(Afterwards, WithPlans, "the event of a customer who is gone", gone_event),
    operation!(Afterwards, WithPlans, "the command of a closed account", closing_command),
    operation!(Afterwards, WithPlans, "the command of another address", address_command),
    operation!(Afterwards, WithPlans, "the command of a plan with another tier", tier_command),
];

/// An admin, and the plan with this code as the admin sees it.
async fn admin_and_plan(app: &TestApp, code: &str) -> (Session, Value) {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let plan = plan_as(app, &admin, code).await;
    (admin, plan)
}

async fn plan_as(app: &TestApp, admin: &Session, code: &str) -> Value {
    let plans = app.get_as(admin, "/billing/plans?archived=true").await.expect(200).body["items"].clone();
    let of_code = |plan: &&Value| plan["code"] == code;
    plans.as_array().unwrap().iter().find(of_code).unwrap_or(&Value::Null).clone()
}

fn path_of(plan: &Value) -> String {
    format!("/billing/plans/{}", plan["id"].as_str().unwrap())
}

/// Checks that exactly the price that the plan names can be bought.
async fn sells_at_its_price_alone(app: &TestApp, plan: &Value) {
    let of_plan = app.stripe_list("prices").await.into_iter().filter(|price| price["product"] == plan["id"]);
    let active: Vec<_> = of_plan.filter(|price| price["active"] == true).map(|price| price["id"].clone()).collect();
    let wanted: Vec<_> = Some(&plan["stripe_price_id"]).filter(|id| !id.is_null()).cloned().into_iter().collect();
    assert_eq!(active, wanted);
}

async fn make_plan(app: &TestApp) -> Case {
    let (admin, _) = admin_and_plan(app, "pro").await;
    let plan = json!({
        "code": "gold", "name": "Gold", "price_cents": 9900, "currency": "eur", "billing_period": "year", "tier": 9,
    });
    case!(Request::post_as(&admin, "/billing/plans", plan), |app| {
        let plan = plan_as(app, &admin, "gold").await;
        assert_eq!(plan["is_active"], true);
        sells_at_its_price_alone(app, &plan).await;
    })
}

/// Changes the plan with this code; afterwards it is for sale at its price.
async fn change(app: &TestApp, code: &'static str, to: Value) -> Case {
    let (admin, plan) = admin_and_plan(app, code).await;
    case!(Request::patch_as(&admin, &path_of(&plan), to.clone()), |app| {
        let plan = plan_as(app, &admin, code).await;
        assert_eq!(plan["price_cents"], to["price_cents"]);
        sells_at_its_price_alone(app, &plan).await;
    })
}

async fn change_price(app: &TestApp) -> Case {
    change(app, "pro", json!({"price_cents": 2900})).await
}

async fn price_free(app: &TestApp) -> Case {
    change(app, "free", json!({"price_cents": 100})).await
}

async fn make_free(app: &TestApp) -> Case {
    change(app, "pro", json!({"price_cents": 0})).await
}

async fn archive_plan(app: &TestApp) -> Case {
    let (admin, plan) = admin_and_plan(app, "pro").await;
    case!(Request::delete_as(&admin, &path_of(&plan)), |app| {
        assert_eq!(plan_as(app, &admin, "pro").await["is_active"], false);
    })
}

fn subscribe_to(session: &Session, plan_code: &str) -> Request {
    Request::post_as(session, "/billing/subscriptions/subscribe", json!({"plan_code": plan_code}))
}

/// Checks that there is one customer with one open checkout, that of this price; paying it gives this tier.
async fn can_pay_once(app: &TestApp, session: &Session, plan_code: &str, tier: u32) {
    assert_eq!(app.stripe("customers").await.len(), 1);
    let open = app.stripe_list("checkout/sessions?status=open").await;
    assert_eq!(open.len(), 1);
    let checkout = app.subscribe(session, plan_code).await.expect(201).body;
    assert_eq!(checkout["checkout_session_id"], open[0]["id"]);
    app.pay(&checkout).await.expect(303);
    app.drain().await;
    assert_eq!(app.get_as(session, "/me").await.expect(200).body["tier"], tier);
}

async fn subscribe(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    case!(subscribe_to(&session, "pro"), |app| {
        can_pay_once(app, &session, "pro", 1).await;
    })
}

async fn subscribe_again(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    app.subscribe(&session, "pro").await.expect(201);
    case!(subscribe_to(&session, "pro"), |app| {
        can_pay_once(app, &session, "pro", 1).await;
    })
}

async fn subscribe_to_another(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    app.subscribe(&session, "pro").await.expect(201);
    case!(subscribe_to(&session, "team"), |app| {
        can_pay_once(app, &session, "team", 2).await;
    })
}

async fn subscribe_paid(app: &TestApp) -> Case {
    let session = app.paid_in_silence().await;
    case!(subscribe_to(&session, "team"), |app| {
        same_as_stripe(app, &session).await.unwrap();
        app.mail("ann@example.com", "subscription_confirmed").await;
    })
}

/// Cancels or resumes: at the end Stripe's and the stored state are equal.
fn change_renewal(session: Session, path: &str, ends: bool) -> Case {
    case!(Request::post_as(&session, path, json!({})), |app| {
        assert_eq!(app.stripe("subscriptions").await[0]["cancel_at_period_end"], ends);
        assert_eq!(app.subscription(&session).await["cancel_at_period_end"], ends);
    })
}

async fn cancel(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    change_renewal(session, "/billing/subscriptions/cancel", true)
}

async fn resume(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    app.post_as(&session, "/billing/subscriptions/cancel", json!({})).await.expect(200);
    change_renewal(session, "/billing/subscriptions/resume", false)
}

/// Changes the plan to this one: at the end it is current or scheduled.
fn change_plan(session: Session, code: &'static str, is_at_once: bool) -> Case {
    let request = Request::post_as(&session, "/billing/subscriptions/upgrade", json!({"plan_code": code}));
    case!(request, |app| {
        let subscription = app.subscription(&session).await;
        let plan = if is_at_once { &subscription["plan"] } else { &subscription["scheduled_plan"] };
        assert_eq!(plan["code"], code, "{subscription}");
        // An incomplete attempt costs nothing.
        let paid = app.get_as(&session, "/billing/payments/me").await.body["items"].as_array().unwrap().len();
        assert!(paid <= 2, "{paid} payments");
    })
}

async fn preview(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    case!(Request::post_as(&session, "/billing/subscriptions/preview", json!({"plan_code": "team"})), |app| {
        assert_eq!(app.subscription(&session).await["plan"]["code"], "pro");
    })
}

async fn upgrade(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    change_plan(session, "team", true)
}

async fn downgrade(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    app.post_as(&session, "/billing/subscriptions/upgrade", json!({"plan_code": "team"})).await.expect(200);
    change_plan(session, "pro", false)
}

async fn portal(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    case!(Request::post_as(&session, "/billing/portal", json!({})), |app| {
        app.post_as(&session, "/billing/portal", json!({})).await.expect(201);
    })
}

/// A use whose answer was lost may be counted and is repeated: of three uses one is left.
async fn count_use(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    case!(Request::post_as(&session, "/example/quota", json!({})), |app| {
        let last = app.post_as(&session, "/example/quota", json!({})).await.expect(200).body;
        assert!([2, 3].iter().any(|used| last["used"] == *used), "{last}");
    })
}

async fn invoice_links(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    let payments = app.get_as(&session, "/billing/payments/me").await.expect(200).body;
    let path = format!("/billing/payments/{}/invoice", payments["items"][0]["id"].as_str().unwrap());
    case!(Request::get_as(&session, &path), |app| {
        assert!(app.get_as(&session, &path).await.expect(200).body["url"].is_string());
    })
}

fn schedule(name: &str) -> Request {
    Request::post(&format!("/_local/schedules/{name}/run"), json!({}))
}

/// Two subscribers whose periods end without events: one renews, the other one has ended.
async fn two_in_silence(app: &TestApp) -> [Session; 2] {
    let (_, ann) = app.subscriber("ann").await;
    let (_, bob) = app.subscriber("bob").await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    for (subscription, act) in app.stripe("subscriptions").await.iter().zip(["renew", "cancel"]) {
        let act = format!("subscriptions/{}/{act}", subscription["id"].as_str().unwrap());
        app.at_stripe(&act, json!({"outcome": "paid"})).await.expect(200);
    }
    [ann, bob]
}

async fn sweep(app: &TestApp) -> Case {
    let _sessions = two_in_silence(app).await;
    app.advance(32 * 86_400);
    case!(schedule("expiry"), |app| {
        for email in ["ann@example.com", "bob@example.com"] {
            let session = app.sign_in(email).await;
            app.subscription(&session).await;
        }
    })
}

async fn reconcile(app: &TestApp) -> Case {
    let sessions = two_in_silence(app).await;
    case!(schedule("reconcile"), |app| {
        let tiers =
            sessions.iter().map(async |session| app.get_as(session, "/me").await.expect(200).body["tier"].clone());
        let mut tiers = futures_util::future::join_all(tiers).await;
        tiers.sort_by_key(Value::as_i64);
        assert_eq!(tiers, [0, 1]);
    })
}

/// Ann, whose renewal failed a day ago.
async fn reminders(app: &TestApp) -> Case {
    app.subscriber("ann").await;
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": "failed"})).await.expect(200);
    app.drain().await;
    app.advance(86_400);
    case!(schedule("reminders"), |app| {
        app.drain().await;
        let mails = app.mails("ann@example.com").await;
        assert_eq!(mails.iter().filter(|mail| mail["kind"] == "payment_failed").count(), 2);
    })
}

/// Ann's payment, whose invoice changed without an event.
async fn invoice_act(app: &TestApp, act: &str, kind: &str) -> (Session, Request) {
    let (_, session) = app.subscriber("ann").await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    let invoice = app.stripe("invoices").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("invoices/{invoice}/{act}"), json!({})).await.expect(200);
    (session, sent_late(app, kind).await)
}

async fn refund_event(app: &TestApp) -> Case {
    let (session, request) = invoice_act(app, "refund", "charge.refunded").await;
    case!(request, |app| {
        let payments = app.get_as(&session, "/billing/payments/me").await.expect(200).body;
        assert_eq!(payments["items"][0]["status"], "refunded");
        app.mail("ann@example.com", "refunded").await;
    })
}

async fn dispute_event(app: &TestApp) -> Case {
    let (_, request) = invoice_act(app, "dispute", "charge.dispute.created").await;
    case!(request, |app| {
        assert_eq!(app.actions().await.iter().filter(|action| *action == "payment.disputed").count(), 1);
    })
}

async fn won_event(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    let invoice = app.stripe("invoices").await[0]["id"].as_str().unwrap().to_owned();
    let dispute = app.at_stripe(&format!("invoices/{invoice}/dispute"), json!({})).await.expect(200).body;
    app.drain().await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    let close = format!("disputes/{}/close", dispute["id"].as_str().unwrap());
    app.at_stripe(&close, json!({"status": "won"})).await.expect(200);
    case!(sent_late(app, "charge.dispute.closed").await, |app| {
        let payments = app.get_as(&session, "/billing/payments/me").await.expect(200).body;
        assert_eq!(payments["items"][0]["status"], "succeeded");
    })
}

/// Ann's second period was not paid, her subscription has ended, and then she paid.
async fn late_event(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    let subscription = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    app.advance(1);
    app.at_stripe(&format!("subscriptions/{subscription}/renew"), json!({"outcome": "failed"})).await.expect(200);
    let open = app.stripe("invoices").await[0]["id"].as_str().unwrap().to_owned();
    app.advance(60);
    app.at_stripe(&format!("subscriptions/{subscription}/cancel"), json!({})).await.expect(200);
    app.drain().await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    app.advance(60);
    let paid = Request::post_form(&format!("/_stripe/invoice/{open}"), "card=4242424242424242");
    paid.send(app).await.expect(303);
    case!(sent_late(app, "invoice.paid").await, |app| {
        let payments = app.get_as(&session, "/billing/payments/me").await.expect(200).body["items"].clone();
        let refunded: Vec<_> = payments.as_array().unwrap().iter().map(|p| p["refunded_cents"].clone()).collect();
        assert_eq!(refunded, [1900, 0]);
        app.mail("ann@example.com", "refunded").await;
    })
}

/// Gives `pro` a trial of 14 days.
async fn give_trial(app: &TestApp) {
    let (admin, plan) = admin_and_plan(app, "pro").await;
    Request::patch_as(&admin, &path_of(&plan), json!({"trial_days": 14})).send(app).await.expect(200);
}

/// The number of addresses and cards in the ledger of trials.
async fn ledger(app: &TestApp) -> usize {
    let rows = app.table("billing").await;
    rows.iter().filter(|row| row["sk"]["S"] == "TRIAL").count()
}

async fn subscribe_to_trial(app: &TestApp) -> Case {
    give_trial(app).await;
    let (_, session) = app.person("ann").await;
    case!(subscribe_to(&session, "pro"), |app| {
        can_pay_once(app, &session, "pro", 1).await;
        assert_eq!(app.subscription(&session).await["status"], "trialing");
        assert_eq!(ledger(app).await, 2, "the address and the card");
    })
}

async fn trial_begins(app: &TestApp) -> Case {
    give_trial(app).await;
    let session = app.paid_in_silence().await;
    case!(sent_late(app, "customer.subscription.created").await, |app| {
        same_as_stripe(app, &session).await.unwrap();
        assert_eq!(ledger(app).await, 2, "the address and the card");
    })
}

async fn reconcile_trial(app: &TestApp) -> Case {
    give_trial(app).await;
    let session = app.paid_in_silence().await;
    case!(schedule("reconcile"), |app| {
        same_as_stripe(app, &session).await.unwrap();
        assert_eq!(ledger(app).await, 2, "the address and the card");
    })
}

async fn trial_refused(app: &TestApp) -> Case {
    give_trial(app).await;
    app.subscriber("bob").await;
    let session = app.paid_in_silence().await;
    case!(sent_late(app, "customer.subscription.created").await, |app| {
        let found: Vec<_> = app.stripe("subscriptions").await.iter().map(|s| s["status"].clone()).collect();
        assert_eq!(found, ["canceled", "trialing"]);
        assert_eq!(app.get_as(&session, "/me").await.expect(200).body["tier"], 0);
        app.mail("ann@example.com", "trial_refused").await;
        assert_eq!(ledger(app).await, 2, "those of the first trial");
    })
}

/// Ann, whose trial ended without a card and who has added one since.
async fn resume_paused(app: &TestApp) -> Case {
    give_trial(app).await;
    let (email, _) = app.subscriber("ann").await;
    let subscription = app.stripe("subscriptions").await.remove(0);
    let id = subscription["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("subscriptions/{id}/remove_card"), json!({})).await.expect(200);
    app.post("/_local/clock", json!({"advance_seconds": 15 * 86_400})).await.expect(200);
    app.drain().await;
    let portal = app.post_as(&app.sign_in(&email).await, "/billing/portal", json!({})).await.expect(201).body;
    let path = portal["url"].as_str().unwrap().replace(&app.stack.base_url(), "");
    Request::post_form(&path, "action=card&card=4242424242424242").send(app).await;
    app.drain().await;
    let session = app.sign_in(&email).await;
    case!(Request::post_as(&session, "/billing/subscriptions/resume", json!({})), |app| {
        assert_eq!(app.subscription(&session).await["status"], "active");
        let payments = app.get_as(&session, "/billing/payments/me").await.expect(200).body["items"].clone();
        assert_eq!(payments.as_array().unwrap().len(), 1, "{payments}");
    })
}

async fn trial_event(app: &TestApp) -> Case {
    give_trial(app).await;
    app.subscriber("ann").await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    app.advance(11 * 86_400 + 60);
    case!(sent_late(app, "customer.subscription.trial_will_end").await, |app| {
        app.mail("ann@example.com", "trial_ending").await;
    })
}

/// Makes Stripe send the newest event of this kind, which was held back.
async fn sent_late(app: &TestApp, kind: &str) -> Request {
    let events = app.stripe("events").await;
    let event = events.iter().find(|event| event["type"] == kind).unwrap();
    Request::post(&format!("/_local/stripe/events/{}/resend", event["id"].as_str().unwrap()), json!({}))
}

async fn paid_event(app: &TestApp) -> Case {
    let session = app.paid_in_silence().await;
    case!(sent_late(app, "invoice.paid").await, |app| {
        same_as_stripe(app, &session).await.unwrap();
    })
}

async fn second_event(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    let customer = app.stripe("customers").await[0]["id"].as_str().unwrap().to_owned();
    let price = app.stripe("subscriptions").await[0]["items"]["data"][0]["price"]["id"].as_str().unwrap().to_owned();
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    app.advance(60);
    app.second_checkout(&customer, &price).await;
    case!(sent_late(app, "customer.subscription.created").await, |app| {
        let found: Vec<_> = app.stripe("subscriptions").await.iter().map(|s| s["status"].clone()).collect();
        assert_eq!(found, ["canceled", "active"]);
        let payments = app.get_as(&session, "/billing/payments/me").await.expect(200).body["items"].clone();
        let refunded: Vec<_> = payments.as_array().unwrap().iter().map(|p| p["refunded_cents"].clone()).collect();
        assert_eq!(refunded, [1900, 0]);
        assert_eq!(app.get_as(&session, "/me").await.expect(200).body["tier"], 1);
    })
}

async fn gone_event(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    let customer = app.stripe("customers").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    app.at_stripe(&format!("customers/{customer}/delete"), json!({})).await.expect(200);
    case!(sent_late(app, "customer.deleted").await, |app| {
        assert_eq!(app.get_as(&session, "/me").await.expect(200).body["tier"], 0);
    })
}

async fn closing_command(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    case!(Request::post_as(&session, "/deactivate", json!({"password": PASSWORD})), |app| {
        let found = app.stripe("subscriptions").await;
        assert!(found.len() == 1 && found[0]["cancel_at_period_end"] == true);
    })
}

async fn address_command(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    app.post_as(&session, "/change-email", json!({"new_email": "new@example.com"})).await.expect(202);
    let token = app.link_token("new@example.com", "verify").await;
    case!(Request::post("/verify", json!({"token": token})), |app| {
        assert_eq!(app.stripe("customers").await[0]["email"], "new@example.com");
    })
}

async fn tier_command(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    let (admin, plan) = admin_and_plan(app, "pro").await;
    case!(Request::patch_as(&admin, &path_of(&plan), json!({"tier": 5, "features": {"seats": 3}})), |app| {
        assert_eq!(app.get_as(&session, "/me").await.expect(200).body["tier"], 5);
    })
}
