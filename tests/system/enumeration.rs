//! Only the owner of an address learns whether it has an account (S6).

use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_local::Options;
use tollgate_local::faults::Call;
use tollgate_tests::app::{Answer, PASSWORD, Session, TestApp, limited};

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

/// An operation of the document that a stranger can call about an address, or by which a stranger sees what came of it.
#[derive(Debug, Clone)]
struct Act {
    method: Method,
    path: String,
    /// The properties of its body; none for a read.
    properties: Vec<String>,
    /// Whether the stranger is signed in to an account of their own for it.
    is_signed_in: bool,
}

impl Act {
    /// The body of a stranger's request about `email`.
    fn body(&self, email: &str, name: &str) -> Option<Value> {
        let mut body = json!({});
        for field in &self.properties {
            body[field] = match field.as_str() {
                "email" | "new_email" => json!(email),
                "username" => json!(name),
                // That of their own account, and what they would have chosen for one of this address.
                "password" if self.is_signed_in => json!(PASSWORD),
                "password" => json!("a stranger's own password"),
                "code" => json!("000000"),
                _ => continue,
            };
        }
        (!self.properties.is_empty()).then_some(body)
    }

    fn is_about_an_address(&self) -> bool {
        self.properties.iter().any(|name| name == "email" || name == "new_email")
    }
}

/// What the document lets a stranger do about an address, and read of an account of their own afterwards.
fn acts_of_a_stranger() -> Vec<Act> {
    let document = crate::openapi::document();
    let mut found = Vec::new();
    for (name, operation) in crate::openapi::operations() {
        let (method, path) = name.split_once(' ').unwrap();
        let reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
        let schema = reference.and_then(|path| document.pointer(path.trim_start_matches('#')));
        let properties = schema.and_then(|schema| schema["properties"].as_object());
        let act = Act {
            method: method.parse().unwrap(),
            path: path.to_owned(),
            properties: properties.into_iter().flat_map(|properties| properties.keys().cloned()).collect(),
            is_signed_in: operation.get("security").is_some(),
        };
        let is_own_read = method == "GET" && act.is_signed_in && !path.contains('{');
        // What only an admin may do, no stranger may.
        if !path.starts_with("/admin/") && (act.is_about_an_address() || is_own_read) {
            found.push(act);
        }
    }
    found
}

/// A value without what differs each time, and with another name for the address that it is about.
fn blurred(value: &Value, email: &str) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(|item| blurred(item, email)).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), blurred(field, email))).collect(),
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => json!("a time"),
        Value::String(text) => {
            let text = text.replace(email, "the address");
            match text.split_once('_') {
                Some((kind @ ("usr" | "ses" | "aud" | "evt" | "req"), _)) => json!(kind),
                _ => json!(text),
            }
        }
        other => other.clone(),
    }
}

/// A stranger with a browser, and an account of their own if they need one.
struct Stranger<'a> {
    app: &'a TestApp,
    email: String,
    session: Option<Session>,
    cookies: BTreeMap<String, String>,
}

impl Stranger<'_> {
    /// Sends a request with the cookies of the answers before it: what a stranger sees of it, and its work.
    async fn send(&mut self, act: &Act, about: &str, name: &str) -> Value {
        let app = self.app;
        app.drain().await;
        if act.is_about_an_address() {
            app.advance(60); // the buckets are calm
            // Secrets are read anew every 5 minutes, by the first request: not by one of those that are compared.
            app.post_from(99, "/forget-password", &[], address_of(&first(app))).await.expect(202);
            app.drain().await;
        } else {
            // What a function holds of the tables for minutes is read by this one.
            self.request(act, about, name).await;
        }
        let _before = app.calls();
        let answer = app.stack.held(self.request(act, about, name)).await;
        for name in ["registered", "device", "refresh_token"] {
            self.cookies.extend(answer.cookie(name).map(|value| (name.to_owned(), value)));
        }
        let (names, read, written) = work(&app.calls());
        let (status, headers, body) = seen(&answer);
        app.drain().await;
        // A secret is looked for by a query or by its key, for the same number of calls and units.
        json!([[status, headers, blurred(&body, about)], [names.len(), read, written]])
    }

    async fn request(&self, act: &Act, about: &str, name: &str) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let bearer = self.session.as_ref().filter(|_| act.is_signed_in);
        let bearer = bearer.map(|session| format!("Bearer {}", session.access)).unwrap_or_default();
        let mut headers = vec![("content-type", "application/json")];
        headers.extend((!cookies.is_empty()).then_some(("cookie", cookies.as_str())));
        headers.extend((!bearer.is_empty()).then_some(("authorization", bearer.as_str())));
        let body = act.body(about, name).map(|body| body.to_string());
        self.app.send(act.method.clone(), &act.path, &headers, body).await
    }

    /// What was mailed to the stranger.
    async fn mails(&self, about: &str) -> Value {
        let mails = self.app.mails(&self.email).await;
        let mails: Vec<_> = mails.iter().map(|mail| json!([mail["kind"], mail["subject"]])).collect();
        blurred(&mails.into(), about)
    }
}

