//! Credentials of services, introspection, and invitations.

use super::users::admin_and_ann;
use super::{Case, Operation, Read, case, of_admins, open, scenario};
use crate::app::{PASSWORD, Session, TestApp};
use crate::request::Request;
use serde_json::json;

pub fn operations() -> Vec<Operation> {
    vec![
        // A service credential is required: no user has one.
        open("POST /introspect", 401)
            .limited()
            .scenario(scenario!("POST /introspect, the first of a day", introspect).measured(200))
            .scenario(scenario!("POST /introspect", introspect_again).without_crash_points().measured_second(200)),
        of_admins("GET /admin/service-credentials", 200).read(Read::of(SERVICES)),
        of_admins("POST /admin/service-credentials", 201)
            .body(json!({"name": "the API"}))
            .limited()
            .scenario(scenario!("POST /admin/service-credentials", create_service).measured(201))
            .scenario(
                scenario!("POST /admin/service-credentials right after the sign-in", create_service_at_once)
                    .without_crash_points()
                    .measured(201),
            ),
        of_admins("DELETE /admin/service-credentials/{id}", 404)
            .at("/admin/service-credentials/svc_{none}")
            .scenario(scenario!("DELETE /admin/service-credentials/{id}", delete_service).measured(204)),
        of_admins("GET /admin/invitations", 200).read(Read::of(INVITATIONS)),
        of_admins("POST /admin/invitations", 201)
            .body(json!({"email": "{caller}@invited.example"}))
            .limited()
            .scenario(scenario!("POST /admin/invitations", invite).measured(201))
            .scenario(scenario!("POST /admin/invitations again", invite_again).measured(201))
            .scenario(scenario!("the mail of an invitation", invite).afterwards()),
        of_admins("DELETE /admin/invitations/{id}", 404)
            .at("/admin/invitations/inv_{none}")
            .scenario(scenario!("DELETE /admin/invitations/{id}", revoke_invitation).measured(204).denied()),
    ]
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

/// Its use today is recorded already.
async fn introspect_again(app: &TestApp) -> Case {
    let case = introspect(app).await;
    case.request.send(app).await.expect(200);
    case
}

async fn create_service_at_once(app: &TestApp) -> Case {
    let (admin, _) = admin_and_ann(app).await;
    case!(Request::post_as(&admin, SERVICES, json!({"name": "the API"})))
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

pub(super) const INVITATIONS: &str = "/admin/invitations";
pub(super) const INVITED: &str = "new@example.com";

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
