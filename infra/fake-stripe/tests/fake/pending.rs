//! A change that is pending until it is paid.

use crate::harness::{ASKS_LATER, DAY, DECLINED, Harness, PAYS, REFUSED_LATER, at, text};
use http::StatusCode;
use serde_json::{Value, json};
use tollgate_fake_stripe::Outcome;

const MOMENT: &str = "2026-03-01T00:00:00Z";
const WAITS: [(&str, &str); 2] =
    [("proration_behavior", "always_invoice"), ("payment_behavior", "pending_if_incomplete")];

struct Waiting {
    harness: Harness,
    customer: String,
    subscription: String,
    invoice: String,
    team: String,
}

/// An unpaid change, ten days into the period.
async fn waiting(card: &str) -> Waiting {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(card, "").await;
    let team = harness.price("Team", "4900", "month").await;
    harness.pass(10 * DAY);
    let form = [WAITS[0], WAITS[1], ("metadata[attempt]", "1")];
    let changed = harness.change(&subscription, &team, &form).await;
    assert_eq!(changed.status, 200);
    let invoice = text(&changed.body["latest_invoice"]);
    Waiting { harness, customer, subscription, invoice, team }
}

#[tokio::test]
async fn a_change_that_is_paid_at_once_is_not_pending() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let team = harness.price("Team", "4900", "month").await;
    let changed = harness.change(&subscription, &team, &[WAITS[0], WAITS[1], ("metadata[tier]", "2")]).await.body;
    assert_eq!((&changed["pending_update"], &changed["metadata"]), (&Value::Null, &json!({"tier": "2"})));
    assert_eq!((harness.price_of(&subscription).await, text(&changed["status"])), (team, "active".to_owned()));
    let event_types = harness.event_types();
    assert_eq!(event_types.last().map(String::as_str), Some("customer.subscription.updated"));
    assert!(!event_types.iter().any(|event_types| event_types.contains("pending_update")));
}

#[tokio::test]
async fn an_unpaid_change_is_pending_and_the_subscription_is_unchanged() {
    for (card, events) in [
        (REFUSED_LATER, &["invoice.payment_failed"][..]),
        (ASKS_LATER, &["invoice.payment_failed", "invoice.payment_action_required"]),
    ] {
        let Waiting { harness, subscription, invoice, team, .. } = waiting(card).await;
        let found = harness.subscription(&subscription).await;
        assert_ne!(harness.price_of(&subscription).await, team);
        assert_eq!((text(&found["status"]), &found["metadata"]), ("active".to_owned(), &json!({})));
        let pending = &found["pending_update"];
        assert_eq!(pending["expires_at"], harness.now() + 23 * 3600);
        assert_eq!(pending["subscription_items"][0]["price"]["id"], team);
        assert_eq!(pending["subscription_items"][0]["id"], found["items"]["data"][0]["id"]);
        assert_eq!((&pending["billing_cycle_anchor"], &pending["metadata"]), (&Value::Null, &json!({"attempt": "1"})));
        let open = harness.get(&format!("invoices/{invoice}")).await.body;
        assert_eq!((text(&open["status"]), &open["amount_due"]), ("open".to_owned(), &json!(2032)));
        assert_eq!(open["next_payment_attempt"], Value::Null);
        let event_types = harness.event_types();
        assert_eq!(event_types.last().map(String::as_str), Some("customer.subscription.updated"));
        let before = &event_types[..event_types.len() - 1];
        assert!(before.ends_with(&events.iter().map(|event| (*event).to_owned()).collect::<Vec<_>>()), "{before:?}");
        let event = harness.get("events?type=customer.subscription.updated&limit=1").await.body["data"][0].clone();
        assert_eq!(event["data"]["previous_attributes"], json!({"pending_update": null}));
    }
}

#[tokio::test]
async fn paying_the_page_of_its_invoice_applies_the_change() {
    for card in [REFUSED_LATER, ASKS_LATER] {
        let Waiting { harness, subscription, invoice, team, .. } = waiting(card).await;
        let page = format!("invoice/{invoice}");
        assert_eq!(harness.pay(&page, DECLINED).await, StatusCode::PAYMENT_REQUIRED);
        harness.pass(3600);
        assert_eq!(harness.pay(&page, PAYS).await, StatusCode::SEE_OTHER);
        let found = harness.subscription(&subscription).await;
        assert_eq!((harness.price_of(&subscription).await, &found["pending_update"]), (team, &Value::Null));
        assert_eq!(found["metadata"], json!({"attempt": "1"}));
        let event_types = harness.event_types();
        assert_eq!(
            event_types[event_types.len() - 4..],
            [
                "invoice.paid",
                "invoice.payment_succeeded",
                "customer.subscription.updated",
                "customer.subscription.pending_update_applied"
            ]
        );
        harness.pass(DAY);
        assert_eq!(harness.event_types().len(), event_types.len(), "it does not expire any more");
        harness.pass_to("2026-04-01T00:00:00Z");
        assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 4900);
    }
}

