//! Authorisation: every operation of the OpenAPI document has a row here, and each row is called as anonymous, as a
//! user, as a user whose account is closed, as another user and as an admin (S25).

use crate::openapi::operations;
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollgate_tests::app::{ADMIN, Answer, PASSWORD, Session, TestApp};
use tollgate_tests::guards::assert_same_names;

/// The status for each caller, in this order.
const CALLERS: [&str; 5] = ["anonymous", "disabled", "other", "admin", "user"];

/// Operations without authentication: the same status for all five.
fn open(status: u16) -> [u16; 5] {
    [status; 5]
}

/// Operations on the caller's own account.
fn own(status: u16) -> [u16; 5] {
    [401, 401, status, status, status]
}

/// Operations of admins.
fn of_admins(status: u16) -> [u16; 5] {
    [401, 401, 403, status, 403]
}

/// Operations on an object of `user`: no other caller may use them, admins included.
fn owned(status: u16) -> [u16; 5] {
    [401, 401, 404, 404, status]
}

/// Every operation with its statuses.
fn rows() -> Vec<(&'static str, Option<Value>, [u16; 5])> {
    let email = || json!({"email": "nobody@example.com"});
    let code = || json!({"email": "nobody@example.com", "code": "000000"});
    vec![
        (
            "POST /register",
            Some(json!({"email": "{caller}@new.example", "username": "new-{caller}", "password": PASSWORD})),
            open(202),
        ),
        ("POST /login", Some(json!({"email": "nobody@example.com", "password": PASSWORD})), open(401)),
        ("POST /login/code", Some(code()), open(401)),
        ("POST /refresh-token", Some(json!({"refresh_token": "x"})), open(401)),
        ("POST /logout", None, open(204)),
        ("GET /verify", None, open(200)),
        ("POST /verify", Some(code()), open(400)),
        ("POST /request/verify", Some(email()), open(202)),
        ("POST /request/login-code", Some(email()), open(202)),
        ("POST /forget-password", Some(email()), open(202)),
        ("GET /new-password", None, open(200)),
        ("POST /new-password", Some(json!({"token": "x", "password": PASSWORD})), open(400)),
        ("GET /google/login", None, open(302)),
        ("GET /github/login", None, open(302)),
        ("GET /auth/social/callback/google", None, open(302)),
        ("GET /auth/social/callback/github", None, open(302)),
        ("GET /.well-known/jwks.json", None, open(200)),
        ("GET /.well-known/openid-configuration", None, open(200)),
        ("GET /.well-known/oauth-authorization-server", None, open(200)),
        ("GET /.well-known/change-password", None, open(302)),
        // A service credential is required: no user has one.
        ("POST /introspect", None, open(401)),
        ("GET /healthz", None, open(200)),
        ("GET /", None, open(303)),
        ("GET /account", None, open(200)),
        ("GET /dashboard", None, open(200)),
        ("GET /admin", None, open(303)),
        ("GET /docs", None, open(200)),
        ("GET /openapi.json", None, open(200)),
        (
            "POST /change-password",
            Some(json!({"old_password": "{password}", "new_password": "another horse staple"})),
            own(200),
        ),
        ("POST /change-email", Some(json!({"new_email": "{caller}@new.example"})), own(202)),
        // The last admin stays.
        ("POST /deactivate", None, [401, 401, 200, 409, 200]),
        ("POST /me/delete", None, [401, 401, 202, 409, 202]),
        ("GET /me", None, own(200)),
        ("PATCH /me", Some(json!({"locale": "de"})), own(200)),
        ("GET /me/export", None, own(200)),
        ("POST /me/export", Some(json!({"password": "{password}"})), own(200)),
        ("POST /me/links/{provider}", None, own(200)),
        ("DELETE /me/links/{provider}", None, own(404)),
        ("GET /sessions", None, own(200)),
        ("DELETE /sessions", None, own(204)),
        ("DELETE /sessions/{id}", None, owned(204)),
        // The route is public; an invalid bearer token is refused nevertheless.
        ("GET /billing/plans", None, [200, 401, 200, 200, 200]),
        (
            "POST /billing/plans",
            Some(json!({
                "code": "new", "name": "New", "price_cents": 900, "currency": "eur", "billing_period": "year", "tier": 3,
            })),
            of_admins(201),
        ),
        ("GET /billing/plans/{plan}", None, [200, 401, 200, 200, 200]),
        ("PATCH /billing/plans/{plan}", Some(json!({"name": "Another name"})), of_admins(200)),
        ("DELETE /billing/plans/{plan}", None, of_admins(204)),
        ("GET /billing/subscriptions/me", None, own(404)),
        ("POST /billing/subscriptions/subscribe", Some(json!({"plan_code": "pro"})), own(201)),
        ("POST /billing/subscriptions/preview", Some(json!({"plan_code": "team"})), own(404)),
        ("POST /billing/subscriptions/upgrade", Some(json!({"plan_code": "team"})), own(404)),
        ("POST /billing/subscriptions/cancel", None, own(404)),
        ("POST /billing/subscriptions/resume", None, own(404)),
        ("POST /billing/portal", None, own(404)),
        ("GET /billing/payments/me", None, own(200)),
        ("GET /billing/payments/{payment}/invoice", None, own(404)),
        ("GET /example/me", None, own(200)),
        ("GET /example/tier", None, own(403)),
        ("GET /example/feature", None, own(403)),
        ("POST /example/quota", None, own(200)),
        ("GET /admin/stats", None, of_admins(200)),
        ("GET /admin/users", None, of_admins(200)),
        ("GET /admin/users/{user}", None, of_admins(200)),
        ("GET /admin/users/{user}/subscriptions", None, of_admins(200)),
        ("GET /admin/users/{user}/payments", None, of_admins(200)),
        ("GET /admin/users/{user}/sessions", None, of_admins(200)),
        ("DELETE /admin/users/{target}", None, of_admins(202)),
        ("GET /admin/users/{user}/export", None, of_admins(200)),
        ("POST /admin/users/{user}/mail", Some(json!({"kind": "reset"})), of_admins(202)),
        ("DELETE /admin/users/{target}/sessions", None, of_admins(204)),
        ("DELETE /admin/users/{target}/sessions/{session}", None, of_admins(204)),
        ("GET /admin/service-credentials", None, of_admins(200)),
        ("POST /admin/service-credentials", Some(json!({"name": "the API"})), of_admins(201)),
        ("DELETE /admin/service-credentials/{service}", None, of_admins(404)),
        ("GET /admin/invitations", None, of_admins(200)),
        ("POST /admin/invitations", Some(json!({"email": "{caller}@invited.example"})), of_admins(201)),
        ("DELETE /admin/invitations/{invitation}", None, of_admins(404)),
        ("PATCH /admin/users/{user}/status", Some(json!({"is_active": true})), of_admins(200)),
        ("PATCH /admin/users/{user}/role", Some(json!({"is_admin": false})), of_admins(200)),
        ("PATCH /admin/users/{user}/verify", None, of_admins(200)),
        ("GET /admin/subscriptions", None, of_admins(200)),
        ("GET /admin/subscriptions/{subscription}", None, of_admins(404)),
        ("GET /admin/payments", None, of_admins(200)),
        ("GET /admin/payments/{payment}", None, of_admins(404)),
        ("GET /admin/audit-logs", None, of_admins(200)),
        ("POST /admin/reports", Some(json!({"sql": "SELECT 1", "format": "preview"})), of_admins(202)),
        ("GET /admin/reports", None, of_admins(200)),
        ("GET /admin/reports/{report}", None, of_admins(404)),
        ("GET /admin/reports/schema", None, of_admins(200)),
        ("GET /admin/reports/gallery", None, of_admins(200)),
        ("POST /admin/ai/ask", Some(json!({"question": "How many users are there?"})), of_admins(200)),
        // Stripe's signature is required.
        ("POST /billing/stripe/webhook", Some(json!({})), open(400)),
    ]
}

