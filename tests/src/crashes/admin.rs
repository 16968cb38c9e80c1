//! Changes by admins, and deletions of accounts.

use super::{Again, Case, Operation, case, operation};
use crate::app::{PASSWORD, Session, TestApp, World};
use crate::request::Request;
use futures_util::FutureExt;
use serde_json::{Value, json};

pub const OPERATIONS: &[Operation] = &[
    operation!(TheAnswer, WithoutPlans, "PATCH /admin/users/{id}/status, closed", close),
    operation!(TheAnswer, WithoutPlans, "PATCH /admin/users/{id}/status, opened", open),
    operation!(TheAnswer, WithoutPlans, "PATCH /admin/users/{id}/role", promote),
    operation!(TheAnswer, WithoutPlans, "PATCH /admin/users/{id}/verify", verify),
    operation!(
        TheAnswer,
        WithPlans,
        "PATCH /admin/users/{id}/status, disabled with its subscription",
        disable_subscriber
    ),
    operation!(TheAnswer, WithoutPlans, "DELETE /admin/users/{id}/sessions", revoke_all),
    operation!(TheAnswer, WithoutPlans, "DELETE /admin/users/{id}/sessions/{sid}", revoke_one),
    operation!(TheAnswer, WithoutPlans, "POST /admin/users/{id}/mail", send_mail),
    operation!(TheAnswer, WithoutPlans, "DELETE /admin/users/{id}", delete_for_user),
    operation!(TheAnswer, WithoutPlans, "POST /admin/service-credentials", create_service),
    operation!(TheAnswer, WithoutPlans, "DELETE /admin/service-credentials/{id}", delete_service),
    operation!(TheAnswer, WithoutPlans, "POST /admin/invitations", invite),
    operation!(TheAnswer, WithoutPlans, "POST /admin/invitations again", invite_again),
    operation!(TheAnswer, WithoutPlans, "DELETE /admin/invitations/{id}", revoke_invitation),
    operation!(Afterwards, WithoutPlans, "the mail of an invitation", invite),
    operation!(TheAnswer, WithoutPlans, "the sweep of a deleted account with an invitation", erase_invited),
    operation!(TheAnswer, WithoutPlans, "POST /introspect", introspect),
    operation!(TheAnswer, WithoutPlans, "POST /admin/reports", request_report),
    operation!(Afterwards, WithoutPlans, "a report with its rows", preview),
    operation!(Afterwards, WithPlans, "a report with its file", csv),
    operation!(TheAnswer, WithoutPlans, "POST /admin/ai/ask", ask),
    operation!(TheAnswer, WithoutPlans, "POST /me/delete", delete),
    operation!(Afterwards, WithRefunds, "the end of what a deleted user has", delete_subscriber),
    operation!(TheAnswer, WithPlans, "the sweep of deleted accounts", erase),
    operation!(TheAnswer, WithPlans, "the statistics", count),
];

