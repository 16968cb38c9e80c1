//! Only the owner of an address learns whether it has an account (S6).

use serde_json::{Value, json};
use tollgate_local::faults::Call;
use tollgate_tests::app::{Answer, PASSWORD, TestApp};

/// The visible part of an answer: all but the id of the request and the date.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "x-request-id" && *name != "date")
        .map(|(name, value)| (name.to_string(), without_secret(value.to_str().unwrap())))
        .collect();
    headers.sort();
    let mut body = answer.body.clone();
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    (answer.status.as_u16(), headers, body)
}

/// A header; for a cookie's value only the length, since the value always differs.
fn without_secret(text: &str) -> String {
    match text.strip_prefix("registered=").and_then(|rest| rest.split_once(';')) {
        Some((value, rest)) => format!("registered={};{rest}", "*".repeat(value.len())),
        None => text.to_owned(),
    }
}

/// The number, depth and weight of a request's calls, without their tables.
fn work(calls: &[Call]) -> (Vec<(u32, String)>, f64, f64) {
    // Secrets are read again every five minutes, by any request.
    let elsewhere = ["SendMessageBatch", "SendRawEmail", "GetSecretValue"];
    let own = calls.iter().filter(|call| !elsewhere.contains(&call.operation.as_str()));
    // Concurrent calls are recorded in any order.
    let mut names: Vec<_> = own.clone().map(|call| (call.depth, call.operation.clone())).collect();
    names.sort();
    let units = |pick: fn(&(String, f64, f64)) -> f64| calls.iter().flat_map(|call| call.units.iter().map(pick)).sum();
    (names, units(|unit| unit.1), units(|unit| unit.2))
}

/// An address that was never used.
fn first(app: &TestApp) -> String {
    format!("first{}@example.com", app.now().as_second())
}

async fn ask(app: &TestApp, path: &str, body: Value) -> (Answer, Vec<Call>) {
    app.drain().await;
    app.advance(60); // the rate limits have recovered
    // Secrets are read again every five minutes by some request: it must not be one of those that are compared.
    app.post_from(99, "/forget-password", &[], address_of(&first(app))).await.expect(202);
    app.drain().await;
    let _before = app.calls();
    // The mail is sent after the write: it is held up until the request is counted.
    let answer = app.stack.held(app.post(path, body)).await;
    let calls = app.calls();
    (answer, calls)
}

// S6
#[tokio::test]
async fn a_known_and_an_unknown_address_get_the_same_answer_for_the_same_work() {
    let app = TestApp::start_limited().await;
    app.register("waiting").await.expect(202);
    app.member("ann").await;
    app.member("bob").await;
    app.advance(60);
    app.member("carl").await;
    app.member("dora").await;
    app.post("/request/login-code", address_of("bob@example.com")).await.expect(202);
    let register = |email: &str, name: &str| json!({"email": email, "username": name, "password": PASSWORD});
    let address = address_of;
    let code = |email: &str| json!({"email": email, "code": "000000"});
    let login = |email: &str| json!({"email": email, "password": "not the password"});
    for (path, known, unknown) in [
        ("/register", register("ann@example.com", "ann-2"), register("new@example.com", "new-1")),
        ("/forget-password", address("ann@example.com"), address("nobody@example.com")),
        ("/request/verify", address("waiting@example.com"), address("nobody@example.com")),
        ("/request/verify", address("ann@example.com"), address("nobody@example.com")),
        ("/login", login("ann@example.com"), login("nobody@example.com")),
        ("/login", login("ann@example.com"), login("not an address")),
        ("/request/login-code", address("ann@example.com"), address("nobody@example.com")),
        // With a live code, again, and without one. Earlier attempts count for both alike.
        ("/login/code", code("bob@example.com"), code("nobody-1@example.com")),
        ("/login/code", code("bob@example.com"), code("nobody-1@example.com")),
        ("/login/code", code("ann@example.com"), code("nobody-2@example.com")),
        ("/login/code", code("carl@example.com"), code("not an address")),
        ("/verify", code("waiting@example.com"), code("nobody-3@example.com")),
        ("/verify", code("waiting@example.com"), code("nobody-3@example.com")),
        ("/verify", code("dora@example.com"), code("nobody-4@example.com")),
    ] {
        let (of_known, known_calls) = ask(&app, path, known).await;
        let (of_unknown, unknown_calls) = ask(&app, path, unknown).await;
        assert_eq!(seen(&of_known), seen(&of_unknown), "{path}");
        assert_eq!(work(&known_calls), work(&unknown_calls), "{path}");
    }
}

// S6
#[tokio::test]
async fn taken_and_free_addresses_get_the_same_answer_for_the_same_work() {
    let app = TestApp::start_limited().await;
    let (_, session) = app.person("ann").await;
    app.member("bob").await;
    let mut both = Vec::new();
    for email in ["bob@example.com", "free@example.com"] {
        app.advance(60);
        app.post_from(99, "/forget-password", &[], address_of(&first(&app))).await.expect(202);
        app.drain().await;
        let _before = app.calls();
        let body = json!({"new_email": email, "password": PASSWORD});
        let answer = app.stack.held(app.post_as(&session, "/change-email", body)).await.expect(202);
        both.push((seen(&answer), work(&app.calls())));
    }
    assert_eq!(both[0], both[1]);
}

fn address_of(email: &str) -> Value {
    json!({"email": email})
}

