//! The customer portal.

use crate::harness::{ASKS_LATER, DAY, DECLINED, Harness, PAYS, REFUSED_LATER, text};
use http::StatusCode;
use serde_json::{Value, json};

const MOMENT: &str = "2026-01-10T08:00:00Z";

/// The path of a customer's portal.
async fn portal(harness: &Harness, customer: &str) -> String {
    let form = [("customer", customer), ("return_url", "https://app.example/account")];
    let session = harness.post("billing_portal/sessions", &form).await;
    assert_eq!(text(&session.body["url"]), format!("https://pay.example/portal/{}", session.id()));
    format!("portal/{}", session.id())
}

#[tokio::test]
async fn a_portal_session_needs_an_existing_customer() {
    let harness = Harness::at(MOMENT);
    let (customer, _) = harness.subscriber(PAYS, "").await;
    let page = portal(&harness, &customer).await;
    assert_eq!(harness.event_types().last().map(String::as_str), Some("billing_portal.session.created"));
    let (status, body) = harness.page(&page).await;
    assert_eq!(status, StatusCode::OK);
    for shown in ["Pro", "19.00 USD a month", "Cancel subscription", "https://app.example/account"] {
        assert!(body.contains(shown), "{shown}");
    }
    assert_eq!(harness.page("portal/bps_none").await.0, StatusCode::NOT_FOUND);
    assert_eq!(harness.fill("portal/bps_none", &[("action", "card")]).await.0, StatusCode::NOT_FOUND);
    assert_eq!(harness.fill(&page, &[("action", "dance")]).await.0, StatusCode::BAD_REQUEST);
    for form in [&[("customer", "cus_none")][..], &[], &[("customer", &customer), ("colour", "red")]] {
        assert_eq!(harness.post("billing_portal/sessions", form).await.status, 400, "{form:?}");
    }
}

#[tokio::test]
async fn the_portal_cancels_at_period_end_and_resumes() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(PAYS, "").await;
    let (_, other) = harness.subscriber(PAYS, "").await;
    let page = portal(&harness, &customer).await;
    for (action, is_ending) in [("cancel", true), ("resume", false)] {
        let form = [("action", action), ("subscription", &subscription)];
        assert_eq!(harness.fill(&page, &form).await.0, StatusCode::SEE_OTHER);
        let event_types = harness.subscription(&subscription).await;
        assert_eq!(
            (event_types["cancel_at"].is_i64(), &event_types["cancel_at_period_end"]),
            (is_ending, &false.into())
        );
        assert_eq!(harness.event_types().last().map(String::as_str), Some("customer.subscription.updated"));
        assert_eq!(harness.page(&page).await.1.contains("t cancel subscription"), is_ending);
    }
    let (status, body) = harness.fill(&page, &[("action", "cancel"), ("subscription", &other)]).await;
    assert_eq!((status, body.contains("be changed any more")), (StatusCode::CONFLICT, true));
    assert!(harness.subscription(&other).await["cancel_at"].is_null());
    // It ends at the time that was set.
    harness.fill(&page, &[("action", "cancel"), ("subscription", &subscription)]).await;
    harness.pass(31 * DAY);
    assert_eq!(harness.subscription(&subscription).await["status"], "canceled");
}

#[tokio::test]
async fn the_portal_does_not_end_a_subscription_under_a_schedule() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(PAYS, "").await;
    let page = portal(&harness, &customer).await;
    harness.post("subscription_schedules", &[("from_subscription", &subscription)]).await;
    assert!(!harness.page(&page).await.1.contains("Cancel subscription"));
    let form = [("action", "cancel"), ("subscription", subscription.as_str())];
    assert_eq!(harness.fill(&page, &form).await.0, StatusCode::CONFLICT);
    assert_eq!(harness.subscription(&subscription).await["cancel_at_period_end"], false);
}

#[tokio::test]
async fn a_new_card_pays_open_and_future_invoices() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(REFUSED_LATER, "").await;
    let page = portal(&harness, &customer).await;
    harness.pass(31 * DAY);
    let invoice = text(&harness.latest_invoice(&subscription).await["id"]);
    assert!(harness.page(&page).await.1.contains(&format!("https://pay.example/invoice/{invoice}")));
    let pay = [("action", "pay"), ("invoice", invoice.as_str())];
    assert_eq!(harness.fill(&page, &pay).await.0, StatusCode::PAYMENT_REQUIRED);
    let before = harness.get(&format!("customers/{customer}")).await.body;
    for card in [DECLINED, "no card"] {
        assert_eq!(harness.fill(&page, &[("action", "card"), ("card", card)]).await.0, StatusCode::PAYMENT_REQUIRED);
    }
    assert_eq!(harness.get(&format!("customers/{customer}")).await.body, before);
    assert_eq!(harness.fill(&page, &[("action", "card"), ("card", PAYS)]).await.0, StatusCode::SEE_OTHER);
    assert_eq!(harness.event_types().last().map(String::as_str), Some("customer.updated"));
    let method =
        &harness.get(&format!("customers/{customer}")).await.body["invoice_settings"]["default_payment_method"];
    assert!(text(method).starts_with("pm_"));
    assert_eq!(harness.fill(&page, &pay).await.0, StatusCode::SEE_OTHER);
    assert_eq!(harness.subscription(&subscription).await["status"], "active");
    assert_eq!(harness.fill(&page, &pay).await.0, StatusCode::CONFLICT);
    harness.pass(31 * DAY);
    assert_eq!(harness.latest_invoice(&subscription).await["status"], "paid");
}

#[tokio::test]
async fn paying_in_the_portal_gives_consent_and_applies_a_pending_change() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(ASKS_LATER, "").await;
    let (_, other) = harness.subscriber(ASKS_LATER, "").await;
    let page = portal(&harness, &customer).await;
    let team = harness.price("Team", "4900", "month").await;
    let form = [("proration_behavior", "always_invoice"), ("payment_behavior", "pending_if_incomplete")];
    let waiting = harness.change(&subscription, &team, &form).await.body;
    assert!(waiting["pending_update"].is_object());
    let foreign = text(&harness.change(&other, &team, &form).await.body["latest_invoice"]);
    assert_eq!(harness.fill(&page, &[("action", "pay"), ("invoice", &foreign)]).await.0, StatusCode::CONFLICT);
    let invoice = text(&waiting["latest_invoice"]);
    assert_eq!(harness.fill(&page, &[("action", "pay"), ("invoice", &invoice)]).await.0, StatusCode::SEE_OTHER);
    let found = harness.subscription(&subscription).await;
    assert_eq!((&found["pending_update"], &found["items"]["data"][0]["price"]["id"]), (&Value::Null, &json!(team)));
}
