//! Concurrent syncs while Stripe's state changes once: an event, another event, the reconciliation, the user's own
//! request. An older fetch never overwrites a newer one.

use super::race::{CHANGE, Ended, Race, RaceSetup, Racer, race, two_racers};
use crate::app::{Answer, Session, TestApp, World};
use crate::events::same_as_stripe;
use crate::request::Request;
use futures_util::FutureExt;
use serde_json::{Value, json};
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;

pub const RACES: &[Race] = &[
    race!(WithPlans, "event ∥ event ∥ a change at Stripe", event_event),
    race!(WithPlans, "event ∥ reconciliation ∥ a change at Stripe", event_reconciliation),
    race!(WithPlans, "event ∥ the user's request ∥ a change at Stripe", event_request),
    race!(WithPlans, "event ∥ event of another subscription ∥ a change at Stripe", two_subscriptions),
    race!(WithPlans, "event ∥ reconciliation ∥ a cancellation that is taken back", taken_back),
    race!(WithPlans, "event ∥ the user's request ∥ a payment for a duplicate", duplicate_payment),
    race!(WithPlans, "trial ∥ trial with one card", trial_trial),
    race!(WithPlans, "plan ∥ plan of one code", plan_plan),
    race!(WithPlans, "price ∥ price of one plan", price_price),
    race!(WithPlans, "subscribe ∥ subscribe", subscribe_subscribe),
    race!(WithPlans, "subscribe ∥ the command of another address", subscribe_command),
];

/// The first call of a fetch from Stripe.
const FETCH: &str = "GET /v1/subscriptions";

impl Answer {
    fn wrote_something(&self) -> bool {
        self.status.as_u16() < 500 && self.body["handled"] != 0
    }
}

impl Ended {
    /// Whether a sync fetched after the change and completed. A reconciliation without differences writes nothing: the
    /// event of the change is still to come.
    fn was_fetched_after_the_change(&self) -> bool {
        let change = self.steps.iter().position(|(_, operation)| operation == CHANGE).unwrap();
        self.steps[change..].iter().any(|(who, operation)| operation == FETCH && self.answers[*who].wrote_something())
    }
}

/// Two concurrent syncs and a change at Stripe. A sync that fetched after the change must have written Stripe's state;
/// the event of the change writes it in any case.
fn synced(session: Session, two: [Racer; 2], act: Request) -> RaceSetup {
    let [one, other] = two;
    let racers = vec![one, other, Racer::AtStripe(act)];
    let check = async move |app: &TestApp, ended: Ended| {
        assert!(ended.answers[2].status.as_u16() < 400, "{}", ended.answers[2].text);
        if ended.was_fetched_after_the_change() {
            same_as_stripe(app, &session).await.unwrap();
        }
        app.event_about_nothing("evt_late", &app.stripe("subscriptions").await[0]).await;
        same_as_stripe(app, &session).await.unwrap();
        let live = app.stripe("subscriptions").await.into_iter().filter(|s| s["status"] != "canceled").count();
        assert!(live <= 1, "two live subscriptions");
        let rows = app.table("billing").await;
        for duplicate in rows.iter().filter(|row| row["surplus"].is_object()) {
            for payment in rows.iter().filter(|row| row["subscription_id"] == duplicate["id"]) {
                assert_ne!(payment["status"]["S"], "succeeded", "not refunded: {payment}");
            }
        }
        let confirmed =
            app.mails("ann@example.com").await.into_iter().filter(|m| m["kind"] == "subscription_confirmed");
        assert!(confirmed.count() <= app.stripe("subscriptions").await.len(), "mailed twice");
    };
    RaceSetup { racers, check: Box::new(check) }
}

/// An action on a subscription in the fake's dashboard.
fn at_console(act: &str, subscription: &str) -> Request {
    Request::post(&format!("/_local/stripe/subscriptions/{subscription}/{act}"), json!({"outcome": "failed"}))
}

/// The newest event of this kind.
async fn event(app: &TestApp, kind: &str) -> Racer {
    let events = app.stripe("events").await;
    Racer::Event(events.into_iter().find(|event| event["type"] == kind).unwrap())
}

