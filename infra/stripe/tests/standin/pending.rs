//! A change that waits until it is paid for.

use crate::play::{ASKS_LATER, DAY, DECLINED, PAYS, Play, REFUSED_LATER, at, text};
use http::StatusCode;
use serde_json::{Value, json};
use tollgate_stripe_standin::Outcome;

const MOMENT: &str = "2026-03-01T00:00:00Z";
const WAITS: [(&str, &str); 2] =
    [("proration_behavior", "always_invoice"), ("payment_behavior", "pending_if_incomplete")];

struct Waiting {
    play: Play,
    customer: String,
    subscription: String,
    invoice: String,
    team: String,
}

/// A change that nobody paid for yet, ten days into the period.
async fn waiting(card: &str) -> Waiting {
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(card, "").await;
    let team = play.price("Team", "4900", "month").await;
    play.pass(10 * DAY);
    let form = [WAITS[0], WAITS[1], ("metadata[attempt]", "1")];
    let changed = play.change(&subscription, &team, &form).await;
    assert_eq!(changed.status, 200);
    let invoice = text(&changed.body["latest_invoice"]);
    Waiting { play, customer, subscription, invoice, team }
}

#[tokio::test]
async fn a_change_that_is_paid_for_at_once_does_not_wait() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let team = play.price("Team", "4900", "month").await;
    let changed = play.change(&subscription, &team, &[WAITS[0], WAITS[1], ("metadata[tier]", "2")]).await.body;
    assert_eq!((&changed["pending_update"], &changed["metadata"]), (&Value::Null, &json!({"tier": "2"})));
    assert_eq!((play.price_of(&subscription).await, text(&changed["status"])), (team, "active".to_owned()));
    let told = play.told();
    assert_eq!(told.last().map(String::as_str), Some("customer.subscription.updated"));
    assert!(!told.iter().any(|told| told.contains("pending_update")));
}

#[tokio::test]
async fn a_change_that_is_not_paid_for_waits_and_leaves_the_subscription_as_it_is() {
    for (card, events) in [
        (REFUSED_LATER, &["invoice.payment_failed"][..]),
        (ASKS_LATER, &["invoice.payment_failed", "invoice.payment_action_required"]),
    ] {
        let Waiting { play, subscription, invoice, team, .. } = waiting(card).await;
        let found = play.subscription(&subscription).await;
        assert_ne!(play.price_of(&subscription).await, team);
        assert_eq!((text(&found["status"]), &found["metadata"]), ("active".to_owned(), &json!({})));
        let pending = &found["pending_update"];
        assert_eq!(pending["expires_at"], play.now() + 23 * 3600);
        assert_eq!(pending["subscription_items"][0]["price"]["id"], team);
        assert_eq!(pending["subscription_items"][0]["id"], found["items"]["data"][0]["id"]);
        assert_eq!((&pending["billing_cycle_anchor"], &pending["metadata"]), (&Value::Null, &json!({"attempt": "1"})));
        let open = play.get(&format!("invoices/{invoice}")).await.body;
        assert_eq!((text(&open["status"]), &open["amount_due"]), ("open".to_owned(), &json!(2032)));
        assert_eq!(open["next_payment_attempt"], Value::Null);
        let told = play.told();
        assert_eq!(told.last().map(String::as_str), Some("customer.subscription.updated"));
        let before = &told[..told.len() - 1];
        assert!(before.ends_with(&events.iter().map(|event| (*event).to_owned()).collect::<Vec<_>>()), "{before:?}");
        let event = play.get("events?type=customer.subscription.updated&limit=1").await.body["data"][0].clone();
        assert_eq!(event["data"]["previous_attributes"], json!({"pending_update": null}));
    }
}

#[tokio::test]
async fn paying_the_page_of_its_invoice_applies_the_change() {
    for card in [REFUSED_LATER, ASKS_LATER] {
        let Waiting { play, subscription, invoice, team, .. } = waiting(card).await;
        let page = format!("invoice/{invoice}");
        assert_eq!(play.pay(&page, DECLINED).await, StatusCode::PAYMENT_REQUIRED);
        play.pass(3600);
        assert_eq!(play.pay(&page, PAYS).await, StatusCode::SEE_OTHER);
        let found = play.subscription(&subscription).await;
        assert_eq!((play.price_of(&subscription).await, &found["pending_update"]), (team, &Value::Null));
        assert_eq!(found["metadata"], json!({"attempt": "1"}));
        let told = play.told();
        assert_eq!(
            told[told.len() - 4..],
            [
                "invoice.paid",
                "invoice.payment_succeeded",
                "customer.subscription.updated",
                "customer.subscription.pending_update_applied"
            ]
        );
        play.pass(DAY);
        assert_eq!(play.told().len(), told.len(), "it expires no more");
        play.pass_to("2026-04-01T00:00:00Z");
        assert_eq!(play.latest_invoice(&subscription).await["amount_paid"], 4900);
    }
}

