//! The caller's own account: its password, its address, its profile, its end.

use super::sign_in::{EMAIL, NEW_EMAIL, NEW_PASSWORD, gets_in, is_dead, is_live};
use super::{Case, Operation, Read, by_caller, case, open, own, scenario};
use crate::app::{PASSWORD, TestApp};
use crate::request::Request;
use serde_json::json;

pub fn operations() -> Vec<Operation> {
    let passwords = json!({"old_password": "{password}", "new_password": NEW_PASSWORD});
    vec![
        open("POST /forget-password", 202)
            .body(json!({"email": "unknown@example.com"}))
            .limited()
            .scenario(scenario!("POST /forget-password", forget_password).measured(202))
            .scenario(scenario!("the mail with a link", forget_password).afterwards().denied()),
        open("GET /new-password", 200),
        open("POST /new-password", 400)
            .body(json!({"token": "x", "password": PASSWORD}))
            .limited()
            .scenario(scenario!("POST /new-password", new_password).measured(200).denied()),
        own("POST /change-password", 200)
            .body(passwords)
            .limited()
            .scenario(scenario!("POST /change-password", change_password).measured(200)),
        own("POST /change-email", 202)
            .body(json!({"new_email": "{caller}@new.example"}))
            .limited()
            .scenario(scenario!("POST /change-email", change_email).measured(202)),
        // The last admin stays.
        by_caller("POST /deactivate", [401, 401, 200, 409, 200])
            .limited()
            .scenario(scenario!("POST /deactivate", deactivate).measured(200))
            .scenario(
                scenario!("POST /deactivate right after the sign-in", deactivate_at_once)
                    .with_plans()
                    .without_crash_points()
                    .measured(200),
            ),
        by_caller("POST /me/delete", [401, 401, 202, 409, 202])
            .limited()
            .scenario(scenario!("POST /me/delete", delete).measured(202))
            .scenario(
                scenario!("POST /me/delete of a subscriber right after the sign-in", delete_at_once)
                    .with_plans()
                    .without_crash_points()
                    .measured(202),
            )
            .scenario(scenario!("the end of what a deleted user has", delete_subscriber).with_refunds().afterwards()),
        own("GET /me", 200).read(Read::of("/me")),
        own("PATCH /me", 200)
            .body(json!({"locale": "de"}))
            .scenario(scenario!("PATCH /me", change_locale).measured(200)),
        own("GET /me/export", 200).limited().read(Read::of("/me/export")),
        own("POST /me/export", 200)
            .body(json!({"password": "{password}"}))
            .limited()
            .scenario(scenario!("POST /me/export", export).with_plans().without_crash_points().measured(200)),
    ]
}

async fn forget_password(app: &TestApp) -> Case {
    app.member("ann").await;
    case!(Request::post("/forget-password", json!({"email": EMAIL})), |app| {
        gets_in(app, EMAIL, PASSWORD).await;
        let token = app.link_token(EMAIL, "reset").await;
        app.post("/new-password", json!({"token": token, "password": NEW_PASSWORD})).await.expect(200);
        gets_in(app, EMAIL, NEW_PASSWORD).await;
    })
}

async fn new_password(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    app.post("/forget-password", json!({"email": EMAIL})).await.expect(202);
    let token = app.link_token(EMAIL, "reset").await;
    case!(Request::post("/new-password", json!({"token": token, "password": NEW_PASSWORD})), |app| {
        is_dead(app, &session).await;
        app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
        gets_in(app, EMAIL, NEW_PASSWORD).await;
    })
}

async fn change_password(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    let other = app.sign_in(EMAIL).await;
    let body = json!({"old_password": PASSWORD, "new_password": NEW_PASSWORD});
    case!(Request::post_as(&session, "/change-password", body), |app| {
        is_dead(app, &other).await;
        is_live(app, &session).await;
        app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
        gets_in(app, EMAIL, NEW_PASSWORD).await;
    })
}

async fn change_email(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    let body = json!({"new_email": NEW_EMAIL, "password": PASSWORD});
    case!(Request::post_as(&session, "/change-email", body), |app| {
        gets_in(app, EMAIL, PASSWORD).await;
        let token = app.link_token(NEW_EMAIL, "verify").await;
        app.post("/verify", json!({"token": token})).await.expect(200);
        gets_in(app, NEW_EMAIL, PASSWORD).await;
    })
}

async fn change_locale(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    case!(Request::patch_as(&session, "/me", json!({"locale": "fr"})), |app| {
        assert_eq!(app.get_as(&session, "/me").await.expect(200).body["locale"], "fr");
    })
}

async fn deactivate(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    case!(Request::post_as(&session, "/deactivate", json!({"password": PASSWORD})), |app| {
        is_dead(app, &session).await;
        app.login(EMAIL, PASSWORD).await.refused(403, "account_disabled");
    })
}

async fn delete(app: &TestApp) -> Case {
    let (_, ann) = app.person("ann").await;
    case!(Request::post_as(&ann, "/me/delete", json!({"password": PASSWORD})), |app| {
        app.get_as(&ann, "/me").await.refused(401, "unauthenticated");
        app.login("ann@example.com", PASSWORD).await.refused(401, "invalid_credentials");
        app.sweep("accounts").await.expect(200);
        app.member("ann").await;
    })
}

async fn delete_subscriber(app: &TestApp) -> Case {
    let (email, _) = app.subscriber("ann").await;
    app.advance(10 * 86_400);
    let ann = app.sign_in(&email).await;
    case!(Request::post_as(&ann, "/me/delete", json!({"password": PASSWORD})), |app| {
        assert_eq!(app.stripe("subscriptions").await[0]["status"], "canceled");
        let refunds = app.stripe_list("refunds").await;
        assert_eq!(refunds.len(), 1, "the unused share is refunded once");
        // Ten of the 31 days of March are over, and the time of the retries.
        let cents = refunds[0]["amount"].as_i64().unwrap();
        assert!((1_280..=1900 * 21 / 31).contains(&cents), "{cents}");
    })
}

async fn deactivate_at_once(app: &TestApp) -> Case {
    let (_, ann) = app.subscriber("ann").await;
    case!(Request::post_as(&ann, "/deactivate", json!({})))
}

async fn delete_at_once(app: &TestApp) -> Case {
    let (_, ann) = app.subscriber("ann").await;
    case!(Request::post_as(&ann, "/me/delete", json!({})))
}

async fn export(app: &TestApp) -> Case {
    let (_, ann) = app.subscriber("ann").await;
    case!(Request::post_as(&ann, "/me/export", json!({"password": PASSWORD})))
}
