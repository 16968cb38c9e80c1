//! Sign-in by mailed code (S10–S12, S23).

use futures_util::future::join_all;
use serde_json::{Value, json};
use tollgate_tests::app::{PASSWORD, Session, TestApp, options};

async fn ask(app: &TestApp, email: &str) -> String {
    app.post("/request/login-code", json!({"email": email})).await.expect(202);
    app.code(email, "login_code").await
}

fn with(email: &str, code: &str) -> Value {
    json!({"email": email, "code": code})
}

/// A code other than this one.
fn other(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

// S10
#[tokio::test]
async fn a_mailed_code_signs_in_once_within_a_quarter_of_an_hour() {
    let app = TestApp::start().await;
    let email = app.member("ann").await;
    let code = ask(&app, &email).await;
    let answer = app.post("/login/code", with(&email, &code)).await.expect(200);
    let session = Session::of(&answer);
    assert_eq!(app.get_as(&session, "/me").await.expect(200).body["email"], "ann@example.com");
    assert!(answer.cookie("device").is_some() && answer.cookie("refresh_token").is_some());
    app.post("/login/code", with(&email, &code)).await.refused(401, "invalid_code");

    let code = ask(&app, &email).await;
    app.advance(15 * 60);
    app.post("/login/code", with(&email, &code)).await.refused(401, "invalid_code");
    let code = ask(&app, &email).await;
    app.advance(15 * 60 - 1);
    let body = json!({"email": email, "code": code, "token_delivery": "body"});
    let answer = app.post("/login/code", body).await.expect(200);
    assert!(answer.body["refresh_token"].is_string() && answer.headers.get("set-cookie").is_none());
}

#[tokio::test]
async fn a_new_code_replaces_the_old_and_only_six_digits_count_as_a_try() {
    let app = TestApp::start().await;
    let email = app.member("ann").await;
    let old = ask(&app, &email).await;
    app.advance(1);
    let new = ask(&app, &email).await;
    if old != new {
        app.post("/login/code", with(&email, &old)).await.refused(401, "invalid_code");
    }
    for bad in ["", "12345", "1234567", "12345x", "１２３４５６", " 12345"] {
        for _ in 0..3 {
            app.post("/login/code", with(&email, bad)).await.refused(422, "validation_failed");
        }
    }
    app.post("/login/code", json!({"email": email, "code": 123_456})).await.refused(422, "validation_failed");
    app.post("/login/code", json!({"email": email})).await.refused(422, "validation_failed");
    app.post("/login/code", with("not an address", &new)).await.refused(401, "invalid_code");
    app.post("/login/code", with(&email, &new)).await.expect(200);
}

// S11
#[tokio::test]
async fn the_right_code_fifty_times_at_once_creates_one_session() {
    let app = TestApp::start().await;
    let email = app.member("ann").await;
    let code = ask(&app, &email).await;
    let answers = join_all((0..50).map(|_| app.post("/login/code", with(&email, &code)))).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(made.len(), 1);
    refused.into_iter().for_each(|answer| drop(answer.refused(401, "invalid_code")));
    let sessions = app.get_as(&Session::of(&made[0]), "/sessions").await.expect(200);
    assert_eq!(sessions.body["items"].as_array().unwrap().len(), 1);
    app.advance(1);
    let again = ask(&app, &email).await;
    app.post("/login/code", with(&email, &again)).await.expect(200);
}

// S11
#[tokio::test]
async fn the_fifth_wrong_attempt_ends_a_code() {
    for (wrong, status) in [(4, 200), (5, 401)] {
        let app = TestApp::start().await;
        let email = app.member("ann").await;
        let code = ask(&app, &email).await;
        for _ in 0..wrong {
            app.post("/login/code", with(&email, &other(&code))).await.refused(401, "invalid_code");
        }
        app.post("/login/code", with(&email, &code)).await.expect(status);
    }
}

// S11
#[tokio::test]
async fn of_two_hundred_guesses_at_once_five_are_compared() {
    let app = TestApp::start_patient(options()).await;
    let email = app.member("ann").await;
    let code: u32 = ask(&app, &email).await.parse().unwrap();
    let guesses = (1..=200).map(|n| format!("{:06}", (code + n) % 1_000_000));
    join_all(guesses.map(|guess| {
        let (app, email) = (&app, &email);
        async move { app.post("/login/code", with(email, &guess)).await.refused(401, "invalid_code") }
    }))
    .await;
    let rows = app.table("sessions").await;
    let tries: Vec<_> = rows
        .iter()
        .filter(|row| row["sk"]["S"].as_str().unwrap().starts_with("OTP#login_code"))
        .map(|row| row["tries"]["N"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(tries, ["5"]);
}

// S11
#[tokio::test]
async fn an_account_has_twenty_wrong_attempts_a_day_over_all_codes() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    let mut sent = 0;
    for _ in 0..4 {
        app.advance(1);
        let code = ask(&app, &email).await;
        for _ in 0..5 {
            app.post("/login/code", with(&email, &other(&code))).await.refused(401, "invalid_code");
            sent += 1;
        }
    }
    assert_eq!(sent, 20);
    app.advance(1);
    let code = ask(&app, &email).await;
    app.post("/login/code", with(&email, &code)).await.refused(401, "invalid_code");
    // Password and reset still work.
    app.login(&email, PASSWORD).await.expect(200);
    app.post("/forget-password", json!({"email": email})).await.expect(202);
    let token = app.link_token(&email, "reset").await;
    app.post("/new-password", json!({"token": token, "password": "another horse staple"})).await.expect(200);
    app.get_as(&session, "/me").await.refused(401, "unauthenticated");
    app.advance(86_400);
    let code = ask(&app, &email).await;
    app.post("/login/code", with(&email, &code)).await.expect(200);
}

// S11
#[tokio::test]
async fn right_codes_and_tries_without_a_live_code_use_no_wrong_attempt() {
    let app = TestApp::start().await;
    let email = app.member("ann").await;
    for _ in 0..30 {
        app.post("/login/code", with(&email, "000000")).await.refused(401, "invalid_code");
    }
    for _ in 0..25 {
        app.advance(1);
        let code = ask(&app, &email).await;
        app.post("/login/code", with(&email, &code)).await.expect(200);
    }
}

// S23
#[tokio::test]
async fn sign_in_by_code_takes_over_an_unverified_account_and_ends_its_password() {
    let app = TestApp::start().await;
    app.register("ann").await.expect(202);
    let email = "ann@example.com";
    let (link, reset) = (app.link_token(email, "verify").await, {
        app.post("/forget-password", json!({"email": email})).await.expect(202);
        app.link_token(email, "reset").await
    });
    let code = ask(&app, email).await;
    let answer = app.post("/login/code", with(email, &code)).await.expect(200);
    assert_eq!(answer.body["user"]["email_verified"], true);
    let session = Session::of(&answer);
    let me = app.get_as(&session, "/me").await.expect(200);
    assert_eq!((&me.body["has_password"], &me.body["email_verified"]), (&json!(false), &json!(true)));
    app.login(email, PASSWORD).await.refused(401, "invalid_credentials");
    app.post("/verify", json!({"token": link})).await.refused(400, "invalid_token");
    app.post("/new-password", json!({"token": reset, "password": "another horse staple"}))
        .await
        .refused(400, "invalid_token");
    let change = json!({"old_password": PASSWORD, "new_password": "another horse staple"});
    app.post_as(&session, "/change-password", change).await.refused(409, "no_password");
    assert!(app.actions().await.contains(&"user.verified".to_owned()));

    app.post("/forget-password", json!({"email": email})).await.expect(202);
    let token = app.link_token(email, "reset").await;
    app.post("/new-password", json!({"token": token, "password": "another horse staple"})).await.expect(200);
    app.login(email, "another horse staple").await.expect(200);
    app.get_as(&session, "/me").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_closed_account_gets_no_code_and_old_codes_do_not_work() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    let code = ask(&app, &email).await;
    app.post_as(&session, "/deactivate", json!({})).await.expect(200);
    app.post("/login/code", with(&email, &code)).await.refused(403, "account_disabled");
    app.get("/_local/emails").await;
    app.send(reqwest::Method::DELETE, "/_local/emails", &[], None).await.expect(204);
    app.post("/request/login-code", json!({"email": email})).await.expect(202);
    assert!(app.mails(&email).await.is_empty());
}

#[tokio::test]
async fn a_code_is_refused_after_a_change_of_the_password_or_the_address() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    let code = ask(&app, &email).await;
    let change = json!({"old_password": PASSWORD, "new_password": "another horse staple"});
    app.post_as(&session, "/change-password", change).await.expect(200);
    app.post("/login/code", with(&email, &code)).await.refused(401, "invalid_code");
}

// S12
#[tokio::test]
async fn a_secret_of_one_purpose_is_refused_for_another() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    app.register("bob").await.expect(202);
    let bob = "bob@example.com";
    app.post("/forget-password", json!({"email": email})).await.expect(202);
    let state = app.get("/google/login").await.expect(302).headers["location"].to_str().unwrap().to_owned();
    let state = state.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    app.post_as(&session, "/change-email", json!({"new_email": "new@example.com"})).await.expect(202);
    let device = app.login(&email, PASSWORD).await.expect(200).cookie("device").unwrap();
    let secrets = [
        ("verify", app.link_token(bob, "verify").await),
        ("reset", app.link_token(&email, "reset").await),
        ("change", app.link_token("new@example.com", "verify").await),
        ("state", state),
        ("device", device),
        ("refresh", session.refresh.clone()),
        ("access", session.access.clone()),
    ];
    for (kind, secret) in &secrets {
        if !matches!(*kind, "verify" | "change") {
            app.post("/verify", json!({"token": secret})).await.refused(400, "invalid_token");
        }
        if *kind != "reset" {
            let body = json!({"token": secret, "password": "another horse staple"});
            app.post("/new-password", body).await.refused(400, "invalid_token");
        }
        if *kind != "refresh" {
            app.post("/refresh-token", json!({"refresh_token": secret, "token_delivery": "body"}))
                .await
                .refused(401, "invalid_refresh_token");
        }
        if *kind != "access" {
            let stranger = Session { access: secret.clone(), ..session.clone() };
            app.get_as(&stranger, "/me").await.refused(401, "unauthenticated");
        }
        if *kind != "state" {
            let path = format!("/auth/social/callback/google?code=x&state={secret}");
            let answer = app.send(reqwest::Method::GET, &path, &[("accept", "application/json")], None).await;
            answer.refused(400, "oauth_state_mismatch");
        }
    }
    // Codes, each in the place of the other.
    let login_code = ask(&app, &email).await;
    let verify_code = app.code(bob, "verify").await;
    let change_code = app.code("new@example.com", "verify").await;
    let login_code_of_bob = ask(&app, bob).await;
    if login_code_of_bob != verify_code {
        app.post("/verify", with(bob, &login_code_of_bob)).await.refused(400, "invalid_token");
        app.post("/login/code", with(bob, &verify_code)).await.refused(401, "invalid_code");
    }
    if login_code != change_code {
        app.post("/verify", with("new@example.com", &login_code)).await.refused(400, "invalid_token");
        app.post("/login/code", with(&email, &change_code)).await.refused(401, "invalid_code");
    }
    app.post("/verify", with("new@example.com", &change_code)).await.expect(200);
}
