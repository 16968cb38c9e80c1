//! The roles in `template.yaml` allow exactly the permissions that the functions use (S31, D2). The uses are recorded
//! here: every operation of the API, every schedule, every kind of message and event, and the fallbacks.

use crate::edge_proxy::{SECRET, behind_proxy};
use crate::openapi;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use serde_json::{Value, json};
use tollgate_local::FUNCTIONS;
use tollgate_local::faults::Kind;
use tollgate_local::permissions::{Accesses, Permission};
use tollgate_local::service::Service;
use tollgate_tests::app::{PASSWORD, Session, TestApp, limited};
use tollgate_tests::crashes;
use tollgate_tests::operations::reads::ReadWorld;
use tollgate_tests::operations::{Operation, operations, scenarios};
use tollgate_tests::races::{self, races};
use tollgate_tests::request::Request;
use tollgate_tests::roles::{GRANTS, Grant, Grants, Used, differences, used_by_lambda};
use tollgate_tests::stripe::{event, signature};
use tollgate_tests::{apart, panic_text};

/// The number of concurrent stacks.
const AT_ONCE: usize = 3;

/// The requests, and the permissions that the functions used.
type Driven = (Vec<Request>, Accesses);

/// A scenario in its own stack, and its requests.
type Play = fn(&TestApp) -> BoxFuture<'_, Vec<Request>>;

/// Scenarios that change nothing, or are not operations of the enumerations.
const SCENES: [(&str, Play); 13] = [
    ("reads", |app| reads(app).boxed()),
    ("every schedule", |app| every_schedule(app).boxed()),
    ("an authorizer of another API", |app| authorized(app).boxed()),
    ("sessions among many ended ones", |app| many_ended_sessions(app).boxed()),
    ("calls with an idempotency key", |app| calls_made_once(app).boxed()),
    ("a plan that Stripe refuses", |app| refused_plan(app).boxed()),
    ("a trial that ends", |app| ending_trial(app).boxed()),
    ("a mail to a deleted account, missed by relay", |app| missed_mail(app).boxed()),
    ("a command for Stripe, missed by relay", |app| missed_command(app).boxed()),
    ("messages that fail at first", |app| messages_that_fail(app).boxed()),
    ("an event that Stripe signed", |app| signed_event(app).boxed()),
    ("the file of a report", |app| downloaded_report(app).boxed()),
    ("a report, missed by relay and requested twice", |app| missed_report(app).boxed()),
];

async fn scene(play: Play) -> Driven {
    let app = TestApp::start_with(limited()).await;
    app.record_accesses();
    let requests = play(&app).await;
    app.drain().await;
    (requests, app.stack.fault_injector().accesses())
}

