//! Stripe's events, and the commands for Stripe.

use super::plans::{admin_and_plan, give_trial, ledger, path_of};
use super::{Case, Operation, Scenario, case, open, scenario};
use crate::app::{PASSWORD, Session, TestApp};
use crate::events::same_as_stripe;
use crate::request::Request;
use serde_json::json;

pub fn operations() -> Vec<Operation> {
    // Stripe's signature is required.
    vec![open("POST /billing/stripe/webhook", 400).body(json!({}))]
}

pub fn scenarios() -> Vec<Scenario> {
    let all = [
        scenario!("the event of a paid invoice", paid_event),
        scenario!("the event of a second subscription", second_event),
        scenario!("the event of a refund", refund_event),
        scenario!("the event of a dispute", dispute_event),
        scenario!("the event of a dispute that is won", won_event),
        scenario!("the event of a payment after the end", late_event),
        scenario!("the event of a trial that begins", trial_begins),
        scenario!("the event of a trial with a card that had one", trial_refused).denied(),
        scenario!("the event of a trial that ends", trial_event).denied(),
        scenario!("the event of a customer who is gone", gone_event),
        scenario!("the command of a closed account", closing_command),
        scenario!("the command of another address", address_command).denied(),
        scenario!("the command of a plan with another tier", tier_command).denied(),
    ];
    all.into_iter().map(|scenario| scenario.with_plans().afterwards()).collect()
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

async fn trial_begins(app: &TestApp) -> Case {
    give_trial(app).await;
    let session = app.paid_in_silence().await;
    case!(sent_late(app, "customer.subscription.created").await, |app| {
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

async fn trial_event(app: &TestApp) -> Case {
    give_trial(app).await;
    app.subscriber("ann").await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    app.advance(11 * 86_400 + 60);
    case!(sent_late(app, "customer.subscription.trial_will_end").await, |app| {
        app.mail("ann@example.com", "trial_ending").await;
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
