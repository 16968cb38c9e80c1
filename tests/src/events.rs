//! Every order in which the events of one scenario can arrive, while Stripe's state changes between deliveries: at the
//! end the local state equals Stripe's.

use crate::app::{Prepared, Session, TestApp, options};
use crate::stripe::queued;
use crate::{apart, panic_text};
use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_local::Options;
use tollgate_local::clock::LocalClock;

/// The steps at Stripe; each creates one or more events.
const SCENARIO: [&str; 5] = ["paid", "failed", "paid later", "renewed", "deleted"];

/// The kinds that are delivered in every order, each also twice.
const KINDS: [&str; 5] = [
    "customer.subscription.created",
    "customer.subscription.updated",
    "invoice.paid",
    "invoice.payment_failed",
    "customer.subscription.deleted",
];

/// Which event is delivered a second time, and when.
#[derive(Debug, Clone, Copy)]
pub enum Twice {
    /// The one at this place of the order, immediately.
    AtOnce(usize),
    /// The one at this place, after all others.
    AtTheEnd(usize),
}

impl Twice {
    /// Each of them at each time; the last one's immediate repetition is at the end.
    pub fn all() -> impl Iterator<Item = Self> {
        let at_once = (0..KINDS.len() - 1).map(Self::AtOnce);
        at_once.chain((0..KINDS.len()).map(Self::AtTheEnd))
    }

    /// `order` with the second delivery.
    fn insert_into(self, order: &[usize]) -> Vec<usize> {
        let mut order = order.to_vec();
        match self {
            Self::AtOnce(place) => order.insert(place, order[place]),
            Self::AtTheEnd(place) => order.push(order[place]),
        }
        order
    }
}

/// All orders of five elements.
#[must_use]
pub fn orders() -> Vec<Vec<usize>> {
    fn extend(order: &[usize], all: &mut Vec<Vec<usize>>) {
        if order.len() == KINDS.len() {
            all.push(order.to_vec());
        }
        for next in (0..KINDS.len()).filter(|next| !order.contains(next)) {
            extend(&[order, &[next]].concat(), all);
        }
    }
    let mut all = Vec::new();
    extend(&[], &mut all);
    all
}

/// A subscription that was just paid at Stripe, without any event so far. Prepared once; each order has a copy.
pub struct Paid {
    prepared: Prepared,
    session: Session,
    checkout: Value,
}

impl Paid {
    /// Prepares it.
    ///
    /// # Errors
    /// With the panic of the preparation.
    pub async fn prepare() -> Result<Self, String> {
        let prepared = apart(|| async {
            let app = TestApp::start_to_be_copied(options()).await;
            let (_, session) = app.person("ann").await;
            app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
            let checkout = app.subscribe(&session, "pro").await.expect(201).body;
            step(&app, &checkout, SCENARIO.first().copied()).await;
            Self { prepared: app.snapshot().await, session, checkout }
        });
        prepared.await.map_err(panic_text)
    }

    /// Delivers the events in `order`, one of them twice. After each, Stripe's state changes by one step, so that the
    /// event is already outdated.
    ///
    /// # Errors
    /// With the difference between the local state and Stripe's.
    pub async fn arrive(&self, order: &[usize], twice: Twice) -> Result<(), String> {
        let clock = LocalClock::frozen(self.prepared.time());
        let app = TestApp::start_from(&self.prepared, Options { clock, ..options() }).await;
        let mut steps = SCENARIO.iter().skip(1);
        for index in &twice.insert_into(order) {
            // The newest event of this kind, else a substitute that Stripe could send.
            let events = app.stripe("events").await;
            let event = events.iter().find(|event| event["type"] == KINDS[*index]);
            let event = event.cloned().unwrap_or_else(|| substitute(&events, KINDS[*index]));
            deliver(&app, &event).await?;
            step(&app, &self.checkout, steps.next().copied()).await;
        }
        // Stripe's last change is never the last delivery: any event must bring the state up to date.
        let events = app.stripe("events").await;
        let mut last = events.iter().find(|event| event["type"] == KINDS[*order.last().unwrap()]).cloned().unwrap();
        last["id"] = json!("evt_the_last");
        deliver(&app, &last).await?;
        same_as_stripe(&app, &self.session).await
    }