/// All scenarios, each in its own stack.
async fn drive_everything() -> Driven {
    let (mut requests, mut accesses) = (Vec::new(), Accesses::new());
    let mut work: Vec<(&str, BoxFuture<'static, Result<Driven, String>>)> = Vec::new();
    macro_rules! add {
        ($name:expr, $driven:expr) => {
            work.push(($name, apart(move || $driven).map(|done| done.map_err(panic_text)).boxed()))
        };
    }
    scenarios().into_iter().for_each(|scenario| add!(scenario.name, crashes::drive(scenario)));
    races().for_each(|race| add!(race.name, races::drive(race)));
    add!("requests through the operator's own proxy", through_proxy());
    SCENES.into_iter().for_each(|(name, play)| add!(name, scene(play)));
    let mut done = stream::iter(work).map(async |(name, driven)| (name, driven.await)).buffer_unordered(AT_ONCE);
    while let Some((name, driven)) = done.next().await {
        let (asked, used) = driven.unwrap_or_else(|panic| panic!("{name}: {panic}"));
        requests.extend(asked);
        for (function, of_function) in used {
            accesses.entry(function).or_default().extend(of_function);
        }
    }
    (requests, accesses)
}

// S31, D2
#[tokio::test(flavor = "multi_thread")]
async fn each_role_allows_exactly_the_actions_that_its_function_uses() {
    let (requests, accesses) = drive_everything().await;
    let mut used: Used = used_by_lambda();
    for (function, of_function) in accesses {
        used.entry(function.to_owned()).or_default().extend(of_function);
    }
    let differences = |grants: &Grants| differences(grants, &used);
    let found = differences(&GRANTS);
    assert!(found.is_empty(), "edit the roles in template.yaml, or the functions:\n{}", found.join("\n"));
    every_operation_was_asked_for(&requests);
    // Each permission counts: without it, and with one more, the roles are wrong.
    for (function, grants) in &*GRANTS {
        for index in 0..grants.len() {
            let mut changed = GRANTS.clone();
            let Grant { permission, .. } = changed.get_mut(function).unwrap().remove(index);
            assert!(!differences(&changed).is_empty(), "{function} without {permission:?}");
        }
        let mut changed = GRANTS.clone();
        let permission = Permission { action: "dynamodb:Scan".to_owned(), resource: "table/credentials".to_owned() };
        changed.get_mut(function).unwrap().push(Grant { permission, attributes: None });
        assert_eq!(differences(&changed), [format!("{function}: not used: dynamodb:Scan on table/credentials")]);
    }
}

fn every_operation_was_asked_for(requests: &[Request]) {
    let is_missing = |operation: &Operation| {
        let (method, path) = operation.name.split_once(' ').unwrap();
        !requests.iter().any(|request| request.is_of(method, path))
    };
    let missing: Vec<_> = operations().into_iter().filter(is_missing).map(|operation| operation.name).collect();
    assert!(
        missing.is_empty(),
        "not called, so their permissions are not recorded: {missing:#?}\nEdit tests/src/operations: a scenario for each of them."
    );
}

/// A request to each function that resolves the client, through the operator's own proxy.
async fn through_proxy() -> Driven {
    let app = TestApp::start_with(behind_proxy("x-client-ip")).await;
    app.record_accesses();
    let (_, ann) = app.person("ann").await;
    let mut requests = Vec::new();
    for (path, status) in [("/me", 200), ("/billing/payments/me", 200), ("/admin/stats", 403)] {
        let request = Request::get_as(&ann, path).with_header("x-edge-secret", SECRET);
        let request = request.with_header("x-client-ip", "203.0.113.7");
        request.send(&app).await.expect(status);
        requests.push(request);
    }
    (requests, app.stack.fault_injector().accesses())
}

/// Every GET, without parameters and with each that the OpenAPI document names.
async fn reads(app: &TestApp) -> Vec<Request> {
    let world = ReadWorld::prepare(app).await;
    let [user, plan] = ["user", "plan"].map(|name| &*world.ids[name]);
    let documented = openapi::operations();
    let mut requests = Vec::new();
    for operation in operations().into_iter().filter(|operation| operation.method() == "GET") {
        let mut paths = operation.paths(&world.ids);
        let path = paths[0].split('?').next().unwrap().to_owned();
        let parameters = &documented[operation.name]["parameters"];
        let in_query = parameters.as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "query");
        for name in in_query.map(|parameter| parameter["name"].as_str().unwrap()) {
            paths.extend(samples(name, &path, [user, plan]).iter().map(|value| format!("{path}?{name}={value}")));
        }
        for path in paths {
            for session in [&world.admin, &world.subscriber] {
                let request = Request::get_as(session, &path);
                let answer = request.send(app).await;
                assert!(answer.status.as_u16() < 500, "{path}: {}", answer.text);
                requests.push(request);
            }
        }
    }
    requests
}

