//! The customer portal.

use crate::play::{ASKS_LATER, DAY, DECLINED, PAYS, Play, REFUSED_LATER, text};
use http::StatusCode;
use serde_json::{Value, json};

const MOMENT: &str = "2026-01-10T08:00:00Z";

/// The path of a customer's portal.
async fn portal(play: &Play, customer: &str) -> String {
    let form = [("customer", customer), ("return_url", "https://app.example/account")];
    let session = play.post("billing_portal/sessions", &form).await;
    assert_eq!(text(&session.body["url"]), format!("https://pay.example/portal/{}", session.id()));
    format!("portal/{}", session.id())
}

#[tokio::test]
async fn a_portal_is_opened_for_a_customer_who_is_there() {
    let play = Play::at(MOMENT);
    let (customer, _) = play.subscriber(PAYS, "").await;
    let page = portal(&play, &customer).await;
    assert_eq!(play.told().last().map(String::as_str), Some("billing_portal.session.created"));
    let (status, body) = play.look(&page).await;
    assert_eq!(status, StatusCode::OK);
    for shown in ["Pro", "19.00 USD a month", "Cancel at the end of the period", "https://app.example/account"] {
        assert!(body.contains(shown), "{shown}");
    }
    assert_eq!(play.look("portal/bps_none").await.0, StatusCode::NOT_FOUND);
    assert_eq!(play.fill("portal/bps_none", &[("action", "card")]).await.0, StatusCode::NOT_FOUND);
    assert_eq!(play.fill(&page, &[("action", "dance")]).await.0, StatusCode::BAD_REQUEST);
    for form in [&[("customer", "cus_none")][..], &[], &[("customer", &customer), ("colour", "red")]] {
        assert_eq!(play.post("billing_portal/sessions", form).await.status, 400, "{form:?}");
    }
}

#[tokio::test]
async fn a_subscription_is_ended_with_its_period_there_and_kept_again() {
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(PAYS, "").await;
    let (_, other) = play.subscriber(PAYS, "").await;
    let page = portal(&play, &customer).await;
    for (action, is_ending) in [("cancel", true), ("resume", false)] {
        let form = [("action", action), ("subscription", &subscription)];
        assert_eq!(play.fill(&page, &form).await.0, StatusCode::SEE_OTHER);
        let told = play.subscription(&subscription).await;
        assert_eq!((told["cancel_at"].is_i64(), &told["cancel_at_period_end"]), (is_ending, &false.into()));
        assert_eq!(play.told().last().map(String::as_str), Some("customer.subscription.updated"));
        assert_eq!(play.look(&page).await.1.contains("Keep the subscription"), is_ending);
    }
    let (status, body) = play.fill(&page, &[("action", "cancel"), ("subscription", &other)]).await;
    assert_eq!((status, body.contains("not here any more")), (StatusCode::CONFLICT, true));
    assert!(play.subscription(&other).await["cancel_at"].is_null());
    // It ends at the moment that was named.
    play.fill(&page, &[("action", "cancel"), ("subscription", &subscription)]).await;
    play.pass(31 * DAY);
    assert_eq!(play.subscription(&subscription).await["status"], "canceled");
}

#[tokio::test]
async fn a_subscription_under_a_schedule_is_not_ended_there() {
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(PAYS, "").await;
    let page = portal(&play, &customer).await;
    play.post("subscription_schedules", &[("from_subscription", &subscription)]).await;
    assert!(!play.look(&page).await.1.contains("Cancel at the end"));
    let form = [("action", "cancel"), ("subscription", subscription.as_str())];
    assert_eq!(play.fill(&page, &form).await.0, StatusCode::CONFLICT);
    assert_eq!(play.subscription(&subscription).await["cancel_at_period_end"], false);
}

#[tokio::test]
async fn another_card_pays_what_is_open_and_what_comes() {
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(REFUSED_LATER, "").await;
    let page = portal(&play, &customer).await;
    play.pass(31 * DAY);
    let invoice = text(&play.latest_invoice(&subscription).await["id"]);
    assert!(play.look(&page).await.1.contains(&format!("https://pay.example/invoice/{invoice}")));
    let pay = [("action", "pay"), ("invoice", invoice.as_str())];
    assert_eq!(play.fill(&page, &pay).await.0, StatusCode::PAYMENT_REQUIRED);
    let before = play.get(&format!("customers/{customer}")).await.body;
    for card in [DECLINED, "no card"] {
        assert_eq!(play.fill(&page, &[("action", "card"), ("card", card)]).await.0, StatusCode::PAYMENT_REQUIRED);
    }
    assert_eq!(play.get(&format!("customers/{customer}")).await.body, before);
    assert_eq!(play.fill(&page, &[("action", "card"), ("card", PAYS)]).await.0, StatusCode::SEE_OTHER);
    assert_eq!(play.told().last().map(String::as_str), Some("customer.updated"));
    let method = &play.get(&format!("customers/{customer}")).await.body["invoice_settings"]["default_payment_method"];
    assert!(text(method).starts_with("pm_"));
    assert_eq!(play.fill(&page, &pay).await.0, StatusCode::SEE_OTHER);
    assert_eq!(play.subscription(&subscription).await["status"], "active");
    assert_eq!(play.fill(&page, &pay).await.0, StatusCode::CONFLICT);
    play.pass(31 * DAY);
    assert_eq!(play.latest_invoice(&subscription).await["status"], "paid");
}

#[tokio::test]
async fn who_pays_there_consents_to_it_and_to_a_change_that_waits() {
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(ASKS_LATER, "").await;
    let (_, other) = play.subscriber(ASKS_LATER, "").await;
    let page = portal(&play, &customer).await;
    let team = play.price("Team", "4900", "month").await;
    let form = [("proration_behavior", "always_invoice"), ("payment_behavior", "pending_if_incomplete")];
    let waiting = play.change(&subscription, &team, &form).await.body;
    assert!(waiting["pending_update"].is_object());
    let foreign = text(&play.change(&other, &team, &form).await.body["latest_invoice"]);
    assert_eq!(play.fill(&page, &[("action", "pay"), ("invoice", &foreign)]).await.0, StatusCode::CONFLICT);
    let invoice = text(&waiting["latest_invoice"]);
    assert_eq!(play.fill(&page, &[("action", "pay"), ("invoice", &invoice)]).await.0, StatusCode::SEE_OTHER);
    let found = play.subscription(&subscription).await;
    assert_eq!((&found["pending_update"], &found["items"]["data"][0]["price"]["id"]), (&Value::Null, &json!(team)));
}
