//! The limiter: how often a stranger may try, without locking an owner out (S7–S9).

mod clients;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tollgate_local::faults::{Call, Kind};
use tollgate_local::service::Service;
use tollgate_tests::app::{PASSWORD, Session, TestApp, limited};

/// Every route with limited POST requests, as the contract lists them.
const LIMITED: &[&str] = &[
    "/register",
    "/login",
    "/login/code",
    "/request/verify",
    "/request/login-code",
    "/forget-password",
    "/new-password",
    "/verify",
    "/change-password",
    "/change-email",
    "/deactivate",
    "/me/links/google",
    "/me/links/github",
];

fn header(answer: &tollgate_tests::app::Answer, name: &str) -> String {
    answer.headers[name].to_str().unwrap().to_owned()
}

fn on_limits(calls: &[Call]) -> (usize, f64) {
    let own: Vec<_> = calls
        .iter()
        .filter(|call| matches!(call.operation.as_str(), "UpdateItem" | "PutItem"))
        .flat_map(|call| &call.units)
        .filter(|(table, _, _)| table.ends_with("limits"))
        .collect();
    (own.len(), own.iter().map(|unit| unit.2).sum())
}

// S7
#[tokio::test]
async fn the_sixth_call_a_minute_from_one_client_is_refused_on_limited_routes() {
    for path in LIMITED {
        let app = TestApp::start_limited().await;
        let body = || json!({"email": "nobody@example.com", "token": "x"});
        for n in 0..5 {
            let answer = app.post(path, body()).await;
            assert_ne!(answer.status, 429, "{path} {n}");
        }
        let refused = app.post(path, body()).await.refused(429, "rate_limited");
        assert_eq!(header(&refused, "ratelimit-policy"), "\"ip\";q=5;w=60", "{path}");
        assert_eq!(header(&refused, "ratelimit"), "\"ip\";r=0;t=12", "{path}");
        assert_eq!(header(&refused, "retry-after"), "12", "{path}");
        assert_ne!(app.post_from(2, path, &[], json!({"token": "x"})).await.status, 429, "{path}: another client");
        for _ in 0..5 {
            app.post(path, body()).await.refused(429, "rate_limited");
        }
        app.advance(12);
        assert_ne!(app.post(path, json!({"token": "x"})).await.status, 429, "{path}: a refusal uses nothing");
        app.post(path, body()).await.refused(429, "rate_limited");
        app.advance(60);
        for n in 0..5 {
            assert_ne!(app.post(path, json!({"token": "x"})).await.status, 429, "{path}: a minute later, {n}");
        }
    }
}

#[tokio::test]
async fn each_route_has_a_bucket_of_its_own_and_reading_is_not_limited() {
    let app = TestApp::start_limited().await;
    for _ in 0..6 {
        app.login("nobody@example.com", PASSWORD).await;
    }
    app.login("other@example.com", PASSWORD).await.refused(429, "rate_limited");
    app.post("/forget-password", json!({"email": "nobody@example.com"})).await.expect(202);
    for _ in 0..20 {
        app.get("/verify?token=x").await.expect(200);
        app.get("/healthz").await.expect(200);
    }
}

#[tokio::test]
async fn the_provider_routes_allow_sixty_calls_a_minute_from_one_client() {
    let app = TestApp::start_limited().await;
    for path in ["/google/login", "/github/login"] {
        for _ in 0..60 {
            app.get(path).await.expect(302);
        }
        let refused = app.get(path).await.refused(429, "rate_limited");
        assert_eq!(header(&refused, "ratelimit-policy"), "\"ip\";q=60;w=60");
    }
    for path in ["/auth/social/callback/google", "/auth/social/callback/github"] {
        for _ in 0..60 {
            app.get(path).await.expect(302);
        }
        app.get(path).await.refused(429, "rate_limited");
    }
}

