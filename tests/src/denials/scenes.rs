//! Scenes beside the operations of the crash points: what only reads, and what happens after another failure.

use super::{CACHES_ARE_OLD, Scene};
use crate::app::{PASSWORD, Session, TestApp, World};
use crate::operations::{Again, Case};
use crate::request::Request;
use crate::stripe::{event, signature};
use futures_util::FutureExt;
use serde_json::{Value, json};
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;

/// The operator's own proxy, for the secret `edge`.
const EDGE_SECRET: &str = "q7Zt0vLx2mKc9RdW4yHb8sNf6uPj1gAe";

macro_rules! scene {
    ($name:literal, $world:ident, $prepare:ident) => {
        scene!($name, $world, $prepare, |_| {})
    };
    ($name:literal, $world:ident, $prepare:ident, $disturb:expr) => {
        Scene {
            name: $name,
            world: World::$world,
            env: Vec::new(),
            prepare: Box::new(|app| $prepare(app).boxed()),
            disturb: $disturb,
        }
    };
}

/// All of them.
pub fn scenes() -> Vec<Scene> {
    vec![
        scene!("reads", WithPlans, reads),
        scene!("an event that Stripe signed", WithPlans, signed_event),
        Scene {
            env: [("CLIENT_IP_HEADER", "x-client-ip"), ("EDGE_SECRET", EDGE_SECRET)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..scene!("requests through the operator's own proxy", WithPlans, through_proxy)
        },
        scene!("a plan that Stripe refuses", WithPlans, refused_plan, |app| {
            app.fail_operation(Service::Stripe, "POST /v1/prices", Kind::Error, 1);
        }),
        scene!("a checkout with an idempotency key, without Stripe", WithPlans, checkout_with_key, |app| {
            app.fail(Service::Stripe, Kind::Error, 0, 1);
        }),
        scene!("a report with an idempotency key, without a transaction", WithoutPlans, report_with_key, |app| {
            app.fail_operation(Service::Dynamodb, "TransactWriteItems", Kind::Error, 3);
        }),
        scene!("a mail that fails once", WithoutPlans, mail, |app| app.fail(Service::Ses, Kind::Error, 0, 3)),
        scene!("a report that fails once", WithoutPlans, report_file, |app| app.fail(Service::S3, Kind::Error, 0, 3)),
        scene!("a command that fails once", WithPlans, command, |app| {
            app.fail_operation(Service::Stripe, "GET /v1/subscriptions", Kind::Error, 1);
        }),
        scene!("a mail to a deleted account, missed by relay", WithoutPlans, missed_mail),
        scene!("a command for Stripe, missed by relay", WithPlans, missed_command),
        scene!("a report, missed by relay", WithoutPlans, missed_report),
    ]
}

fn case(request: Request) -> Case {
    Case { request, again: Again::TheSame, check: Box::new(async |_: &TestApp| ()) }
}

fn id(of: &Value) -> &str {
    of["id"].as_str().unwrap()
}

async fn admin(app: &TestApp) -> Session {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    admin
}

async fn reads(app: &TestApp) -> Vec<Case> {
    let admin = admin(app).await;
    let (email, _) = app.subscriber("ann").await;
    // More ended sessions between the live ones than one page reads.
    for _ in 0..8 {
        app.advance(60);
        let ended = app.sign_in(&email).await;
        app.with_cookie("/logout", &ended.refresh).await.expect(204);
    }
    app.advance(60);
    let (ann, admin) = (app.sign_in(&email).await, app.sign_in(admin.user["email"].as_str().unwrap()).await);
    let first = async |path: &str| app.get_as(&admin, path).await.expect(200).body["items"][0].clone();
    let (user, plan) = (id(&ann.user).to_owned(), first("/billing/plans").await);
    let paths = [
        "/admin/stats".to_owned(),
        "/admin/users?is_admin=true".to_owned(),
        "/admin/users?is_active=false".to_owned(),
        "/admin/users?q=ann@example.com".to_owned(),
        "/admin/users?q=ann".to_owned(),
        "/admin/users?q=cus_1".to_owned(),
        format!("/admin/users/{user}/sessions"),
        format!("/admin/users/{user}/export"),
        "/admin/subscriptions".to_owned(),
        "/admin/users?q=sub_1".to_owned(),
        "/admin/subscriptions?status=active".to_owned(),
        format!("/admin/subscriptions?plan_id={}", id(&plan)),
        "/admin/audit-logs".to_owned(),
        "/admin/audit-logs?action=user.registered".to_owned(),
    ];
    let of_admin = paths.iter().map(|path| case(Request::get_as(&admin, path)));
    let export = Request::post_as(&ann, "/me/export", json!({"password": PASSWORD}));
    of_admin.chain([case(export)]).collect()
}

/// The signature is of the time when the request is sent.
async fn signed_event(app: &TestApp) -> Vec<Case> {
    let secret = app.get("/_local/stripe").await.expect(200).body["webhook_secret"].as_str().unwrap().to_owned();
    let event = event("evt_1", "customer.updated", &json!({"id": "cus_1", "object": "customer"}));
    let signature = signature(&secret, app.now().as_second() + CACHES_ARE_OLD, &event.to_string());
    vec![case(Request::post("/billing/stripe/webhook", event).with_header("stripe-signature", &signature))]
}

async fn through_proxy(app: &TestApp) -> Vec<Case> {
    let (admin, (_, ann)) = (admin(app).await, app.person("ann").await);
    let requests = [
        Request::get_as(&ann, "/me"),
        Request::get_as(&ann, "/billing/subscriptions/me"),
        Request::get_as(&admin, "/admin/users"),
    ];
    let through = |request: Request| {
        case(request.with_header("x-edge-secret", EDGE_SECRET).with_header("x-client-ip", "203.0.113.7"))
    };
    requests.map(through).into()
}

async fn refused_plan(app: &TestApp) -> Vec<Case> {
    let admin = admin(app).await;
    let plan = json!({
        "code": "gold", "name": "Gold", "price_cents": 9900, "currency": "usd", "billing_period": "month", "tier": 9,
    });
    let request = Request::post_as(&admin, "/billing/plans", plan);
    vec![Case { again: Again::TheSame, ..until_created(request) }]
}

/// The case of a request that fails for another reason, and succeeds when it is repeated half a minute later.
fn until_created(request: Request) -> Case {
    let repeated = request.clone();
    let check = async move |app: &TestApp| {
        app.advance(31);
        let status = repeated.send(app).await.status.as_u16();
        assert!(matches!(status, 201 | 202 | 409), "{status}");
        assert_ne!(repeated.send(app).await.body["code"], "idempotency_in_progress");
    };
    let begin = request.clone();
    let again = Again::Anew(Box::new(move |app| {
        app.advance(31);
        let request = begin.clone();
        async move { request.send(app).await }.boxed()
    }));
    Case { request, again, check: Box::new(check) }
}

async fn checkout_with_key(app: &TestApp) -> Vec<Case> {
    let (_, ann) = app.person("ann").await;
    let request = Request::post_as(&ann, "/billing/subscriptions/subscribe", json!({"plan_code": "pro"}));
    vec![until_created(request.with_header("idempotency-key", "once"))]
}

fn report(admin: &Session, format: &str) -> Request {
    Request::post_as(admin, "/admin/reports", json!({"sql": "SELECT count(*) FROM users", "format": format}))
}

async fn report_with_key(app: &TestApp) -> Vec<Case> {
    vec![until_created(report(&admin(app).await, "preview").with_header("idempotency-key", "once"))]
}

async fn mail(app: &TestApp) -> Vec<Case> {
    let email = app.member("ann").await;
    vec![case(Request::post("/forget-password", json!({"email": email})))]
}

async fn report_file(app: &TestApp) -> Vec<Case> {
    vec![case(report(&admin(app).await, "csv"))]
}

async fn command(app: &TestApp) -> Vec<Case> {
    let (_, ann) = app.subscriber("ann").await;
    vec![case(Request::post_as(&ann, "/deactivate", json!({"password": PASSWORD})))]
}

fn sweep(schedule: &str) -> Vec<Case> {
    vec![case(Request::post(&format!("/_local/schedules/{schedule}/run"), json!({})))]
}

fn deletion(session: &Session) -> Request {
    Request::post_as(session, "/me/delete", json!({"password": PASSWORD}))
}

async fn missed_mail(app: &TestApp) -> Vec<Case> {
    let (email, ann) = app.person("ann").await;
    app.missed_by_relay(app.post("/forget-password", json!({"email": email}))).await.expect(202);
    deletion(&ann).send(app).await.expect(202);
    app.drain().await;
    sweep("accounts")
}

async fn missed_command(app: &TestApp) -> Vec<Case> {
    let (_, ann) = app.subscriber("ann").await;
    app.missed_by_relay(deletion(&ann).send(app)).await.expect(202);
    app.advance(10 * 60);
    sweep("outbox")
}

async fn missed_report(app: &TestApp) -> Vec<Case> {
    app.missed_by_relay(report(&admin(app).await, "preview").send(app)).await.expect(202);
    app.advance(10 * 60);
    sweep("outbox")
}