// S6
#[tokio::test]
async fn past_the_mail_cap_known_and_unknown_addresses_cost_the_same() {
    let app = TestApp::start_limited().await;
    app.member("ann").await;
    for path in ["/forget-password", "/request/login-code"] {
        app.advance(3600);
        let mut work_of = Vec::new();
        for email in ["ann@example.com", "nobody@example.com"] {
            for client in 20..25 {
                app.post_from(client, "/forget-password", &[], address_of(email)).await.expect(202);
            }
            app.drain().await;
            app.advance(12); // the bucket of the account allows one more call, and so does the rate of mails
            app.post_from(25, "/forget-password", &[], address_of(email)).await.expect(202);
            app.drain().await;
            let _before = app.calls();
            let answer = app.stack.held(app.post_from(26, path, &[], address_of(email))).await;
            work_of.push((answer.status.as_u16(), work(&app.calls())));
        }
        assert_eq!(work_of[0], work_of[1], "{path}");
    }
}

// S6
#[tokio::test]
async fn decoys_for_an_unknown_address_do_not_count_and_expire() {
    let app = TestApp::start().await;
    for path in ["/forget-password", "/request/verify", "/request/login-code"] {
        app.post(path, json!({"email": "nobody@example.com"})).await.expect(202);
    }
    for (path, status) in [("/login/code", 401), ("/verify", 400)] {
        app.post(path, json!({"email": "nobody@example.com", "code": "000000"})).await.expect(status);
    }
    app.login("nobody@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    for table in ["identity", "credentials", "gate"] {
        assert!(app.table(table).await.is_empty(), "{table}");
    }
    assert!(app.table("audit").await.iter().all(|entry| entry["pk"]["S"] == "-" && entry.get("target_id").is_none()));
    assert!(app.mails("nobody@example.com").await.is_empty());
    for table in ["sessions", "outbox"] {
        let items = app.table(table).await;
        assert!(items.len() >= 3 && items.iter().all(|item| item.get("ttl").is_some()), "{table}");
    }
    let body = json!({"advance_seconds": 2 * 86_400});
    app.post("/_local/clock", body).await.expect(200);
    assert!(app.table("sessions").await.is_empty() && app.table("outbox").await.is_empty());
}

/// The body of a stranger's request about `email`, for an operation whose schema has these properties.
fn body_about(email: &str, name: &str, properties: &serde_json::Map<String, Value>) -> Value {
    let mut body = json!({});
    for field in properties.keys() {
        let value = match field.as_str() {
            "email" | "new_email" => json!(email),
            "username" => json!(name),
            "password" => json!("a stranger's own password"),
            "code" => json!("000000"),
            _ => continue,
        };
        body[field] = value;
    }
    body
}

/// The operations of the document that a stranger can call with an address, with the properties of their bodies.
fn operations_about_an_address() -> Vec<(String, serde_json::Map<String, Value>)> {
    let document = crate::openapi::document();
    let mut found = Vec::new();
    for (name, operation) in crate::openapi::operations() {
        let reference = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let Some(schema) = reference.as_str().and_then(|path| document.pointer(path.trim_start_matches('#'))) else {
            continue;
        };
        let Some(properties) = schema["properties"].as_object() else { continue };
        if operation.get("security").is_none() && properties.contains_key("email") {
            found.push((name.strip_prefix("POST ").unwrap().to_owned(), properties.clone()));
        }
    }
    found
}

/// The operations that check a mailed code.
const TRIES: [&str; 2] = ["/login/code", "/verify"];

// B8, S6
#[tokio::test]
async fn two_requests_about_an_address_reveal_no_more_than_one() {
    let operations = operations_about_an_address();
    assert!(operations.len() >= 7, "{operations:?}");
    let app = TestApp::start_limited().await;
    let (mut count, mut differing) = (0, Vec::new());
    for (first, of_first) in &operations {
        for (second, of_second) in &operations {
            count += 1;
            let known = app.member(&format!("known{count}")).await;
            let unknown = format!("unknown{count}@example.com");
            let mut seen_by_stranger = Vec::new();
            for (n, email) in [known, unknown].iter().enumerate() {
                let name = format!("name{count}-{n}");
                ask(&app, first, body_about(email, &format!("{name}-1"), of_first)).await;
                let (answer, calls) = ask(&app, second, body_about(email, &format!("{name}-2"), of_second)).await;
                // A live code is checked on the account's own count, otherwise on a decoy: after an attempt with
                // another code the one costs a write unit more than the other.
                let are_tries = TRIES.contains(&first.as_str()) && TRIES.contains(&second.as_str());
                seen_by_stranger.push((seen(&answer), (!are_tries).then(|| work(&calls))));
            }
            if seen_by_stranger[0] != seen_by_stranger[1] {
                differing.push(format!("{first} then {second}: {seen_by_stranger:#?}"));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

// B8, S6
#[tokio::test]
async fn an_export_shows_a_requested_address_whether_it_is_taken_or_free() {
    let app = TestApp::start().await;
    let mut exports = Vec::new();
    for (name, taken) in [("ann", true), ("bob", false), ("cem", true)] {
        let email = format!("asked-by-{name}@example.com");
        if taken {
            app.member(&format!("asked-by-{name}")).await;
        }
        let (_, session) = app.person(name).await;
        let body = json!({"new_email": email, "password": PASSWORD});
        app.post_as(&session, "/change-email", body).await.expect(202);
        let export = app.get_as(&session, "/me/export").await.expect(200).body;
        let asked = export["mailed_secrets"].as_array().unwrap().iter().filter(|row| row["new_email"] == email).count();
        let mut actions: Vec<_> =
            export["audit_entries"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
        actions.sort_by_key(Value::to_string);
        exports.push((asked, actions));
    }
    assert!(exports[0].0 == 1 && exports.windows(2).all(|pair| pair[0] == pair[1]), "{exports:?}");
}
