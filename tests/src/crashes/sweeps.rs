//! The sweeper's operations without Stripe.

use super::{Again, Case, Operation, case, operation};
use crate::app::{PASSWORD, TestApp, World};
use crate::request::Request;
use futures_util::FutureExt;
use serde_json::json;

pub const OPERATIONS: &[Operation] = &[
    operation!(TheAnswer, WithoutPlans, "the sweep of missed messages", outbox),
    operation!(TheAnswer, WithoutPlans, "the sweep of unverified accounts", accounts),
];

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
