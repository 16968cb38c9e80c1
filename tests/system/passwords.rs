//! Changing and resetting passwords.

use reqwest::Method;
use serde_json::json;
use tollgate_tests::app::{PASSWORD, Session, TestApp};

const NEW: &str = "another horse staple";

// S5
#[tokio::test]
async fn changing_the_password_needs_the_present_one_ends_the_other_sessions_and_tells_the_owner() {
    let app = TestApp::start().await;
    let (email, here) = app.person("ann").await;
    let elsewhere = app.sign_in(&email).await;
    let change = |old: &'static str, new: &'static str| {
        app.post_as(&here, "/change-password", json!({"old_password": old, "new_password": new}))
    };
    change("a wrong password", NEW).await.refused(403, "wrong_password");
    let weak = change(PASSWORD, "password").await.refused(422, "weak_password");
    assert_eq!(weak.body["errors"][0]["field"], "new_password");
    change(PASSWORD, NEW).await.expect(200);
    app.get_as(&here, "/me").await.expect(200);
    app.refresh(&here.refresh).await.expect(200);
    app.get_as(&elsewhere, "/me").await.refused(401, "unauthenticated");
    app.refresh(&elsewhere.refresh).await.refused(401, "invalid_refresh_token");
    app.login(&email, PASSWORD).await.refused(401, "invalid_credentials");
    app.login(&email, NEW).await.expect(200);
    let notice = app.mail(&email, "password_changed").await;
    assert_eq!(notice["code"], json!(null));
}

// S17, S23
#[tokio::test]
async fn a_reset_sets_the_password_once_and_every_session_is_dead_before_the_answer() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    app.post("/forget-password", json!({"email": email})).await.expect(202);
    let token = app.link_token(&email, "reset").await;
    // A weak password does not use the link up.
    app.post("/new-password", json!({"token": token, "password": "password"})).await.refused(422, "weak_password");
    app.post("/new-password", json!({"token": token, "password": NEW})).await.expect(200);
    app.get_as(&session, "/me").await.refused(401, "unauthenticated");
    app.refresh(&session.refresh).await.refused(401, "invalid_refresh_token");
    app.post("/new-password", json!({"token": token, "password": "a third password"}))
        .await
        .refused(400, "invalid_token");
    app.login(&email, PASSWORD).await.refused(401, "invalid_credentials");
    app.login(&email, NEW).await.expect(200);
    app.mail(&email, "password_changed").await;
}

// S23
#[tokio::test]
async fn a_reset_proves_the_address_and_the_password_of_before_is_dead() {
    let app = TestApp::start().await;
    app.register("ann").await.expect(202);
    app.post("/forget-password", json!({"email": "ann@example.com"})).await.expect(202);
    let token = app.link_token("ann@example.com", "reset").await;
    app.post("/new-password", json!({"token": token, "password": NEW})).await.expect(200);
    app.login("ann@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    let session = Session::of(&app.login("ann@example.com", NEW).await.expect(200));
    assert_eq!(session.user["email_verified"], true);
}

// S10
#[tokio::test]
async fn a_reset_link_lives_an_hour_and_dies_with_every_change_of_the_password() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    let ask = async || {
        app.post("/forget-password", json!({"email": email})).await.expect(202);
        app.link_token(&email, "reset").await
    };
    let late = ask().await;
    app.advance(3600);
    app.post("/new-password", json!({"token": late, "password": NEW})).await.refused(400, "token_expired");
    let in_time = ask().await;
    app.advance(3599);
    let stale = ask().await;
    app.post("/new-password", json!({"token": in_time, "password": NEW})).await.expect(200);
    app.post("/new-password", json!({"token": stale, "password": "a third password"}))
        .await
        .refused(400, "invalid_token");
    app.get_as(&session, "/me").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_closed_account_gets_no_reset_mail() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    app.post_as(&session, "/deactivate", json!({})).await.expect(200);
    app.post("/forget-password", json!({"email": email})).await.expect(202);
    assert!(app.mails(&email).await.iter().all(|mail| mail["kind"] != "reset"));
}

// S13
#[tokio::test]
async fn opening_a_reset_link_shows_a_form_that_sets_the_password_and_uses_nothing_up() {
    let app = TestApp::start().await;
    let email = app.member("ann").await;
    app.post("/forget-password", json!({"email": email})).await.expect(202);
    let token = app.link_token(&email, "reset").await;
    for method in [Method::GET, Method::HEAD, Method::GET] {
        app.send(method, &format!("/new-password?token={token}"), &[], None).await.expect(200);
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let weak = app
        .send(Method::POST, "/new-password", &form, Some(format!("token={token}&password=password")))
        .await
        .expect(422);
    assert!(weak.text.contains("<form") && weak.text.contains("most used"), "the form again: {}", weak.text);
    let body = format!("token={token}&password=another+horse+staple");
    let page = app.send(Method::POST, "/new-password", &form, Some(body)).await.expect(200);
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    app.login(&email, NEW).await.expect(200);
}

// R10
#[tokio::test]
async fn no_session_of_the_old_password_survives_a_reset_that_raced_it() {
    let app = TestApp::start().await;
    let email = app.member("ann").await;
    app.post("/forget-password", json!({"email": email})).await.expect(202);
    let token = app.link_token(&email, "reset").await;
    let reset = app.post("/new-password", json!({"token": token, "password": NEW}));
    let sign_ins = futures_util::future::join_all((0..6).map(|_| app.login(&email, PASSWORD)));
    let (reset, answers) = tokio::join!(reset, sign_ins);
    reset.expect(200);
    for answer in answers.into_iter().filter(|answer| answer.status == 200) {
        let session = Session::of(&answer);
        app.get_as(&session, "/me").await.refused(401, "unauthenticated");
        app.refresh(&session.refresh).await.refused(401, "invalid_refresh_token");
    }
}
