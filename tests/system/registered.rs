//! The browser of the registration is signed in when the address is verified there (E8); no other one is.

use reqwest::Method;
use serde_json::{Value, json};
use tollgate_tests::app::{Answer, PASSWORD, Session, TestApp, options};
use tollgate_tests::browser::Browser;
use tollgate_tests::request::Request;

const EMAIL: &str = "ann@example.com";
const MESSAGE: &str = "Your e-mail address is verified. You can sign in now.";

/// Registers `ann` and returns the value of the cookie in her browser.
async fn register(app: &TestApp) -> String {
    app.register("ann").await.expect(202).cookie("registered").unwrap()
}

/// `POST /verify` in a browser with these cookies.
async fn verify(app: &TestApp, body: &Value, cookies: &str) -> Answer {
    Request::post("/verify", body.clone()).with_header("cookie", cookies).send(app).await
}

async fn by_code(app: &TestApp) -> Value {
    json!({"email": EMAIL, "code": app.code(EMAIL, "verify").await})
}

async fn by_link(app: &TestApp) -> Value {
    json!({"token": app.link_token(EMAIL, "verify").await})
}

/// Checks that the address is verified, and that there is no session.
fn verified_elsewhere(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), &answer.body), (200, &json!({"message": MESSAGE})));
    assert!(!answer.headers.contains_key("set-cookie"), "{:?}", answer.headers);
}

async fn sessions(app: &TestApp) -> usize {
    let gates = app.table("gate").await;
    gates.iter().filter_map(|gate| Some(gate["sessions"]["M"].as_object()?.len())).sum()
}

