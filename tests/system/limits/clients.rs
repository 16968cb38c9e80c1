//! Clients and devices: strangers, offices, registrations, users.

use super::*;

// B7, S9
#[tokio::test]
async fn one_or_two_strangers_do_not_lock_the_owner_out_on_a_new_device() {
    let app = TestApp::start_limited().await;
    let email = app.member("ann").await;
    let guess = json!({"email": email, "password": "a stranger's guess"});
    // After twenty minutes no attempt of an hour is left to them; then they try less often, and right before the owner.
    for minute in 0..59 {
        let tries = if minute < 20 || minute % 10 == 9 { 6 } else { 1 };
        for client in [50, 51] {
            for _ in 0..tries {
                app.post_from(client, "/login", &[], guess.clone()).await;
                app.post_from(client, "/login/code", &[], json!({"email": email, "code": "000000"})).await;
                app.post_from(client, "/forget-password", &[], json!({"email": email})).await;
            }
        }
        if minute % 10 == 9 {
            app.post_from(9, "/login", &[], json!({"email": email, "password": PASSWORD})).await.expect(200);
        }
        app.advance(60);
    }
    // By mail, too.
    let before = count(&app, &email, "reset").await;
    app.advance(60);
    app.post_from(9, "/forget-password", &[], json!({"email": email})).await.expect(202);
    assert_eq!(count(&app, &email, "reset").await, before + 1);
    let token = app.link_token(&email, "reset").await;
    app.post_from(9, "/new-password", &[], json!({"token": token, "password": "another horse staple"}))
        .await
        .expect(200);
}

// B7
#[tokio::test]
async fn a_client_has_twenty_attempts_an_hour_at_one_account() {
    for (path, body) in [
        ("/login", json!({"email": "ann@example.com", "password": "a guess"})),
        ("/login", json!({"email": "nobody@example.com", "password": "a guess"})),
        ("/login/code", json!({"email": "ann@example.com", "code": "000000"})),
        ("/forget-password", json!({"email": "ann@example.com"})),
    ] {
        let app = TestApp::start_limited().await;
        app.member("ann").await;
        for n in 0..20 {
            if n % 5 == 0 {
                app.advance(60);
            }
            assert_ne!(app.post_from(30, path, &[], body.clone()).await.status, 429, "{path} {n}");
        }
        app.advance(60);
        let refused = app.post_from(30, path, &[], body.clone()).await.refused(429, "rate_limited");
        assert_eq!(header(&refused, "ratelimit-policy"), "\"account-hour\";q=20;w=3600");
        assert_ne!(app.post_from(31, path, &[], body.clone()).await.status, 429, "another client");
        app.advance(header(&refused, "retry-after").parse().unwrap());
        assert_ne!(app.post_from(30, path, &[], body.clone()).await.status, 429, "{path}: the next hour");
    }
}

// B7
#[tokio::test]
async fn a_client_without_cookies_is_known_by_its_device_token() {
    let app = TestApp::start_limited().await;
    let email = app.member("ann").await;
    let login = json!({"email": email, "password": PASSWORD, "token_delivery": "body"});
    let first = app.post_from(9, "/login", &[], login).await.expect(200);
    let device = first.body["device_token"].as_str().unwrap().to_owned();
    assert!(first.headers.get("set-cookie").is_none());
    let refresh = json!({"refresh_token": first.body["refresh_token"], "token_delivery": "body"});
    assert!(app.post("/refresh-token", refresh).await.expect(200).body.get("device_token").is_none());
    app.advance(60);
    besiege(&app, &email).await;
    let with =
        |token: &str| json!({"email": email, "password": PASSWORD, "token_delivery": "body", "device_token": token});
    let again = app.post_from(9, "/login", &[], with(&device)).await.expect(200);
    assert_eq!(again.body["device_token"], device.as_str(), "it stays the device that it was");
    for forged in ["", "x", "forged.x.1.y.z", &device[1..]] {
        app.post_from(62, "/login", &[], with(forged)).await.refused(429, "rate_limited");
    }
    for path in ["/forget-password", "/request/login-code"] {
        app.post_from(9, path, &[], json!({"email": email, "device_token": device})).await.expect(202);
    }
    let code = app.code(&email, "login_code").await;
    let body = json!({"email": email, "code": code, "token_delivery": "body", "device_token": device});
    let by_code = app.post_from(9, "/login/code", &[], body).await.expect(200);
    assert_eq!(by_code.body["device_token"], device.as_str());
    let by_cookie = json!({"email": email, "password": PASSWORD, "device_token": device});
    assert!(app.post_from(10, "/login", &[], by_cookie).await.expect(200).body.get("device_token").is_none());
}

