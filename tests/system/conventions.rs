//! The conventions of every answer.

use reqwest::Method;
use serde_json::json;
use tollgate_local::Options;
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;
use tollgate_tests::app::{PASSWORD, TestApp, options};

#[tokio::test]
async fn every_answer_has_the_headers_of_the_contract_errors_too() {
    let app = TestApp::start().await;
    for path in ["/healthz", "/me", "/nothing", "/account", "/.well-known/jwks.json", "/verify"] {
        for method in [Method::GET, Method::PUT] {
            let answer = app.send(method.clone(), path, &[("x-request-id", "mine")], None).await;
            let header = |name: &str| {
                answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
            };
            assert!(header("x-request-id").starts_with("req_"), "{method} {path}");
            assert_eq!(header("x-content-type-options"), "nosniff");
            assert_eq!(header("referrer-policy"), "no-referrer");
            assert!(header("strict-transport-security").contains("max-age"));
            assert!(!header("cache-control").is_empty());
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_and_a_wrong_method_405_with_allow() {
    let app = TestApp::start().await;
    for path in ["/nothing", "/login/", "//login", "/Login", "/sessions/", "/register/x", "/verify%2f"] {
        app.send(Method::POST, path, &[], None).await.refused(404, "not_found");
    }
    let head = app.send(Method::HEAD, "/healthz", &[], None).await.expect(200);
    assert!(head.text.is_empty());
}

// E14
#[tokio::test]
async fn an_unknown_page_is_a_404_page_for_a_browser_and_a_problem_for_a_client() {
    let app = TestApp::start().await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
    let get = async |path: &str, accept: &str| app.send(Method::GET, path, &[("accept", accept)], None).await;
    for path in [
        "/nonsense",
        "/account/nonsense",
        "/account/sessions/",
        "/account/none.js",
        "/docs/none",
        "/login/",
        "/a%2fb",
        "/%ff",
    ] {
        for accept in [browser, "text/html", "TEXT/HTML", "application/json;q=0.5, text/html", "*/*;q=0.1,text/*"] {
            let page = get(path, accept).await.expect(404);
            assert_eq!(page.headers["content-type"], "text/html; charset=utf-8", "{path} for {accept}");
            assert!(page.text.contains("href=\"/account\"") && page.text.contains("<h1>"), "{}", page.text);
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'") || policy.contains("default-src 'self'"), "{policy}");
            assert_eq!(page.headers["cache-control"], "no-store");
        }
        for accept in
            ["", "*/*", "application/json", "text/html;q=0", "text/html;q=0.1, application/json", "text/css,*/*"]
        {
            get(path, accept).await.refused(404, "not_found");
        }
        app.get(path).await.refused(404, "not_found");
        let (status, code) = match path.starts_with("/account/") || path.starts_with("/docs/") {
            true => (405, "method_not_allowed"),
            false => (404, "not_found"),
        };
        app.send(Method::POST, path, &[("accept", browser)], None).await.refused(status, code);
        let head = app.send(Method::HEAD, path, &[("accept", browser)], None).await.expect(404);
        assert_eq!((head.headers["content-type"].to_str().unwrap(), head.text.len()), ("text/html; charset=utf-8", 0));
    }
    for view in
        ["", "/sign-in", "/register", "/code", "/verify", "/forgot", "/email", "/methods", "/sessions", "/password"]
    {
        app.get(&format!("/account{view}")).await.expect(200);
    }
    // A known path answers a browser as it answers a client.
    get("/me", browser).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_body_must_be_json_of_the_right_type_size_and_kind() {
    let app = TestApp::start().await;
    let json = [("content-type", "application/json")];
    let send = |headers: &'static [(&'static str, &'static str)], body: String| {
        app.send(Method::POST, "/login", headers, Some(body))
    };
    let good = json!({"email": "a@example.com", "password": PASSWORD}).to_string();
    send(&[], good.clone()).await.refused(415, "unsupported_media_type");
    send(&[("content-type", "text/plain")], good.clone()).await.refused(415, "unsupported_media_type");
    send(&[("content-type", "application/json; charset=utf-8")], good).await.refused(401, "invalid_credentials");
    for bad in ["", "{", "{\"email\"", "\u{0}", "nonsense"] {
        app.send(Method::POST, "/login", &json, Some(bad.to_owned())).await.refused(400, "invalid_json");
    }
    for wrong in
        ["[]", "1", "null", "{}", "{\"email\":1,\"password\":\"x\"}", "{\"email\":\"a@example.com\",\"password\":null}"]
    {
        app.send(Method::POST, "/login", &json, Some(wrong.to_owned())).await.refused(422, "validation_failed");
    }
    let large = json!({"email": "a@example.com", "password": "x".repeat(65 * 1024)}).to_string();
    app.send(Method::POST, "/login", &json, Some(large)).await.refused(413, "body_too_large");
    let almost = json!({"email": "a@example.com", "password": "x".repeat(60 * 1024)}).to_string();
    app.send(Method::POST, "/login", &json, Some(almost)).await.refused(401, "invalid_credentials");
}

// S20
#[tokio::test]
async fn only_configured_origins_are_allowed_and_never_a_wildcard() {
    let env = vec![("CORS_ORIGINS".to_owned(), "https://app.example".to_owned())];
    let app = TestApp::start_with(Options { env, ..options() }).await;
    let own = app.stack.base_url();
    for (origin, allowed) in [
        ("https://app.example", true),
        (own.as_str(), true),
        ("https://evil.example", false),
        ("null", false),
        ("https://app.example.evil.example", false),
    ] {
        let plain = app.send(Method::GET, "/healthz", &[("origin", origin)], None).await.expect(200);
        assert_eq!(
            plain.headers.get("access-control-allow-origin").map(|o| o.to_str().unwrap()),
            allowed.then_some(origin)
        );
        assert!(plain.headers["vary"].to_str().unwrap().contains("origin"));
        let ask = [
            ("origin", origin),
            ("access-control-request-method", "PATCH"),
            ("access-control-request-headers", "authorization"),
        ];
        let preflight = app.send(Method::OPTIONS, "/me", &ask, None).await;
        assert_eq!(preflight.headers.contains_key("access-control-allow-origin"), allowed, "{origin}");
        if allowed {
            assert_eq!(preflight.headers["access-control-allow-credentials"], "true");
            assert!(preflight.headers["access-control-allow-methods"].to_str().unwrap().contains("PATCH"));
            assert!(preflight.headers["access-control-allow-headers"].to_str().unwrap().contains("idempotency-key"));
        }
    }
}

// S20
#[tokio::test]
async fn a_cookie_call_from_another_origin_is_refused_without_effect() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let cookie = format!("refresh_token={}", session.refresh);
    for path in ["/refresh-token", "/logout"] {
        for origin in ["https://evil.example", "null"] {
            let headers = [("cookie", cookie.as_str()), ("origin", origin)];
            app.send(Method::POST, path, &headers, None).await.refused(403, "forbidden");
        }
    }
    let own = app.stack.base_url();
    app.send(Method::POST, "/refresh-token", &[("cookie", &cookie), ("origin", &own)], None).await.expect(200);
}

// S20
#[tokio::test]
async fn the_cookie_is_httponly_and_secure_outside_this_machine() {
    for (environment, secure) in [("local", false), ("prod", true)] {
        let env = vec![("APP_ENV".to_owned(), environment.to_owned())];
        let app = TestApp::start_with(Options { env, ..options() }).await;
        let email = app.member("ann").await;
        let name = if secure { "__Host-refresh_token" } else { "refresh_token" };
        let line = app.login(&email, PASSWORD).await.expect(200).cookie_line(name).unwrap();
        for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
            assert!(line.split("; ").any(|part| part == attribute), "{line}");
        }
        assert_eq!(line.contains("; Secure"), secure);
    }
}

// S28, R8
#[tokio::test]
async fn an_internal_error_shows_no_details_and_has_retry_after() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    for kind in [Kind::Throttle, Kind::Error, Kind::LostResponse, Kind::Hang] {
        app.fail(Service::Dynamodb, kind, 0, 1000);
        for answer in
            [app.login(&email, PASSWORD).await, app.get_as(&session, "/me").await, app.refresh(&session.refresh).await]
        {
            let answer = answer.refused(503, "unavailable");
            assert!(answer.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() <= 10);
            for inside in ["dynamo", "Exception", "arn:", "tollgate-", "Error {"] {
                assert!(!answer.text.contains(inside), "{}", answer.text);
            }
        }
        app.stack.fault_injector().clear();
    }
    app.get_as(&session, "/me").await.expect(200);
}

