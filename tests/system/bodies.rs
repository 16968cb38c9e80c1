//! Bodies and headers of clients in other languages.

use crate::openapi::operations;
use reqwest::Method;
use reqwest::header::{HeaderValue, USER_AGENT};
use serde_json::{Value, json};
use tollgate_tests::app::{Answer, PASSWORD, Session, TestApp};

/// A path of the document with ids of the right form.
fn filled(path: &str) -> String {
    let id = "00000000000070008000000000000000";
    let kind = if path.contains("plans") { "plan" } else { "usr" };
    path.replace("{provider}", "google").replace("{id}", &format!("{kind}_{id}")).replace("{sid}", &format!("ses_{id}"))
}

async fn send(app: &TestApp, admin: &Session, method: &str, path: &str, body: String) -> Answer {
    let bearer = format!("Bearer {}", admin.access);
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    app.send(method.parse().unwrap(), path, &headers, Some(body)).await
}

// B1
#[tokio::test]
async fn no_operation_accepts_a_body_that_is_not_an_object() {
    let app = TestApp::start_with_admin().await;
    let admin = Session::of(&app.login(tollgate_tests::app::ADMIN.0, tollgate_tests::app::ADMIN.1).await.expect(200));
    let mut bodies = vec![json!(1), json!("text"), json!(true), json!(1.5), json!([[1]])];
    for length in 0..10 {
        bodies.push(json!(vec![Value::Null; length]));
        bodies.push(json!(vec!["text"; length]));
    }
    let mut count = 0;
    for (name, operation) in operations() {
        let (method, path) = name.split_once(' ').unwrap();
        if operation["requestBody"]["content"].get("application/json").is_none() || path.contains("webhook") {
            continue;
        }
        count += 1;
        for body in &bodies {
            let answer = send(&app, &admin, method, &filled(path), body.to_string()).await;
            assert_eq!(answer.status, 422, "{name} {body}: {}", answer.text);
        }
    }
    assert!(count > 15, "{count} operations take a body");
}

// B1
#[tokio::test]
async fn an_array_is_refused_as_a_body() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    let bearer = format!("Bearer {}", session.access);
    for (path, body) in [
        ("/login", json!([email, PASSWORD])),
        ("/login", json!([email, PASSWORD, "body"])),
        ("/register", json!(["b@example.com", "bob", PASSWORD])),
        ("/refresh-token", json!([session.refresh, "body"])),
        ("/logout", json!([session.refresh, "body"])),
        ("/forget-password", json!([email])),
        ("/verify", json!([null, email, "000000"])),
        ("/change-password", json!([PASSWORD, "another horse staple"])),
        ("/deactivate", json!([PASSWORD])),
        ("/me/delete", json!([PASSWORD])),
        ("/billing/subscriptions/subscribe", json!(["pro"])),
        // An enum accepts only its name, not the map that a derive would also accept.
        ("/login", json!({"email": email, "password": PASSWORD, "token_delivery": {"body": null}})),
        ("/refresh-token", json!({"refresh_token": session.refresh, "token_delivery": {"cookie": null}})),
        ("/refresh-token", json!({"refresh_token": session.refresh, "token_delivery": ["body"]})),
    ] {
        let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
        let answer = app.send(Method::POST, path, &headers, Some(body.to_string())).await;
        answer.refused(422, "validation_failed");
    }
    app.get_as(&session, "/me").await.expect(200);
    app.refresh(&session.refresh).await.expect(200);
}

// B15
#[tokio::test]
async fn an_optional_field_that_is_null_counts_as_absent() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    let login = json!({"email": email, "password": PASSWORD, "token_delivery": null, "device_token": null});
    assert!(app.post("/login", login).await.expect(200).cookie("refresh_token").is_some());
    let cookie = format!("refresh_token={}", session.refresh);
    for body in [r#"{"refresh_token": null, "token_delivery": null}"#, "null", "{}", ""] {
        let headers = [("content-type", "application/json"), ("cookie", cookie.as_str())];
        app.send(Method::POST, "/refresh-token", &headers, Some(body.to_owned())).await.expect(200);
    }
    app.post_as(&session, "/me/links/google", json!({"password": null})).await.expect(200);
    app.post_as(&session, "/me/links/google", json!(null)).await.expect(200);
    app.post_as(&session, "/change-email", json!({"new_email": "n@example.com", "password": null})).await.expect(202);
    let code = json!({"token": null, "email": "nobody@example.com", "code": "000000"});
    app.post("/verify", code).await.refused(400, "invalid_token");
    // Then a required field is missing.
    let refused = app.post("/login", json!({"email": null, "password": PASSWORD})).await;
    let refused = refused.refused(422, "validation_failed");
    assert_eq!(refused.body["errors"][0]["field"], "email");
}

