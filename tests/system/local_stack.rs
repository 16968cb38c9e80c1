//! The features of `cargo run`, and its refusals.

use crate::edge_proxy::SECRET;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::PathBuf;
use tollgate_local::faults::{Fault, Kind};
use tollgate_local::service::Service;
use tollgate_local::{Data, Options, Stack, StartError, moved_clock};
use tollgate_tests::app::{PASSWORD, TestApp, options};

/// A folder for the data of a stack, which is removed with the test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("tollgate-{name}-{}", std::process::id()));
        let _old = std::fs::remove_dir_all(&folder);
        Self(folder)
    }

    pub fn options(&self) -> Options {
        Options { data: Data::Folder(self.0.clone()), ..options() }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

async fn refusal(options: Options) -> String {
    match Stack::start(options).await {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    }
}

// S16
#[tokio::test]
async fn an_invalid_secret_stops_the_start_and_names_its_variable() {
    for variable in ["AUTH_SECRET", "CODES_SECRET"] {
        for bad in ["", "tiny", "change-me-change-me-change-me-change-me", &"a".repeat(40)] {
            let line = refusal(Options { env: vec![(variable.into(), bad.to_owned())], ..options() }).await;
            assert!(line.starts_with(variable) && !line.contains('\n'), "{line}");
            assert!(bad.is_empty() || !line.contains(bad), "{line}");
        }
    }
}

#[tokio::test]
async fn an_invalid_setting_stops_the_start_and_names_its_variable() {
    for (variable, bad) in [
        ("ACCESS_TOKEN_EXPIRE", "soon"),
        ("ACCESS_TOKEN_ALG", "HS256"),
        ("REFRESH_TOKEN_EXPIRE", "0"),
        ("PASSWORD_MIN_LENGTH", "4"),
        ("COOKIE_SAMESITE", "Strict"),
        ("CORS_ORIGINS", "*"),
        ("APP_URL", "app.example"),
        ("MAIL_FROM", "nobody"),
        ("CLIENT_IP_HEADER", "a header"),
        ("CLIENT_IP_HEADER", "x-edge-secret"),
    ] {
        let secret = ("EDGE_SECRET".into(), SECRET.into());
        let line = refusal(Options { env: vec![(variable.into(), bad.into()), secret], ..options() }).await;
        assert!(line.starts_with(variable) && !line.contains('\n'), "{line}");
    }
}

// D6, S16
#[tokio::test]
async fn a_proxy_without_its_secret_stops_the_start() {
    for bad in [None, Some(""), Some("tiny"), Some("change-me-change-me-change-me-change-me")] {
        let header = ("CLIENT_IP_HEADER".into(), "x-client-ip".into());
        let secret = bad.map(|bad| ("EDGE_SECRET".into(), bad.into()));
        let env = std::iter::once(header).chain(secret).collect();
        let line = refusal(Options { env, ..options() }).await;
        assert!(line.starts_with("EDGE_SECRET") && !line.contains('\n'), "{line}");
    }
}

#[tokio::test]
async fn a_taken_port_and_an_unusable_folder_print_one_line_each() {
    let app = TestApp::start().await;
    let port: u16 = app.stack.origin().rsplit(':').next().unwrap().parse().unwrap();
    assert!(
        matches!(Stack::start(Options { port, ..options() }).await.err(), Some(StartError::PortTaken(taken)) if taken == port)
    );
    let line = refusal(Options { data: Data::Folder("/dev/null/data".into()), ..options() }).await;
    assert!(line.contains("/dev/null/data") && !line.contains('\n'), "{line}");
}

#[tokio::test]
async fn accounts_sessions_links_and_mails_survive_a_restart() {
    let folder = Folder::new("restart");
    // Its port differs each time; the issuer of tokens stays.
    let options = || Options { env: vec![("APP_URL".into(), "https://app.example".into())], ..folder.options() };
    let app = TestApp::start_with(options()).await;
    let (email, session) = app.person("ann").await;
    app.post("/forget-password", json!({"email": email})).await.expect(202);
    let token = app.link_token(&email, "reset").await;
    let mails = app.mails(&email).await.len();
    drop(app);
    let again = TestApp::start_with(options()).await;
    assert_eq!(again.mails(&email).await.len(), mails);
    again.get_as(&session, "/me").await.expect(200);
    again.refresh(&session.refresh).await.expect(200);
    again.post("/new-password", json!({"token": token, "password": "another horse staple"})).await.expect(200);
}

// E16
#[tokio::test]
async fn the_stream_is_processed_up_to_its_last_record_which_is_retained() {
    let app = TestApp::start().await;
    let position = || {
        let key = json!({"kind": {"S": "stream"}, "id": {"S": "outbox"}});
        let request = serde_json::from_value(json!({"TableName": "local-stack", "Key": key})).unwrap();
        let item = serde_json::to_value(app.stack.database().get_item(request).unwrap()).unwrap();
        item.pointer("/Item/document/S").map(|text| serde_json::from_str::<String>(text.as_str().unwrap()).unwrap())
    };
    app.drain().await;
    let before = position();
    app.register("ann").await.expect(202);
    app.drain().await;
    let after = position().unwrap();
    assert!(before.is_none_or(|before| before < after));
    let dump = app.stack.stream_dump().unwrap();
    let newest = dump.split("SequenceNumber\":\"").skip(1).map(|rest| &rest[..21]).max().unwrap();
    assert_eq!(after, newest);
}

#[tokio::test]
async fn data_of_another_version_is_refused_with_instructions() {
    for (version, way_out) in [("3", "start anew"), ("5", "newer program")] {
        let folder = Folder::new(&format!("of-version-{version}"));
        let app = TestApp::start_with(folder.options()).await;
        let other = json!({
            "TableName": "local-stack",
            "Item": {"kind": {"S": "stack"}, "id": {"S": "version"}, "document": {"S": version}},
        });
        app.stack.database().put_item(serde_json::from_value(other).unwrap()).unwrap();
        drop(app);
        let line = refusal(folder.options()).await;
        let says = [format!("version {version}"), way_out.to_owned()];
        assert!(says.iter().all(|words| line.contains(words)) && !line.contains('\n'), "{line}");
    }
}

#[tokio::test]
async fn data_with_the_table_desk_is_refused_with_instructions() {
    let folder = Folder::new("with-desk");
    let app = TestApp::start_with(folder.options()).await;
    let old = json!({
        "TableName": "tollgate-desk", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    });
    app.stack.database().create_table(serde_json::from_value(old).unwrap()).unwrap();
    drop(app);
    let line = refusal(folder.options()).await;
    let says = ["`desk`", "`system`", "Delete the folder"];
    assert!(says.iter().all(|words| line.contains(words)) && !line.contains('\n'), "{line}");
}

#[tokio::test]
async fn the_table_system_is_shown_under_its_old_name_too() {
    let app = TestApp::start().await;
    app.sweep("rollup").await.expect(200);
    let [system, old] = [app.table("system").await, app.table("desk").await];
    assert!(!system.is_empty());
    assert_eq!(system, old);
}

// E1
#[tokio::test]
async fn a_stripe_key_without_a_webhook_secret_stops_the_start() {
    for secret in [None, Some("")] {
        let mut env = vec![("STRIPE_SECRET_KEY".to_owned(), "sk_test_1".to_owned())];
        env.extend(secret.map(|secret| ("STRIPE_WEBHOOK_SECRET".to_owned(), secret.to_owned())));
        let line = refusal(Options { env, ..options() }).await;
        assert!(line.starts_with("STRIPE_WEBHOOK_SECRET") && !line.contains('\n'), "{line}");
        assert!(line.contains("STRIPE_SECRET_KEY") && !line.contains("sk_test_1"), "{line}");
    }
}

/// The settings of a stack whose Stripe is the fake of `app`, with this key.
fn with_stripe_of(app: &TestApp, key: &str) -> Vec<(String, String)> {
    let settings = [
        ("STRIPE_SECRET_KEY", key.to_owned()),
        ("STRIPE_WEBHOOK_SECRET", "whsec_1".to_owned()),
        ("STRIPE_API_URL", format!("{}/_stripe", app.stack.origin())),
    ];
    settings.map(|(name, value)| (name.to_owned(), value)).into()
}

// E1
#[tokio::test]
async fn a_wrong_stripe_key_stops_each_start_and_names_the_setting() {
    let app = TestApp::start().await;
    let folder = Folder::new("wrong-key");
    for (key, is_good) in
        [("sk_test_wrong".to_owned(), false), (app.stack.stripe_key(), true), ("pk_test_x".to_owned(), false)]
    {
        let options = Options { env: with_stripe_of(&app, &key), ..folder.options() };
        if is_good {
            // The plans exist then: the next start creates nothing at Stripe.
            let stack = Stack::start(options).await.unwrap();
            assert_eq!(stack.missing_plans(), None);
            continue;
        }
        let line = refusal(options).await;
        assert!(line.starts_with("STRIPE_SECRET_KEY") && !line.contains('\n') && !line.contains(&key), "{line}");
        assert!(line.contains("401"), "{line}");
    }
}

async fn codes(app: &TestApp) -> Vec<String> {
    let plans = app.get("/billing/plans").await.expect(200).body;
    plans["items"].as_array().unwrap().iter().map(|plan| plan["code"].as_str().unwrap().to_owned()).collect()
}

// E1
#[tokio::test]
async fn a_start_creates_missing_plans_once() {
    let folder = Folder::new("plans");
    let failing = Fault {
        service: Service::Stripe,
        operation: Some("POST /v1/prices".to_owned()),
        kind: Kind::Error,
        after: 1,
        times: u32::MAX,
    };
    let app = TestApp::start_with(Options { faults: vec![failing], ..folder.options() }).await;
    assert_eq!(codes(&app).await, ["free", "pro"]);
    assert!(app.stack.missing_plans().is_some_and(|reason| !reason.is_empty()));
    drop(app);
    let app = TestApp::start_with(folder.options()).await;
    assert_eq!(
        (codes(&app).await, app.stack.missing_plans()),
        (vec!["free".into(), "pro".into(), "team".into()], None)
    );
    let ids = async |app: &TestApp| app.get("/billing/plans").await.expect(200).body["items"].clone();
    let made = ids(&app).await;
    drop(app);
    let app = TestApp::start_with(folder.options()).await;
    assert_eq!(ids(&app).await, made, "nothing is made a second time");
}

// E1
#[tokio::test]
async fn the_stack_starts_without_stripe_and_reports_missing_plans() {
    let app = TestApp::start().await;
    let mut env = with_stripe_of(&app, "sk_test_1");
    env[2].1 = "http://127.0.0.1:9".to_owned();
    let stack = Stack::start(Options { env, ..options() }).await.unwrap();
    assert!(stack.missing_plans().is_some());
}

// E2
#[tokio::test]
async fn a_moved_clock_is_shown_on_every_page_and_reset_when_no_data_needs_it() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    let checkout = app.subscribe(&ann, "pro").await.expect(201).body["checkout_url"].as_str().unwrap().to_owned();
    let checkout = checkout.strip_prefix(&app.stack.base_url()).unwrap().to_owned();
    let begun = app.get("/google/login").await.expect(302).headers["location"].to_str().unwrap().to_owned();
    let consent = begun.strip_prefix(&app.stack.base_url()).unwrap().to_owned();
    let html = [("accept", "text/html")];
    let page = async |path: &str| app.send(Method::GET, path, &html, None).await.expect(200).text;
    for path in ["/_local", &checkout, &consent] {
        assert!(!page(path).await.contains("ahead of this machine"), "{path}");
    }
    app.post("/_local/clock", json!({"advance_seconds": 2 * 3600 + 60})).await.expect(200);
    for path in ["/_local", &checkout] {
        assert!(page(path).await.contains("clock is 2 hours 1 minute ahead of this machine's"), "{path}");
    }
    let clock = app.get("/_local/clock").await.expect(200).body;
    assert_eq!(clock, json!({"now": app.now(), "ahead_seconds": 7260}));
    // Sessions have ended by the moved clock.
    let state = app.get("/_local/console/clock").await.expect(200).body;
    assert_eq!((&state["can_go_back"], &state["ahead"]), (&json!(false), &json!("2 hours 1 minute")));
    assert!(state["blocked"].as_str().unwrap().contains("--data"), "{state}");
    let refused = app.send(Method::POST, "/_local/clock/back", &[], None).await.expect(409).body;
    assert!(refused["detail"].as_str().unwrap().contains("--data"), "{refused}");
    // Answers to programs are unchanged.
    assert!(app.get("/billing/plans").await.expect(200).body["items"].is_array());

    let app = TestApp::start().await;
    let before = app.now();
    app.post("/_local/clock", json!({"advance_seconds": 30 * 86_400})).await.expect(200);
    let state = app.get("/_local/console/clock").await.expect(200).body;
    assert_eq!(
        (&state["can_go_back"], &state["ahead"], &state["blocked"]),
        (&json!(true), &json!("30 days"), &Value::Null)
    );
    let back = app.send(Method::POST, "/_local/clock/back", &[], None).await.expect(200).body;
    assert_eq!(back, json!({"now": before}));
    assert!(!app.send(Method::GET, "/_local", &html, None).await.expect(200).text.contains("ahead of"));
    app.person("bob").await;
    app.post("/_local/schedules/rollup/run", json!({})).await.expect(200);
}

