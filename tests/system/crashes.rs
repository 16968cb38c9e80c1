//! Calls that fail in the middle of an operation: tried again, there is exactly one effect (R1, R8).

use crate::app::{PASSWORD, Session, TestApp};
use crate::browser::{Browser, proved};
use serde_json::{Value, json};
use tollgate_local::faults::{Kind, Service};

const KINDS: [Kind; 4] = [Kind::Throttle, Kind::Error, Kind::Hang, Kind::LostResponse];
/// The SDK tries so often: so many failures in a row end an operation.
const TRIES: u32 = 3;

/// More calls than any operation makes.
const CALLS: u32 = 8;

// R1
#[tokio::test]
async fn a_registration_that_fails_at_any_call_is_whole_after_the_next_try() {
    for kind in KINDS {
        for after in 0..CALLS {
            let app = TestApp::start().await;
            app.stack.held(async { app.fail(Service::Dynamodb, kind, after, TRIES) }).await;
            let first = app.stack.held(app.register("ann")).await;
            app.stack.wire().clear();
            assert!(matches!(first.status.as_u16(), 202 | 503), "{kind:?} {after}: {}", first.text);
            if first.status == 503 {
                let again = app.register("ann").await;
                // The first try may have done its work and lost only the answer.
                assert!(matches!(again.status.as_u16(), 202 | 409), "{kind:?} {after}: {}", again.text);
            }
            let mails = app.mails("ann@example.com").await;
            assert_eq!(mails.iter().filter(|mail| mail["kind"] == "verify").count(), 1, "{kind:?} {after}");
            for (table, count) in [("credentials", 1), ("gate", 1), ("identity", 3)] {
                assert_eq!(app.table(table).await.len(), count, "{kind:?} {after} {table}");
            }
            let token = app.link_token("ann@example.com", "verify").await;
            app.post("/verify", json!({"token": token})).await.expect(200);
            app.sign_in("ann@example.com").await;
        }
    }
}

// R1, R8
#[tokio::test]
async fn a_sign_in_a_refresh_and_a_sign_out_that_fail_at_any_call_work_at_the_next_try() {
    for kind in KINDS {
        let app = TestApp::start().await;
        let email = app.member("ann").await;
        for after in 0..CALLS {
            app.fail(Service::Dynamodb, kind, after, TRIES);
            app.login(&email, PASSWORD).await;
            app.stack.wire().clear();
            let session = app.sign_in(&email).await;
            app.fail(Service::Dynamodb, kind, after, TRIES);
            app.refresh(&session.refresh).await;
            app.stack.wire().clear();
            let next = Session::of(&app.refresh(&session.refresh).await.expect(200));
            app.fail(Service::Dynamodb, kind, after, TRIES);
            app.with_cookie("/logout", &next.refresh).await;
            app.stack.wire().clear();
            app.with_cookie("/logout", &next.refresh).await.expect(204);
            app.get_as(&next, "/me").await.refused(401, "unauthenticated");
        }
    }
}

// R1
#[tokio::test]
async fn a_reset_that_fails_at_any_call_has_happened_wholly_or_not_at_all() {
    for kind in KINDS {
        for after in 0..CALLS {
            let app = TestApp::start().await;
            let (email, session) = app.person("ann").await;
            app.post("/forget-password", json!({"email": email})).await.expect(202);
            let token = app.link_token(&email, "reset").await;
            let reset =
                async || app.post("/new-password", json!({"token": token, "password": "another horse staple"})).await;
            app.fail(Service::Dynamodb, kind, after, TRIES);
            let first = app.stack.held(reset()).await;
            app.stack.wire().clear();
            let old = app.login(&email, PASSWORD).await.status;
            let new = app.login(&email, "another horse staple").await.status;
            assert!((old == 200) != (new == 200), "{kind:?} {after}: one password is good");
            assert_eq!(app.get_as(&session, "/me").await.status == 200, old == 200, "{kind:?} {after}");
            if first.status == 200 {
                assert_eq!(new, 200);
            }
            if old == 200 {
                reset().await.expect(200);
            }
            let notices = app.mails(&email).await;
            assert_eq!(notices.iter().filter(|mail| mail["kind"] == "password_changed").count(), 1, "{kind:?} {after}");
            let changes = app.actions().await;
            assert_eq!(
                changes.iter().filter(|action| *action == "user.password_changed").count(),
                1,
                "{kind:?} {after}"
            );
        }
    }
}