// B15
#[tokio::test]
async fn null_in_a_patch_clears_only_nullable_fields() {
    let app = TestApp::start_with_admin().await;
    let admin = Session::of(&app.login(tollgate_tests::app::ADMIN.0, tollgate_tests::app::ADMIN.1).await.expect(200));
    let plan = json!({"code": "x", "name": "X", "price_cents": 500, "currency": "usd", "billing_period": "month",
        "tier": 1, "description": "text", "trial_days": null, "features": null});
    let plan = app.post_as(&admin, "/billing/plans", plan).await.expect(201).body;
    let path = format!("/billing/plans/{}", plan["id"].as_str().unwrap());
    let change = |body: Value| send(&app, &admin, "PATCH", &path, body.to_string());
    for field in ["name", "price_cents", "currency", "billing_period", "tier", "trial_days", "features"] {
        let refused = change(json!({field: null, "description": "other"})).await.refused(422, "validation_failed");
        assert_eq!(refused.body["errors"][0]["field"], field);
    }
    change(json!({"updated_at": null, "code": null, "unknown": null, "tier": 2})).await.expect(200);
    assert_eq!(change(json!({})).await.expect(200).body["description"], "text");
    assert_eq!(change(json!({"description": null})).await.expect(200).body["description"], Value::Null);
    let user = admin.user["id"].as_str().unwrap();
    for (act, field) in [("status", "is_active"), ("role", "is_admin")] {
        let path = format!("/admin/users/{user}/{act}");
        let refused = send(&app, &admin, "PATCH", &path, json!({field: null}).to_string()).await;
        assert_eq!(refused.refused(422, "validation_failed").body["errors"][0]["field"], field);
    }
}

// B15
#[tokio::test]
async fn a_byte_order_mark_at_the_start_of_a_body_is_accepted() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    let json = [("content-type", "application/json")];
    let body = format!("\u{feff}{}", json!({"email": email, "password": PASSWORD}));
    app.send(Method::POST, "/login", &json, Some(body)).await.expect(200);
    let cookie = format!("refresh_token={}", session.refresh);
    for body in ["\u{feff}{}", "\u{feff}"] {
        let headers = [json[0], ("cookie", cookie.as_str())];
        app.send(Method::POST, "/refresh-token", &headers, Some(body.to_owned())).await.expect(200);
    }
    for bad in ["\u{feff}\u{feff}{}", "{\u{feff}}", "\u{feff}["] {
        app.send(Method::POST, "/login", &json, Some(bad.to_owned())).await.refused(400, "invalid_json");
    }
}

// B15
#[tokio::test]
async fn a_header_with_a_byte_beyond_ascii_keeps_its_other_characters() {
    let app = TestApp::start().await;
    let email = app.member("ann").await;
    for (bytes, shown) in [
        ("Navigateur naïf/1.0".as_bytes(), "Navigateur naïf/1.0"),
        (&b"Navigateur na\xeff/1.0"[..], "Navigateur na\u{fffd}f/1.0"),
        ("ブラウザ".as_bytes(), "ブラウザ"),
    ] {
        let request =
            app.client.post(format!("{}/login", app.stack.origin())).header("content-type", "application/json");
        let request = request.header(USER_AGENT, HeaderValue::from_bytes(bytes).unwrap());
        let body = json!({"email": email, "password": PASSWORD}).to_string();
        let session = Session::of(&Answer::read(request.body(body).send().await.unwrap()).await.expect(200));
        let sessions = app.get_as(&session, "/sessions").await.expect(200).body;
        let own = sessions["items"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
        assert_eq!(own["user_agent"], shown);
    }
    // The other headers are still understood.
    let accept = [("accept", "application/json;profile=\"naïf\"")];
    app.send(Method::GET, "/verify?token=x", &accept, None).await.refused(405, "method_not_allowed");
    let kind = [("content-type", "application/json; name=\"naïf\"")];
    let body = json!({"email": email, "password": PASSWORD}).to_string();
    app.send(Method::POST, "/login", &kind, Some(body)).await.expect(200);
}

// B15, S20
#[tokio::test]
async fn the_headers_of_tracing_pass_a_preflight_and_others_do_not() {
    let app = TestApp::start().await;
    let own = app.stack.base_url();
    let ask = async |name: &str| {
        let ask = [
            ("origin", own.as_str()),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", name),
        ];
        let answer = app.send(Method::OPTIONS, "/login", &ask, None).await;
        answer.headers["access-control-allow-headers"].to_str().unwrap().split(',').any(|allowed| allowed == name)
    };
    for name in
        ["authorization", "content-type", "idempotency-key", "traceparent", "tracestate", "baggage", "sentry-trace"]
    {
        assert!(ask(name).await, "{name}");
    }
    for name in ["x-edge-secret", "cookie", "x-other"] {
        assert!(!ask(name).await, "{name}");
    }
}
