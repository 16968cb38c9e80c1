//! Registration and the verification of addresses.

use super::sign_in::{EMAIL, NEW_EMAIL, NEW_PASSWORD, gets_in, wrong};
use super::{Case, Operation, case, open, scenario};
use crate::app::{PASSWORD, TestApp};
use crate::request::Request;
use serde_json::json;

pub fn operations() -> Vec<Operation> {
    let registration = json!({"email": "{caller}@new.example", "username": "new-{caller}", "password": PASSWORD});
    vec![
        open("POST /register", 202)
            .body(registration)
            .limited()
            .scenario(scenario!("POST /register", register).measured(202))
            .scenario(scenario!("POST /register of a known address", register_known))
            .scenario(scenario!("POST /register by an invitation", register_invited).measured(200))
            .scenario(scenario!("the mail with a link and a code", register).afterwards())
            .scenario(scenario!("the mail about an existing account", register_known).afterwards()),
        open("POST /request/verify", 202)
            .body(json!({"email": "unknown@example.com"}))
            .limited()
            .scenario(scenario!("POST /request/verify", request_verify).measured(202)),
        open("GET /verify", 200),
        open("POST /verify", 400)
            .body(json!({"email": "unknown@example.com", "code": "000000"}))
            .limited()
            .scenario(scenario!("POST /verify by link", verify_link).measured(200))
            .scenario(scenario!("POST /verify by code", verify_code))
            .scenario(
                scenario!("POST /verify by code in the browser that registered", verify_code_here)
                    .measured(200)
                    .denied(),
            )
            .scenario(scenario!("POST /verify by link in the browser that registered", verify_link_here))
            .scenario(scenario!("POST /verify by a wrong code", verify_wrong_code))
            .scenario(scenario!("POST /verify of a new address", verify_new_address).measured(200)),
    ]
}

async fn register(_: &TestApp) -> Case {
    let request = Request::post("/register", json!({"email": EMAIL, "username": "ann", "password": PASSWORD}));
    case!(request, |app| {
        app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
        let token = app.link_token(EMAIL, "verify").await;
        app.post("/verify", json!({"token": token})).await.expect(200);
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

async fn register_known(app: &TestApp) -> Case {
    app.member("ann").await;
    let request = Request::post("/register", json!({"email": EMAIL, "username": "other", "password": NEW_PASSWORD}));
    case!(request, |app| {
        gets_in(app, EMAIL, PASSWORD).await;
        app.login(EMAIL, NEW_PASSWORD).await.refused(401, "invalid_credentials");
    })
}

/// An admin's invitation of the address: the token of its link.
async fn invited(app: &TestApp) -> String {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    app.invite(&admin, EMAIL).await.1
}

async fn register_invited(app: &TestApp) -> Case {
    let body = json!({"invitation": invited(app).await, "username": "ann", "password": PASSWORD});
    case!(Request::post("/register", body.clone()), |app| {
        gets_in(app, EMAIL, PASSWORD).await;
        app.post("/register", body.clone()).await.refused(400, "invalid_token");
    })
}

async fn request_verify(app: &TestApp) -> Case {
    app.register("ann").await.expect(202);
    case!(Request::post("/request/verify", json!({"email": EMAIL})), |app| {
        let token = app.link_token(EMAIL, "verify").await;
        app.post("/verify", json!({"token": token})).await.expect(200);
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

async fn verify_link(app: &TestApp) -> Case {
    app.register("ann").await.expect(202);
    let token = app.link_token(EMAIL, "verify").await;
    case!(Request::post("/verify", json!({"token": token})), |app| {
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

async fn verify_code(app: &TestApp) -> Case {
    app.register("ann").await.expect(202);
    let code = app.code(EMAIL, "verify").await;
    case!(Request::post("/verify", json!({"email": EMAIL, "code": code})), |app| {
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

/// Registers, and returns the cookie of the browser that did it.
async fn register_here(app: &TestApp) -> String {
    format!("registered={}", app.register("ann").await.expect(202).cookie("registered").unwrap())
}

async fn verify_code_here(app: &TestApp) -> Case {
    let cookie = register_here(app).await;
    let code = app.code(EMAIL, "verify").await;
    let request = Request::post("/verify", json!({"email": EMAIL, "code": code})).with_header("cookie", &cookie);
    case!(request, |app| {
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

async fn verify_link_here(app: &TestApp) -> Case {
    let cookie = register_here(app).await;
    let token = app.link_token(EMAIL, "verify").await;
    let request = Request::post("/verify", json!({"token": token})).with_header("cookie", &cookie);
    case!(request, |app| {
        gets_in(app, EMAIL, PASSWORD).await;
    })
}

async fn verify_wrong_code(app: &TestApp) -> Case {
    app.register("ann").await.expect(202);
    let code = wrong(&app.code(EMAIL, "verify").await);
    case!(Request::post("/verify", json!({"email": EMAIL, "code": code})), |app| {
        app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
    })
}

async fn verify_new_address(app: &TestApp) -> Case {
    let (_, session) = app.person("ann").await;
    app.post_as(&session, "/change-email", json!({"new_email": NEW_EMAIL})).await.expect(202);
    let token = app.link_token(NEW_EMAIL, "verify").await;
    case!(Request::post("/verify", json!({"token": token})), |app| {
        app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
        gets_in(app, NEW_EMAIL, PASSWORD).await;
    })
}
