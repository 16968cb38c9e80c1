//! What admins see and change of users, their subscriptions and their payments.

use super::{Case, Operation, Read, case, of_admins, scenario};
use crate::app::{PASSWORD, Session, TestApp};
use crate::request::Request;
use serde_json::{Value, json};

pub fn operations() -> Vec<Operation> {
    let mut all = changes();
    all.extend(lists());
    all
}

fn lists() -> Vec<Operation> {
    let of_user = |name, path| of_admins(name, 200).at(path).read(Read::of(path));
    vec![
        of_admins("GET /admin/stats", 200).read(Read::of("/admin/stats")),
        of_admins("GET /admin/users", 200)
            .read(Read::of("/admin/users"))
            .read(Read::of("/admin/users?q=ann").named("GET /admin/users that are searched")),
        of_user("GET /admin/users/{id}", "/admin/users/{user}"),
        of_user("GET /admin/users/{id}/subscriptions", "/admin/users/{user}/subscriptions"),
        of_user("GET /admin/users/{id}/payments", "/admin/users/{user}/payments"),
        of_user("GET /admin/users/{id}/sessions", "/admin/users/{user}/sessions"),
        of_user("GET /admin/users/{id}/export", "/admin/users/{user}/export").limited(),
        of_admins("GET /admin/subscriptions", 200).read(Read::of("/admin/subscriptions")),
        of_admins("GET /admin/subscriptions/{id}", 404)
            .at("/admin/subscriptions/sub_{none}")
            .read(Read::of("/admin/subscriptions/{subscription}")),
        of_admins("GET /admin/payments", 200).read(Read::of("/admin/payments")),
        of_admins("GET /admin/payments/{id}", 404)
            .at("/admin/payments/pay_{none}")
            .read(Read::of("/admin/payments/{payment}")),
        of_admins("GET /admin/audit-logs", 200).read(Read::of("/admin/audit-logs?limit=100")),
    ]
}

fn changes() -> Vec<Operation> {
    vec![
        of_admins("PATCH /admin/users/{id}/status", 200)
            .at("/admin/users/{user}/status")
            .body(json!({"is_active": true}))
            .scenario(scenario!("PATCH /admin/users/{id}/status, closed", close).measured(200))
            .scenario(scenario!("PATCH /admin/users/{id}/status, opened", open).measured(200))
            .scenario(
                scenario!("PATCH /admin/users/{id}/status, disabled with its subscription", disable_subscriber)
                    .with_plans()
                    .measured(200),
            ),
        of_admins("PATCH /admin/users/{id}/role", 200)
            .at("/admin/users/{user}/role")
            .body(json!({"is_admin": false}))
            .scenario(scenario!("PATCH /admin/users/{id}/role", promote).measured(200))
            .scenario(
                scenario!("PATCH /admin/users/{id}/role, the same again", promote_again)
                    .without_crash_points()
                    .measured(200),
            ),
        of_admins("PATCH /admin/users/{id}/verify", 200)
            .at("/admin/users/{user}/verify")
            .scenario(scenario!("PATCH /admin/users/{id}/verify", verify).measured(200).denied()),
        of_admins("DELETE /admin/users/{id}/sessions", 204)
            .at("/admin/users/{target}/sessions")
            .scenario(scenario!("DELETE /admin/users/{id}/sessions", revoke_all).measured(204)),
        of_admins("DELETE /admin/users/{id}/sessions/{sid}", 204)
            .at("/admin/users/{target}/sessions/{session}")
            .scenario(scenario!("DELETE /admin/users/{id}/sessions/{sid}", revoke_one).measured(204)),
        of_admins("POST /admin/users/{id}/mail", 202)
            .at("/admin/users/{user}/mail")
            .body(json!({"kind": "reset"}))
            .limited()
            .scenario(scenario!("POST /admin/users/{id}/mail", send_mail).measured(202)),
        of_admins("DELETE /admin/users/{id}", 202)
            .at("/admin/users/{target}")
            .scenario(scenario!("DELETE /admin/users/{id}", delete_for_user).measured(202)),
    ]
}

pub(super) async fn admin_and_ann(app: &TestApp) -> (Session, Session) {
    let (_, admin) = app.person("admin").await;
    let (_, ann) = app.person("ann").await;
    app.make_admins(&[&admin]).await;
    (admin, ann)
}

fn decide(admin: &Session, about: &Session, act: &str, body: Value) -> Request {
    Request::patch_as(admin, &format!("/admin/users/{}/{act}", about.user["id"].as_str().unwrap()), body)
}

async fn close(app: &TestApp) -> Case {
    let (admin, ann) = admin_and_ann(app).await;
    case!(decide(&admin, &ann, "status", json!({"is_active": false})), |app| {
        app.get_as(&ann, "/me").await.refused(401, "unauthenticated");
        app.login("ann@example.com", PASSWORD).await.refused(403, "account_disabled");
        let closed = app.get_as(&admin, "/admin/users?is_active=false").await.expect(200).body;
        assert_eq!(closed["items"].as_array().unwrap().len(), 1);
    })
}