/// Values of a query parameter.
fn samples(name: &str, path: &str, [user, plan]: [&str; 2]) -> Vec<String> {
    let all: &[&str] = match name {
        "is_active" | "email_verified" | "is_admin" | "archived" => &["true", "false"],
        "q" => &["ann", "ann@example.com", "nobody", user, "sub_1", "in_1", "cus_1"],
        "status" if path.ends_with("payments") => &["paid", "failed"],
        "status" => &["active", "canceled"],
        "plan_id" => &[plan],
        "user_id" | "actor_id" | "target_id" => &[user],
        "action" => &["user.registered"],
        "from" => &["2026-01-01T00:00:00Z"],
        "to" => &["2026-12-31T00:00:00Z"],
        "limit" => &["1"],
        "days" => &["7", "365"],
        "cursor" | "token" | "code" | "state" | "error" | "return_to" | "redirect" => &["x"],
        other => panic!("no value for the parameter {other} of {path}"),
    };
    all.iter().map(|value| (*value).to_owned()).collect()
}

/// Each schedule, of whatever function.
async fn every_schedule(app: &TestApp) -> Vec<Request> {
    for (name, _) in FUNCTIONS.iter().flat_map(|function| function.schedules()) {
        app.sweep(name).await.expect(200);
    }
    Vec::new()
}

/// The authorizer is called for a user without a plan.
async fn authorized(app: &TestApp) -> Vec<Request> {
    let (_, ann) = app.person("ann").await;
    let event = json!({"identitySource": [format!("Bearer {}", ann.access)]});
    assert_eq!(app.stack.invoke("authorizer", event).await.unwrap()["isAuthorized"], true);
    Vec::new()
}

/// The list of a user's live sessions, with more ended ones between them than one page reads.
async fn many_ended_sessions(app: &TestApp) -> Vec<Request> {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let (email, first) = app.person("ann").await;
    for _ in 0..8 {
        app.advance(60);
        let ended = app.sign_in(&email).await;
        app.with_cookie("/logout", &ended.refresh).await.expect(204);
    }
    app.advance(60);
    let last = app.sign_in(&email).await;
    let own = Request::get_as(&last, "/sessions");
    let of_user = format!("/admin/users/{}/sessions", first.user["id"].as_str().unwrap());
    let requests = vec![own, Request::get_as(&admin, &of_user)];
    for request in &requests {
        let listed = request.send(app).await.expect(200).body;
        assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    }
    requests
}

/// A call that is answered, one that fails, and a repetition of each.
async fn calls_made_once(app: &TestApp) -> Vec<Request> {
    let (_, ann) = app.person("ann").await;
    let subscribe = |key: &str| {
        let body = json!({"plan_code": "pro"});
        Request::post_as(&ann, "/billing/subscriptions/subscribe", body).with_header("idempotency-key", key)
    };
    let (answered, failed) = (subscribe("answered"), subscribe("failed"));
    app.fail(Service::Stripe, Kind::Error, 0, 1);
    failed.send(app).await.expect(502);
    for request in [&answered, &answered, &failed] {
        request.send(app).await.expect(201);
    }
    vec![answered, failed]
}

/// A plan whose creation Stripe refuses: its code is released.
async fn refused_plan(app: &TestApp) -> Vec<Request> {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let request = Request::post_as(&admin, "/billing/plans", plan("gold", 0));
    app.fail_operation(Service::Stripe, "POST /v1/prices", Kind::Error, 1);
    assert!(request.send(app).await.status.is_server_error());
    request.send(app).await.expect(201);
    vec![request]
}

fn plan(code: &str, trial_days: u32) -> Value {
    json!({
        "code": code, "name": code, "price_cents": 9900, "currency": "usd", "billing_period": "month", "tier": 9,
        "trial_days": trial_days,
    })
}

/// A trial whose end Stripe announces three days before.
async fn ending_trial(app: &TestApp) -> Vec<Request> {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let request = Request::post_as(&admin, "/billing/plans", plan("tried", 14));
    request.send(app).await.expect(201);
    let (email, ann) = app.person("ann").await;
    let checkout = app.subscribe(&ann, "tried").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    app.drain().await;
    app.post("/_local/clock", json!({"advance_seconds": 11 * 86_400 + 3600})).await.expect(200);
    app.mail(&email, "trial_ending").await;
    vec![request]
}

