//! Each command against a running stack: its object, its exit code, what it changed, and its entry in the audit trail.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails there

mod support;

use serde_json::{Value, json};
use support::gate::Gate;
use support::{FakeAws, run, run_plain, run_with, start_at};
use tokio::process::Command;
use tollgate_tests::app::{PASSWORD, TestApp};

/// The entries of operators in the audit trail: command and details.
async fn trail(app: &TestApp) -> Vec<(String, Value)> {
    let rows = app.table("audit").await.into_iter().filter(|row| row["action"]["S"] == "operator.command");
    rows.map(|row| (row["target_id"]["S"].as_str().unwrap().to_owned(), row["after"]["M"]["details"].clone())).collect()
}

async fn commands(app: &TestApp) -> Vec<String> {
    let mut names: Vec<_> = trail(app).await.into_iter().map(|(name, _)| name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn make_admin_makes_an_admin_once_and_names_the_operator() {
    let app = TestApp::start().await;
    let email = app.member("ann").await;
    let dry = run(&app, &["make-admin", "--email", &email, "--dry-run"]).await.expect(0).json();
    assert_eq!((&dry["result"]["dry_run"], &dry["stage"]), (&json!(true), &json!("local")));
    let made = run(&app, &["make-admin", "--email", &email]).await.expect(0).json();
    assert_eq!(made["result"]["was_admin"], false);
    assert_eq!(run(&app, &["make-admin", "--email", &email]).await.expect(3).json()["result"]["was_admin"], true);
    let entry = app.table("audit").await.into_iter().find(|row| row["action"]["S"] == "user.role_changed").unwrap();
    assert_eq!(entry["after"]["M"]["operator"]["S"], "local");
    let unknown = run(&app, &["make-admin", "--email", "bob@example.com"]).await.expect(2).json();
    assert_eq!(unknown["error"]["code"], "not_possible");
}

#[tokio::test]
async fn user_commands_change_what_the_admin_api_changes() {
    let app = TestApp::start_with_admin().await;
    let (email, session) = app.person("ann").await;
    let shown = run(&app, &["user", "show", &email]).await.expect(0).json()["result"].clone();
    assert_eq!((&shown["email"], &shown["sessions"]), (&json!(email), &json!(1)));
    let id = shown["id"].as_str().unwrap().to_owned();
    run(&app, &["user", "disable", &email, "--dry-run"]).await.expect(0);
    app.get_as(&session, "/me").await.expect(200);
    run(&app, &["user", "disable", &id]).await.expect(0);
    app.get_as(&session, "/me").await.refused(401, "unauthenticated");
    app.advance(1);
    app.login(&email, PASSWORD).await.refused(403, "account_disabled");
    app.advance(1);
    run(&app, &["user", "disable", &id]).await.expect(3);
    run(&app, &["user", "enable", &email]).await.expect(0);
    app.sign_in(&email).await;
    let export = run(&app, &["user", "export", &email]).await.expect(0).json()["result"].clone();
    assert_eq!((&export["user"]["id"], &export["is_complete"]), (&json!(id), &json!(true)));
    assert_eq!(
        run(&app, &["user", "delete", "admin@localhost.test"]).await.expect(2).json()["error"]["code"],
        "last_admin"
    );
    run(&app, &["user", "delete", &id]).await.expect(0);
    run(&app, &["user", "show", &id]).await.expect(2);
    let rows = app.table("audit").await;
    for action in ["user.disabled", "user.enabled", "user.deleted"] {
        let entry = rows.iter().find(|row| row["action"]["S"] == action).unwrap();
        assert_eq!(entry["after"]["M"]["operator"]["S"], "local", "{action}");
    }
    assert_eq!(commands(&app).await, ["user export"]);
    app.drain().await;
}

#[tokio::test]
async fn report_run_prints_rows_or_a_csv_file() {
    let app = TestApp::start().await;
    app.member("ann").await;
    let file = std::env::temp_dir().join(format!("tollgate-ops-{}.sql", std::process::id()));
    let path = file.to_str().unwrap().to_owned();
    std::fs::write(&file, "SELECT count(*) AS users FROM users").unwrap();
    let rows = run(&app, &["report", "run", &path]).await.expect(0).json();
    let rows = rows["result"].clone();
    assert_eq!((&rows["columns"], &rows["rows"]), (&json!(["users"]), &json!([[1]])));
    let csv = run_plain(&app, &["report", "run", &path, "--csv"]).await.expect(0);
    assert!(csv.stdout.contains("users") && csv.stdout.contains('1'), "{csv:?}");
    let csv = run(&app, &["report", "run", &path, "--csv"]).await.expect(0).json();
    let csv = csv["result"]["csv"].clone();
    assert!(csv.as_str().unwrap().contains("users"), "{csv}");
    std::fs::write(&file, "DELETE FROM users").unwrap();
    for more in [&[][..], &["--dry-run"]] {
        let refused = run(&app, &[&["report", "run", &path], more].concat()).await.expect(2).json();
        assert_eq!(refused["error"]["code"], "sql_not_allowed");
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(run(&app, &["report", "run", &path]).await.expect(2).json()["error"]["code"], "usage");
    let asked = app.actions().await.iter().filter(|action| *action == "report.requested").count();
    assert_eq!(asked, 3);
}

#[tokio::test]
async fn rotate_keys_rotates_and_leaves_sessions_alone() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    run(&app, &["rotate-keys", "--dry-run"]).await.expect(0);
    assert!(commands(&app).await.is_empty());
    let rotated = run(&app, &["rotate-keys"]).await.expect(0).json();
    assert_eq!(rotated["result"]["rotated"], json!(["auth", "codes"]));
    app.advance(6 * 60);
    app.get_as(&session, "/me").await.expect(200);
    run(&app, &["rotate-keys", "--secret", "trials"]).await.expect(0);
    assert_eq!(commands(&app).await, ["rotate-keys", "rotate-keys"]);
}

#[tokio::test]
async fn dead_letters_are_listed_shown_without_personal_data_and_moved_back() {
    let mut app = TestApp::start().await;
    run(&app, &["dead-letters", "list"]).await.expect(3);
    run(&app, &["redrive"]).await.expect(3);
    let event = json!({"type": "invoice.paid", "customer": "cus_9s6XKzkNRiz8i3", "email": "ann@example.com"});
    app.stack.put_dead_letter("stripe.fifo", event.to_string(), Some("cus_1".to_owned())).unwrap();
    for _ in 0..12 {
        app.stack.put_dead_letter("mail", "{}".to_owned(), None).unwrap();
    }
    let listed = run(&app, &["dead-letters", "list"]).await.expect(0).json();
    let listed = listed["result"]["dead_letters"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 13);
    let few = run(&app, &["dead-letters", "list", "--queue", "mail", "--limit", "3"]).await.expect(0).json();
    assert_eq!(few["result"]["dead_letters"].as_array().unwrap().len(), 3, "those read before are shown again");
    let of_stripe = listed.iter().find(|message| message["queue"] == "stripe").unwrap();
    assert_eq!(of_stripe["kind"], "invoice.paid");
    let shown = run(&app, &["dead-letters", "show", of_stripe["id"].as_str().unwrap()]).await.expect(0);
    assert!(shown.stdout.contains("cus_9s6XKzkNRiz8i3") && !shown.stdout.contains("ann@"), "{}", shown.stdout);
    run(&app, &["dead-letters", "show", "none"]).await.expect(2);
    let dry = run(&app, &["redrive", "--dry-run"]).await.expect(0).json();
    assert_eq!(dry["result"]["dead_letters"], json!({"mail": 12, "stripe": 1}));
    let moved = run(&app, &["redrive", "--queue", "mail"]).await.expect(0).json();
    assert_eq!(moved["result"]["moved"], json!({"mail": 12}));
    assert_eq!(commands(&app).await, ["redrive", "redrive"]);
    app.drain().await;
    app.dead_wanted = 13;
}

#[tokio::test]
async fn reconcile_repairs_changes_without_events() {
    let app = TestApp::start().await;
    let session = app.paid_in_silence().await;
    let dry = run(&app, &["reconcile", "--dry-run"]).await.expect(0).json();
    assert_eq!(dry["result"]["pages"], 0);
    assert_eq!(app.get_as(&session, "/me").await.body["tier"], 0);
    let repaired = run(&app, &["reconcile"]).await.expect(0).json();
    assert_eq!(repaired["result"]["repaired"], 1);
    assert_eq!(app.get_as(&session, "/me").await.body["tier"], 1);
    assert_eq!(run(&app, &["reconcile"]).await.expect(0).json()["result"]["repaired"], 0);
    assert_eq!(commands(&app).await, ["reconcile", "reconcile"]);
    app.drain().await;
}

#[tokio::test]
async fn stripe_setup_sets_up_an_account_once_and_events_arrive() {
    let app = TestApp::start().await;
    assert_eq!(run(&app, &["stripe-setup"]).await.expect(3).json()["result"]["steps"], json!([]));
    let bearer = format!("Bearer {}", app.stack.stripe_key());
    let endpoints = async || app.stripe_list("webhook_endpoints").await;
    let first = endpoints().await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/_stripe/v1/webhook_endpoints/{first}");
    let headers = [("authorization", bearer.as_str())];
    app.send(reqwest::Method::DELETE, &path, &headers, None).await.expect(200);
    app.at_stripe("portal", json!({"configured": false})).await.expect(200);
    let dry = run(&app, &["stripe-setup", "--dry-run"]).await.expect(0).json();
    assert_eq!(dry["result"]["steps"].as_array().unwrap().len(), 2);
    assert!(endpoints().await.is_empty() && commands(&app).await.is_empty());
    run(&app, &["stripe-setup"]).await.expect(0);
    let [endpoint] = &endpoints().await[..] else { panic!("one endpoint") };
    assert_eq!(endpoint["api_version"], "2026-08-26.dahlia");
    run(&app, &["stripe-setup"]).await.expect(3);
    // The functions read the new secret within five minutes. Then events are accepted, and the portal opens.
    app.advance(6 * 60);
    let (_, session) = app.subscriber("ann").await;
    assert_eq!(app.get_as(&session, "/me").await.body["tier"], 1);
    app.post_as(&session, "/billing/portal", json!({})).await.expect(201);
    let refusal = json!({"operation": "POST /v1/refunds", "status": 403});
    app.at_stripe("refusals", refusal).await.expect(200);
    let refused = run(&app, &["stripe-setup"]).await.expect(2).json();
    assert_eq!(refused["error"]["code"], "key_permissions");
    assert_eq!(commands(&app).await, ["stripe-setup"]);
}

#[tokio::test]
async fn logs_prints_the_lines_of_a_request() {
    let app = TestApp::start().await;
    let aws = FakeAws::start(&app.stack.origin()).await;
    let id = app.get("/healthz").await.expect(200).headers["x-request-id"].to_str().unwrap().to_owned();
    aws.set(|answers| answers.lines = vec![json!({"request_id": id, "route": "/healthz"}).to_string()]);
    let found = run_with(&aws.account(), &["logs", &id, "--stage", "dev", "--json"]).await.expect(0).json();
    assert_eq!(found["result"]["lines"], json!([{"request_id": id, "route": "/healthz"}]));
    aws.set(|answers| answers.lines.clear());
    run_with(&aws.account(), &["logs", &id, "--stage", "dev", "--json"]).await.expect(3);
    let wrong = run(&app, &["logs", "other"]).await.expect(2).json();
    assert_eq!(wrong["error"]["code"], "usage");
    // The stack of this test writes no file, so its logs are requested from CloudWatch.
    assert_eq!(run(&app, &["logs", &id]).await.expect(1).json()["error"]["code"], "logs");
}

#[tokio::test]
async fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = run_with(&[], &["completions", shell]).await.expect(0);
        assert!(ran.stdout.contains("stripe-setup"), "{shell}");
    }
    assert!(run_with(&[], &["completions", "bash", "--json"]).await.expect(0).json()["result"].is_object());
}

