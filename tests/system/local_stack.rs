//! What `cargo run` offers, and how it refuses.

use reqwest::Method;
use serde_json::json;
use std::path::PathBuf;
use tollgate_local::{Data, Options, Stack, StartError};
use tollgate_tests::app::{PASSWORD, TestApp, options};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("tollgate-{name}-{}", std::process::id()));
        let _old = std::fs::remove_dir_all(&folder);
        Self(folder)
    }

    fn options(&self) -> Options {
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
async fn a_secret_that_will_not_do_stops_the_start_and_names_its_variable() {
    for variable in ["AUTH_SECRET", "CODES_SECRET"] {
        for bad in ["", "tiny", "change-me-change-me-change-me-change-me", &"a".repeat(40)] {
            let line = refusal(Options { env: vec![(variable.into(), bad.to_owned())], ..options() }).await;
            assert!(line.starts_with(variable) && !line.contains('\n'), "{line}");
            assert!(bad.is_empty() || !line.contains(bad), "{line}");
        }
    }
}

#[tokio::test]
async fn a_setting_that_will_not_do_stops_the_start_and_names_its_variable() {
    for (variable, bad) in [
        ("ACCESS_TOKEN_EXPIRE", "soon"),
        ("REFRESH_TOKEN_EXPIRE", "0"),
        ("PASSWORD_MIN_LENGTH", "4"),
        ("COOKIE_SAMESITE", "Strict"),
        ("CORS_ORIGINS", "*"),
        ("APP_URL", "app.example"),
        ("MAIL_FROM", "nobody"),
    ] {
        let line = refusal(Options { env: vec![(variable.into(), bad.into())], ..options() }).await;
        assert!(line.starts_with(variable) && !line.contains('\n'), "{line}");
    }
}

#[tokio::test]
async fn a_taken_port_and_a_folder_that_cannot_be_used_are_one_line_each() {
    let app = TestApp::start().await;
    let port: u16 = app.stack.origin().rsplit(':').next().unwrap().parse().unwrap();
    assert!(
        matches!(Stack::start(Options { port, ..options() }).await.err(), Some(StartError::PortTaken(taken)) if taken == port)
    );
    let line = refusal(Options { data: Data::Folder("/dev/null/data".into()), ..options() }).await;
    assert!(line.contains("/dev/null/data") && !line.contains('\n'), "{line}");
}

#[tokio::test]
async fn accounts_sessions_links_and_mails_outlive_a_restart() {
    let folder = Folder::new("restart");
    // Its own port is another one each time; the address that tokens are issued by stays.
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
async fn the_stream_is_taken_up_to_its_last_record_beside_which_that_is_kept() {
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
async fn data_of_another_version_is_refused_with_what_to_do() {
    for (version, way_out) in [("2", "start anew"), ("4", "newer program")] {
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
async fn the_desk_answers_on_this_machine_alone() {
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
    assert!(page.text.contains("Inbox") && !page.text.contains("<script"));
}

#[tokio::test]
async fn the_desk_shows_and_empties_the_inbox_and_moves_the_clock() {
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
