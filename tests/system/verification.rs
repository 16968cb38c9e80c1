//! Verifying an address, by link and by code.

use reqwest::Method;
use serde_json::json;
use tollgate_tests::app::{PASSWORD, TestApp};

async fn code(app: &TestApp, email: &str) -> String {
    app.mail(email, "verify").await["code"].as_str().unwrap().to_owned()
}

fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

// S10, S11
#[tokio::test]
async fn the_code_verifies_once_and_five_wrong_attempts_end_it() {
    let app = TestApp::start().await;
    for (name, tries, outcome) in [("four", 4, 200), ("five", 5, 400)] {
        app.register(name).await.expect(202);
        let email = format!("{name}@example.com");
        let code = code(&app, &email).await;
        for _ in 0..tries {
            app.post("/verify", json!({"email": email, "code": wrong(&code)})).await.refused(400, "invalid_token");
        }
        app.post("/verify", json!({"email": email, "code": code})).await.expect(outcome);
        app.post("/verify", json!({"email": email, "code": code})).await.refused(400, "invalid_token");
    }
}

// S11
#[tokio::test]
async fn of_two_hundred_parallel_guesses_only_five_are_compared() {
    let app = TestApp::start().await;
    app.register("ann").await.expect(202);
    let right = code(&app, "ann@example.com").await;
    let guesses = (0..40).map(|_| app.post("/verify", json!({"email": "ann@example.com", "code": wrong(&right)})));
    futures_util::future::join_all(guesses).await;
    let rows = app.table("sessions").await;
    assert_eq!(rows[0]["tries"]["N"], "5");
    app.post("/verify", json!({"email": "ann@example.com", "code": right})).await.refused(400, "invalid_token");
}

// S10
#[tokio::test]
async fn a_code_is_valid_for_15_minutes_and_a_link_for_a_day() {
    let app = TestApp::start().await;
    app.register("ann").await.expect(202);
    let (email, code) = ("ann@example.com", code(&app, "ann@example.com").await);
    let link = app.link_token(email, "verify").await;
    app.advance(900);
    app.post("/verify", json!({"email": email, "code": code})).await.refused(400, "invalid_token");
    app.advance(86_400 - 900 - 1);
    app.post("/verify", json!({"token": link})).await.expect(200);
    app.register("bob").await.expect(202);
    let link = app.link_token("bob@example.com", "verify").await;
    app.advance(86_400);
    app.post("/verify", json!({"token": link})).await.refused(400, "token_expired");
    let code = app.mail("bob@example.com", "verify").await["code"].as_str().unwrap().to_owned();
    app.post("/verify", json!({"email": "bob@example.com", "code": code})).await.refused(400, "invalid_token");
}

#[tokio::test]
async fn a_used_link_gives_the_same_answer_again_and_one_audit_entry() {
    let app = TestApp::start().await;
    app.register("ann").await.expect(202);
    let token = app.link_token("ann@example.com", "verify").await;
    for _ in 0..3 {
        app.post("/verify", json!({"token": token})).await.expect(200);
    }
    assert_eq!(app.actions().await.iter().filter(|action| *action == "user.verified").count(), 1);
}

#[tokio::test]
async fn a_new_mail_has_a_new_code_and_earlier_links_stay_valid() {
    let app = TestApp::start().await;
    app.register("ann").await.expect(202);
    let (email, old_code) = ("ann@example.com", code(&app, "ann@example.com").await);
    let old_link = app.link_token(email, "verify").await;
    app.advance(1);
    app.post("/request/verify", json!({"email": email})).await.expect(202);
    let new_code = code(&app, email).await;
    assert_ne!(old_code, new_code);
    app.post("/verify", json!({"email": email, "code": old_code})).await.refused(400, "invalid_token");
    app.post("/verify", json!({"token": old_link})).await.expect(200);
    // Verified: no more mail is sent.
    let before = app.mails(email).await.len();
    app.post("/request/verify", json!({"email": email})).await.expect(202);
    assert_eq!(app.mails(email).await.len(), before);
}

// S13
#[tokio::test]
async fn a_link_leads_to_the_configured_address_and_opening_it_uses_nothing_up() {
    let app = TestApp::start().await;
    let body = json!({"email": "ann@example.com", "username": "ann", "password": PASSWORD}).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
    ];
    app.send(Method::POST, "/register", &headers, Some(body)).await.expect(202);
    let mail = app.mail("ann@example.com", "verify").await;
    let link = mail["links"][0].as_str().unwrap();
    assert!(link.starts_with(&format!("{}/verify?token=", app.stack.base_url())), "{link}");
    assert!(!mail.to_string().contains("evil.example"));
    let path = link.strip_prefix(&app.stack.base_url()).unwrap();
    for method in [Method::GET, Method::HEAD, Method::GET] {
        app.send(method, path, &[("accept", "text/html")], None).await.expect(200);
    }
    app.login("ann@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    let json =
        app.send(Method::GET, path, &[("accept", "application/json")], None).await.refused(405, "method_not_allowed");
    assert_eq!(json.headers["allow"], "POST");
    let token = path.split_once("token=").unwrap().1;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let page = app.send(Method::POST, "/verify", &form, Some(format!("token={token}"))).await.expect(200);
    assert!(page.text.contains("Your e-mail address is verified"));
    app.login("ann@example.com", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn the_page_of_a_link_escapes_its_parameters() {
    let app = TestApp::start().await;
    for path in ["/verify", "/new-password"] {
        for odd in ["", "?", "?token", "?token=a&token=b", "?token=%ff", "?%"] {
            app.get(&format!("{path}{odd}")).await.expect(200);
        }
        let page = app.get(&format!("{path}?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")).await.expect(200);
        assert!(!page.text.contains("<script"), "{}", page.text);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("default-src 'none'")
                && policy.contains("frame-ancestors 'none'")
                && !policy.contains("unsafe")
        );
    }
}

// S12
#[tokio::test]
async fn a_secret_of_one_purpose_is_refused_for_every_other() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    app.post("/forget-password", json!({"email": email})).await.expect(202);
    app.register("bob").await.expect(202);
    let verify_mail = app.mail("bob@example.com", "verify").await;
    let code = verify_mail["code"].as_str().unwrap().to_owned();
    let verify = app.link_token("bob@example.com", "verify").await;
    let reset = app.link_token(&email, "reset").await;
    let all = [
        ("verify", &verify),
        ("reset", &reset),
        ("access", &session.access),
        ("refresh", &session.refresh),
        ("code", &code),
    ];
    for (kind, secret) in all {
        if kind != "verify" {
            app.post("/verify", json!({"token": secret})).await.refused(400, "invalid_token");
        }
        if kind != "reset" {
            let body = json!({"token": secret, "password": "another horse staple"});
            app.post("/new-password", body).await.refused(400, "invalid_token");
        }
        if kind != "access" {
            app.with_token(Method::GET, "/me", secret).await.refused(401, "unauthenticated");
        }
        if kind != "refresh" {
            app.refresh(secret).await.refused(401, "invalid_refresh_token");
        }
        if kind != "code" {
            app.post("/verify", json!({"email": "bob@example.com", "code": secret}))
                .await
                .refused(400, "invalid_token");
        }
    }
}