#[tokio::test]
async fn production_is_confirmed_or_nothing_changes() {
    let app = TestApp::start().await;
    let aws = FakeAws::start(&app.stack.origin()).await;
    for arguments in [
        &["redrive"][..],
        &["reconcile"],
        &["rotate-keys"],
        &["make-admin", "--email", "ann@example.com"],
        &["report", "run", "/dev/null"],
    ] {
        let all = [arguments, &["--stage", "prod", "--json"]].concat();
        let ran = run_with(&aws.account(), &all).await.expect(2);
        let answer = ran.json();
        assert_eq!(answer["error"]["code"], "not_confirmed", "{arguments:?}");
        assert!(answer["error"]["message"].as_str().unwrap().contains("--yes"), "{answer}");
        assert!(ran.stderr.contains("account 000000000000 · region us-east-1 · stage prod"), "{}", ran.stderr);
    }
    let calls = aws.calls.lock().unwrap().clone();
    assert!(calls.iter().all(|call| call == "GetCallerIdentity"), "{calls:?}");
    // After the confirmation it calls a service that these fakes do not have.
    run_with(&aws.account(), &["redrive", "--stage", "prod", "--yes", "--json"]).await.expect(1);
    assert!(aws.calls.lock().unwrap().contains(&"AmazonSQS.GetQueueUrl".to_owned()));
}