// S7
#[tokio::test]
async fn a_hundred_of_two_hundred_guesses_of_forty_clients_are_evaluated() {
    let app = TestApp::start_patient(limited()).await;
    app.member("ann").await;
    let guess = |n: u8| {
        let app = &app;
        async move {
            let password = if n == 199 { PASSWORD.to_owned() } else { format!("a wrong password {n}") };
            app.post_from(2 + n / 5, "/login", &[], json!({"email": "ann@example.com", "password": password})).await
        }
    };
    let answers = join_all((0..200).map(guess)).await;
    let evaluated = answers.iter().filter(|answer| answer.status != 429).count();
    assert!(evaluated <= 100, "{evaluated}");
    let refused = answers.into_iter().find(|answer| answer.status == 429).unwrap().refused(429, "rate_limited");
    assert_eq!(header(&refused, "ratelimit-policy"), "\"account-all\";q=100;w=3600");
    assert!(header(&refused, "retry-after").parse::<u32>().unwrap() <= 3600);
    let tried = app.actions().await.into_iter().filter(|action| action.starts_with("user.sign")).count();
    assert_eq!(tried, evaluated);
    app.post_from(99, "/login", &[], json!({"email": "ann@example.com", "password": PASSWORD}))
        .await
        .refused(429, "rate_limited");
}

