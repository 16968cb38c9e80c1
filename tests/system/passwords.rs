//! Changing and resetting passwords.

use reqwest::Method;
use serde_json::json;
use tollgate_tests::app::{PASSWORD, Session, TestApp};

const NEW: &str = "another horse staple";

// S5
#[tokio::test]
async fn a_password_change_needs_the_current_one_ends_other_sessions_and_mails() {
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
async fn a_reset_sets_the_password_once_and_ends_every_session_first() {
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
async fn a_reset_verifies_the_address_and_ends_the_previous_password() {
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
async fn a_reset_link_is_valid_for_an_hour_and_ends_with_a_password_change() {
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
async fn opening_a_reset_link_shows_a_form_and_uses_nothing_up() {
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

/// One text in the composed form (NFC) and in the decomposed one (NFD), as two keyboards send it.
const FORMS: [(&str, &str); 3] = [
    ("caf\u{e9} au lait", "cafe\u{301} au lait"),
    ("\u{1e69}tra\u{df}e lang", "s\u{323}\u{307}tra\u{df}e lang"),
    ("\u{d55c}\u{ae00} long enough", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af} long enough"),
];

// B5, S1
#[tokio::test]
async fn a_password_is_the_same_in_every_form_that_a_keyboard_sends() {
    for (composed, decomposed) in FORMS {
        for (set, typed) in [(composed, decomposed), (decomposed, composed)] {
            let app = TestApp::start().await;
            let body = json!({"email": "ann@example.com", "username": "ann", "password": set});
            app.post("/register", body).await.expect(202);
            let token = app.link_token("ann@example.com", "verify").await;
            app.post("/verify", json!({"token": token})).await.expect(200);
            let session = Session::of(&app.login("ann@example.com", typed).await.expect(200));
            app.post_as(&session, "/change-email", json!({"new_email": "n@example.com", "password": typed}))
                .await
                .expect(202);
            let change = json!({"old_password": typed, "new_password": PASSWORD});
            app.post_as(&session, "/change-password", change).await.expect(200);
            app.post("/forget-password", json!({"email": "ann@example.com"})).await.expect(202);
            let token = app.link_token("ann@example.com", "reset").await;
            app.post("/new-password", json!({"token": token, "password": set})).await.expect(200);
            app.login("ann@example.com", typed).await.expect(200);
        }
    }
}

// B5, S1
#[tokio::test]
async fn compatible_characters_and_spaces_of_a_password_stay_different() {
    let app = TestApp::start().await;
    let set = " \u{fb01}ne passw\u{f6}rds \u{2460} ";
    let body = json!({"email": "ann@example.com", "username": "ann", "password": set});
    app.post("/register", body).await.expect(202);
    let token = app.link_token("ann@example.com", "verify").await;
    app.post("/verify", json!({"token": token})).await.expect(200);
    for other in [
        " fine passw\u{f6}rds \u{2460} ",
        set.trim(),
        " \u{fb01}ne passw\u{f6}rds 1 ",
        " \u{fb01}ne Passw\u{f6}rds \u{2460} ",
    ] {
        app.login("ann@example.com", other).await.refused(401, "invalid_credentials");
    }
    app.login("ann@example.com", set).await.expect(200);
}

// B17
#[tokio::test]
async fn the_page_for_a_new_password_names_the_account_for_password_managers() {
    let app = TestApp::start().await;
    let email = app.member("ann").await;
    app.post("/forget-password", json!({"email": email})).await.expect(202);
    let token = app.link_token(&email, "reset").await;
    let field = "autocomplete=\"username\" value=\"ann@example.com\" readonly hidden";
    let page = app.get(&format!("/new-password?token={token}")).await.expect(200);
    assert!(page.text.contains(field), "{}", page.text);
    // The page again, after a weak password.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let weak = format!("token={token}&password=password");
    let page = app.send(Method::POST, "/new-password", &form, Some(weak)).await.expect(422);
    assert!(page.text.contains(field), "{}", page.text);
    // An invalid link names no account.
    for wrong in ["x".to_owned(), format!("{token}x"), String::new()] {
        let page = app.get(&format!("/new-password?token={wrong}")).await.expect(200);
        assert!(!page.text.contains("username"), "{}", page.text);
    }
    app.post("/new-password", json!({"token": token, "password": NEW})).await.expect(200);
    let page = app.get(&format!("/new-password?token={token}")).await.expect(200);
    assert!(!page.text.contains("example.com"), "a used link names no account");
}

// B17
#[tokio::test]
async fn a_password_manager_finds_the_page_that_changes_a_password() {
    let app = TestApp::start().await;
    for method in [Method::GET, Method::HEAD] {
        let answer = app.send(method, "/.well-known/change-password", &[], None).await.expect(302);
        assert_eq!(answer.headers["location"], "/account/password");
    }
    app.post("/.well-known/change-password", json!({})).await.refused(405, "method_not_allowed");
}
