//! The deletion of an account: the user can export the data, then all personal data is erased.

use crate::admin::{all_pages, app_and_admin, id};
use serde_json::{Value, json};
use tollgate_local::Options;
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;
use tollgate_store::schema::TABLES;
use tollgate_tests::app::{ADMIN, PASSWORD, Session, TestApp, options};
use tollgate_tests::browser::{Browser, verified_account};

const DAY: i64 = 86_400;

/// Ann, who has data in every table: she pays, has two ways to sign in, unsent mails, and a history.
async fn ann_with_a_past(app: &TestApp) -> Session {
    let (email, session) = app.subscriber("ann").await;
    let begun = app.post_as(&session, "/me/links/google", json!({})).await.expect(200);
    let subject = verified_account(app, "google", "ann.at.google@example.com").await;
    let browser = Browser::new(app);
    browser.set_cookie("oauth_state", &begun.cookie("oauth_state").unwrap());
    let back = browser.consent_at(begun.body["authorize_url"].as_str().unwrap().to_owned(), &subject).await;
    browser.get(&back).await.expect(302);
    app.login(&email, "wrong password").await.refused(401, "invalid_credentials");
    let ended = app.sign_in(&email).await;
    app.with_cookie("/logout", &ended.refresh).await.expect(204);
    app.post_as(&session, "/change-email", json!({"new_email": "ann.to.be@example.com"})).await.expect(202);
    app.post("/forget-password", json!({"email": email})).await.expect(202);
    app.post("/request/login-code", json!({"email": email})).await.expect(202);
    app.drain().await;
    session
}

/// The content of the tables as text, without data that expires soon: buckets and answers by key.
async fn held(app: &TestApp) -> String {
    let mut held = String::new();
    for table in TABLES.iter().filter(|table| table.name != "limits") {
        held.push_str(&Value::from(app.table(table.name).await).to_string());
    }
    held
}

/// Texts that identify Ann.
const TRACES: [&str; 6] =
    ["ann@example.com", "ann.to.be@example.com", "OAUTH#google#", "\"ann\"", "127.0.0.1", "EMAIL#ann"];

async fn deleted(app: &TestApp, session: &Session) {
    app.post_as(session, "/me/delete", json!({"password": PASSWORD})).await.expect(202);
    app.drain().await;
}

// S17
#[tokio::test]
async fn a_deletion_ends_sessions_and_the_subscription_at_once() {
    let (app, admin) = app_and_admin().await;
    let ann = ann_with_a_past(&app).await;
    app.post_as(&ann, "/me/delete", json!({"password": "wrong password"})).await.refused(403, "wrong_password");
    app.post_as(&ann, "/me/delete", json!({"password": PASSWORD})).await.expect(202);
    app.get_as(&ann, "/me").await.refused(401, "unauthenticated");
    app.refresh(&ann.refresh).await.refused(401, "invalid_refresh_token");
    app.login("ann@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    app.login("ann@example.com", "wrong password").await.refused(401, "invalid_credentials");
    let code = json!({"email": "ann@example.com", "code": app.code("ann@example.com", "login_code").await});
    app.post("/login/code", code).await.refused(401, "invalid_code");
    let path = format!("/admin/users/{}", id(&ann));
    app.get_as(&admin, &path).await.refused(404, "not_found");
    for query in ["users", "users?q=ann", "users?is_active=false"] {
        let listed = all_pages(&app, &admin, &format!("/admin/{query}"), 100).await;
        assert!(listed.iter().all(|user| user["id"] != id(&ann)), "{query}");
    }
    app.drain().await;
    assert_eq!(app.stripe("subscriptions").await[0]["status"], "canceled");
    let payments = app.get_as(&admin, &format!("{path}/payments")).await.expect(200).body;
    assert_eq!(payments["items"][0]["status"], "succeeded", "nothing is refunded");
    let subscriptions = app.get_as(&admin, &format!("{path}/subscriptions")).await.expect(200).body;
    assert_eq!(subscriptions["items"][0]["status"], "canceled");
    assert_eq!(app.get_as(&admin, &format!("{path}/sessions")).await.expect(200).body["items"], json!([]));
}

#[tokio::test]
async fn a_dispute_does_not_block_an_erasure() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let invoice = app.stripe("invoices").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    app.at_stripe(&format!("invoices/{invoice}/dispute"), json!({})).await.expect(200);
    deleted(&app, &ann).await;
    assert_eq!(app.stripe("subscriptions").await[0]["status"], "canceled");
    app.advance(DAY);
    assert_eq!(app.sweep("accounts").await.expect(200).body["handled"], 1);
    let held = held(&app).await;
    assert!(!held.contains("ann@example.com"));
}