/// A mail that still waits when the account of its recipient is erased.
async fn missed_mail(app: &TestApp) -> Vec<Request> {
    let (email, ann) = app.person("ann").await;
    app.missed_by_relay(app.post("/forget-password", json!({"email": email}))).await.expect(202);
    let request = Request::post_as(&ann, "/me/delete", json!({"password": PASSWORD}));
    request.send(app).await.expect(202);
    app.drain().await;
    assert_eq!(app.sweep("accounts").await.expect(200).body["handled"], 1);
    assert!(app.table("outbox").await.iter().any(|row| row["state"]["S"] == "parked"));
    vec![request]
}

/// The command to delete a deleted user's customer, which the sweep of the outbox sends.
async fn missed_command(app: &TestApp) -> Vec<Request> {
    let (_, ann) = app.subscriber("ann").await;
    let request = Request::post_as(&ann, "/me/delete", json!({"password": PASSWORD}));
    app.missed_by_relay(request.send(app)).await.expect(202);
    app.advance(10 * 60);
    app.sweep("outbox").await.expect(200);
    app.drain().await;
    assert_eq!(app.stripe("subscriptions").await[0]["status"], "canceled");
    vec![request]
}

/// A mail and an event that succeed at the second attempt.
async fn messages_that_fail(app: &TestApp) -> Vec<Request> {
    let (email, ann) = app.subscriber("ann").await;
    app.fail(Service::Ses, Kind::Error, 0, 3);
    app.fail_operation(Service::Stripe, "GET /v1/subscriptions", Kind::Error, 1);
    let requests = vec![
        Request::post("/forget-password", json!({"email": email})),
        Request::post_as(&ann, "/deactivate", json!({"password": PASSWORD})),
    ];
    for (request, status) in requests.iter().zip([202, 200]) {
        request.send(app).await.expect(status);
    }
    app.drain().await;
    assert!(!app.stack.fault_injector().has_faults());
    requests
}

/// An event as Stripe's servers send it.
async fn signed_event(app: &TestApp) -> Vec<Request> {
    let secret = app.get("/_local/stripe").await.expect(200).body["webhook_secret"].as_str().unwrap().to_owned();
    let event = event("evt_1", "customer.updated", &json!({"id": "cus_1", "object": "customer"}));
    let signature = signature(&secret, app.now().as_second(), &event.to_string());
    let request = Request::post("/billing/stripe/webhook", event).with_header("stripe-signature", &signature);
    request.send(app).await.expect(200);
    vec![request]
}

fn report(admin: &Session) -> Request {
    Request::post_as(admin, "/admin/reports", json!({"sql": "SELECT count(*) FROM users", "format": "csv"}))
}

/// A report whose file is stored at the second receive, and which a browser downloads from the address that `admin`
/// signed.
async fn downloaded_report(app: &TestApp) -> Vec<Request> {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let request = report(&admin);
    app.fail(Service::S3, Kind::Error, 0, 3);
    let id = request.send(app).await.expect(202).body["id"].clone();
    app.drain().await;
    let path = format!("/admin/reports/{}", id.as_str().unwrap());
    let done = app.get_as(&admin, &path).await.expect(200).body;
    assert_eq!(reqwest::get(done["download_url"].as_str().unwrap()).await.unwrap().status(), 200);
    vec![request, Request::get_as(&admin, &path)]
}

/// A report that the sweep of the outbox sends, requested with an idempotency key whose first call failed.
async fn missed_report(app: &TestApp) -> Vec<Request> {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let request = report(&admin).with_header("idempotency-key", "once");
    app.fail_operation(Service::Dynamodb, "TransactWriteItems", Kind::Error, 3);
    request.send(app).await.expect(503);
    app.missed_by_relay(request.send(app)).await.expect(202);
    app.advance(10 * 60);
    assert_eq!(app.sweep("outbox").await.expect(200).body["handled"], 1);
    app.drain().await;
    vec![request]
}
