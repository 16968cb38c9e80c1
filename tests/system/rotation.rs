//! A rotation of the keys while everything that a key has made is in use (R17).

use serde_json::json;
use tollgate_ops::rotate;
use tollgate_tests::app::{PASSWORD, Session, TestApp};
use tollgate_tests::browser::{Browser, verified_account};

/// The functions cache the secrets for five minutes.
const SEEN: i64 = 5 * 60;
/// A new key signs a quarter of an hour after the rotation.
const SIGNS: i64 = 15 * 60;

async fn rotate_keys(app: &TestApp) {
    let client = aws_sdk_secretsmanager::Client::new(app.stack.sdk());
    for secret in ["auth", "codes"] {
        rotate(&client, secret, &app.stack.clock().platform()).await.unwrap();
    }
}

async fn kids(app: &TestApp) -> Vec<String> {
    let keys = app.get("/.well-known/jwks.json").await.expect(200).body["keys"].clone();
    keys.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid_of(session: &Session) -> String {
    session.header()["kid"].as_str().unwrap().to_owned()
}

// R17
#[tokio::test]
async fn a_session_that_outlives_a_rotation_is_never_refused() {
    let app = TestApp::start().await;
    let (_, mut session) = app.person("ann").await;
    let first = kid_of(&session);
    rotate_keys(&app).await;
    let mut signed_by = Vec::new();
    for _ in 0..60 {
        app.advance(60);
        app.get_as(&session, "/me").await.expect(200);
        let next = Session::of(&app.refresh(&session.refresh).await.expect(200));
        app.get_as(&session, "/me").await.expect(200);
        assert!(kids(&app).await.contains(&kid_of(&next)), "it is published when it signs");
        signed_by.push(kid_of(&next));
        session = next;
    }
    let turn = signed_by.iter().position(|kid| *kid != first).unwrap();
    assert_eq!(turn, 14, "the new key signs from the fifteenth minute on");
    assert!(signed_by[turn..].iter().all(|kid| *kid != first), "and no other key signs");
    assert_eq!(kids(&app).await.len(), 2, "of the old generation none is published any more, of the new one both");
}

// R17
#[tokio::test]
async fn links_codes_and_provider_sign_ins_survive_a_rotation() {
    let app = TestApp::start().await;
    app.register("ann").await.expect(202);
    let link = app.link_token("ann@example.com", "verify").await;
    let email = app.member("bob").await;
    app.post("/forget-password", json!({"email": email})).await.expect(202);
    let reset = app.link_token(&email, "reset").await;
    app.post("/request/login-code", json!({"email": email})).await.expect(202);
    let code = app.code(&email, "login_code").await;
    let subject = verified_account(&app, "google", "cleo@example.com").await;
    let browser = Browser::new(&app);
    let back = browser.consent("google", &subject, "").await;
    rotate_keys(&app).await;
    app.advance(SEEN + 1);
    // Those of the old key and those of the new key are both accepted.
    browser.get(&back).await.expect(302);
    assert!(browser.cookie("refresh_token").is_some());
    app.post("/login/code", json!({"email": email, "code": code})).await.expect(200);
    app.advance(SIGNS);
    app.post("/verify", json!({"token": link})).await.expect(200);
    app.sign_in("ann@example.com").await;
    app.post("/new-password", json!({"token": reset, "password": "another horse staple"})).await.expect(200);
    app.login(&email, PASSWORD).await.refused(401, "invalid_credentials");
    app.login(&email, "another horse staple").await.expect(200);
}

// R17, R18
#[tokio::test]
async fn a_mail_queued_during_a_rotation_contains_the_code_of_its_row() {
    let app = TestApp::start().await;
    let email = app.member("ann").await;
    let asked = async {
        app.post("/request/login-code", json!({"email": email})).await.expect(202);
        rotate_keys(&app).await;
        app.advance(SEEN + 1);
    };
    app.stack.held(asked).await;
    let code = app.code(&email, "login_code").await;
    app.post("/login/code", json!({"email": email, "code": code})).await.expect(200);
}

#[tokio::test]
async fn a_secret_that_holds_no_key_is_not_rotated() {
    let app = TestApp::start().await;
    let client = aws_sdk_secretsmanager::Client::new(app.stack.sdk());
    let clock = app.stack.clock().platform();
    client.put_secret_value().secret_id("google").secret_string("unset").send().await.unwrap();
    let refused = rotate(&client, "google", &clock).await.unwrap_err().to_string();
    assert!(refused.contains("google") && refused.contains("expected"), "{refused}");
    let unknown = rotate(&client, "nothing", &clock).await.unwrap_err().to_string();
    assert!(unknown.contains("nothing"), "{unknown}");
}