#[tokio::test]
async fn each_error_is_one_object_on_stdout() {
    for (arguments, code, error) in [
        (&["redrive", "--json"][..], 2, "usage"),
        (&["nothing", "--json"], 2, "usage"),
        (&["redrive", "--local", "http://127.0.0.1:1", "--json"], 1, "stack_unreachable"),
        (&["redrive", "--stage", "Not a stage", "--json"], 2, "usage"),
    ] {
        let answer = run_with(&[], arguments).await.expect(code).json();
        assert_eq!(answer["error"]["code"], error, "{arguments:?}");
    }
}

#[tokio::test]
async fn an_interrupted_command_says_how_to_continue() {
    let mut app = TestApp::start().await;
    for _ in 0..600 {
        app.stack.put_dead_letter("mail", "{}".to_owned(), None).unwrap();
    }
    let gate = Gate::start(&app, "AmazonSQS.ListMessageMoveTasks", 10).await;
    let child = start_at(gate.url(), &["redrive"]);
    gate.reached().await;
    let id = child.id().unwrap().to_string();
    Command::new("kill").args(["-INT", &id]).status().await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(4));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["code"], "interrupted");
    assert!(answer["error"]["resume"].as_str().unwrap().contains("again"));
    assert_eq!(run(&app, &["redrive"]).await.expect(0).json()["result"]["moved"], json!({"mail": 600}));
    app.drain().await;
    app.dead_wanted = 600;
}

#[tokio::test]
async fn a_redrive_that_loses_its_connection_says_how_to_continue() {
    let mut app = TestApp::start().await;
    for _ in 0..600 {
        app.stack.put_dead_letter("mail", "{}".to_owned(), None).unwrap();
    }
    let gate = Gate::start(&app, "AmazonSQS.ListMessageMoveTasks", 10).await;
    let child = start_at(gate.url(), &["redrive"]);
    gate.reached().await;
    // The call that waits is cut, and its retries find nothing that listens.
    drop(gate);
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["code"], "connection_lost");
    assert!(answer["error"]["resume"].as_str().unwrap().contains("again"));
    assert_eq!(run(&app, &["redrive"]).await.expect(0).json()["result"]["moved"], json!({"mail": 600}));
    app.drain().await;
    app.dead_wanted = 600;
}