// R1
#[tokio::test]
async fn a_proof_and_a_closing_that_fail_at_any_call_leave_one_entry() {
    for kind in KINDS {
        for after in 0..CALLS {
            let app = TestApp::start().await;
            app.register("ann").await.expect(202);
            let token = app.link_token("ann@example.com", "verify").await;
            app.fail(Service::Dynamodb, kind, after, TRIES);
            app.post("/verify", json!({"token": token})).await;
            app.stack.wire().clear();
            app.post("/verify", json!({"token": token})).await.expect(200);
            let session = app.sign_in("ann@example.com").await;
            app.fail(Service::Dynamodb, kind, after, TRIES);
            app.post_as(&session, "/deactivate", json!({})).await;
            app.stack.wire().clear();
            app.post_as(&session, "/deactivate", json!({})).await;
            app.get_as(&session, "/me").await.refused(401, "unauthenticated");
            let actions = app.actions().await;
            for action in ["user.verified", "user.deactivated"] {
                assert_eq!(actions.iter().filter(|found| *found == action).count(), 1, "{kind:?} {after} {action}");
            }
        }
    }
}

// R8
#[tokio::test]
async fn a_transaction_that_meets_another_is_tried_again_and_in_the_end_left_whole_or_undone() {
    for (times, status, accounts) in [(1, 202, 1), (3, 202, 1), (100, 503, 0)] {
        let app = TestApp::start().await;
        app.fail_operation(Service::Dynamodb, "TransactWriteItems", Kind::Conflict, times);
        app.register("ann").await.expect(status);
        app.stack.wire().clear();
        assert_eq!(app.table("credentials").await.len(), accounts, "{times} conflicts");
    }
}

// R8
#[tokio::test]
async fn nothing_is_written_where_the_tables_take_nothing() {
    let app = TestApp::start().await;
    app.fail_operation(Service::Dynamodb, "TransactWriteItems", Kind::Throttle, 1000);
    app.register("ann").await.refused(503, "unavailable");
    app.stack.wire().clear();
    for table in ["identity", "credentials", "gate", "sessions", "outbox", "audit"] {
        assert_eq!(app.table(table).await, Vec::<Value>::new(), "{table}");
    }
}

/// A code of its own for a person who is there.
async fn login_code(app: &TestApp, email: &str) -> Value {
    app.post("/request/login-code", json!({"email": email})).await.expect(202);
    json!({"email": email, "code": app.code(email, "login_code").await})
}

// R1
#[tokio::test]
async fn a_sign_in_by_code_that_fails_at_any_call_makes_one_session_or_none_and_the_next_code_works() {
    for kind in KINDS {
        for after in 0..CALLS + 2 {
            let app = TestApp::start().await;
            app.register("ann").await.expect(202);
            let email = "ann@example.com";
            let code = login_code(&app, email).await;
            app.fail(Service::Dynamodb, kind, after, TRIES);
            let first = app.stack.held(app.post("/login/code", code.clone())).await;
            app.stack.wire().clear();
            assert!(matches!(first.status.as_u16(), 200 | 503), "{kind:?} {after}: {}", first.text);
            let again = app.post("/login/code", code).await;
            assert!(!(first.status == 200 && again.status == 200), "{kind:?} {after}: good once");
            app.advance(1);
            let code = login_code(&app, email).await;
            let session = Session::of(&app.post("/login/code", code).await.expect(200));
            let me = app.get_as(&session, "/me").await.expect(200).body;
            assert_eq!((&me["email_verified"], &me["has_password"]), (&json!(true), &json!(false)), "{kind:?} {after}");
            let proofs = app.actions().await.iter().filter(|action| *action == "user.verified").count();
            assert_eq!(proofs, 1, "{kind:?} {after}");
        }
    }
}

