//! Checkouts, subscriptions, payments, and the endpoints that a subscription opens.

use super::plans::{give_trial, ledger};

use super::{Case, Operation, Read, Reader, case, own, scenario};
use crate::app::{Session, TestApp};
use crate::events::same_as_stripe;
use crate::request::Request;
use serde_json::json;

pub fn operations() -> Vec<Operation> {
    let team = || json!({"plan_code": "team"});
    vec![
        own("GET /billing/subscriptions/me", 404)
            .read(Read::of("/billing/subscriptions/me"))
            .read(Read::of("/billing/subscriptions/me").named("GET /billing/subscriptions/me, again").second()),
        own("POST /billing/subscriptions/subscribe", 201)
            .body(json!({"plan_code": "pro"}))
            .limited()
            .scenario(scenario!("POST /billing/subscriptions/subscribe", subscribe).with_plans().measured(201))
            .scenario(
                scenario!("POST /billing/subscriptions/subscribe again", subscribe_again).with_plans().measured(201),
            )
            .scenario(
                scenario!("POST /billing/subscriptions/subscribe to another plan", subscribe_to_another).with_plans(),
            )
            .scenario(scenario!("POST /billing/subscriptions/subscribe after it was paid", subscribe_paid).with_plans())
            .scenario(
                scenario!("POST /billing/subscriptions/subscribe to a trial", subscribe_to_trial).with_plans().denied(),
            ),
        own("POST /billing/subscriptions/preview", 404)
            .body(team())
            .limited()
            .scenario(scenario!("POST /billing/subscriptions/preview", preview).with_plans().measured(200)),
        own("POST /billing/subscriptions/upgrade", 404)
            .body(team())
            .limited()
            .scenario(scenario!("POST /billing/subscriptions/upgrade", upgrade).with_plans().measured(200))
            .scenario(
                scenario!("POST /billing/subscriptions/upgrade to a lower plan", downgrade).with_plans().measured(200),
            ),
        own("POST /billing/subscriptions/cancel", 404)
            .limited()
            .scenario(scenario!("POST /billing/subscriptions/cancel", cancel).with_plans().measured(200)),
        own("POST /billing/subscriptions/resume", 404)
            .limited()
            .scenario(scenario!("POST /billing/subscriptions/resume", resume).with_plans().measured(200))
            .scenario(scenario!("POST /billing/subscriptions/resume of a paused one", resume_paused).with_plans()),
        own("POST /billing/portal", 404)
            .limited()
            .scenario(scenario!("POST /billing/portal", portal).with_plans().measured(201)),
        own("GET /billing/payments/me", 200).read(Read::of("/billing/payments/me")),
        own("GET /billing/payments/{id}/invoice", 404).at("/billing/payments/pay_{none}/invoice").scenario(
            scenario!("GET /billing/payments/{id}/invoice", invoice_links).with_plans().measured(200).denied(),
        ),
        own("GET /example/me", 200).read(Read::of("/example/me")),
        own("GET /example/tier", 403).read(Read::of("/example/tier")).read(
            Read::of("/example/tier")
                .named("GET /example/tier refused")
                .by(Reader::Member)
                .refused(403, "tier_required"),
        ),
        own("GET /example/feature", 403).read(Read::of("/example/feature")),
        own("POST /example/quota", 200)
            .scenario(scenario!("POST /example/quota without a plan", count_use).with_plans().denied())
            .scenario(
                scenario!("POST /example/quota", count_use_of_subscriber)
                    .with_plans()
                    .without_crash_points()
                    .measured(200),
            ),
    ]
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

async fn subscribe_to_trial(app: &TestApp) -> Case {
    give_trial(app).await;
    let (_, session) = app.person("ann").await;
    case!(subscribe_to(&session, "pro"), |app| {
        can_pay_once(app, &session, "pro", 1).await;
        assert_eq!(app.subscription(&session).await["status"], "trialing");
        assert_eq!(ledger(app).await, 2, "the address and the card");
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

async fn invoice_links(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    let payments = app.get_as(&session, "/billing/payments/me").await.expect(200).body;
    let path = format!("/billing/payments/{}/invoice", payments["items"][0]["id"].as_str().unwrap());
    case!(Request::get_as(&session, &path), |app| {
        assert!(app.get_as(&session, &path).await.expect(200).body["url"].is_string());
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

async fn count_use_of_subscriber(app: &TestApp) -> Case {
    let (_, session) = app.subscriber("ann").await;
    case!(Request::post_as(&session, "/example/quota", json!({})))
}
