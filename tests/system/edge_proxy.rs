//! Behind the operator's own proxy: the client of a request, and that no header counts without the secret (D6, S8).

use serde_json::{Value, json};
use tollgate_local::Options;
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;
use tollgate_tests::app::{Answer, PASSWORD, Session, TestApp, limited, no_limits};

pub(crate) const SECRET: &str = "q7Zt0vLx2mKc9RdW4yHb8sNf6uPj1gAe";

/// A stack behind a proxy that names the client in `header`.
pub(crate) fn behind_proxy(header: &str) -> Options {
    let env = [("CLIENT_IP_HEADER", header), ("EDGE_SECRET", SECRET)];
    Options { env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(), ..limited() }
}

/// A failing sign-in with these additional headers.
async fn guess(app: &TestApp, headers: &[(&str, &str)]) -> Answer {
    let body = json!({"email": "nobody@example.com", "password": PASSWORD});
    let headers = [&[("content-type", "application/json")], headers].concat();
    app.send(reqwest::Method::POST, "/login", &headers, Some(body.to_string())).await
}

/// Uses up the calls of the client that these headers name.
async fn use_up(app: &TestApp, headers: &[(&str, &str)]) {
    for _ in 0..5 {
        guess(app, headers).await.refused(401, "invalid_credentials");
    }
    guess(app, headers).await.refused(429, "rate_limited");
}

// D6
#[tokio::test]
async fn each_client_behind_the_proxy_has_buckets_of_its_own() {
    for (header, first, second) in [
        ("x-client-ip", "203.0.113.7", "203.0.113.8"),
        ("X-Client-IP", "203.0.113.7:4711", "203.0.113.8:4711"),
        ("x-forwarded-for", "203.0.113.9, 203.0.113.7", "203.0.113.9, 203.0.113.8"),
        ("cloudfront-viewer-address", "2001:db8:0:1:0:0:0:7:46532", "2001:db8:0:2:0:0:0:7:46532"),
    ] {
        let app = TestApp::start_with(behind_proxy(header)).await;
        let of = |address| [("x-edge-secret", SECRET), (header, address)];
        use_up(&app, &of(first)).await;
        guess(&app, &of(second)).await.refused(401, "invalid_credentials");
        // The proxy's own address has its own bucket, too.
        guess(&app, &[]).await.refused(401, "invalid_credentials");
    }
}

// D6, S8
#[tokio::test]
async fn a_wrong_or_missing_secret_changes_nothing() {
    let app = TestApp::start_with(behind_proxy("x-client-ip")).await;
    use_up(&app, &[]).await;
    let (shorter, longer, twice) = (&SECRET[..31], format!("{SECRET}0"), format!("{SECRET},{SECRET}"));
    let upper = SECRET.to_uppercase();
    for (n, secret) in ["", "x", shorter, &longer, &twice, &upper, "edge"].into_iter().enumerate() {
        let headers = [("x-client-ip", &*format!("203.0.113.{n}")), ("x-edge-secret", secret)];
        guess(&app, &headers).await.refused(429, "rate_limited");
    }
    guess(&app, &[("x-client-ip", "203.0.113.20")]).await.refused(429, "rate_limited");
    let twice = [("x-edge-secret", SECRET), ("x-client-ip", "203.0.113.21"), ("x-edge-secret", SECRET)];
    guess(&app, &twice).await.refused(429, "rate_limited");
    // With the secret, too, only the configured header counts, and only an address.
    for header in ["x-forwarded-for", "x-real-ip", "forwarded", "via", "cf-connecting-ip", "x-client-ipv6"] {
        guess(&app, &[("x-edge-secret", SECRET), (header, "203.0.113.22")]).await.refused(429, "rate_limited");
    }
    for value in ["", "unknown", "203.0.113", "203.0.113.7, unknown", "for=203.0.113.7", "fe80::1%eth0"] {
        guess(&app, &[("x-edge-secret", SECRET), ("x-client-ip", value)]).await.refused(429, "rate_limited");
    }
    guess(&app, &[("x-edge-secret", SECRET), ("x-client-ip", "203.0.113.23")])
        .await
        .refused(401, "invalid_credentials");
}