// E8, S5
#[tokio::test]
async fn a_verification_in_the_browser_that_registered_signs_in() {
    for is_by_code in [true, false] {
        let app = TestApp::start().await;
        let own = register(&app).await;
        let body = if is_by_code { by_code(&app).await } else { by_link(&app).await };
        let answer = verify(&app, &body, &format!("registered={own}")).await.expect(200);
        assert_eq!((&answer.body["token_type"], &answer.body["user"]["email"]), (&json!("Bearer"), &json!(EMAIL)));
        assert_eq!(answer.body["user"]["email_verified"], true);
        assert!(answer.body.get("refresh_token").is_none() && answer.body.get("device_token").is_none());
        let gone = answer.cookie_line("registered").unwrap();
        assert_eq!(gone, "registered=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
        let session = Session::of(&answer);
        app.get_as(&session, "/me").await.expect(200);
        app.refresh(&session.refresh).await.expect(200);
        // The sign-in counts as a fresh one, and the device is known from now on.
        app.post_as(&session, "/change-email", json!({"new_email": "new@example.com"})).await.expect(202);
        assert!(answer.cookie("device").is_some());
        let actions = app.actions().await;
        for action in ["user.registered", "user.verified", "user.signed_in"] {
            assert_eq!(actions.iter().filter(|found| *found == action).count(), 1, "{action} in {actions:?}");
        }
        app.login(EMAIL, PASSWORD).await.expect(200);
    }
}

// E8, S6, S20
#[tokio::test]
async fn the_cookie_is_the_same_for_new_and_known_addresses() {
    let app = TestApp::start().await;
    app.member("bob").await;
    let mut seen = Vec::new();
    for (email, username) in [(EMAIL, "ann"), ("bob@example.com", "bob-2"), (EMAIL, "ann-2")] {
        let body = json!({"email": email, "username": username, "password": PASSWORD});
        let answer = app.post("/register", body).await.expect(202);
        let value = answer.cookie("registered").unwrap();
        let line = answer.cookie_line("registered").unwrap().replace(&value, "VALUE");
        assert_eq!(line, "registered=VALUE; HttpOnly; SameSite=Lax; Path=/; Max-Age=86400");
        seen.push(value);
    }
    let lengths: Vec<_> = seen.iter().map(String::len).collect();
    assert!(lengths.iter().all(|length| *length == lengths[0]), "{seen:?}");
    let (first, second, third) = (&seen[0], &seen[1], &seen[2]);
    assert!(first != second && second != third && first != third);
    for user in app.table("gate").await.iter().filter_map(|gate| gate["pk"]["S"].as_str()) {
        let bare = user.trim_start_matches("USER#usr_");
        assert!(seen.iter().all(|value| !value.contains(bare)), "{user}");
    }
    let dump =
        format!("{:?}{:?}{:?}", app.table("sessions").await, app.table("limits").await, app.table("outbox").await);
    assert!(seen.iter().all(|value| !dump.contains(value.as_str())), "S19: it is stored nowhere");
    // A refused registration sets no cookie.
    let taken = json!({"email": "new@example.com", "username": "ann", "password": PASSWORD});
    let answer = app.post("/register", taken).await.refused(409, "username_taken");
    assert!(answer.cookie("registered").is_none());
}

// E8, S6, S23
#[tokio::test]
async fn no_other_browser_is_signed_in_by_a_code_or_a_link() {
    let app = TestApp::start().await;
    let own = register(&app).await;
    // Registered for the same address, and for another account; invented; changed; truncated.
    let again = json!({"email": EMAIL, "username": "ann-2", "password": "another horse staple"});
    let of_known = app.post("/register", again).await.expect(202).cookie("registered").unwrap();
    let of_bob = app.register("bob").await.expect(202).cookie("registered").unwrap();
    let last = own.chars().last().unwrap();
    let changed = format!("{}{}", &own[..own.len() - 1], if last == '0' { '1' } else { '0' });
    let cut = own[..own.len() - 1].to_owned();
    for value in ["", &of_known, &of_bob, &changed, &cut, "x", "a.b.c", "x.x.x.x"] {
        let body = by_link(&app).await;
        verified_elsewhere(&verify(&app, &body, &format!("registered={value}")).await);
    }
    verified_elsewhere(&app.post("/verify", by_link(&app).await).await);
    // Under another name it has no effect.
    verified_elsewhere(&verify(&app, &by_link(&app).await, &format!("Registered={own}; xregistered={own}")).await);
    assert_eq!(sessions(&app).await, 0);
    // After another browser used the code, it signs in nowhere.
    let app = TestApp::start().await;
    let own = register(&app).await;
    let code = by_code(&app).await;
    verified_elsewhere(&app.post("/verify", code.clone()).await);
    verify(&app, &code, &format!("registered={own}")).await.refused(400, "invalid_token");
    assert_eq!(sessions(&app).await, 0);
}

// E8, S11
#[tokio::test]
async fn a_guessed_code_or_an_expired_one_signs_in_nowhere() {
    let app = TestApp::start().await;
    let own = format!("registered={}", register(&app).await);
    let right = app.code(EMAIL, "verify").await;
    let wrong = format!("{:06}", (right.parse::<u32>().unwrap() + 1) % 1_000_000);
    for _ in 0..5 {
        let body = json!({"email": EMAIL, "code": wrong});
        verify(&app, &body, &own).await.refused(400, "invalid_token");
    }
    verify(&app, &json!({"email": EMAIL, "code": right}), &own).await.refused(400, "invalid_token");
    app.advance(1);
    app.post("/request/verify", json!({"email": EMAIL})).await.expect(202);
    let code = by_code(&app).await;
    app.advance(15 * 60);
    verify(&app, &code, &own).await.refused(400, "invalid_token");
    assert_eq!(sessions(&app).await, 0);
}

// E8, S11
#[tokio::test]
async fn the_right_code_or_link_sent_fifty_times_at_once_creates_one_session() {
    for is_by_code in [true, false] {
        let app = TestApp::start().await;
        let own = format!("registered={}", register(&app).await);
        let body = if is_by_code { by_code(&app).await } else { by_link(&app).await };
        let answers = (0..50).map(|_| verify(&app, &body, &own));
        let answers = futures_util::future::join_all(answers).await;
        let signed_in = answers.iter().filter(|answer| answer.body.get("access_token").is_some());
        assert_eq!((signed_in.count(), sessions(&app).await), (1, 1), "by code: {is_by_code}");
        assert_eq!(app.actions().await.iter().filter(|action| *action == "user.verified").count(), 1);
    }
}

// E8, S10
#[tokio::test]
async fn the_cookie_is_valid_for_a_day_and_for_the_password_of_that_time() {
    let app = TestApp::start().await;
    let own = format!("registered={}", register(&app).await);
    app.advance(86_399);
    app.post("/request/verify", json!({"email": EMAIL})).await.expect(202);
    let body = by_link(&app).await;
    app.advance(1);
    verified_elsewhere(&verify(&app, &body, &own).await);

    let app = TestApp::start().await;
    let own = format!("registered={}", register(&app).await);
    app.advance(1);
    // The account's owner sets another password; later mails belong to that one.
    app.post("/forget-password", json!({"email": EMAIL})).await.expect(202);
    let token = app.link_token(EMAIL, "reset").await;
    let link = by_link(&app).await;
    app.post("/new-password", json!({"token": token, "password": "another horse staple"})).await.expect(200);
    let answer = verify(&app, &link, &own).await;
    assert!(answer.body.get("access_token").is_none(), "{}", answer.text);
    assert_eq!(sessions(&app).await, 0);
}

// E8, S20
#[tokio::test]
async fn each_of_several_cookies_is_tried() {
    let app = TestApp::start().await;
    let own = register(&app).await;
    let of_bob = app.register("bob").await.expect(202).cookie("registered").unwrap();
    let code = by_code(&app).await;
    let cookies = format!("registered=; registered={of_bob}; utm=ü; registered=x; registered={own}; a=b");
    let request = app.client.post(format!("{}/verify", app.stack.origin()));
    let request = request.header("content-type", "application/json").body(code.to_string());
    let answer = Answer::read(request.header("cookie", cookies.as_bytes()).send().await.unwrap()).await.expect(200);
    assert!(answer.body.get("access_token").is_some(), "{}", answer.text);
}

// E8, S20
#[tokio::test]
async fn a_call_from_a_foreign_page_verifies_and_does_not_sign_in() {
    for (origin, fetch_site, is_own) in [
        (Some("https://evil.example"), None, false),
        (Some("null"), None, false),
        (Some("null"), Some("cross-site"), false),
        (Some("null"), Some("same-site"), false),
        (Some("null"), Some("same-origin"), true),
        (None, None, true),
    ] {
        let app = TestApp::start().await;
        let own = format!("registered={}", register(&app).await);
        let mut request = Request::post("/verify", by_link(&app).await).with_header("cookie", &own);
        if let Some(origin) = origin {
            request = request.with_header("origin", origin);
        }
        if let Some(site) = fetch_site {
            request = request.with_header("sec-fetch-site", site);
        }
        let answer = request.send(&app).await.expect(200);
        assert_eq!(answer.body.get("access_token").is_some(), is_own, "{origin:?} {fetch_site:?}: {}", answer.text);
        assert_eq!(sessions(&app).await, usize::from(is_own));
    }
}

// E8, S12
#[tokio::test]
async fn the_cookie_and_other_secrets_do_not_replace_each_other() {
    let app = TestApp::start().await;
    let own = register(&app).await;
    app.post("/verify", json!({"token": own})).await.refused(400, "invalid_token");
    app.post("/verify", json!({"email": EMAIL, "code": own})).await.refused(400, "invalid_token");
    app.post("/new-password", json!({"token": own, "password": "another horse staple"}))
        .await
        .refused(400, "invalid_token");
    app.refresh(&own).await.refused(401, "invalid_refresh_token");
    app.with_token(Method::GET, "/me", &own).await.refused(401, "unauthenticated");
    let bob = app.member("bob").await;
    let answer = app.login(&bob, PASSWORD).await.expect(200);
    let session = Session::of(&answer);
    let device = answer.cookie("device").unwrap();
    let link = app.link_token(EMAIL, "verify").await;
    for value in [&session.refresh, &session.access, &device, &link] {
        verified_elsewhere(&verify(&app, &by_link(&app).await, &format!("registered={value}")).await);
    }
}

// E8
#[tokio::test]
async fn the_page_of_the_link_signs_in_too_and_links_the_account() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    browser.set_cookie("registered", &register(&app).await);
    let form = format!("token={}", app.link_token(EMAIL, "verify").await);
    let headers = [("origin", "null"), ("sec-fetch-site", "same-origin"), ("accept", "text/html")];
    let page = browser.send(Method::POST, "/verify", &headers, Some(form.clone())).await.expect(200);
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(page.text.contains("You are signed in") && page.text.contains("href=\"/account\""), "{}", page.text);
    app.refresh(&browser.cookie("refresh_token").unwrap()).await.expect(200);
    let elsewhere = Browser::new(&app);
    let page = elsewhere.send(Method::POST, "/verify", &headers, Some(form)).await.expect(200);
    assert!(page.text.contains("You can sign in now") && elsewhere.cookie("refresh_token").is_none(), "{}", page.text);
}

