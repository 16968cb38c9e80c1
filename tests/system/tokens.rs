//! Access tokens and the keys behind them.

use reqwest::Method;
use serde_json::{Value, json};
use tollgate_local::Options;
use tollgate_local::faults::{Fault, Kind, Service};
use tollgate_tests::app::{TestApp, options};

async fn signed(app: &TestApp, header: Value, claims: &Value) -> String {
    let body = json!({"header": header, "claims": claims}).to_string();
    let answer =
        app.send(Method::POST, "/_local/tokens", &[("content-type", "application/json")], Some(body)).await.expect(200);
    answer.body["token"].as_str().unwrap().to_owned()
}

// S15
#[tokio::test]
async fn every_token_that_is_not_exactly_right_is_refused() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let good = session.claims();
    let header = json!({"alg": "EdDSA", "typ": "at+jwt"});
    let mut renamed = good.clone();
    renamed["jti"] = json!("another");
    let token = signed(&app, header.clone(), &renamed).await;
    app.with_token(Method::GET, "/me", &token).await.expect(200);
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("typ", json!("JWT")),
        ("kid", json!("foreign")),
        ("jku", json!("https://evil.example/keys")),
        ("jwk", json!({"kty": "OKP"})),
    ] {
        let mut bad = header.clone();
        bad[name] = value;
        let token = signed(&app, bad.clone(), &good).await;
        let answer = app.with_token(Method::GET, "/me", &token).await.refused(401, "unauthenticated");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    let now = app.now().as_second();
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("https://evil.example")),
        ("exp", json!((now + 900).to_string())),
        ("exp", json!(-1)),
        ("exp", json!(null)),
        ("exp", json!(now - 61)),
        ("nbf", json!("0")),
        ("nbf", json!(now + 120)),
        ("sub", json!("usr_00000000000070008000000000000000")),
        ("sid", json!("ses_00000000000070008000000000000000")),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        let token = signed(&app, header.clone(), &bad).await;
        app.with_token(Method::GET, "/me", &token).await.refused(401, "unauthenticated");
    }
    for header in ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x.y.z"] {
        app.send(Method::GET, "/me", &[("authorization", header)], None).await.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn an_access_token_has_the_documented_claims_and_ends_after_15_minutes() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    let claims = session.claims();
    assert_eq!((&claims["sub"], &claims["iss"]), (&session.user["id"], &json!(app.stack.base_url())));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    assert!(claims["sid"].as_str().unwrap().starts_with("ses_") && !claims.to_string().contains(&email));
    let jwks = app.get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(jwks.headers["cache-control"], "public, max-age=300");
    let header = session.header();
    assert_eq!(
        (&header["alg"], &header["typ"], &header["kid"]),
        (&json!("EdDSA"), &json!("at+jwt"), &jwks.body["keys"][0]["kid"])
    );
    app.advance(900 + 60);
    app.get_as(&session, "/me").await.refused(401, "unauthenticated");
}

// R17
#[tokio::test]
async fn a_warm_function_works_while_the_secrets_are_unavailable() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    app.advance(301);
    let _before = app.calls();
    app.fail(Service::Secrets, Kind::Error, 0, 1000);
    app.get_as(&session, "/me").await.expect(200);
    app.refresh(&session.refresh).await.expect(200);
    assert!(app.calls().iter().all(|call| call.service != Service::Secrets), "none got through");
}

// R17
#[tokio::test]
async fn a_cold_function_without_secrets_answers_503_and_recovers() {
    let down = Fault { service: Service::Secrets, operation: None, kind: Kind::Error, after: 0, times: 1000 };
    let app = TestApp::start_with(Options { faults: vec![down], ..options() }).await;
    let answer = app.register("ann").await.refused(503, "unavailable");
    assert!(answer.headers.contains_key("retry-after"));
    app.get("/.well-known/jwks.json").await.refused(503, "unavailable");
    app.stack.fault_injector().clear();
    app.person("ann").await;
}