/// What a stranger learns of an address by one request and each of others after it: every pair of answers, their work, and the
/// mails to the stranger.
async fn learned(app: &TestApp, first: &Act, others: &[&Act], email: &str, name: &str) -> Vec<Value> {
    let own = format!("stranger-{name}");
    let (own_email, session) = match first.is_signed_in || others.iter().any(|act| act.is_signed_in) {
        true => {
            let (email, session) = app.person(&own).await;
            (email, Some(session))
        }
        false => (format!("{own}@example.com"), None),
    };
    let mut stranger = Stranger { app, email: own_email, session, cookies: BTreeMap::new() };
    let one = stranger.send(first, email, &format!("{name}-1")).await;
    let mut all = Vec::new();
    for second in others {
        let two = stranger.send(second, email, &format!("{name}-2")).await;
        let pair = json!([one, two, stranger.mails(email).await]).to_string();
        all.push(serde_json::from_str(&pair.replace(&own, "the stranger").replace(name, "the name")).unwrap());
    }
    all
}

/// Compares what is learned of a known address with what is learned of an unknown one, for each request about an address and
/// each group of others after it. How many pairs there were.
async fn compare(groups: &[Vec<&Act>], acts: &[Act]) -> usize {
    // All people of this test register in a day from one client address.
    let env = vec![("REGISTRATIONS_PER_CLIENT_PER_DAY".to_owned(), "100000".to_owned())];
    let app = TestApp::start_with(Options { env, ..limited() }).await;
    let (mut count, mut number, mut differing) = (0, 0, Vec::new());
    for first in acts.iter().filter(|act| act.is_about_an_address()) {
        for others in groups {
            number += 1;
            count += others.len();
            let known = app.member(&format!("known{number}")).await;
            // As long as the other one: it is in what the stranger's own account shows.
            let unknown = format!("other{number}@example.com");
            let of_known = learned(&app, first, others, &known, &format!("name{number}-k")).await;
            let of_unknown = learned(&app, first, others, &unknown, &format!("name{number}-u")).await;
            for ((known, unknown), second) in of_known.iter().zip(&of_unknown).zip(others) {
                if known != unknown {
                    differing.push(format!("{} then {}:\n{known}\n{unknown}", first.path, second.path));
                }
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    count
}

// B8, S6
#[tokio::test]
async fn two_requests_about_an_address_reveal_no_more_than_one() {
    let acts = acts_of_a_stranger();
    let groups: Vec<_> = acts.iter().filter(|act| act.is_about_an_address()).map(|act| vec![act]).collect();
    let has = |path: &str| groups.iter().any(|group| group[0].path == path);
    assert!(has("/register") && has("/login") && has("/change-email") && has("/verify"), "{acts:?}");
    let pairs = compare(&groups, &acts).await;
    assert!(pairs >= 64, "{pairs} pairs");
}

// B8, S6
#[tokio::test]
async fn what_an_account_shows_does_not_depend_on_another_address() {
    let acts = acts_of_a_stranger();
    let reads: Vec<_> = acts.iter().filter(|act| !act.is_about_an_address()).collect();
    let has = |path: &str| reads.iter().any(|act| act.path == path);
    assert!(has("/me") && has("/me/export") && has("/sessions"), "{acts:?}");
    let pairs = compare(&[reads], &acts).await;
    assert!(pairs >= 64, "{pairs} pairs");
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