#[tokio::test]
async fn an_unpaid_change_expires_after_23_hours_and_its_invoice_is_void() {
    let Waiting { harness, subscription, invoice, team, .. } = waiting(REFUSED_LATER).await;
    harness.pass(23 * 3600 - 1);
    assert!(harness.subscription(&subscription).await["pending_update"].is_object());
    harness.pass(1);
    let found = harness.subscription(&subscription).await;
    assert_eq!((&found["pending_update"], text(&found["status"])), (&Value::Null, "active".to_owned()));
    assert_ne!(harness.price_of(&subscription).await, team);
    let void = harness.get(&format!("invoices/{invoice}")).await.body;
    assert_eq!((text(&void["status"]), &void["attempt_count"]), ("void".to_owned(), &json!(1)));
    let event_types = harness.event_types();
    assert_eq!(
        event_types[event_types.len() - 3..],
        ["invoice.voided", "customer.subscription.updated", "customer.subscription.pending_update_expired"]
    );
    assert_eq!(harness.pay(&format!("invoice/{invoice}"), PAYS).await, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_pending_change_expires_with_its_period_at_the_latest() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(REFUSED_LATER, "").await;
    let team = harness.price("Team", "49000", "month").await;
    harness.pass_to("2026-03-31T20:00:00Z");
    let changed = harness.change(&subscription, &team, &WAITS).await.body;
    assert_eq!(changed["pending_update"]["expires_at"], at("2026-04-01T00:00:00Z"));
    harness.pass_to("2026-04-01T00:00:00Z");
    assert_eq!(harness.subscription(&subscription).await["pending_update"], Value::Null);
    let invoice = harness.latest_invoice(&subscription).await;
    assert_eq!((text(&invoice["billing_reason"]), &invoice["total"]), ("subscription_cycle".to_owned(), &json!(1900)));
}

#[tokio::test]
async fn a_second_change_replaces_a_pending_one() {
    let Waiting { harness, subscription, invoice, .. } = waiting(REFUSED_LATER).await;
    let other = harness.price("Other", "9900", "month").await;
    let event_types = harness.event_types().len();
    let changed = harness.change(&subscription, &other, &WAITS).await.body;
    assert_eq!(changed["pending_update"]["subscription_items"][0]["price"]["id"], other);
    assert_ne!(text(&changed["latest_invoice"]), invoice);
    assert_eq!(harness.get(&format!("invoices/{invoice}")).await.body["status"], "void");
    let expired = "customer.subscription.pending_update_expired";
    assert_eq!(harness.event_types()[event_types..].iter().filter(|event_types| *event_types == expired).count(), 1);
    let open = harness.get(&format!("invoices?subscription={subscription}&status=open")).await.ids();
    assert_eq!(open, [text(&changed["latest_invoice"])]);
    // A change back to the current plan: no change is pending.
    let present = harness.price_of(&subscription).await;
    assert_eq!(harness.change(&subscription, &present, &WAITS).await.body["pending_update"], Value::Null);
}

#[tokio::test]
async fn voiding_its_invoice_or_ending_the_subscription_drops_the_change() {
    let Waiting { harness, subscription, invoice, .. } = waiting(REFUSED_LATER).await;
    assert_eq!(harness.post(&format!("invoices/{invoice}/void"), &[("colour", "red")]).await.status, 400);
    assert_eq!(harness.post(&format!("invoices/{invoice}/void"), &[]).await.body["status"], "void");
    assert_eq!(harness.subscription(&subscription).await["pending_update"], Value::Null);

    let Waiting { harness, subscription, invoice, .. } = waiting(REFUSED_LATER).await;
    harness.stripe.cancel(&subscription).unwrap();
    assert_eq!(harness.get(&format!("invoices/{invoice}")).await.body["status"], "void");
    assert_eq!(harness.event_types().last().map(String::as_str), Some("customer.subscription.deleted"));
}

#[tokio::test]
async fn paying_a_pending_invoice_by_api_or_dashboard_keeps_the_subscription() {
    let Waiting { harness, subscription, invoice, team, .. } = waiting(REFUSED_LATER).await;
    let refused = harness.post(&format!("invoices/{invoice}/pay"), &[]).await;
    assert_eq!((refused.status, refused.code()), (402, "card_declined"));
    for outcome in [Outcome::Failed, Outcome::ActionRequired] {
        let found = harness.stripe.renew(&subscription, outcome).unwrap();
        assert_eq!((text(&found["status"]), found["pending_update"].is_object()), ("active".to_owned(), true));
    }
    assert_eq!(harness.get(&format!("invoices/{invoice}")).await.body["next_payment_attempt"], Value::Null);
    harness.stripe.renew(&subscription, Outcome::Paid).unwrap();
    assert_eq!(harness.price_of(&subscription).await, team);
}

#[tokio::test]
async fn a_pending_interval_keeps_its_anchor_and_used_balance_is_restored() {
    let Waiting { harness, customer, subscription, invoice, .. } = waiting(REFUSED_LATER).await;
    harness.post(&format!("invoices/{invoice}/void"), &[]).await;
    let basic = harness.price("Basic", "700", "month").await;
    harness.change(&subscription, &basic, &WAITS).await;
    let balance = async || harness.get(&format!("customers/{customer}")).await.body["balance"].as_i64().unwrap();
    let remaining = balance().await;
    assert!(
        remaining < 0 && harness.price_of(&subscription).await == basic,
        "a change without a charge is applied at once"
    );
    let yearly = harness.price("Team", "49000", "year").await;
    let changed = harness.change(&subscription, &yearly, &WAITS).await.body;
    assert_eq!(changed["pending_update"]["billing_cycle_anchor"], harness.now());
    assert_ne!(changed["billing_cycle_anchor"], harness.now());
    assert_eq!(balance().await, 0);
    harness.pass(DAY);
    assert_eq!(balance().await, remaining);
}
