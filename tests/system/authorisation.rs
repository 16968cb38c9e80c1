//! Authorisation: every operation of the OpenAPI document has a row in `tests/src/operations`, and each row is called as
//! anonymous, as a user, as a user whose account is closed, as another user and as an admin (S25).

use crate::openapi;
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollgate_local::Options;
use tollgate_local::clock::LocalClock;
use tollgate_platform::Secret;
use tollgate_tests::app::{ADMIN, Answer, PASSWORD, Prepared, Session, TestApp, options};
use tollgate_tests::guards::assert_same_names;
use tollgate_tests::operations::{CALLERS, Ids, Operation, id_of, operations};
use tollgate_tests::request::Request;

async fn ask(
    app: &TestApp,
    operation: &Operation,
    ids: &Ids,
    session: Option<&Session>,
    body: Option<String>,
) -> Answer {
    let bearer = session.map(|session| format!("Bearer {}", session.access));
    let mut headers = Vec::new();
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    headers.extend(body.as_ref().map(|_| ("content-type", "application/json")));
    let method = Method::from_bytes(operation.method().as_bytes()).unwrap();
    app.send(method, &operation.path(ids), &headers, body).await
}

/// The id of the first plan that is not free.
async fn plan_of(app: &TestApp) -> String {
    let plans = app.get("/billing/plans").await.expect(200).body;
    plans["items"][1]["id"].as_str().unwrap().to_owned()
}

/// The id of the session.
async fn session_of(app: &TestApp, session: &Session) -> String {
    let sessions = app.get_as(session, "/sessions").await.expect(200).body;
    sessions["items"][0]["id"].as_str().unwrap().to_owned()
}

/// A stack with a session of each caller, from which each operation's stack is copied.
struct Callers {
    prepared: Prepared,
    ids: Ids,
    /// In the order of [`CALLERS`].
    sessions: [Option<Session>; 5],
}

impl Callers {
    async fn prepare() -> Self {
        let admin = Some((ADMIN.0.to_owned(), Secret::new(ADMIN.1.to_owned())));
        let app = TestApp::start_to_be_copied(Options { admin, ..options() }).await;
        let (_, user) = app.person("user").await;
        let (_, other) = app.person("other").await;
        let (_, disabled) = app.person("disabled").await;
        app.post_as(&disabled, "/deactivate", json!({})).await.expect(200);
        let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
        // A user who calls nothing, so that an operation may end the account.
        let (_, target) = app.person("target").await;
        let ids = Ids::from([
            ("user", id_of(&user)),
            ("own_session", session_of(&app, &user).await),
            ("plan", plan_of(&app).await),
            ("target", id_of(&target)),
            ("session", session_of(&app, &target).await),
        ]);
        let sessions = [None, Some(disabled), Some(other), Some(admin), Some(user)];
        Self { prepared: app.snapshot().await, ids, sessions }
    }
}

/// Calls an operation as each caller.
async fn walk(operation: Operation, callers: &Callers) {
    let clock = LocalClock::frozen(callers.prepared.time());
    let app = TestApp::start_from(&callers.prepared, Options { clock, ..options() }).await;
    let ids = &callers.ids;
    for ((caller, session), status) in CALLERS.iter().zip(&callers.sessions).zip(operation.statuses) {
        let session = session.as_ref();
        let body = operation.body_of(caller, if *caller == "admin" { ADMIN.1 } else { PASSWORD });
        let answer = ask(&app, &operation, ids, session, body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{} as {caller}: {}", operation.name, answer.text);
        if answer.status == 404 {
            // Like an object that never existed.
            let mut nothing = ids.clone();
            nothing.insert("own_session", "ses_019ca945f4607c7b9c59379e3f571f07".to_owned());
            let mut missing = ask(&app, &operation, &nothing, session, body).await.expect(404).body;
            let mut foreign = answer.body.clone();
            missing["request_id"].take();
            foreign["request_id"].take();
            assert_eq!(missing, foreign, "{} as {caller}", operation.name);
        }
    }
}

// S25
#[tokio::test]
async fn every_operation_has_a_row_and_answers_each_caller_accordingly() {
    let (rows, documented) = (operations(), openapi::operations());
    let found = rows.iter().map(|row| row.name.to_owned());
    let edit = "tests/src/operations: a row for each operation, in the file of its area";
    assert_same_names("the rows and the operations of the document", found, documented.keys().cloned(), edit);
    assert_eq!(rows.len(), documented.len(), "an operation has two rows in tests/src/operations");
    for row in &rows {
        let ways = documented[row.name].get("security").and_then(Value::as_array).cloned().unwrap_or_default();
        let wants_bearer = ways.iter().any(|way| way.get("bearer").is_some()) && !ways.contains(&json!({}));
        assert_eq!(row.statuses[..2] == [401, 401] && row.statuses[4] != 401, wants_bearer, "{}", row.name);
    }
    let callers = Callers::prepare().await;
    futures_util::stream::iter(rows.into_iter().map(|row| walk(row, &callers)))
        .buffer_unordered(4)
        .collect::<Vec<()>>()
        .await;
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
        let path = format!("/admin/users/{}/{act}", id_of(who));
        Request::patch_as(&admin, &path, body).send(&app).await.expect(200);
    };
    let ids = Ids::from([
        ("user", id_of(&user)),
        ("plan", plan_of(&app).await),
        ("target", id_of(&user)),
        ("session", session_of(&app, &user).await),
    ]);
    let of_admins: Vec<_> = operations().into_iter().filter(Operation::is_of_admins).collect();
    assert!(of_admins.len() >= 17, "{}", of_admins.len());
    for operation in of_admins {
        for who in [&demoted, &disabled] {
            set(who, "role", json!({"is_admin": true})).await;
            set(who, "status", json!({"is_active": true})).await;
        }
        let disabled = app.sign_in("disabled@example.com").await;
        for who in [&demoted, &disabled] {
            app.get_as(who, "/admin/stats").await.expect(200);
        }
        set(&demoted, "role", json!({"is_admin": false})).await;
        set(&disabled, "status", json!({"is_active": false})).await;
        let body = operation.body_of("demoted", PASSWORD);
        ask(&app, &operation, &ids, Some(&demoted), body.clone()).await.refused(403, "forbidden");
        ask(&app, &operation, &ids, Some(&disabled), body).await.refused(401, "unauthenticated");
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
