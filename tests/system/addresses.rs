//! Changing an account's address (S5).

use serde_json::{Value, json};
use tollgate_tests::app::{PASSWORD, TestApp};

async fn ask(app: &TestApp, session: &tollgate_tests::app::Session, to: &str) {
    app.post_as(session, "/change-email", json!({"new_email": to, "password": PASSWORD})).await.expect(202);
}

fn kinds(mails: &[Value]) -> Vec<&str> {
    mails.iter().map(|mail| mail["kind"].as_str().unwrap()).collect()
}

// S5
#[tokio::test]
async fn an_address_changes_when_the_new_one_is_proved_and_the_old_one_is_told() {
    for by_code in [false, true] {
        let app = TestApp::start().await;
        let (old, session) = app.person("ann").await;
        let new = "Ann.New@example.org";
        ask(&app, &session, new).await;
        assert_eq!(app.get_as(&session, "/me").await.body["email"], old.as_str(), "nothing yet");
        let mail = app.mail(new, "verify").await;
        assert!(mail["text"].as_str().unwrap().contains("ann"));
        let link = app.link_token(new, "verify").await;
        let proof = if by_code { json!({"email": new, "code": mail["code"]}) } else { json!({"token": link}) };
        let page = app.get(&format!("/verify?token={link}")).await.expect(200);
        assert!(page.text.contains("<strong>ann</strong>") && page.text.contains("to have this address"));
        app.post("/verify", proof).await.expect(200);

        let me = app.get_as(&session, "/me").await.expect(200);
        assert_eq!((&me.body["email"], &me.body["has_password"]), (&json!(new), &json!(true)));
        app.login(&old, PASSWORD).await.refused(401, "invalid_credentials");
        app.login("ann.new@EXAMPLE.org", PASSWORD).await.expect(200);
        assert!(kinds(&app.mails(&old).await).contains(&"email_changed"));
        assert!(app.actions().await.contains(&"user.email_changed".to_owned()));
        // Again by the link: it is done. By the code: it was good once.
        app.post("/verify", json!({"token": link})).await.expect(200);
        if by_code {
            app.post("/verify", json!({"email": new, "code": mail["code"]})).await.refused(400, "invalid_token");
        }
        // The old address is free.
        app.post("/register", json!({"email": old, "username": "ann-2", "password": PASSWORD})).await.expect(202);
        assert_eq!(kinds(&app.mails(&old).await)[0], "verify");
    }
}

// S5
#[tokio::test]
async fn a_change_of_address_wants_the_password_or_a_fresh_sign_in() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let body = |password: Option<&str>| json!({"new_email": "new@example.com", "password": password});
    app.post_as(&session, "/change-email", body(Some("not it"))).await.refused(403, "wrong_password");
    app.post_as(&session, "/change-email", body(None)).await.expect(202);
    app.advance(5 * 60 + 1);
    app.post_as(&session, "/change-email", body(None)).await.refused(403, "reauthentication_required");
    app.post_as(&session, "/change-email", body(Some(PASSWORD))).await.expect(202);
    app.post_as(&session, "/change-email", json!({"new_email": "nonsense"})).await.refused(422, "invalid_email");
    app.post("/change-email", body(None)).await.refused(401, "unauthenticated");
}

// S6
#[tokio::test]
async fn a_taken_address_gets_the_same_answer_and_its_owner_is_told_and_nobody_gets_a_link() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let bob = app.member("bob").await;
    let free = app.post_as(&session, "/change-email", json!({"new_email": "new@example.com"})).await.expect(202);
    let taken = app.post_as(&session, "/change-email", json!({"new_email": bob})).await.expect(202);
    assert_eq!(free.text, taken.text);
    let mails = app.mails(&bob).await;
    assert_eq!(mails[0]["kind"], "already_registered");
    assert!(mails[0]["code"].is_null() && !mails[0]["text"].as_str().unwrap().contains("token="));
}

#[tokio::test]
async fn nothing_is_reserved_and_who_proves_an_address_first_has_it() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    let (_, bob) = app.person("bob").await;
    let new = "new@example.com";
    ask(&app, &ann, new).await;
    let anns = app.link_token(new, "verify").await;
    app.advance(1);
    ask(&app, &bob, new).await;
    let bobs = app.link_token(new, "verify").await;
    assert_ne!(anns, bobs);
    app.post("/verify", json!({"token": anns})).await.expect(200);
    app.post("/verify", json!({"token": bobs})).await.refused(400, "invalid_token");
    assert_eq!(app.get_as(&ann, "/me").await.body["email"], new);
    assert_eq!(app.get_as(&bob, "/me").await.body["email"], "bob@example.com");
}

#[tokio::test]
async fn a_link_for_a_new_address_is_dead_after_a_change_of_password_or_of_address_and_after_a_day() {
    for case in ["password", "address", "time"] {
        let app = TestApp::start().await;
        let (_, session) = app.person("ann").await;
        ask(&app, &session, "one@example.com").await;
        let link = app.link_token("one@example.com", "verify").await;
        match case {
            "password" => {
                let change = json!({"old_password": PASSWORD, "new_password": "another horse staple"});
                app.post_as(&session, "/change-password", change).await.expect(200);
            }
            "address" => {
                ask(&app, &session, "two@example.com").await;
                let second = app.link_token("two@example.com", "verify").await;
                app.post("/verify", json!({"token": second})).await.expect(200);
            }
            _ => app.advance(86_400),
        }
        let code = if case == "time" { "token_expired" } else { "invalid_token" };
        app.post("/verify", json!({"token": link})).await.refused(400, code);
    }
}

#[tokio::test]
async fn links_and_codes_of_the_old_address_are_dead_after_a_change() {
    let app = TestApp::start().await;
    let (old, session) = app.person("ann").await;
    app.post("/forget-password", json!({"email": old})).await.expect(202);
    app.post("/request/login-code", json!({"email": old})).await.expect(202);
    let (reset, code) = (app.link_token(&old, "reset").await, app.code(&old, "login_code").await);
    ask(&app, &session, "new@example.com").await;
    let link = app.link_token("new@example.com", "verify").await;
    app.post("/verify", json!({"token": link})).await.expect(200);
    let body = json!({"token": reset, "password": "another horse staple"});
    app.post("/new-password", body).await.refused(400, "invalid_token");
    for email in [old.as_str(), "new@example.com"] {
        app.post("/login/code", json!({"email": email, "code": code})).await.refused(401, "invalid_code");
    }
}

// S11
#[tokio::test]
async fn five_wrong_tries_kill_the_code_for_a_new_address() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    ask(&app, &session, "new@example.com").await;
    let code = app.code("new@example.com", "verify").await;
    let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
    for _ in 0..5 {
        app.post("/verify", json!({"email": "new@example.com", "code": wrong})).await.refused(400, "invalid_token");
    }
    app.post("/verify", json!({"email": "new@example.com", "code": code})).await.refused(400, "invalid_token");
}
