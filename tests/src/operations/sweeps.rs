//! The sweeper's schedules.

use super::plans::{give_trial, ledger};
use super::services::{INVITATIONS, INVITED};
use super::users::admin_and_ann;
use super::{Case, Scenario, case, scenario};
use crate::app::{PASSWORD, Session, TestApp};
use crate::events::same_as_stripe;
use crate::request::Request;
use serde_json::{Value, json};

pub fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!("the sweep of missed messages", outbox).denied(),
        scenario!("the sweep of the outbox that finds one message", outbox_of_one).without_crash_points().measured(200),
        scenario!("the sweep of unverified accounts", accounts).denied(),
        scenario!("the sweep of accounts that finds one", accounts_of_one).without_crash_points().measured(200),
        scenario!("the sweep of deleted accounts", erase).with_plans().measured(200).denied(),
        scenario!("the sweep of a deleted account with an invitation", erase_invited),
        scenario!("the statistics", count).with_plans().measured(200).denied(),
        scenario!("the sweep of what is due", sweep).with_plans(),
        scenario!("the reconciliation", reconcile).with_plans(),
        scenario!("the reconciliation that finds a trial", reconcile_trial).with_plans().denied(),
        scenario!("the sweep of reminders", reminders).with_plans().denied(),
    ]
}

fn schedule(name: &str) -> Request {
    Request::post(&format!("/_local/schedules/{name}/run"), json!({}))
}

async fn outbox(app: &TestApp) -> Case {
    for name in ["ann", "bob"] {
        app.missed_by_relay(app.register(name)).await.expect(202);
    }
    app.advance(10 * 60);
    case!(schedule("outbox"), |app| {
        for email in ["ann@example.com", "bob@example.com"] {
            assert_eq!(app.mails(email).await.len(), 1);
        }
    })
}

async fn accounts(app: &TestApp) -> Case {
    let verified_account = app.member("ann").await;
    for name in ["bob", "cem"] {
        app.register(name).await.expect(202);
    }
    app.advance(7 * 86_400);
    case!(schedule("accounts"), |app| {
        app.login(&verified_account, PASSWORD).await.expect(200);
        for name in ["bob", "cem"] {
            let email = format!("{name}@example.com");
            app.login(&email, PASSWORD).await.refused(401, "invalid_credentials");
            app.register(name).await.expect(202);
        }
    })
}

async fn erase(app: &TestApp) -> Case {
    let (_, ann) = app.subscriber("ann").await;
    app.post_as(&ann, "/me/delete", json!({"password": PASSWORD})).await.expect(202);
    app.drain().await;
    case!(Request::post("/_local/schedules/accounts/run", json!({})), |app| {
        for table in ["identity", "credentials", "sessions", "billing", "audit", "outbox"] {
            let rows = Value::from(app.table(table).await).to_string();
            assert!(!rows.contains("ann@example.com"), "{table}: {rows}");
        }
        app.member("ann").await;
    })
}

/// The owner registered without the invitation, and the account was deleted.
async fn erase_invited(app: &TestApp) -> Case {
    let (admin, _) = admin_and_ann(app).await;
    app.invite(&admin, INVITED).await;
    let (_, new) = app.person("new").await;
    app.post_as(&new, "/me/delete", json!({"password": PASSWORD})).await.expect(202);
    app.drain().await;
    case!(Request::post("/_local/schedules/accounts/run", json!({})), |app| {
        let rows = Value::from(app.table("sessions").await).to_string();
        assert!(!rows.contains(INVITED), "{rows}");
        assert_eq!(app.get_as(&admin, INVITATIONS).await.expect(200).body["items"], json!([]));
    })
}

async fn count(app: &TestApp) -> Case {
    app.subscriber("ann").await;
    case!(Request::post("/_local/schedules/rollup/run", json!({})), |app| {
        let counted = app.table("system").await;
        assert!(counted.iter().any(|item| item["users"]["M"]["total"]["N"] == "1"), "{counted:?}");
    })
}

/// Two subscribers whose periods end without events: one renews, the other one has ended.
async fn two_in_silence(app: &TestApp) -> [Session; 2] {
    let (_, ann) = app.subscriber("ann").await;
    let (_, bob) = app.subscriber("bob").await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    for (subscription, act) in app.stripe("subscriptions").await.iter().zip(["renew", "cancel"]) {
        let act = format!("subscriptions/{}/{act}", subscription["id"].as_str().unwrap());
        app.at_stripe(&act, json!({"outcome": "paid"})).await.expect(200);
    }
    [ann, bob]
}

async fn sweep(app: &TestApp) -> Case {
    let _sessions = two_in_silence(app).await;
    app.advance(32 * 86_400);
    case!(schedule("expiry"), |app| {
        for email in ["ann@example.com", "bob@example.com"] {
            let session = app.sign_in(email).await;
            app.subscription(&session).await;
        }
    })
}

async fn reconcile(app: &TestApp) -> Case {
    let sessions = two_in_silence(app).await;
    case!(schedule("reconcile"), |app| {
        let tiers =
            sessions.iter().map(async |session| app.get_as(session, "/me").await.expect(200).body["tier"].clone());
        let mut tiers = futures_util::future::join_all(tiers).await;
        tiers.sort_by_key(Value::as_i64);
        assert_eq!(tiers, [0, 1]);
    })
}

async fn reconcile_trial(app: &TestApp) -> Case {
    give_trial(app).await;
    let session = app.paid_in_silence().await;
    case!(schedule("reconcile"), |app| {
        same_as_stripe(app, &session).await.unwrap();
        assert_eq!(ledger(app).await, 2, "the address and the card");
    })
}

/// Ann, whose renewal failed a day ago.
async fn reminders(app: &TestApp) -> Case {
    app.subscriber("ann").await;
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": "failed"})).await.expect(200);
    app.drain().await;
    app.advance(86_400);
    case!(schedule("reminders"), |app| {
        app.drain().await;
        let mails = app.mails("ann@example.com").await;
        assert_eq!(mails.iter().filter(|mail| mail["kind"] == "payment_failed").count(), 2);
    })
}

async fn outbox_of_one(app: &TestApp) -> Case {
    app.missed_by_relay(app.register("ann")).await.expect(202);
    app.advance(10 * 60);
    case!(schedule("outbox"))
}

async fn accounts_of_one(app: &TestApp) -> Case {
    app.register("ann").await.expect(202);
    app.advance(7 * 86_400);
    case!(schedule("accounts"))
}