// E2
#[tokio::test]
async fn a_reset_clock_is_the_machines_own_after_a_restart() {
    let folder = Folder::new("clock");
    let app = TestApp::start_with(folder.options()).await;
    app.post("/_local/clock", json!({"advance_seconds": 86_400})).await.expect(200);
    drop(app);
    let app = TestApp::start_with(folder.options()).await;
    assert_eq!(moved_clock::ahead(app.stack.clock()).as_deref(), Some("1 day"));
    app.send(Method::POST, "/_local/clock/back", &[], None).await.expect(200);
    drop(app);
    let app = TestApp::start_with(folder.options()).await;
    assert_eq!(moved_clock::ahead(app.stack.clock()), None);
}

#[tokio::test]
async fn the_console_answers_only_on_this_machine() {
    let app = TestApp::start().await;
    for (host, allowed) in [
        ("localhost", true),
        ("localhost:99", true),
        ("127.0.0.1", true),
        ("127.9.8.7:1", true),
        ("evil.example", false),
        ("127.0.0.1.evil.example", false),
        ("128.0.0.1", false),
    ] {
        let answer = app.send(Method::GET, "/_local/queues", &[("host", host)], None).await;
        if allowed {
            answer.expect(200);
        } else {
            assert_eq!((answer.status.as_u16(), &answer.body["code"]), (403, &json!("forbidden")), "{host}");
        }
    }
    for (origin, allowed) in [("http://localhost:3000", true), ("https://evil.example", false), ("null", false)] {
        let answer = app.send(Method::POST, "/_local/drain", &[("origin", origin)], None).await;
        assert_eq!(answer.status == 200, allowed, "{origin}");
    }
    let json = app.send(Method::GET, "/_local", &[("accept", "application/json")], None).await.expect(200);
    assert_eq!(json.body["emails"], 0);
    let page = app.send(Method::GET, "/_local", &[("accept", "text/html")], None).await.expect(200);
    // The page loads its own scripts and styles, and no others.
    assert!(page.text.contains("Dev console") && !page.text.contains("<style") && !page.text.contains("https://"));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
    assert_eq!(page.text.matches("<script").count(), 1);
    let script = app.get("/_local/assets/main.js").await.expect(200);
    assert_eq!(script.headers["content-type"], "text/javascript; charset=utf-8");
    app.get("/_local/assets/../desk.rs").await.expect(404);
}

