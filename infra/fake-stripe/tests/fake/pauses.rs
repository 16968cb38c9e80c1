//! Pauses of the collection of payments, and of a subscription.

use crate::harness::{DAY, Harness, PAYS, text};
use serde_json::json;

const MOMENT: &str = "2026-03-01T00:00:00Z";

#[tokio::test]
async fn pausing_collection_keeps_the_subscription_active() {
    for (behavior, status) in [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")] {
        let harness = Harness::at(MOMENT);
        let (_, subscription) = harness.subscriber(PAYS, "").await;
        let paused = harness.stripe.pause(&subscription, Some(behavior)).unwrap();
        assert_eq!(paused["pause_collection"], json!({"behavior": behavior, "resumes_at": null}));
        harness.pass(31 * DAY);
        let invoice = harness.latest_invoice(&subscription).await;
        assert_eq!((&invoice["status"], &invoice["amount_paid"]), (&json!(status), &json!(0)));
        assert_eq!(harness.subscription(&subscription).await["status"], "active");
        let resumed = harness.post(&format!("subscriptions/{subscription}"), &[("pause_collection", "")]).await;
        assert!(resumed.body["pause_collection"].is_null());
        harness.pass(30 * DAY);
        assert_eq!(harness.latest_invoice(&subscription).await["status"], "paid");
    }
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    assert!(harness.stripe.pause(&subscription, Some("sometimes")).is_err());
}

#[tokio::test]
async fn a_trial_without_a_card_ends_paused_and_resumes_with_a_card() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(PAYS, "7").await;
    harness.stripe.remove_card(&subscription).unwrap();
    harness.pass(8 * DAY);
    assert_eq!(harness.subscription(&subscription).await["status"], "paused");
    assert_eq!(harness.event_types().last().unwrap(), "customer.subscription.paused");
    let resume = format!("subscriptions/{subscription}/resume");
    let still = harness.post(&resume, &[]).await;
    assert_eq!((still.status, &still.body["status"]), (200, &json!("paused")));
    assert_eq!(harness.latest_invoice(&subscription).await["status"], "open");
    let session = harness.post("billing_portal/sessions", &[("customer", &customer)]).await.id();
    harness.fill(&format!("portal/{session}"), &[("action", "card"), ("card", PAYS)]).await;
    let resumed = harness.post(&resume, &[("billing_cycle_anchor", "now")]).await.body;
    assert_eq!((&resumed["status"], &resumed["billing_cycle_anchor"]), (&json!("active"), &json!(harness.now())));
    assert_eq!(resumed["items"]["data"][0]["current_period_start"], harness.now());
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 1900);
    assert_eq!(harness.event_types().last().unwrap(), "customer.subscription.resumed");
    assert_eq!(harness.post(&resume, &[]).await.status, 400);
    assert_eq!(text(&harness.subscription(&subscription).await["status"]), "active");
}

#[tokio::test]
async fn a_trial_without_a_card_is_not_paused_unless_that_is_its_setting() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "7").await;
    harness.stripe.remove_card(&subscription).unwrap();
    let setting = ("trial_settings[end_behavior][missing_payment_method]", "create_invoice");
    harness.post(&format!("subscriptions/{subscription}"), &[setting]).await;
    harness.pass(8 * DAY);
    assert_eq!(harness.subscription(&subscription).await["status"], "past_due");
}
