//! Cookies beside those of other software: a pair that cannot be parsed, several with one name, one of another host.

use reqwest::header::{COOKIE, HeaderValue};
use reqwest::{Client, Method};
use serde_json::json;
use std::net::IpAddr;
use tollgate_local::Options;
use tollgate_tests::app::{Answer, PASSWORD, Session, TestApp, options};
use tollgate_tests::browser::{Browser, location, verified_account};

/// Cookies of other software in a `cookie` header, as bytes.
const FOREIGN: &[&[u8]] = &[
    "utm=frühling".as_bytes(),
    b"utm=fr\xfchling",
    "naïve=1".as_bytes(),
    "x=\u{1f36a}".as_bytes(),
    b"=",
    b"=value",
    b"noequals",
    b"a=b=c",
    b"q=\"quoted\"",
    b"q=\"a; b\"",
    b"refresh_token",
    b"json={\"a\":[1,2]}",
    b"a=b c",
    b"; ;;",
    b"tab\t=1",
];

/// A POST with this `cookie` header, byte by byte.
async fn post_with(app: &TestApp, path: &str, cookie: &[u8], body: Option<serde_json::Value>) -> Answer {
    let mut request = app.client.post(format!("{}{path}", app.stack.origin()));
    request = request.header(COOKIE, HeaderValue::from_bytes(cookie).unwrap());
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    Answer::read(request.send().await.unwrap()).await
}

/// `foreign` before and after `own`.
fn beside(own: &str, foreign: &[u8]) -> [Vec<u8>; 2] {
    [[foreign, b"; ", own.as_bytes()].concat(), [own.as_bytes(), b"; ", foreign].concat()]
}

// B2, S20
#[tokio::test]
async fn a_pair_that_cannot_be_parsed_invalidates_only_itself() {
    let app = TestApp::start().await;
    let (email, mut session) = app.person("ann").await;
    for foreign in FOREIGN {
        let shown = String::from_utf8_lossy(foreign);
        for side in 0..2 {
            let cookie = &beside(&format!("refresh_token={}", session.refresh), foreign)[side];
            let answer = post_with(&app, "/refresh-token", cookie, None).await;
            assert_eq!(answer.status, 200, "refresh beside {shown}: {}", answer.text);
            session = Session::of(&answer);
            let other = app.sign_in(&email).await;
            let cookie = &beside(&format!("refresh_token={}", other.refresh), foreign)[side];
            post_with(&app, "/logout", cookie, None).await.expect(204);
            app.get_as(&other, "/me").await.refused(401, "unauthenticated");
        }
    }
}

// B2, S21
#[tokio::test]
async fn a_provider_sign_in_succeeds_with_foreign_cookies() {
    let app = TestApp::start().await;
    let subject = verified_account(&app, "google", "ann@example.com").await;
    for foreign in FOREIGN {
        let browser = Browser::new(&app);
        let back = browser.consent("google", &subject, "").await;
        let path = back.strip_prefix(&app.stack.base_url()).unwrap().to_owned();
        let own = format!("oauth_state={}", browser.cookie("oauth_state").unwrap());
        let request = app.client.get(format!("{}{path}", app.stack.origin()));
        let request = request.header(COOKIE, HeaderValue::from_bytes(&beside(&own, foreign)[0]).unwrap());
        let answer = Answer::read(request.send().await.unwrap()).await.expect(302);
        assert!(!location(&answer).contains("error"), "{}", String::from_utf8_lossy(foreign));
    }
}

/// Tokens that are not valid, beside a current one: a browser may hold those of another path, another account, another
/// time.
async fn useless_tokens(app: &TestApp, session: &Session) -> Vec<String> {
    let rotated = app.sign_in("ann@example.com").await;
    app.refresh(&rotated.refresh).await.expect(200);
    let ended = app.sign_in("ann@example.com").await;
    app.with_cookie("/logout", &ended.refresh).await.expect(204);
    app.advance(11); // after the grace of the rotation
    let forged = format!("{}x", session.refresh);
    vec!["old".to_owned(), String::new(), forged, ended.refresh, rotated.refresh, "\"quoted\"".to_owned()]
}

// B3, S18, S20
#[tokio::test]
async fn the_valid_one_of_several_refresh_tokens_counts() {
    let app = TestApp::start().await;
    let (_, mut session) = app.person("ann").await;
    let useless = useless_tokens(&app, &session).await;
    for token in &useless {
        for valid_first in [false, true] {
            let (one, two) = if valid_first { (&session.refresh, token) } else { (token, &session.refresh) };
            let cookie = format!("refresh_token={one}; refresh_token={two}");
            let answer = post_with(&app, "/refresh-token", cookie.as_bytes(), None).await;
            assert_eq!(answer.status, 200, "{token}: {}", answer.text);
            session = Session::of(&answer);
        }
    }
    let all = useless.iter().chain([&session.refresh]).map(|token| format!("refresh_token={token}"));
    let cookie = all.collect::<Vec<_>>().join("; ");
    post_with(&app, "/refresh-token", cookie.as_bytes(), None).await.expect(200);
}