// A13
async fn trial_trial(app: &TestApp) -> RaceSetup {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let plans = app.get("/billing/plans").await.expect(200).body["items"].clone();
    let pro = plans.as_array().unwrap().iter().find(|plan| plan["code"] == "pro").unwrap()["id"].clone();
    let path = format!("/billing/plans/{}", pro.as_str().unwrap());
    Request::patch_as(&admin, &path, json!({"trial_days": 14})).send(app).await.expect(200);
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    let mut racers = Vec::new();
    for name in ["ann", "bob"] {
        let (_, session) = app.person(name).await;
        let checkout = app.subscribe(&session, "pro").await.expect(201).body;
        app.pay(&checkout).await.expect(303);
        racers.push(event(app, "customer.subscription.created").await);
    }
    let check = async |app: &TestApp, _: Ended| {
        app.drain().await;
        let found = app.stripe("subscriptions").await;
        let mut statuses: Vec<_> = found.iter().map(|found| found["status"].as_str().unwrap().to_owned()).collect();
        statuses.sort();
        assert_eq!(statuses, ["canceled", "trialing"]);
    };
    RaceSetup { racers, check: Box::new(check) }
}

async fn newest_subscription(app: &TestApp) -> String {
    app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned()
}

/// A subscriber whose renewal had no event.
async fn renewed_in_silence(app: &TestApp) -> (Session, String) {
    let session = app.paid_in_silence().await;
    app.event_about_nothing("evt_nothing", &app.stripe("subscriptions").await[0]).await;
    let id = newest_subscription(app).await;
    app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": "paid"})).await.expect(200);
    (session, id)
}

// R3
async fn event_event(app: &TestApp) -> RaceSetup {
    let (session, id) = renewed_in_silence(app).await;
    let two = [event(app, "invoice.paid").await, event(app, "customer.subscription.updated").await];
    synced(session, two, at_console("renew", &id))
}

// R3, R4
async fn event_reconciliation(app: &TestApp) -> RaceSetup {
    let (session, id) = renewed_in_silence(app).await;
    let reconcile = Racer::Request(Request::post("/_local/schedules/reconcile/run", json!({})));
    synced(session, [event(app, "invoice.paid").await, reconcile], at_console("cancel", &id))
}

// R3: a reader in between sees the stored state, and yet the earlier fetch is outdated.
async fn taken_back(app: &TestApp) -> RaceSetup {
    let session = app.paid_in_silence().await;
    app.event_about_nothing("evt_nothing", &app.stripe("subscriptions").await[0]).await;
    let id = newest_subscription(app).await;
    let report = |wanted: bool| {
        let form = format!("cancel_at_period_end={wanted}");
        Request::post_form(&format!("/_stripe/v1/subscriptions/{id}"), &form).bearing(&app.stack.stripe_key())
    };
    report(true).send(app).await.expect(200);
    let reconcile = Racer::Request(Request::post("/_local/schedules/reconcile/run", json!({})));
    synced(session, [event(app, "customer.subscription.updated").await, reconcile], report(false))
}

// R3, R11
async fn event_request(app: &TestApp) -> RaceSetup {
    let session = app.paid_in_silence().await;
    let again = Racer::Request(subscribe(&session));
    let two = [event(app, "checkout.session.completed").await, again];
    synced(session, two, at_console("cancel", &newest_subscription(app).await))
}

// R3: the version is the customer's, not the subscription's.
async fn two_subscriptions(app: &TestApp) -> RaceSetup {
    let (session, first) = renewed_in_silence(app).await;
    let customer = app.stripe("customers").await[0]["id"].as_str().unwrap().to_owned();
    let price = app.stripe("subscriptions").await[0]["items"]["data"][0]["price"]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("subscriptions/{first}/cancel"), json!({})).await.expect(200);
    app.advance(60);
    app.second_checkout(&customer, &price).await;
    let two = [event(app, "customer.subscription.created").await, event(app, "customer.subscription.deleted").await];
    synced(session, two, at_console("renew", &newest_subscription(app).await))
}

// R11: a payment during the refund of the others is refunded as well.
async fn duplicate_payment(app: &TestApp) -> RaceSetup {
    let (session, first) = renewed_in_silence(app).await;
    let customer = app.stripe("customers").await[0]["id"].as_str().unwrap().to_owned();
    let price = app.stripe("subscriptions").await[0]["items"]["data"][0]["price"]["id"].as_str().unwrap().to_owned();
    app.advance(60);
    app.second_checkout(&customer, &price).await;
    let second = app.stripe("subscriptions").await.into_iter().find(|found| found["id"] != first.as_str()).unwrap();
    app.at_stripe(&format!("subscriptions/{}/renew", second["id"].as_str().unwrap()), json!({"outcome": "failed"}))
        .await
        .expect(200);
    let open = app.stripe("invoices").await.into_iter().find(|invoice| invoice["status"] == "open").unwrap();
    let pay =
        Request::post_form(&format!("/_stripe/invoice/{}", open["id"].as_str().unwrap()), "card=4242424242424242");
    let two = [event(app, "customer.subscription.created").await, Racer::Request(subscribe(&session))];
    synced(session, two, pay)
}