// E8, S17
#[tokio::test]
async fn an_account_that_was_disabled_is_verified_and_not_signed_in() {
    let (app, admin) = crate::admin::app_and_admin().await;
    let own = register(&app).await;
    let ann = crate::admin::all_pages(&app, &admin, "/admin/users?q=ann@", 1).await.remove(0);
    let path = format!("/admin/users/{}/status", ann["id"].as_str().unwrap());
    crate::admin::patch(&app, &admin, &path, json!({"is_active": false})).await.expect(200);
    verified_elsewhere(&verify(&app, &by_code(&app).await, &format!("registered={own}")).await);
}

// E8, S20
#[tokio::test]
async fn outside_the_local_stack_the_cookie_has_the_host_prefix() {
    let env = vec![("APP_ENV".to_owned(), "production".to_owned())];
    let app = TestApp::start_with(tollgate_local::Options { env: [options().env, env].concat(), ..options() }).await;
    let answer = app.register("ann").await.expect(202);
    let value = answer.cookie("__Host-registered").unwrap();
    assert!(answer.cookie_line("__Host-registered").unwrap().ends_with("Max-Age=86400; Secure"));
    verified_elsewhere(&verify(&app, &by_link(&app).await, &format!("registered={value}")).await);
    let answer = verify(&app, &by_link(&app).await, &format!("__Host-registered={value}")).await;
    assert!(answer.body.get("access_token").is_some(), "{}", answer.text);
}