    /// The same on a runtime of its own.
    ///
    /// # Errors
    /// As [`Self::arrive`], or with its panic.
    pub async fn walk(self: &Arc<Self>, order: Vec<usize>, twice: Twice) -> Result<(), String> {
        let paid = Arc::clone(self);
        apart(move || async move { paid.arrive(&order, twice).await })
            .await
            .unwrap_or_else(|panic| Err(panic_text(panic)))
    }
}

/// An event of a kind that has not happened yet, about the subscription, with a new id.
fn substitute(events: &[Value], kind: &str) -> Value {
    let of_subscription = |event: &&Value| event["type"] == "customer.subscription.created";
    let mut event = events.iter().find(of_subscription).unwrap().clone();
    event["id"] = json!(format!("evt_early_{}", kind.replace('.', "_")));
    event["type"] = json!(kind);
    event
}

async fn deliver(app: &TestApp, event: &Value) -> Result<(), String> {
    let answer = app.stack.invoke("stripe-events", queued(&[event])).await?;
    if answer["batchItemFailures"] == json!([]) { Ok(()) } else { Err(format!("{} failed", event["type"])) }
}

async fn step(app: &TestApp, checkout: &Value, step: Option<&str>) {
    let Some(step) = step else { return };
    if step == "paid" {
        app.pay(checkout).await.expect(303);
        return;
    }
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    match step {
        "deleted" => app.at_stripe(&format!("subscriptions/{id}/cancel"), json!({})).await.expect(200),
        other => {
            let outcome = if other == "failed" { "failed" } else { "paid" };
            app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": outcome})).await.expect(200)
        }
    };
}

/// Subscriptions, payments and access equal Stripe's.
///
/// # Errors
/// With the first difference.
pub async fn same_as_stripe(app: &TestApp, session: &crate::app::Session) -> Result<(), String> {
    let differs = |what: &str, here: &Value, there: &Value| Err(format!("{what}: {here} here, {there} at Stripe"));
    let at_stripe = app.stripe("subscriptions").await;
    let rows = app.table("billing").await;
    let live = |stripe_id: &Value| {
        rows.iter()
            .find(|row| row["sk"]["S"].as_str().unwrap().starts_with("SUB#") && row["stripe_id"]["S"] == *stripe_id)
    };
    for subscription in &at_stripe {
        let Some(row) = live(&subscription["id"]) else { return differs("subscription", &Value::Null, subscription) };
        if row["status"]["S"] != subscription["status"] {
            return differs("status", &row["status"]["S"], &subscription["status"]);
        }
        if row["cancel_at_period_end"]["BOOL"] == subscription["cancel_at"].is_null() {
            return differs("its end", &row["cancel_at_period_end"]["BOOL"], &subscription["cancel_at"]);
        }
    }
    let paid = |invoice: &&Value| invoice["status"] == "paid" && invoice["amount_paid"] != 0;
    let invoices = app.stripe("invoices").await;
    let money: i64 = invoices.iter().filter(paid).map(|invoice| invoice["amount_paid"].as_i64().unwrap()).sum();
    let payments = app.get_as(session, "/billing/payments/me?limit=100").await.expect(200).body;
    // A refunded payment was still paid.
    let succeeded = |payment: &&Value| payment["status"] != "failed";
    let live: i64 = payments["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(succeeded)
        .map(|p| p["amount_cents"].as_i64().unwrap())
        .sum();
    if live != money {
        return differs("money", &json!(live), &json!(money));
    }
    let gives =
        |subscription: &Value| matches!(subscription["status"].as_str(), Some("active" | "trialing" | "past_due"));
    let tier = i64::from(at_stripe.iter().any(gives));
    let me = app.get_as(session, "/me").await.expect(200).body;
    if me["tier"] != tier { differs("tier", &me["tier"], &json!(tier)) } else { Ok(()) }
}