// B3, S18
#[tokio::test]
async fn a_rotated_token_next_to_a_current_one_revokes_nothing() {
    let app = TestApp::start().await;
    let (_, first) = app.person("ann").await;
    let second = Session::of(&app.refresh(&first.refresh).await.expect(200));
    app.advance(11);
    for cookie in [
        format!("refresh_token={}; refresh_token={}", first.refresh, second.refresh),
        format!("refresh_token={}; refresh_token=x; refresh_token={}", first.refresh, second.refresh),
    ] {
        let answer = post_with(&app, "/refresh-token", cookie.as_bytes(), None).await.expect(200);
        app.get_as(&Session::of(&answer), "/me").await.expect(200);
    }
    // Without a current one beside it, it is a copy: the session ends.
    app.advance(11);
    let cookie = format!("refresh_token=x; refresh_token={}", first.refresh);
    post_with(&app, "/refresh-token", cookie.as_bytes(), None).await.refused(401, "invalid_refresh_token");
    app.get_as(&second, "/me").await.refused(401, "unauthenticated");
}

// B3, S17
#[tokio::test]
async fn signing_out_ends_the_sessions_of_all_refresh_tokens() {
    let app = TestApp::start().await;
    let (email, one) = app.person("ann").await;
    let (_, of_bob) = app.person("bob").await;
    let rotated = app.sign_in(&email).await;
    let next = Session::of(&app.refresh(&rotated.refresh).await.expect(200));
    let tokens = ["old", &one.refresh, "\"x\"", &rotated.refresh, &of_bob.refresh];
    let cookie = tokens.map(|token| format!("refresh_token={token}")).join("; ");
    let answer = post_with(&app, "/logout", cookie.as_bytes(), None).await.expect(204);
    assert!(answer.cookie_line("refresh_token").unwrap().contains("Max-Age=0"));
    for session in [&one, &next, &of_bob] {
        app.get_as(session, "/me").await.refused(401, "unauthenticated");
    }
}

// B3, S9
#[tokio::test]
async fn the_device_of_the_account_counts_among_several() {
    let app = TestApp::start_limited().await;
    let (ann, bob) = (app.member("ann").await, app.member("bob").await);
    let device = app.login(&ann, PASSWORD).await.expect(200).cookie("device").unwrap();
    let of_bob = app.login(&bob, PASSWORD).await.expect(200).cookie("device").unwrap();
    app.advance(60);
    let guess = json!({"email": ann, "password": "a stranger's guess"});
    let body = json!({"email": ann, "password": PASSWORD});
    for useless in [of_bob.as_str(), "forged.x.1.y.z", "", "a=b"] {
        // The client uses up the attempts of a client without a known device.
        let client = Client::builder().local_address(IpAddr::from([127, 0, 0, 77])).build().unwrap();
        let cookie = format!("device={useless}; device={device}");
        for _ in 0..3 {
            app.post_from(77, "/login", &[], guess.clone()).await;
        }
        let request = client.post(format!("{}/login", app.stack.origin())).header("content-type", "application/json");
        let request = request.header(COOKIE, cookie).body(body.to_string());
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert_eq!(answer.cookie("device").as_deref(), Some(device.as_str()), "{useless}: {}", answer.text);
        app.advance(60);
    }
}

// B3, S21
#[tokio::test]
async fn the_state_cookie_of_this_browser_counts_among_several() {
    let app = TestApp::start().await;
    let subject = verified_account(&app, "google", "ann@example.com").await;
    let other = Browser::new(&app);
    other.get("/google/login").await.expect(302);
    let stale = other.cookie("oauth_state").unwrap();
    for useless in [stale.as_str(), "old", ""] {
        let browser = Browser::new(&app);
        let back = browser.consent("google", &subject, "").await;
        let own = browser.cookie("oauth_state").unwrap();
        let cookie = format!("oauth_state={useless}; oauth_state={own}");
        let path = back.strip_prefix(&app.stack.base_url()).unwrap();
        let headers = [("cookie", cookie.as_str()), ("accept", "application/json")];
        app.send(Method::GET, path, &headers, None).await.expect(200);
    }
}

// B3, S20
#[tokio::test]
async fn a_cookie_that_a_neighbouring_host_can_set_does_not_count() {
    let env = vec![("APP_ENV".to_owned(), "prod".to_owned())];
    let app = TestApp::start_with(Options { env: [env, tollgate_tests::app::no_limits()].concat(), ..options() }).await;
    let email = app.member("ann").await;
    let answer = app.login(&email, PASSWORD).await.expect(200);
    for name in ["refresh_token", "device"] {
        assert!(answer.cookie(name).is_none(), "{name} without a prefix");
        let line = answer.cookie_line(&format!("__Host-{name}")).unwrap();
        assert!(line.contains("; Secure") && line.contains("; Path=/;") && !line.contains("Domain"), "{line}");
    }
    let token = answer.cookie("__Host-refresh_token").unwrap();
    app.refresh(&token).await.refused(401, "invalid_refresh_token");
    let cookie = format!("refresh_token=planted; __Host-refresh_token={token}");
    let next = post_with(&app, "/refresh-token", cookie.as_bytes(), None).await.expect(200);
    assert!(next.cookie("__Host-refresh_token").is_some());
    let begun = app.get("/google/login").await.expect(302);
    assert!(begun.cookie("__Host-oauth_state").is_some() && begun.cookie("oauth_state").is_none());
}