#[tokio::test]
async fn the_console_shows_and_empties_the_inbox_and_moves_the_clock() {
    let app = TestApp::start().await;
    app.register("ann").await.expect(202);
    app.register("bob").await.expect(202);
    let mails = app.mails("ANN@example.com").await;
    assert_eq!(mails.len(), 1);
    let mail = mails[0].as_object().unwrap();
    for field in ["id", "to", "subject", "kind", "text", "html", "links", "code", "created_at"] {
        assert!(mail.contains_key(field), "{field}");
    }
    app.send(Method::DELETE, "/_local/emails", &[], None).await.expect(204);
    assert!(app.mails("ann@example.com").await.is_empty());
    assert_eq!(app.get("/_local/clock").await.body["now"], "2026-03-01T12:00:00Z");
    assert_eq!(app.post("/_local/clock", json!({"advance_seconds": 60})).await.body["now"], "2026-03-01T12:01:00Z");
    for bad in [json!({}), json!({"advance_seconds": -1}), json!({"advance_seconds": "x"})] {
        assert_eq!(app.post("/_local/clock", bad).await.status, 422);
    }
    app.get("/_local/tables/nothing").await.expect(404);
    app.get("/_local/nothing").await.expect(404);
    app.send(Method::POST, "/_local/queues/nothing/redrive", &[], None).await.expect(404);
}