async fn ask(app: &TestApp, operation: &str, session: Option<&Session>, body: Option<String>) -> Answer {
    let (method, path) = operation.split_once(' ').unwrap();
    let bearer = session.map(|session| format!("Bearer {}", session.access));
    let mut headers = Vec::new();
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    headers.extend(body.as_ref().map(|_| ("content-type", "application/json")));
    app.send(Method::from_bytes(method.as_bytes()).unwrap(), path, &headers, body).await
}

/// The path of an operation, about an object of `user` or an object that does not exist.
fn path_of(operation: &str, user: &Session) -> String {
    operation
        .replace("{user}", user.user["id"].as_str().unwrap())
        .replace("{subscription}", "sub_019ca945f4607c7b9c59379e3f571f07")
        .replace("{payment}", "pay_019ca945f4607c7b9c59379e3f571f07")
        .replace("{report}", "rep_019ca945f4607c7b9c59379e3f571f07")
        .replace("{service}", "svc_019ca945f4607c7b9c59379e3f571f07")
        .replace("{invitation}", "inv_019ca945f4607c7b9c59379e3f571f07")
        .replace("{provider}", "google")
}

/// An operation as the document names it.
fn name_of(operation: &str) -> String {
    ["{plan}", "{user}", "{target}", "{subscription}", "{payment}", "{report}", "{service}", "{invitation}"]
        .iter()
        .fold(operation.replace("{session}", "{sid}"), |name, part| name.replace(part, "{id}"))
}