#[tokio::test]
async fn a_change_that_nobody_pays_for_is_dropped_after_23_hours_and_its_invoice_is_void() {
    let Waiting { play, subscription, invoice, team, .. } = waiting(REFUSED_LATER).await;
    play.pass(23 * 3600 - 1);
    assert!(play.subscription(&subscription).await["pending_update"].is_object());
    play.pass(1);
    let found = play.subscription(&subscription).await;
    assert_eq!((&found["pending_update"], text(&found["status"])), (&Value::Null, "active".to_owned()));
    assert_ne!(play.price_of(&subscription).await, team);
    let void = play.get(&format!("invoices/{invoice}")).await.body;
    assert_eq!((text(&void["status"]), &void["attempt_count"]), ("void".to_owned(), &json!(1)));
    let told = play.told();
    assert_eq!(
        told[told.len() - 3..],
        ["invoice.voided", "customer.subscription.updated", "customer.subscription.pending_update_expired"]
    );
    assert_eq!(play.pay(&format!("invoice/{invoice}"), PAYS).await, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_change_waits_no_longer_than_its_period() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(REFUSED_LATER, "").await;
    let team = play.price("Team", "49000", "month").await;
    play.pass_to("2026-03-31T20:00:00Z");
    let changed = play.change(&subscription, &team, &WAITS).await.body;
    assert_eq!(changed["pending_update"]["expires_at"], at("2026-04-01T00:00:00Z"));
    play.pass_to("2026-04-01T00:00:00Z");
    assert_eq!(play.subscription(&subscription).await["pending_update"], Value::Null);
    let invoice = play.latest_invoice(&subscription).await;
    assert_eq!((text(&invoice["billing_reason"]), &invoice["total"]), ("subscription_cycle".to_owned(), &json!(1900)));
}

#[tokio::test]
async fn a_second_change_takes_the_place_of_one_that_waits() {
    let Waiting { play, subscription, invoice, .. } = waiting(REFUSED_LATER).await;
    let other = play.price("Other", "9900", "month").await;
    let told = play.told().len();
    let changed = play.change(&subscription, &other, &WAITS).await.body;
    assert_eq!(changed["pending_update"]["subscription_items"][0]["price"]["id"], other);
    assert_ne!(text(&changed["latest_invoice"]), invoice);
    assert_eq!(play.get(&format!("invoices/{invoice}")).await.body["status"], "void");
    let expired = "customer.subscription.pending_update_expired";
    assert_eq!(play.told()[told..].iter().filter(|told| *told == expired).count(), 1);
    let open = play.get(&format!("invoices?subscription={subscription}&status=open")).await.ids();
    assert_eq!(open, [text(&changed["latest_invoice"])]);
    // Back to what it is: nothing waits any more.
    let present = play.price_of(&subscription).await;
    assert_eq!(play.change(&subscription, &present, &WAITS).await.body["pending_update"], Value::Null);
}

#[tokio::test]
async fn voiding_its_invoice_or_ending_the_subscription_drops_the_change() {
    let Waiting { play, subscription, invoice, .. } = waiting(REFUSED_LATER).await;
    assert_eq!(play.post(&format!("invoices/{invoice}/void"), &[("colour", "red")]).await.status, 400);
    assert_eq!(play.post(&format!("invoices/{invoice}/void"), &[]).await.body["status"], "void");
    assert_eq!(play.subscription(&subscription).await["pending_update"], Value::Null);

    let Waiting { play, subscription, invoice, .. } = waiting(REFUSED_LATER).await;
    play.stripe.cancel(&subscription).unwrap();
    assert_eq!(play.get(&format!("invoices/{invoice}")).await.body["status"], "void");
    assert_eq!(play.told().last().map(String::as_str), Some("customer.subscription.deleted"));
}

#[tokio::test]
async fn its_invoice_is_tried_by_the_call_and_by_the_desk_without_harm_to_the_subscription() {
    let Waiting { play, subscription, invoice, team, .. } = waiting(REFUSED_LATER).await;
    let refused = play.post(&format!("invoices/{invoice}/pay"), &[]).await;
    assert_eq!((refused.status, refused.code()), (402, "card_declined"));
    for outcome in [Outcome::Failed, Outcome::ActionRequired] {
        let found = play.stripe.renew(&subscription, outcome).unwrap();
        assert_eq!((text(&found["status"]), found["pending_update"].is_object()), ("active".to_owned(), true));
    }
    assert_eq!(play.get(&format!("invoices/{invoice}")).await.body["next_payment_attempt"], Value::Null);
    play.stripe.renew(&subscription, Outcome::Paid).unwrap();
    assert_eq!(play.price_of(&subscription).await, team);
}

#[tokio::test]
async fn another_interval_waits_with_its_anchor_and_balance_that_was_used_comes_back() {
    let Waiting { play, customer, subscription, invoice, .. } = waiting(REFUSED_LATER).await;
    play.post(&format!("invoices/{invoice}/void"), &[]).await;
    let basic = play.price("Basic", "700", "month").await;
    play.change(&subscription, &basic, &WAITS).await;
    let balance = async || play.get(&format!("customers/{customer}")).await.body["balance"].as_i64().unwrap();
    let left = balance().await;
    assert!(left < 0 && play.price_of(&subscription).await == basic, "what asks for nothing is done at once");
    let yearly = play.price("Team", "49000", "year").await;
    let changed = play.change(&subscription, &yearly, &WAITS).await.body;
    assert_eq!(changed["pending_update"]["billing_cycle_anchor"], play.now());
    assert_ne!(changed["billing_cycle_anchor"], play.now());
    assert_eq!(balance().await, 0);
    play.pass(DAY);
    assert_eq!(balance().await, left);
}