#[tokio::test]
async fn deletion_removes_personal_data_in_a_day_and_keeps_payments_and_entries() {
    let (app, admin) = app_and_admin().await;
    let ann = ann_with_a_past(&app).await;
    let trail = all_pages(&app, &admin, &format!("/admin/audit-logs?target_id={}", id(&ann)), 100).await;
    // Mails that wait while the queue fails: to her address, and to the requested one.
    let wanted = json!({"email": "ann@example.com", "username": "else", "password": PASSWORD});
    app.missed_by_relay(app.post("/register", wanted)).await.expect(202);
    let change = json!({"new_email": "ann.to.be@example.com", "password": PASSWORD});
    app.missed_by_relay(app.post_as(&ann, "/change-email", change)).await.expect(202);
    deleted(&app, &ann).await;
    let before = held(&app).await;
    for trace in TRACES {
        assert!(before.contains(trace), "{trace} was held");
    }
    app.post("/_local/clock", json!({"advance_seconds": DAY})).await.expect(200);
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    let after = held(&app).await.replace(&admin.user["email"].to_string(), "");
    let of_admin = all_pages(&app, &admin, &format!("/admin/audit-logs?actor_id={}", id(&admin)), 100).await;
    assert!(of_admin.iter().any(|entry| entry["ip"] == "127.0.0.1"), "the client addresses of other actors stay");
    for trace in TRACES.iter().filter(|trace| **trace != "127.0.0.1") {
        assert!(!after.contains(trace), "{trace} is left");
    }
    let remaining = all_pages(&app, &admin, &format!("/admin/audit-logs?target_id={}", id(&ann)), 100).await;
    assert_eq!(remaining.len(), trail.len() + 2, "all actions, the request for an address, and the deletion");
    assert!(remaining.iter().all(|entry| entry["ip"].is_null()));
    assert_eq!(app.sweep("accounts").await.expect(200).body["handled"], 0, "nothing is left to erase");
    assert!(after.contains("ERASED#"), "the mark of the erasure, until the next sweep");
    app.advance(15 * 60);
    app.sweep("accounts").await.expect(200);
    assert!(!held(&app).await.contains("ERASED#"));
    let payments = app.get_as(&admin, &format!("/admin/users/{}/payments", id(&ann))).await.expect(200).body;
    assert_eq!(payments["items"].as_array().unwrap().len(), 1);
    app.get_as(&admin, &format!("/admin/users/{}", id(&ann))).await.refused(404, "not_found");
    // Address, name and identity are free.
    let (_, again) = app.person("ann").await;
    assert_ne!(id(&again), id(&ann));
    app.get_as(&again, "/billing/payments/me").await.expect(200);
}

#[tokio::test]
async fn erasure_keeps_the_data_of_a_later_owner_of_the_address() {
    let (app, _) = app_and_admin().await;
    let ann = ann_with_a_past(&app).await;
    deleted(&app, &ann).await;
    // The names are free, and then the erasure is interrupted.
    app.fail(Service::Stripe, Kind::Error, 0, 20);
    app.sweep("accounts").await.expect(500);
    app.stack.fault_injector().clear();
    let (email, second) = app.person("ann").await;
    app.sweep("accounts").await.expect(200);
    app.get_as(&second, "/me").await.expect(200);
    assert_eq!(app.get_as(&second, "/me").await.body["has_password"], true);
    app.sign_in(&email).await;
    assert!(!held(&app).await.contains("ann.to.be@example.com"));
}

#[tokio::test]
async fn an_account_that_is_deleted_twice_at_once_is_deleted_once() {
    let (app, admin) = app_and_admin().await;
    let (_, ann) = app.person("ann").await;
    let close_account = || app.post_as(&ann, "/me/delete", json!({}));
    let (one, two) = tokio::join!(close_account(), close_account());
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 401]);
    let entries = all_pages(&app, &admin, "/admin/audit-logs?action=user.deleted", 100).await;
    assert_eq!(entries.len(), 1);
}