// S8
#[tokio::test]
async fn neither_a_header_nor_a_spelling_nor_another_path_escapes_a_bucket() {
    let app = TestApp::start_limited().await;
    let body = |email: &str| json!({"email": email, "password": PASSWORD});
    for _ in 0..5 {
        app.login("ann@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    }
    for name in ["x-forwarded-for", "x-real-ip", "forwarded", "x-client-ip", "cf-connecting-ip", "via"] {
        let headers = [("content-type", "application/json"), (name, "203.0.113.9")];
        let answer = app.send(Method::POST, "/login", &headers, Some(body("bob@example.com").to_string())).await;
        answer.refused(429, "rate_limited");
    }
    let spellings =
        ["Ann@Example.com", " ann@example.com ", "ＡＮＮ@example.com", "ann@EXAMPLE.COM", "aNN@example.com"];
    for spelling in spellings {
        app.post_from(3, "/login", &[], body(spelling)).await.refused(401, "invalid_credentials");
    }
    // The bucket of the client allows one more after 12 seconds; that of the account, which all spellings share, blocks
    // first.
    for spelling in spellings {
        app.post_from(3, "/login", &[], body(spelling)).await.refused(429, "rate_limited");
    }
    for path in ["//login", "/login/", "/LOGIN", "/login//", "/./login", "/Login", "/login%2F", "/login;x=1"] {
        let answer = app.post_from(3, path, &[], body("ann@example.com")).await;
        assert!(answer.status == 404 || answer.status == 429, "{path}: {}", answer.status);
    }
    let tried = app.actions().await.len();
    assert_eq!(tried, 10, "no other guess was evaluated");
}

/// Uses up the attempts at an account on `/login`, from twenty other clients.
async fn besiege(app: &TestApp, email: &str) {
    for client in 40..60 {
        for _ in 0..5 {
            let body = json!({"email": email, "password": "a stranger's guess"});
            app.post_from(client, "/login", &[], body).await;
        }
    }
    let body = json!({"email": email, "password": PASSWORD});
    let refused = app.post_from(60, "/login", &[], body).await.refused(429, "rate_limited");
    assert_eq!(header(&refused, "ratelimit-policy"), "\"account-all\";q=100;w=3600");
}

// S9
#[tokio::test]
async fn an_owner_under_attack_signs_in_on_a_known_device_or_recovers_by_mail() {
    let app = TestApp::start_limited().await;
    let email = app.member("ann").await;
    let answer = app.login(&email, PASSWORD).await.expect(200);
    let line = answer.cookie_line("device").unwrap();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=31536000"] {
        assert!(line.contains(part), "{line}");
    }
    let device = format!("device={}", answer.cookie("device").unwrap());
    app.advance(60);
    besiege(&app, &email).await;
    let body = json!({"email": email, "password": PASSWORD});
    let known = app.post_from(9, "/login", &[("cookie", &device)], body.clone()).await.expect(200);
    assert_eq!(known.cookie("device"), answer.cookie("device"), "it stays the device that it was");
    app.post_from(61, "/login", &[], body.clone()).await.refused(429, "rate_limited");
    app.post_from(9, "/login", &[("cookie", "device=forged.x.1.y.z")], body.clone()).await.refused(429, "rate_limited");

    // By mail: on an unknown client.
    app.post_from(10, "/forget-password", &[], json!({"email": email})).await.expect(202);
    let token = app.link_token(&email, "reset").await;
    let new = "another horse staple";
    let reset = app.post_from(10, "/new-password", &[], json!({"token": token, "password": new})).await.expect(200);
    let fresh = format!("device={}", reset.cookie("device").unwrap());
    let body = json!({"email": email, "password": new});
    app.post_from(9, "/login", &[("cookie", &device)], body.clone()).await.refused(429, "rate_limited");
    app.post_from(10, "/login", &[("cookie", &fresh)], body).await.expect(200);
}

// S9
#[tokio::test]
async fn failures_for_other_users_do_not_change_a_users_counter() {
    let app = TestApp::start_limited().await;
    let email = app.member("ann").await;
    for client in 10..50 {
        let logins = (0..5).map(|n| {
            let body = json!({"email": format!("other{client}-{n}@example.com"), "password": "a wrong one"});
            let app = &app;
            async move { app.post_from(client, "/login", &[], body).await }
        });
        for answer in join_all(logins).await {
            answer.refused(401, "invalid_credentials");
        }
    }
    for _ in 0..5 {
        app.login(&email, PASSWORD).await.expect(200);
    }
}

// S9
#[tokio::test]
async fn a_device_counts_for_one_account_and_a_token_names_its_account() {
    let app = TestApp::start_limited().await;
    let (ann, bob) = (app.member("ann").await, app.member("bob").await);
    let device = app.login(&bob, PASSWORD).await.expect(200).cookie("device").unwrap();
    app.advance(60);
    besiege(&app, &ann).await;
    let cookie = format!("device={device}");
    let body = json!({"email": ann, "password": PASSWORD});
    app.post_from(9, "/login", &[("cookie", &cookie)], body).await.refused(429, "rate_limited");

    let session = Session::of(&app.login(&bob, PASSWORD).await.expect(200));
    let bearer = format!("Bearer {}", session.access);
    let wrong = json!({"old_password": "not the password", "new_password": "another horse staple"});
    let headers = [("authorization", bearer.as_str())];
    for client in 20..40 {
        for _ in 0..5 {
            app.post_from(client, "/change-password", &headers, wrong.clone()).await.refused(403, "wrong_password");
        }
    }
    let right = json!({"old_password": PASSWORD, "new_password": "another horse staple"});
    app.post_from(45, "/change-password", &headers, right).await.refused(429, "rate_limited");
}

// S7
#[tokio::test]
async fn every_request_is_refused_while_the_tables_do_not_answer() {
    for operation in ["UpdateItem", "PutItem"] {
        let app = TestApp::start_limited().await;
        app.member("ann").await;
        app.advance(60);
        app.fail_operation(Service::Dynamodb, operation, Kind::Throttle, 1000);
        app.post("/forget-password", json!({"email": "ann@example.com"})).await.refused(503, "unavailable");
        app.stack.fault_injector().clear();
        assert!(app.mails("ann@example.com").await.iter().all(|mail| mail["kind"] != "reset"), "{operation}");
    }
}

// R8
#[tokio::test]
async fn a_count_whose_answer_was_lost_counts_once() {
    let app = TestApp::start_limited().await;
    app.fail_operation(Service::Dynamodb, "UpdateItem", Kind::LostResponse, 1);
    app.login("nobody@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    for _ in 0..4 {
        app.login("nobody@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    }
    app.login("nobody@example.com", PASSWORD).await.refused(429, "rate_limited");
}

#[tokio::test]
async fn the_limiter_costs_two_write_units_normally_and_four_at_most() {
    let app = TestApp::start_limited().await;
    let email = app.member("ann").await;
    app.advance(60);
    let _before = app.calls();
    app.login(&email, PASSWORD).await.expect(200);
    assert_eq!(on_limits(&app.calls()), (2, 2.0));
    for n in 0..4 {
        app.login(&email, PASSWORD).await.expect(200);
        assert_eq!(on_limits(&app.calls()), (4, 4.0), "{n}");
    }
    app.login(&email, PASSWORD).await.refused(429, "rate_limited");
    assert_eq!(on_limits(&app.calls()), (1, 1.0), "a refusal is one refused condition");
}

async fn count(app: &TestApp, email: &str, kind: &str) -> usize {
    app.mails(email).await.iter().filter(|mail| mail["kind"] == kind).count()
}

#[tokio::test]
async fn a_stranger_causes_five_mails_a_minute_and_the_last_code_stays_valid() {
    let app = TestApp::start_limited().await;
    let email = app.member("ann").await;
    app.advance(60);
    let mut seen = Vec::new();
    for (client, path) in
        ["/forget-password", "/request/login-code", "/forget-password", "/request/login-code", "/request/login-code"]
            .iter()
            .enumerate()
    {
        let client = u8::try_from(client).unwrap() + 30;
        app.advance(1);
        seen.push(app.post_from(client, path, &[], json!({"email": email})).await.expect(202).text);
    }
    let code = app.code(&email, "login_code").await;
    let sixth = app.post_from(40, "/request/login-code", &[], json!({"email": email})).await.expect(202);
    assert_eq!(sixth.text, seen[1]);
    app.post_from(41, "/register", &[], json!({"email": email, "username": "ann-2", "password": PASSWORD}))
        .await
        .expect(202);
    assert_eq!((count(&app, &email, "login_code").await, count(&app, &email, "reset").await), (3, 2));
    assert_eq!(count(&app, &email, "already_registered").await, 0);
    app.post("/login/code", json!({"email": email, "code": code})).await.expect(200);
}

// B7
#[tokio::test]
async fn mails_of_a_kind_are_capped_by_client_in_all_and_by_device() {
    let app = TestApp::start_limited().await;
    let email = app.member("ann").await;
    let device = app.login(&email, PASSWORD).await.expect(200).cookie("device").unwrap();
    let ask = async |client: u8, headers: &[(&str, &str)]| {
        app.advance(13 * 60);
        app.post_from(client, "/forget-password", headers, json!({"email": email})).await.expect(202).text
    };
    let mut answers = std::collections::BTreeSet::new();
    for (clients, expected) in [(1, 10), (2, 20), (4, 40), (5, 40)] {
        let client = 30 + clients;
        for _ in 0..12 {
            answers.insert(ask(client, &[]).await);
        }
        let found = count(&app, &email, "reset").await;
        // Twelve of the third client and of those before it; the day of the first one is not over.
        assert!(found <= expected && found + 10 >= expected, "{clients}: {found}");
    }
    assert_eq!(answers.len(), 1, "beyond a cap the answer is the same");
    let before = count(&app, &email, "reset").await;
    let cookie = format!("device={device}");
    ask(60, &[("cookie", cookie.as_str())]).await;
    assert_eq!(count(&app, &email, "reset").await, before + 1, "the owner still gets one");
}

// B7
#[tokio::test]
async fn one_client_causes_ten_mails_of_a_kind_a_day() {
    let app = TestApp::start_limited().await;
    let email = app.member("ann").await;
    for path in ["/forget-password", "/request/login-code"] {
        for _ in 0..12 {
            app.advance(5 * 60);
            app.post_from(30, path, &[], json!({"email": email})).await.expect(202);
        }
    }
    assert_eq!(count(&app, &email, "reset").await, 10);
    assert_eq!(count(&app, &email, "login_code").await, 10);
    let code = app.code(&email, "login_code").await;
    // Another client still causes one, which replaces the owner's last code.
    app.post_from(31, "/request/login-code", &[], json!({"email": email})).await.expect(202);
    assert_eq!(count(&app, &email, "login_code").await, 11);
    assert_ne!(app.code(&email, "login_code").await, code);
    app.post("/login/code", json!({"email": email, "code": app.code(&email, "login_code").await})).await.expect(200);
}