// D6, S8
#[tokio::test]
async fn the_secret_has_no_effect_without_a_configured_header() {
    let env = vec![("EDGE_SECRET".to_owned(), SECRET.to_owned())];
    let app = TestApp::start_with(Options { env, ..limited() }).await;
    use_up(&app, &[]).await;
    for header in ["x-forwarded-for", "x-real-ip", "cloudfront-viewer-address", "x-client-ip"] {
        guess(&app, &[("x-edge-secret", SECRET), (header, "203.0.113.7")]).await.refused(429, "rate_limited");
    }
}

// D6, R17
#[tokio::test]
async fn a_secret_that_cannot_be_read_makes_the_proxy_the_client() {
    let app = TestApp::start_with(behind_proxy("x-client-ip")).await;
    app.fail(Service::Secrets, Kind::Error, 0, u32::MAX);
    // `auth` has read its own secrets at its start; `edge` it has not.
    app.advance(60);
    use_up(&app, &[]).await;
    let of_client = [("x-edge-secret", SECRET), ("x-client-ip", "203.0.113.7")];
    guess(&app, &of_client).await.refused(429, "rate_limited");
    app.stack.fault_injector().clear();
    guess(&app, &of_client).await.refused(401, "invalid_credentials");
}

// D6
#[tokio::test]
async fn sessions_and_the_audit_trail_show_the_client_and_not_the_proxy() {
    let mut options = behind_proxy("x-forwarded-for");
    options.env.extend(no_limits());
    let app = TestApp::start_with(options).await;
    let (email, admin) = app.person("ann").await;
    app.make_admins(&[&admin]).await;
    let (_, bob) = app.person("bob").await;
    let from = |ip: &'static str| [("x-edge-secret", SECRET), ("x-forwarded-for", ip)];
    app.advance(1);
    let headers = [&[("content-type", "application/json")][..], &from("6.6.6.6, 203.0.113.7")].concat();
    let body = json!({"email": email, "password": PASSWORD}).to_string();
    let answer = app.send(reqwest::Method::POST, "/login", &headers, Some(body)).await.expect(200);
    let session = Session::of(&answer);
    let sessions = app.get_as(&session, "/sessions").await.expect(200).body;
    let ips: Vec<_> = sessions["items"].as_array().unwrap().iter().map(|item| item["ip"].clone()).collect();
    assert_eq!(ips, ["203.0.113.7", "127.0.0.1"]);
    // A change by an admin and one by a subscriber, each in another function.
    let bearer = format!("Bearer {}", session.access);
    let headers =
        [&[("content-type", "application/json"), ("authorization", bearer.as_str())][..], &from("2001:db8::7")]
            .concat();
    let status = format!("/admin/users/{}/status", bob.user["id"].as_str().unwrap());
    app.send(reqwest::Method::PATCH, &status, &headers, Some(json!({"is_active": false}).to_string()))
        .await
        .expect(200);
    let plan = json!({
        "code": "new", "name": "New", "price_cents": 900, "currency": "eur", "billing_period": "year", "tier": 3,
    });
    app.send(reqwest::Method::POST, "/billing/plans", &headers, Some(plan.to_string())).await.expect(201);
    let entries = app.table("audit").await;
    let ip_of = |action: &str| {
        let of_action: Vec<&Value> = entries.iter().filter(|entry| entry["action"]["S"] == action).collect();
        of_action.iter().map(|entry| entry["ip"]["S"].as_str().unwrap_or_default().to_owned()).max().unwrap()
    };
    assert_eq!(ip_of("user.signed_in"), "203.0.113.7");
    assert_eq!(ip_of("user.disabled"), "2001:db8::7");
    assert_eq!(ip_of("plan.created"), "2001:db8::7");
}