// S19
#[tokio::test]
async fn an_export_contains_all_stored_data_and_no_secret() {
    let (app, admin) = app_and_admin().await;
    let ann = ann_with_a_past(&app).await;
    let answer = app.get_as(&ann, "/me/export").await.expect(200);
    let held = &answer.body;
    assert_eq!(held["user"], app.get_as(&admin, "/admin/users?q=ann@").await.body["items"][0]);
    assert!(held["linked_identities"]["google"].is_string());
    assert_eq!((held["sessions"].as_array().unwrap().len(), held["access"]["tier"].as_i64()), (2, Some(1)));
    assert_eq!(held["customer"]["email"], "ann@example.com");
    assert_eq!(held["subscriptions"][0]["status"], "active");
    assert_eq!(held["payments"][0]["amount_cents"], 1900);
    let purposes: Vec<_> =
        held["mailed_secrets"].as_array().unwrap().iter().map(|row| row["purpose"].clone()).collect();
    for purpose in ["verify", "reset", "login_code", "change_email"] {
        assert!(purposes.contains(&json!(purpose)), "{purpose} of {purposes:?}");
    }
    let actions: Vec<_> =
        held["audit_entries"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    for action in ["user.registered", "user.signed_in", "user.sign_in_failed", "user.linked", "session.revoked"] {
        assert!(actions.contains(&json!(action)), "{action}");
    }
    for secret in [&*ann.refresh, &*ann.access, PASSWORD, "argon2", "nonce", "hash"] {
        assert!(!answer.text.contains(secret), "{secret}");
    }
    app.get("/me/export").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn data_written_during_the_erasure_is_removed_by_the_next_sweep() {
    let (app, _) = app_and_admin().await;
    let (_, ann) = app.person("ann").await;
    deleted(&app, &ann).await;
    let trail = format!("/admin/audit-logs?target_id={}", id(&ann));
    let late = app.table("audit").await.into_iter().find(|entry| entry["ip"]["S"].is_string()).unwrap();
    let session =
        app.table("sessions").await.into_iter().find(|row| row["sk"]["S"].as_str().unwrap().starts_with("SES#"));
    app.sweep("accounts").await.expect(200);
    let put = |table: &str, item: Value| {
        let put = json!({"TableName": format!("tollgate-{table}"), "Item": item});
        app.stack.database().put_item(serde_json::from_value(put).unwrap()).unwrap();
    };
    let mut entry = late;
    entry["pk"]["S"] = json!(id(&ann));
    entry["target_id"] = json!({"S": id(&ann)});
    entry["actor_id"] = json!({"S": id(&ann)});
    put("audit", entry);
    put("sessions", session.unwrap());
    let user = format!("USER#{}", id(&ann));
    put(
        "billing",
        json!({"pk": {"S": user}, "sk": {"S": "CUSTOMER"}, "user_id": {"S": id(&ann)}, "version": {"N": "0"}, "v": {"N": "1"},
               "email": {"S": "ann@example.com"}, "attempt_email": {"S": "ann@example.com"}}),
    );
    app.advance(15 * 60 - 1);
    app.sweep("accounts").await.expect(200);
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    assert_eq!(all_pages(&app, &admin, &trail, 100).await.iter().filter(|entry| !entry["ip"].is_null()).count(), 1);
    app.advance(1);
    app.sweep("accounts").await.expect(200);
    assert_eq!(all_pages(&app, &admin, &trail, 100).await.iter().filter(|entry| !entry["ip"].is_null()).count(), 0);
    let rows = app.table("sessions").await;
    assert!(rows.iter().all(|row| row["pk"]["S"] != user));
    assert!(!Value::from(app.table("billing").await).to_string().contains("ann@example.com"));
}

// S16
#[tokio::test]
async fn a_deleted_account_is_erased_where_stripe_is_not_set_up() {
    let mut options = Options { first_plans: false, ..options() };
    options.env.push(("STRIPE_SECRET_KEY".to_owned(), "unset".to_owned()));
    let app = TestApp::start_with(options).await;
    let (_, ann) = app.person("ann").await;
    app.post_as(&ann, "/me/delete", json!({})).await.expect(202);
    assert_eq!(app.sweep("accounts").await.expect(200).body["handled"], 1);
    assert!(!held(&app).await.contains("ann@example.com"));
}