// R1
#[tokio::test]
async fn a_change_of_address_that_fails_at_any_call_has_happened_wholly_or_not_at_all() {
    for kind in KINDS {
        for after in 0..CALLS {
            let app = TestApp::start().await;
            let (old, session) = app.person("ann").await;
            let new = "new@example.com";
            app.post_as(&session, "/change-email", json!({"new_email": new})).await.expect(202);
            let token = app.link_token(new, "verify").await;
            app.fail(Service::Dynamodb, kind, after, TRIES);
            app.stack.held(app.post("/verify", json!({"token": token}))).await;
            app.stack.wire().clear();
            let (by_old, by_new) = (app.login(&old, PASSWORD).await.status, app.login(new, PASSWORD).await.status);
            assert!((by_old == 200) != (by_new == 200), "{kind:?} {after}: one address is good");
            app.post("/verify", json!({"token": token})).await.expect(200);
            app.login(new, PASSWORD).await.expect(200);
            let told = app.mails(&old).await.iter().filter(|mail| mail["kind"] == "email_changed").count();
            assert_eq!(told, 1, "{kind:?} {after}");
        }
    }
}

// R1
#[tokio::test]
async fn a_way_back_from_a_provider_that_fails_at_any_call_leaves_one_account_or_none() {
    for kind in KINDS {
        for after in 0..CALLS {
            let app = TestApp::start().await;
            let subject = proved(&app, "github", "ann@example.com").await;
            let browser = Browser::new(&app);
            let back = browser.consent("github", &subject, "").await;
            app.fail(Service::Dynamodb, kind, after, TRIES);
            browser.get(&back).await.expect(302);
            app.stack.wire().clear();
            browser.sign_in("github", &subject).await.expect(200);
            for (table, count) in [("gate", 1), ("identity", 4), ("credentials", 0)] {
                assert_eq!(app.table(table).await.len(), count, "{kind:?} {after} {table}");
            }
            let made = app.actions().await.iter().filter(|action| *action == "user.registered").count();
            assert_eq!(made, 1, "{kind:?} {after}");
        }
    }
}

// R1
#[tokio::test]
async fn a_link_that_fails_at_any_call_is_there_or_not_and_told_once() {
    for kind in KINDS {
        for after in 0..CALLS {
            let app = TestApp::start().await;
            let (email, session) = app.person("ann").await;
            let subject = proved(&app, "google", "else@example.com").await;
            for _ in 0..2 {
                let answer = app.post_as(&session, "/me/links/google", json!({})).await;
                if answer.status == 409 {
                    break;
                }
                let browser = Browser::new(&app);
                browser.set_cookie("oauth_state", &answer.cookie("oauth_state").unwrap());
                let back =
                    browser.consent_at(answer.body["authorize_url"].as_str().unwrap().to_owned(), &subject).await;
                app.fail(Service::Dynamodb, kind, after, TRIES);
                app.stack.held(browser.get(&back)).await.expect(302);
                app.stack.wire().clear();
                let linked =
                    app.get_as(&session, "/me").await.expect(200).body["linked_providers"] == json!(["google"]);
                let told = app.mails(&email).await.iter().filter(|mail| mail["kind"] == "provider_linked").count();
                assert_eq!(told, usize::from(linked), "{kind:?} {after}");
            }
            app.fail(Service::Dynamodb, kind, after, TRIES);
            app.delete_as(&session, "/me/links/google").await;
            app.stack.wire().clear();
            app.delete_as(&session, "/me/links/google").await;
            assert_eq!(app.get_as(&session, "/me").await.expect(200).body["linked_providers"], json!([]));
        }
    }
}