#[tokio::test]
async fn a_fault_of_an_unknown_service_kind_or_operation_is_refused() {
    let app = TestApp::start().await;
    for bad in [
        json!({"service": "smoke", "kind": "error"}),
        json!({"service": "ses", "kind": "smoke"}),
        json!({"service": "ses", "kind": "error", "operation": "Smoke"}),
        json!({"kind": "error"}),
    ] {
        assert_eq!(app.post("/_local/faults", bad.clone()).await.status, 422, "{bad}");
    }
    app.post("/_local/faults", json!({"service": "dynamodb", "kind": "error", "times": 3})).await.expect(201);
    app.login("ann@example.com", PASSWORD).await.refused(503, "unavailable");
    app.login("ann@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    app.post("/_local/faults", json!({"service": "dynamodb", "kind": "error", "times": 30})).await.expect(201);
    app.send(Method::DELETE, "/_local/faults", &[], None).await.expect(204);
    app.login("ann@example.com", PASSWORD).await.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn the_console_finds_mails_and_shows_their_html_without_scripts() {
    let app = TestApp::start().await;
    app.register("ann").await.expect(202);
    app.register("bob").await.expect(202);
    app.drain().await;
    let found = app.get("/_local/inbox?q=ANN%40").await.expect(200).body["items"].clone();
    assert_eq!((found.as_array().unwrap().len(), &found[0]["to"]), (1, &json!("ann@example.com")));
    assert!(found[0].get("html").is_none());
    assert_eq!(app.get("/_local/inbox?q=verify").await.expect(200).body["items"].as_array().unwrap().len(), 2);
    let path = format!("/_local/inbox/{}", found[0]["id"].as_str().unwrap());
    let mail = app.get(&path).await.expect(200).body;
    assert_eq!((&mail["kind"], &mail["code"]), (&json!("verify"), &found[0]["code"]));
    let html = app.get(&format!("{path}/html")).await.expect(200);
    let policy = html.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox") && !policy.contains("allow-scripts"));
    assert!(html.text.contains("<a target=\"_blank\""), "{}", html.text);
    app.get("/_local/inbox/none").await.expect(404);
}

#[tokio::test]
async fn the_console_reads_a_table_by_pages_and_by_text() {
    let app = TestApp::start().await;
    for n in 0..30 {
        app.register(&format!("user{n}")).await.expect(202);
    }
    let tables = app.get("/_local/tables").await.expect(200).body["items"].clone();
    let identity = tables.as_array().unwrap().iter().find(|table| table["name"] == "identity").unwrap().clone();
    let (mut seen, mut after) = (0, String::new());
    loop {
        let after_key = after.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let page = app.get(&format!("/_local/tables/identity/page?after={after_key}")).await.expect(200).body;
        seen += page["items"].as_array().unwrap().len();
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(json!(seen), identity["items"]);
    assert!(seen > 50, "more than a page: {seen}");
    let one = app.get("/_local/tables/identity/page?contains=EMAIL%23user7%40").await.expect(200).body;
    assert_eq!((one["items"].as_array().unwrap().len(), &one["next"]), (1, &Value::Null));
    app.get("/_local/tables/identity/page?after=x").await.expect(422);
    app.get("/_local/tables/nothing/page").await.expect(404);
}

#[tokio::test]
async fn the_console_lists_faults_and_switches_one_off() {
    let app = TestApp::start().await;
    for service in ["ses", "sqs"] {
        app.post("/_local/faults", json!({"service": service, "kind": "error", "times": 3})).await.expect(201);
    }
    assert_eq!(app.get("/_local/console").await.expect(200).body["faults"], 2);
    app.send(Method::DELETE, "/_local/faults?service=ses&kind=error", &[], None).await.expect(204);
    let remaining = app.get("/_local/faults").await.expect(200).body;
    assert_eq!((remaining["items"].as_array().unwrap().len(), &remaining["items"][0]["service"]), (1, &json!("sqs")));
    assert!(remaining["services"].as_array().unwrap().iter().any(|service| service["service"] == "stripe"));
}

#[tokio::test]
async fn the_console_shows_people_schedules_dead_letters_and_renewals() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/_local/console/clock").await.expect(200).body["next_renewal"], Value::Null);
    app.subscriber("ann").await;
    let renewal = app.get("/_local/console/clock").await.expect(200).body["next_renewal"].clone();
    assert!(renewal.as_str().unwrap().starts_with("2026-04-01T12:"), "{renewal}");
    let person = json!({"email": "eva@example.com", "email_verified": false});
    app.post("/_local/google/accounts", person).await.expect(201);
    let people = app.get("/_local/google/accounts").await.expect(200).body;
    assert_eq!(people["items"][0]["email"], "eva@example.com");
    assert_eq!(app.get("/_local/github/accounts").await.expect(200).body, json!({"items": []}));
    let schedules = app.get("/_local/schedules").await.expect(200).body;
    assert!(schedules["items"].as_array().unwrap().iter().any(|schedule| schedule["name"] == "rollup"));
    assert_eq!(app.get("/_local/queues/mail/dead").await.expect(200).body, json!({"items": []}));
    app.get("/_local/queues/nothing/dead").await.expect(404);
    app.at_stripe("delivery", json!({"mode": "hold"})).await.expect(200);
    let state = app.get("/_local/stripe/delivery").await.expect(200).body;
    assert_eq!(state, json!({"mode": "hold", "pending": 0, "held": 0}));
    let listed = app.get("/_local/stripe/events?limit=2").await.expect(200).body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert_eq!(app.get("/_local/log?contains=req_").await.expect(200).body, json!({"items": []}));
}