async fn admin_and_ann(app: &TestApp) -> (Session, Session) {
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

const SERVICES: &str = "/admin/service-credentials";

/// A service credential: its id and its secret.
async fn service(app: &TestApp, admin: &Session) -> (String, String) {
    let service = app.post_as(admin, SERVICES, json!({"name": "the API"})).await.expect(201).body;
    let text = |name: &str| service[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

async fn create_service(app: &TestApp) -> Case {
    let (admin, _) = admin_and_ann(app).await;
    case!(Request::post_as(&admin, SERVICES, json!({"name": "the API", "password": PASSWORD})), |app| {
        let listed = app.get_as(&admin, SERVICES).await.expect(200).body["items"].clone();
        let services = listed.as_array().unwrap();
        assert!((1..=2).contains(&services.len()), "{listed}");
        for service in services {
            app.delete_as(&admin, &format!("{SERVICES}/{}", service["id"].as_str().unwrap())).await.expect(204);
        }
    })
}

async fn delete_service(app: &TestApp) -> Case {
    let (admin, ann) = admin_and_ann(app).await;
    let (id, secret) = service(app, &admin).await;
    case!(Request::delete_as(&admin, &format!("{SERVICES}/{id}")), |app| {
        let introspect = Request::post_form("/introspect", &format!("token={}", ann.access)).bearing(&secret);
        introspect.send(app).await.refused(401, "invalid_client");
        assert_eq!(app.get_as(&admin, SERVICES).await.expect(200).body["items"], json!([]));
    })
}

const INVITATIONS: &str = "/admin/invitations";
const INVITED: &str = "new@example.com";

/// The address has one open invitation, whose link creates the account.
async fn is_invited(app: &TestApp, admin: &Session) {
    let listed = app.get_as(admin, INVITATIONS).await.expect(200).body["items"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    let token = app.link_token(INVITED, "invitation").await;
    let body = json!({"invitation": token, "username": "new", "password": PASSWORD});
    app.post("/register", body).await.expect(200);
    assert_eq!(app.get_as(admin, INVITATIONS).await.expect(200).body["items"], json!([]));
}

async fn invite(app: &TestApp) -> Case {
    let (admin, _) = admin_and_ann(app).await;
    case!(Request::post_as(&admin, INVITATIONS, json!({"email": INVITED})), |app| {
        is_invited(app, &admin).await;
    })
}

async fn invite_again(app: &TestApp) -> Case {
    let (admin, _) = admin_and_ann(app).await;
    app.invite(&admin, INVITED).await;
    case!(Request::post_as(&admin, INVITATIONS, json!({"email": INVITED})), |app| {
        is_invited(app, &admin).await;
    })
}

async fn revoke_invitation(app: &TestApp) -> Case {
    let (admin, _) = admin_and_ann(app).await;
    let (invitation, token) = app.invite(&admin, INVITED).await;
    let path = format!("{INVITATIONS}/{}", invitation["id"].as_str().unwrap());
    case!(Request::delete_as(&admin, &path), |app| {
        let body = json!({"invitation": token, "username": "new", "password": PASSWORD});
        app.post("/register", body).await.refused(400, "invalid_token");
        assert_eq!(app.get_as(&admin, INVITATIONS).await.expect(200).body["items"], json!([]));
        app.invite(&admin, INVITED).await;
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

async fn introspect(app: &TestApp) -> Case {
    let (admin, ann) = admin_and_ann(app).await;
    let (_, secret) = service(app, &admin).await;
    let request = Request::post_form("/introspect", &format!("token={}", ann.access)).bearing(&secret);
    case!(request.clone(), |app| {
        assert_eq!(request.send(app).await.expect(200).body["active"], true);
        let listed = app.get_as(&admin, SERVICES).await.expect(200).body["items"].clone();
        assert!(listed[0]["last_used_on"].is_string(), "{listed}");
    })
}

fn report(admin: &Session, format: &str) -> Request {
    let body = json!({"sql": "SELECT count(*) AS users FROM users", "format": format});
    Request::post_as(admin, "/admin/reports", body)
}

/// The newest report, after all work is done.
async fn newest_report(app: &TestApp, admin: &Session) -> Value {
    app.drain().await;
    let listed = app.get_as(admin, "/admin/reports").await.expect(200).body;
    let path = format!("/admin/reports/{}", listed["items"][0]["id"].as_str().unwrap());
    app.get_as(admin, &path).await.expect(200).body
}

async fn request_report(app: &TestApp) -> Case {
    let (admin, _) = admin_and_ann(app).await;
    case!(report(&admin, "preview"), |app| {
        assert_eq!(newest_report(app, &admin).await["rows"], json!([[2]]));
    })
}

async fn preview(app: &TestApp) -> Case {
    let (admin, _) = admin_and_ann(app).await;
    case!(report(&admin, "preview"), |app| {
        let done = newest_report(app, &admin).await;
        assert_eq!((&done["status"], &done["rows"]), (&json!("succeeded"), &json!([[2]])));
    })
}

async fn csv(app: &TestApp) -> Case {
    let (admin, _) = admin_and_ann(app).await;
    case!(report(&admin, "csv"), |app| {
        let done = newest_report(app, &admin).await;
        let file = reqwest::get(done["download_url"].as_str().unwrap()).await.unwrap();
        assert_eq!(file.text().await.unwrap(), "users\r\n2\r\n");
    })
}

async fn ask(app: &TestApp) -> Case {
    let (admin, _) = admin_and_ann(app).await;
    case!(Request::post_as(&admin, "/admin/ai/ask", json!({"question": "How many users are there?"})), |app| {
        assert!(app.get("/_local/ai").await.expect(200).body["items"][0]["messages"].is_array());
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

async fn count(app: &TestApp) -> Case {
    app.subscriber("ann").await;
    case!(Request::post("/_local/schedules/rollup/run", json!({})), |app| {
        let counted = app.table("system").await;
        assert!(counted.iter().any(|item| item["users"]["M"]["total"]["N"] == "1"), "{counted:?}");
    })
}