// B7
#[tokio::test]
async fn a_client_registers_as_often_a_day_as_the_setting_says() {
    let env = [("REGISTRATIONS_PER_CLIENT_PER_DAY", "7"), ("RATE_LIMIT_PER_CLIENT_PER_MINUTE", "50")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let app = TestApp::start_with(tollgate_local::Options { env, ..limited() }).await;
    app.member("ann").await;
    let register = async |client: u8, n: usize, email: &str| {
        let body = json!({"email": email, "username": format!("name-{client}-{n}"), "password": PASSWORD});
        app.post_from(client, "/register", &[], body).await
    };
    for n in 0..7 {
        let email = if n % 2 == 0 { "ann@example.com".to_owned() } else { format!("new{n}@example.com") };
        register(30, n, &email).await.expect(202);
    }
    for email in ["ann@example.com", "new@example.com"] {
        let refused = register(30, 9, email).await.refused(429, "rate_limited");
        assert_eq!(header(&refused, "ratelimit-policy"), "\"ip-day\";q=7;w=86400", "{email}");
        assert_eq!(header(&refused, "retry-after"), "43200", "the day ends at midnight");
    }
    register(31, 1, "other@example.com").await.expect(202);
    app.advance(43_200);
    register(30, 10, "new@example.com").await.expect(202);
}

// B7, E10
#[tokio::test]
async fn the_setting_for_clients_lets_an_office_with_one_address_in() {
    // The default is that of the account, whose own limit the setting does not change.
    for (setting, admitted) in [(None, 5), (Some("6"), 6), (Some("50"), 50)] {
        let env = setting.map(|number| ("RATE_LIMIT_PER_CLIENT_PER_MINUTE".to_owned(), number.to_owned()));
        let env = env.into_iter().collect();
        let app = TestApp::start_with(tollgate_local::Options { env, ..limited() }).await;
        for n in 0..admitted {
            app.login(&format!("person{n}@example.com"), PASSWORD).await.refused(401, "invalid_credentials");
        }
        let refused = app.login("person@example.com", PASSWORD).await.refused(429, "rate_limited");
        assert_eq!(header(&refused, "ratelimit-policy"), format!("\"ip\";q={admitted};w=60"));
        app.advance(60);
        for _ in 0..5 {
            app.login("ann@example.com", PASSWORD).await.refused(401, "invalid_credentials");
        }
        let policy = if admitted == 5 { "\"ip\";q=5;w=60" } else { "\"account\";q=5;w=60" };
        let refused = app.login("ann@example.com", PASSWORD).await.refused(429, "rate_limited");
        assert_eq!(header(&refused, "ratelimit-policy"), policy, "{setting:?}");
    }
}

// B19
#[tokio::test]
async fn costly_calls_are_limited_by_user_from_any_client() {
    let app = TestApp::start_with(tollgate_local::Options { first_plans: true, ..limited() }).await;
    let (_, session) = app.person("ann").await;
    app.advance(60);
    let bearer = format!("Bearer {}", session.access);
    let headers = [("authorization", bearer.as_str())];
    for path in [
        "/billing/subscriptions/preview",
        "/billing/subscriptions/subscribe",
        "/billing/subscriptions/upgrade",
        "/billing/subscriptions/cancel",
        "/billing/subscriptions/resume",
        "/billing/portal",
    ] {
        for n in 0..20 {
            let answer = app.post_from(20 + n, path, &headers, json!({"plan_code": "none"})).await;
            assert_ne!(answer.status, 429, "{path} {n}");
        }
        let refused =
            app.post_from(50, path, &headers, json!({"plan_code": "none"})).await.refused(429, "rate_limited");
        assert_eq!(header(&refused, "ratelimit-policy"), "\"user\";q=20;w=60", "{path}");
    }
    app.get_as(&session, "/billing/payments/me").await.expect(200);
    for n in 0..3 {
        assert_eq!(app.get_as(&session, "/me/export").await.status, 200, "{n}");
    }
    // A guess of the password counts as an export.
    for _ in 0..2 {
        app.post_as(&session, "/me/export", json!({"password": "not it"})).await.refused(403, "wrong_password");
    }
    for refused in [
        app.get_as(&session, "/me/export").await,
        app.post_as(&session, "/me/export", json!({"password": PASSWORD})).await,
    ] {
        let refused = refused.refused(429, "rate_limited");
        assert_eq!(header(&refused, "ratelimit-policy"), "\"user\";q=5;w=60");
    }
    for n in 0..20 {
        let answer = app.delete_as(&session, "/me/links/google").await;
        assert_eq!(answer.status, 404, "{n}");
    }
    app.delete_as(&session, "/me/links/google").await.refused(429, "rate_limited");
    let other = app.person("bob").await.1;
    app.get_as(&other, "/me/export").await.expect(200);
}

#[tokio::test]
async fn a_new_account_gets_its_mail_despite_strangers_at_its_address() {
    let app = TestApp::start_limited().await;
    for client in 30..35 {
        app.post_from(client, "/forget-password", &[], json!({"email": "ann@example.com"})).await.expect(202);
    }
    app.register("ann").await.expect(202);
    assert_eq!(count(&app, "ann@example.com", "verify").await, 1);
}

#[tokio::test]
async fn every_counter_expires_and_names_no_address() {
    let app = TestApp::start_limited().await;
    app.register("ann").await.expect(202);
    app.login("ann@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    app.post("/verify", json!({"email": "ann@example.com", "code": "000000"})).await.refused(400, "invalid_token");
    let items = app.table("limits").await;
    assert!(items.len() >= 6 && items.iter().all(|item| item.get("ttl").is_some()), "{items:#?}");
    assert!(!Value::from(items).to_string().contains("ann@"));
    app.post("/_local/clock", json!({"advance_seconds": 8 * 86_400})).await.expect(200);
    assert!(app.table("limits").await.is_empty());
}