/// An admin.
async fn admin(app: &TestApp) -> Session {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    admin
}

/// Checks that the plan can be bought only at its own price.
async fn sells_at_its_price_alone(app: &TestApp, admin: &Session, code: &str) {
    app.drain().await;
    let plans = app.get_as(admin, "/billing/plans").await.expect(200).body["items"].clone();
    let plan = plans.as_array().unwrap().iter().find(|plan| plan["code"] == code).unwrap().clone();
    let prices = app.stripe_list("prices").await.into_iter();
    let active: Vec<_> =
        prices.filter(|p| p["product"] == plan["id"] && p["active"] == true).map(|p| p["id"].clone()).collect();
    assert_eq!(active, [plan["stripe_price_id"].clone()]);
    let product = app.stripe_list("products").await.into_iter().find(|product| product["id"] == plan["id"]).unwrap();
    assert_eq!(product["active"], true);
}

fn statuses(answers: &[Answer; 2]) -> [u16; 2] {
    let mut statuses = answers.each_ref().map(|answer| answer.status.as_u16());
    statuses.sort_unstable();
    statuses
}

// R16
async fn plan_plan(app: &TestApp) -> RaceSetup {
    let admin = admin(app).await;
    let plan = json!({
        "code": "gold", "name": "Gold", "price_cents": 9900, "currency": "eur", "billing_period": "year", "tier": 9,
    });
    let make = Request::post_as(&admin, "/billing/plans", plan);
    two_racers!([make.clone(), make], |app, answers| {
        assert_eq!(statuses(&answers), [201, 409], "{} {}", answers[0].text, answers[1].text);
        sells_at_its_price_alone(app, &admin, "gold").await;
    })
}

// R16
async fn price_price(app: &TestApp) -> RaceSetup {
    let admin = admin(app).await;
    let plans = app.get("/billing/plans").await.expect(200).body["items"].clone();
    let pro = plans.as_array().unwrap().iter().find(|plan| plan["code"] == "pro").unwrap()["id"].clone();
    let path = format!("/billing/plans/{}", pro.as_str().unwrap());
    let change = |cents: u32| Request::patch_as(&admin, &path, json!({"price_cents": cents}));
    two_racers!([change(2000), change(2100)], |app, answers| {
        assert!(matches!(statuses(&answers), [200, 200 | 409]), "{} {}", answers[0].text, answers[1].text);
        sells_at_its_price_alone(app, &admin, "pro").await;
    })
}

fn subscribe(session: &Session) -> Request {
    Request::post_as(session, "/billing/subscriptions/subscribe", json!({"plan_code": "pro"}))
}

// R11
async fn subscribe_subscribe(app: &TestApp) -> RaceSetup {
    let (_, session) = app.person("ann").await;
    two_racers!([subscribe(&session), subscribe(&session)], |app, answers| {
        assert_eq!(statuses(&answers), [201, 201], "{} {}", answers[0].text, answers[1].text);
        assert_eq!(answers[0].body, answers[1].body);
        assert_eq!(app.stripe("customers").await.len(), 1);
        assert_eq!(app.stripe_list("checkout/sessions?status=open").await.len(), 1);
    })
}

// R16: the first attempt created the customer, and its answer was lost.
async fn subscribe_command(app: &TestApp) -> RaceSetup {
    let (_, session) = app.person("ann").await;
    app.fail_operation(Service::Stripe, "POST /v1/customers", Kind::LostResponse, 1);
    subscribe(&session).send(app).await.expect(502);
    let verification = app.verification_of_address(&session, "new@example.com").await;
    app.missed_by_relay(app.post("/verify", verification)).await.expect(200);
    let session = app.sign_in("new@example.com").await;
    let is_waiting = |row: &Value| row["kind"]["S"] == "command" && row["state"]["S"] == "pending";
    let command = app.table("outbox").await.into_iter().find(is_waiting).unwrap();
    let racers = vec![Racer::Request(subscribe(&session)), Racer::Event(json!({"id": command["pk"]["S"]}))];
    let check = async |app: &TestApp, ended: Ended| {
        assert_eq!(ended.answers[0].status, 201, "{}", ended.answers[0].text);
        app.drain().await;
        let customers = app.stripe("customers").await;
        assert_eq!((customers.len(), &customers[0]["email"]), (1, &json!("new@example.com")));
        let live = app.table("billing").await;
        let address = live.iter().filter(|row| row["sk"]["S"] == "CUSTOMER").find_map(|row| row["email"]["S"].as_str());
        assert_eq!(address, Some("new@example.com"));
    };
    RaceSetup { racers, check: Box::new(check) }
}
