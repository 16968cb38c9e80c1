//! Access tokens and the keys behind them.

use crate::local_stack::Folder;
use reqwest::Method;
use serde_json::{Value, json};
use tollgate_local::Options;
use tollgate_local::faults::{Fault, Kind};
use tollgate_local::service::Service;
use tollgate_tests::app::{ADMIN, Session, TestApp, options};
use tollgate_tests::browser::{Browser, verified_account};
use tollgate_tests::request::Request;

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
    let header = json!({"alg": "ES256", "typ": "at+jwt"});
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
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("at+jwt")));
    let keys = jwks.body["keys"].as_array().unwrap();
    let own = keys.iter().find(|key| key["kid"] == header["kid"]).unwrap();
    assert_eq!((&own["alg"], &own["use"], &own["crv"]), (&json!("ES256"), &json!("sig"), &json!("P-256")));
    assert!(keys.iter().any(|key| key["alg"] == "EdDSA"), "it may sign at any time");
    assert_eq!((&claims["amr"], &claims["auth_time"]), (&json!(["pwd"]), &claims["iat"]));
    assert_eq!(claims["features"], json!({"exports": false, "limits": {"exports": 3}}), "those of the free plan");
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

/// A stack whose access tokens are signed with `algorithm`, with the data in `folder`.
async fn signing_by(algorithm: &str, folder: &Folder) -> TestApp {
    let mut options = folder.options();
    options.env.push(("ACCESS_TOKEN_ALG".to_owned(), algorithm.to_owned()));
    options.env.push(("APP_URL".to_owned(), "http://tollgate.test".to_owned()));
    TestApp::start_with(options).await
}

fn alg_of(session: &Session) -> Value {
    session.header()["alg"].clone()
}

// S15, R17
#[tokio::test]
async fn a_change_of_the_algorithm_refuses_no_token_in_either_direction() {
    for (before, after) in [("ES256", "EdDSA"), ("EdDSA", "ES256")] {
        let folder = Folder::new(&format!("signed-by-{before}"));
        let app = signing_by(before, &folder).await;
        let (email, session) = app.person("ann").await;
        assert_eq!(alg_of(&session), before);
        drop(app);
        let app = signing_by(after, &folder).await;
        for path in ["/me", "/billing/payments/me"] {
            app.get_as(&session, path).await.expect(200);
        }
        let next = Session::of(&app.refresh(&session.refresh).await.expect(200));
        assert_eq!(alg_of(&next), after);
        assert_eq!(alg_of(&app.sign_in(&email).await), after);
        for path in ["/me", "/billing/payments/me"] {
            app.get_as(&session, path).await.expect(200);
            app.get_as(&next, path).await.expect(200);
        }
    }
}

// R17, R18
#[tokio::test]
async fn after_an_upgrade_es256_signs_15_minutes_after_its_key_is_published() {
    let folder = Folder::new("signed-by-the-version-before");
    let app = signing_by("EdDSA", &folder).await;
    let (_, mut session) = app.person("ann").await;
    // The row as the version before wrote it: keys of EdDSA only, without the time of those of ES256.
    let jwks = app.get("/.well-known/jwks.json").await.expect(200).body;
    let old: Vec<_> = jwks["keys"].as_array().unwrap().iter().filter(|key| key["alg"] == "EdDSA").collect();
    let jwks = json!({"keys": old}).to_string();
    let row = json!({"pk": {"S": "KEYS"}, "jwks": {"S": jwks}, "newest_ms": {"N": "0"}, "v": {"N": "1"}});
    let put = json!({"TableName": "tollgate-gate", "Item": row});
    app.stack.database().put_item(serde_json::from_value(put).unwrap()).unwrap();
    drop(app);
    let app = signing_by("ES256", &folder).await;
    let mut signed_by = Vec::new();
    for _ in 0..17 {
        app.get_as(&session, "/billing/payments/me").await.expect(200);
        session = Session::of(&app.refresh(&session.refresh).await.expect(200));
        app.get_as(&session, "/billing/payments/me").await.expect(200);
        signed_by.push(alg_of(&session));
        app.advance(60);
    }
    assert!(signed_by[..15].iter().all(|alg| alg == "EdDSA"), "{signed_by:?}");
    assert!(signed_by[15..].iter().all(|alg| alg == "ES256"), "{signed_by:?}");
}

// S15
#[tokio::test]
async fn a_token_with_an_algorithm_other_than_its_keys_is_refused() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let jwks = app.get("/.well-known/jwks.json").await.expect(200).body;
    for key in jwks["keys"].as_array().unwrap() {
        for alg in ["ES256", "EdDSA", "HS256", "none"] {
            let header = json!({"alg": alg, "typ": "at+jwt", "kid": key["kid"]});
            let token = signed(&app, header, &session.claims()).await;
            for path in ["/me", "/billing/payments/me"] {
                let answer = app.with_token(Method::GET, path, &token).await;
                if key["alg"] == alg {
                    answer.expect(200);
                } else {
                    answer.refused(401, "unauthenticated");
                }
            }
        }
    }
}

/// The claim `amr` and its counterpart in `/me`.
async fn amr_of(app: &TestApp, session: &Session) -> Value {
    let me = app.get_as(session, "/me").await.expect(200).body;
    assert_eq!(me["amr"], session.claims()["amr"]);
    me["amr"].clone()
}

#[tokio::test]
async fn a_token_and_me_name_the_method_and_time_of_the_sign_in() {
    let app = TestApp::start().await;
    let (email, by_password) = app.person("ann").await;
    let signed_in_at = by_password.claims()["iat"].clone();
    app.advance(600);
    let next = Session::of(&app.refresh(&by_password.refresh).await.expect(200));
    assert_eq!((amr_of(&app, &next).await, &next.claims()["auth_time"]), (json!(["pwd"]), &signed_in_at));
    app.post("/request/login-code", json!({"email": email})).await.expect(202);
    let code = app.code(&email, "login_code").await;
    let by_code = app.post("/login/code", json!({"email": email, "code": code})).await.expect(200);
    assert_eq!(amr_of(&app, &Session::of(&by_code)).await, json!(["otp"]));
    let subject = verified_account(&app, "google", "bob@example.com").await;
    let browser = Browser::new(&app);
    let back = browser.consent("google", &subject, "").await;
    browser.get(&back).await.expect(302);
    let refreshed = app.refresh(&browser.cookie("refresh_token").unwrap()).await.expect(200);
    assert_eq!(amr_of(&app, &Session::of(&refreshed)).await, json!(["fed"]));
}

#[tokio::test]
async fn a_token_and_me_have_the_plans_features_or_those_of_the_free_plan() {
    let app = TestApp::start_with_admin().await;
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    let (_, mut ann) = app.subscriber("ann").await;
    let (_, mut bob) = app.person("bob").await;
    let plans = app.get("/billing/plans").await.expect(200).body;
    for (code, seats) in [("free", 1), ("pro", 5)] {
        let plan = plans["items"].as_array().unwrap().iter().find(|plan| plan["code"] == code).unwrap();
        let path = format!("/billing/plans/{}", plan["id"].as_str().unwrap());
        Request::patch_as(&admin, &path, json!({"features": {"seats": seats}})).send(&app).await.expect(200);
    }
    app.drain().await;
    app.advance(300);
    for (session, seats) in [(&mut ann, 5), (&mut bob, 1)] {
        *session = Session::of(&app.refresh(&session.refresh).await.expect(200));
        let features = json!({"seats": seats});
        assert_eq!(session.claims()["features"], features);
        assert_eq!(app.get_as(session, "/me").await.expect(200).body["features"], features);
    }
}