async fn walk(operation: &str, body: Option<Value>, expected: [u16; 5]) {
    let app = TestApp::start_with_admin().await;
    let (_, user) = app.person("user").await;
    let (_, other) = app.person("other").await;
    let (_, disabled) = app.person("disabled").await;
    app.post_as(&disabled, "/deactivate", json!({})).await.expect(200);
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    let sessions = app.get_as(&user, "/sessions").await.expect(200).body;
    let id = sessions["items"][0]["id"].as_str().unwrap();
    let plans = app.get("/billing/plans").await.expect(200).body;
    let plan = plans["items"][1]["id"].as_str().unwrap();
    // A user who calls nothing, so that an operation may end the account.
    let (_, target) = app.person("target").await;
    let sessions = app.get_as(&target, "/sessions").await.expect(200).body;
    let path = path_of(operation, &user)
        .replace("{plan}", plan)
        .replace("{target}", target.user["id"].as_str().unwrap())
        .replace("{session}", sessions["items"][0]["id"].as_str().unwrap())
        .replace("{id}", id);
    let callers = [None, Some(&disabled), Some(&other), Some(&admin), Some(&user)];
    let mut bodies = Vec::new();
    for ((caller, session), status) in CALLERS.iter().zip(callers).zip(expected) {
        let password = if *caller == "admin" { ADMIN.1 } else { PASSWORD };
        let body =
            body.as_ref().map(|body| body.to_string().replace("{caller}", caller).replace("{password}", password));
        let answer = ask(&app, &path, session, body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{operation} as {caller}: {}", answer.text);
        if answer.status == 404 {
            // Like an object that never existed.
            let nothing = path.replace(id, "ses_019ca945f4607c7b9c59379e3f571f07");
            let mut missing = ask(&app, &nothing, session, body).await.expect(404).body;
            let mut foreign = answer.body.clone();
            missing["request_id"].take();
            foreign["request_id"].take();
            assert_eq!(missing, foreign, "{operation} as {caller}");
        }
        bodies.push(answer.text);
    }
}

// S25
#[tokio::test]
async fn every_operation_has_a_row_and_answers_each_caller_accordingly() {
    let rows = rows();
    let found = rows.iter().map(|(operation, _, _)| name_of(operation));
    let edit = "rows() in tests/system/authorisation.rs: the statuses of each operation";
    assert_same_names("the rows and the operations of the document", found, operations().into_keys(), edit);
    assert_eq!(rows.len(), operations().len(), "an operation has two rows in tests/system/authorisation.rs");
    for (operation, document) in operations() {
        let (_, _, expected) = rows.iter().find(|(name, _, _)| name_of(name) == operation).unwrap();
        let ways = document.get("security").and_then(Value::as_array).cloned().unwrap_or_default();
        let wants_bearer = ways.iter().any(|way| way.get("bearer").is_some()) && !ways.contains(&json!({}));
        assert_eq!(expected[..2] == [401, 401] && expected[4] != 401, wants_bearer, "{operation}");
    }
    let walks = rows.into_iter().map(|(operation, body, expected)| walk(operation, body, expected));
    futures_util::stream::iter(walks).buffer_unordered(4).collect::<Vec<()>>().await;
}

// S17, S25
#[tokio::test]
async fn every_admin_operation_refuses_a_demoted_or_disabled_admin_at_once() {
    let app = TestApp::start_with_admin().await;
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    let (_, demoted) = app.person("demoted").await;
    let (_, disabled) = app.person("disabled").await;
    let (_, user) = app.person("user").await;
    let set = async |who: &Session, act: &str, body: Value| {
        let operation = format!("PATCH /admin/users/{}/{act}", who.user["id"].as_str().unwrap());
        ask(&app, &operation, Some(&admin), Some(body.to_string())).await.expect(200);
    };
    let plan = app.get("/billing/plans").await.body["items"][1]["id"].as_str().unwrap().to_owned();
    let is_of_admins = |expected: [u16; 5]| expected[..3] == [401, 401, 403] && expected[3] != 403;
    let operations: Vec<_> = rows().into_iter().filter(|(_, _, expected)| is_of_admins(*expected)).collect();
    assert!(operations.len() >= 17, "{}", operations.len());
    for (operation, body, _) in operations {
        for who in [&demoted, &disabled] {
            set(who, "role", json!({"is_admin": true})).await;
            set(who, "status", json!({"is_active": true})).await;
        }
        let disabled = app.sign_in("disabled@example.com").await;
        let path = path_of(operation, &user).replace("{plan}", &plan);
        for who in [&demoted, &disabled] {
            app.get_as(who, "/admin/stats").await.expect(200);
        }
        set(&demoted, "role", json!({"is_admin": false})).await;
        set(&disabled, "status", json!({"is_active": false})).await;
        let body = body.map(|body| body.to_string());
        ask(&app, &path, Some(&demoted), body.clone()).await.refused(403, "forbidden");
        ask(&app, &path, Some(&disabled), body).await.refused(401, "unauthenticated");
    }
}

/// Every id in an answer, except those of plans, which are public.
fn ids(body: &Value) -> BTreeSet<String> {
    let own = ["usr_", "ses_", "sub_", "pay_", "aud_"];
    match body {
        Value::String(text) if own.iter().any(|prefix| text.starts_with(prefix)) => BTreeSet::from([text.clone()]),
        Value::Array(items) => items.iter().flat_map(ids).collect(),
        Value::Object(fields) => fields.values().flat_map(ids).collect(),
        _ => BTreeSet::new(),
    }
}

// S25
#[tokio::test]
async fn a_user_reads_no_data_of_another_user() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let (_, bob) = app.subscriber("bob").await;
    for path in ["/me", "/sessions", "/billing/subscriptions/me", "/billing/payments/me", "/me/export"] {
        let of_ann = ids(&app.get_as(&ann, path).await.expect(200).body);
        let of_bob = ids(&app.get_as(&bob, path).await.expect(200).body);
        assert!(!of_ann.is_empty() && !of_bob.is_empty(), "{path} names nothing");
        assert!(of_ann.is_disjoint(&of_bob), "{path}: {:?}", of_ann.intersection(&of_bob));
    }
}