async fn open(app: &TestApp) -> Case {
    let (admin, ann) = admin_and_ann(app).await;
    decide(&admin, &ann, "status", json!({"is_active": false})).send(app).await.expect(200);
    case!(decide(&admin, &ann, "status", json!({"is_active": true})), |app| {
        app.sign_in("ann@example.com").await;
        let closed = app.get_as(&admin, "/admin/users?is_active=false").await.expect(200).body;
        assert_eq!(closed["items"], json!([]));
    })
}

async fn promote(app: &TestApp) -> Case {
    let (admin, ann) = admin_and_ann(app).await;
    case!(decide(&admin, &ann, "role", json!({"is_admin": true})), |app| {
        let admins = app.get_as(&ann, "/admin/users?is_admin=true").await.expect(200).body;
        assert_eq!(admins["items"].as_array().unwrap().len(), 2);
        assert_eq!(app.counted_admins().await, 2);
    })
}

async fn verify(app: &TestApp) -> Case {
    let (admin, _) = admin_and_ann(app).await;
    app.register("bob").await.expect(202);
    let unverified = app.get_as(&admin, "/admin/users?email_verified=false").await.expect(200).body;
    let bob = Session { user: unverified["items"][0].clone(), ..admin.clone() };
    case!(decide(&admin, &bob, "verify", json!({})), |app| {
        // The owner of the address sets a password: the one from before is not valid any more.
        app.login("bob@example.com", PASSWORD).await.refused(401, "invalid_credentials");
        app.post("/forget-password", json!({"email": "bob@example.com"})).await.expect(202);
        let token = app.link_token("bob@example.com", "reset").await;
        app.post("/new-password", json!({"token": token, "password": PASSWORD})).await.expect(200);
        app.sign_in("bob@example.com").await;
        let unverified = app.get_as(&admin, "/admin/users?email_verified=false").await.expect(200).body;
        assert_eq!(unverified["items"], json!([]));
    })
}

async fn disable_subscriber(app: &TestApp) -> Case {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let (_, ann) = app.subscriber("ann").await;
    let body = json!({"is_active": false, "subscription": "cancel_at_period_end"});
    case!(decide(&admin, &ann, "status", body), |app| {
        app.get_as(&ann, "/me").await.refused(401, "unauthenticated");
        app.drain().await;
        assert_eq!(app.stripe("subscriptions").await[0]["cancel_at_period_end"], true);
    })
}

async fn revoke_all(app: &TestApp) -> Case {
    let (admin, ann) = admin_and_ann(app).await;
    let path = format!("/admin/users/{}/sessions", ann.user["id"].as_str().unwrap());
    case!(Request::delete_as(&admin, &path), |app| {
        app.get_as(&ann, "/me").await.refused(401, "unauthenticated");
        app.get_as(&admin, "/me").await.expect(200);
    })
}

async fn revoke_one(app: &TestApp) -> Case {
    let (admin, ann) = admin_and_ann(app).await;
    let sessions = app.get_as(&ann, "/sessions").await.expect(200).body;
    let other = app.sign_in("ann@example.com").await;
    let (user, session) = (ann.user["id"].as_str().unwrap(), sessions["items"][0]["id"].as_str().unwrap());
    case!(Request::delete_as(&admin, &format!("/admin/users/{user}/sessions/{session}")), |app| {
        app.get_as(&ann, "/me").await.refused(401, "unauthenticated");
        app.get_as(&other, "/me").await.expect(200);
    })
}

async fn send_mail(app: &TestApp) -> Case {
    let (admin, ann) = admin_and_ann(app).await;
    let path = format!("/admin/users/{}/mail", ann.user["id"].as_str().unwrap());
    case!(Request::post_as(&admin, &path, json!({"kind": "reset"})), |app| {
        let token = app.link_token("ann@example.com", "reset").await;
        app.post("/new-password", json!({"token": token, "password": "another horse staple"})).await.expect(200);
        app.login("ann@example.com", "another horse staple").await.expect(200);
    })
}

async fn delete_for_user(app: &TestApp) -> Case {
    let (admin, ann) = admin_and_ann(app).await;
    let path = format!("/admin/users/{}", ann.user["id"].as_str().unwrap());
    case!(Request::delete_as(&admin, &path), |app| {
        app.get_as(&ann, "/me").await.refused(401, "unauthenticated");
        app.login("ann@example.com", PASSWORD).await.refused(401, "invalid_credentials");
        app.get_as(&admin, &path).await.refused(404, "not_found");
        app.sweep("accounts").await.expect(200);
        app.member("ann").await;
    })
}

async fn promote_again(app: &TestApp) -> Case {
    let (admin, ann) = admin_and_ann(app).await;
    let request = decide(&admin, &ann, "role", json!({"is_admin": true}));
    request.send(app).await.expect(200);
    case!(request)
}
