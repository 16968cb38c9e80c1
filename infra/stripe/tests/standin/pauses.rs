//! Pauses of the collection of payments, and of a subscription.

use crate::play::{DAY, PAYS, Play, text};
use serde_json::json;

const MOMENT: &str = "2026-03-01T00:00:00Z";

#[tokio::test]
async fn a_pause_of_collection_leaves_the_subscription_active() {
    for (behavior, status) in [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")] {
        let play = Play::at(MOMENT);
        let (_, subscription) = play.subscriber(PAYS, "").await;
        let paused = play.stripe.pause(&subscription, Some(behavior)).unwrap();
        assert_eq!(paused["pause_collection"], json!({"behavior": behavior, "resumes_at": null}));
        play.pass(31 * DAY);
        let invoice = play.latest_invoice(&subscription).await;
        assert_eq!((&invoice["status"], &invoice["amount_paid"]), (&json!(status), &json!(0)));
        assert_eq!(play.subscription(&subscription).await["status"], "active");
        let resumed = play.post(&format!("subscriptions/{subscription}"), &[("pause_collection", "")]).await;
        assert!(resumed.body["pause_collection"].is_null());
        play.pass(30 * DAY);
        assert_eq!(play.latest_invoice(&subscription).await["status"], "paid");
    }
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "").await;
    assert!(play.stripe.pause(&subscription, Some("sometimes")).is_err());
}

#[tokio::test]
async fn a_trial_without_a_card_ends_paused_and_goes_on_once_there_is_one() {
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(PAYS, "7").await;
    play.stripe.remove_card(&subscription).unwrap();
    play.pass(8 * DAY);
    assert_eq!(play.subscription(&subscription).await["status"], "paused");
    assert_eq!(play.told().last().unwrap(), "customer.subscription.paused");
    let resume = format!("subscriptions/{subscription}/resume");
    let still = play.post(&resume, &[]).await;
    assert_eq!((still.status, &still.body["status"]), (200, &json!("paused")));
    assert_eq!(play.latest_invoice(&subscription).await["status"], "open");
    let session = play.post("billing_portal/sessions", &[("customer", &customer)]).await.id();
    play.fill(&format!("portal/{session}"), &[("action", "card"), ("card", PAYS)]).await;
    let resumed = play.post(&resume, &[("billing_cycle_anchor", "now")]).await.body;
    assert_eq!((&resumed["status"], &resumed["billing_cycle_anchor"]), (&json!("active"), &json!(play.now())));
    assert_eq!(resumed["items"]["data"][0]["current_period_start"], play.now());
    assert_eq!(play.latest_invoice(&subscription).await["amount_paid"], 1900);
    assert_eq!(play.told().last().unwrap(), "customer.subscription.resumed");
    assert_eq!(play.post(&resume, &[]).await.status, 400);
    assert_eq!(text(&play.subscription(&subscription).await["status"]), "active");
}

#[tokio::test]
async fn a_trial_without_a_card_is_not_paused_unless_that_is_its_setting() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "7").await;
    play.stripe.remove_card(&subscription).unwrap();
    let setting = ("trial_settings[end_behavior][missing_payment_method]", "create_invoice");
    play.post(&format!("subscriptions/{subscription}"), &[setting]).await;
    play.pass(8 * DAY);
    assert_eq!(play.subscription(&subscription).await["status"], "past_due");
}