/// The status of a request with this first line and these headers.
async fn raw(app: &TestApp, head: &str) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = app.stack.origin();
    let mut stream = tokio::net::TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    stream.write_all(format!("{head}\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

// B21
#[tokio::test]
async fn a_request_line_of_any_form_causes_no_internal_error() {
    let app = TestApp::start().await;
    for target in
        ["*", "/%", "/%zz", "/%00", "/a?%zz", "//", "/login?x=\"y\"", "/[", "/a//b", "/\\", "/^", "/{id}", "/|"]
    {
        for method in ["GET", "POST", "OPTIONS", "HEAD"] {
            let status = raw(&app, &format!("{method} {target} HTTP/1.1\r\nhost: 127.0.0.1")).await;
            assert!((200..500).contains(&status), "{method} {target}: {status}");
        }
    }
    for line in ["GET http://127.0.0.1/healthz", "CONNECT 127.0.0.1:80", "GET http://evil.example", "BREW /healthz"] {
        let status = raw(&app, &format!("{line} HTTP/1.1\r\nhost: 127.0.0.1")).await;
        assert!((200..500).contains(&status), "{line}: {status}");
    }
    for host in ["[", "a b", "127.0.0.1:x", "%", "a/b", "", "ä.example", "127.0.0.1:99999"] {
        let status = raw(&app, &format!("GET /healthz HTTP/1.1\r\nhost: {host}")).await;
        assert!((200..500).contains(&status), "host {host}: {status}");
    }
}
