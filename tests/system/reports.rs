//! Reports: a statement from its check to its rows or its file, the limits in between, and the assistant that writes
//! one.

mod assistant;

use crate::admin::app_and_admin;
use reqwest::Method;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use tollgate_local::Options;
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;
use tollgate_platform::Secret;
use tollgate_sql::Limits;
use tollgate_tests::app::{ADMIN, Answer, PASSWORD, Session, TestApp, limited, options};

async fn ask_for(app: &TestApp, admin: &Session, body: Value) -> String {
    let answer = app.post_as(admin, "/admin/reports", body).await.expect(202).body;
    assert_eq!(answer["status"], "queued");
    answer["id"].as_str().unwrap().to_owned()
}

/// A report that was run.
async fn report(app: &TestApp, admin: &Session, body: Value) -> Value {
    let id = ask_for(app, admin, body).await;
    app.drain().await;
    app.get_as(admin, &format!("/admin/reports/{id}")).await.expect(200).body
}

async fn preview(app: &TestApp, admin: &Session, sql: &str) -> Value {
    report(app, admin, json!({"sql": sql, "format": "preview", "fresh": true})).await
}

/// The rows of a preview.
async fn rows(app: &TestApp, admin: &Session, sql: &str) -> Value {
    let report = preview(app, admin, sql).await;
    assert_eq!(report["status"], "succeeded", "{sql}: {report}");
    report["rows"].clone()
}

async fn download(url: &str) -> Answer {
    Answer::read(reqwest::get(url).await.unwrap()).await
}

#[tokio::test]
async fn a_preview_shows_the_rows_of_the_tables() {
    let (app, admin) = app_and_admin().await;
    app.subscriber("ann").await;
    app.register("bob").await.expect(202);
    let body = json!({"sql": "SELECT username, tier FROM users ORDER BY 1", "format": "preview"});
    let queued = async {
        let id = ask_for(&app, &admin, body).await;
        (app.get_as(&admin, &format!("/admin/reports/{id}")).await.expect(200).body, id)
    };
    let (queued, id) = app.stack.held(queued).await;
    assert_eq!((&queued["status"], &queued["rows"], &queued["as_of"]), (&json!("queued"), &Value::Null, &Value::Null));
    app.drain().await;
    let done = app.get_as(&admin, &format!("/admin/reports/{id}")).await.expect(200).body;
    assert_eq!(done["status"], "succeeded", "{done}");
    assert_eq!(done["columns"], json!(["username", "tier"]));
    assert_eq!(done["rows"], json!([["admin", 0], ["ann", 1], ["bob", 0]]));
    assert_eq!((&done["row_count"], &done["error"], &done["download_url"]), (&json!(3), &Value::Null, &Value::Null));
    assert_eq!(done["as_of"], json!(app.now().to_string()));
}

#[tokio::test]
async fn each_view_holds_the_values_of_the_contract() {
    let (app, admin) = app_and_admin().await;
    let (email, ann) = app.subscriber("ann").await;
    let me = app.get_as(&ann, "/me").await.expect(200).body;
    let users = "SELECT id, email, username, provider, email_verified, is_active, is_admin, tier, created_at FROM users WHERE is_admin = 0";
    let expected = json!([[me["id"], email, "ann", "local", 1, 1, 0, 1, me["created_at"]]]);
    assert_eq!(rows(&app, &admin, users).await, expected);
    let subscription = app.subscription(&ann).await;
    let columns = "id, user_id, plan_id, status, price_cents, currency, billing_period, interval_count, quantity, started_at, \
                   current_period_start, current_period_end, cancel_at_period_end, canceled_at, has_access";
    let of = |name: &str| subscription[name].clone();
    let expected = json!([[
        of("id"),
        me["id"],
        subscription["plan"]["id"],
        "active",
        1900,
        "usd",
        "month",
        1,
        1,
        of("started_at"),
        of("current_period_start"),
        of("current_period_end"),
        0,
        null,
        1
    ]]);
    assert_eq!(rows(&app, &admin, &format!("SELECT {columns} FROM subscriptions")).await, expected);
    let payment = app.get_as(&ann, "/billing/payments/me").await.expect(200).body["items"][0].clone();
    let expected = json!([[
        payment["id"],
        me["id"],
        of("id"),
        subscription["plan"]["id"],
        1900,
        0,
        "usd",
        "succeeded",
        payment["created_at"]
    ]]);
    assert_eq!(rows(&app, &admin, "SELECT * FROM payments").await, expected);
    let plans = rows(
        &app,
        &admin,
        "SELECT code, name, price_cents, currency, billing_period, tier, is_active FROM plans ORDER BY tier",
    )
    .await;
    assert_eq!(
        plans,
        json!([
            ["free", "Free", 0, "usd", "month", 0, 1],
            ["pro", "Pro", 1900, "usd", "month", 1, 1],
            ["team", "Team", 4900, "usd", "month", 2, 1]
        ])
    );
    // Ann and the admin have signed in once each.
    let sign_ins = rows(&app, &admin, "SELECT * FROM sign_ins_by_day").await;
    assert_eq!(sign_ins, json!([["2026-03-01", "password", 2, 2]]));
    let history = rows(
        &app,
        &admin,
        "SELECT subscription_id, user_id, plan_id, status FROM subscription_history ORDER BY at DESC LIMIT 1",
    )
    .await;
    assert_eq!(history, json!([[of("id"), me["id"], subscription["plan"]["id"], "active"]]));
}

#[tokio::test]
async fn a_deleted_user_is_in_no_report_and_the_payments_stay() {
    let (app, admin) = app_and_admin().await;
    let (_, ann) = app.subscriber("ann").await;
    app.post_as(&ann, "/me/delete", json!({"password": PASSWORD})).await.expect(202);
    app.drain().await;
    let count = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM payments), (SELECT count(*) FROM subscriptions WHERE has_access)";
    assert_eq!(rows(&app, &admin, count).await, json!([[1, 1, 0]]));
}

#[tokio::test]
async fn a_snapshot_is_reused_for_five_minutes_unless_a_fresh_one_is_requested() {
    let (app, admin) = app_and_admin().await;
    let count = |fresh: bool| json!({"sql": "SELECT count(*) FROM users", "format": "preview", "fresh": fresh});
    let first = report(&app, &admin, count(false)).await;
    app.register("ann").await.expect(202);
    app.advance(299);
    let second = report(&app, &admin, count(false)).await;
    assert_eq!((&second["rows"], &second["as_of"]), (&first["rows"], &first["as_of"]));
    let third = report(&app, &admin, count(true)).await;
    assert_eq!(third["rows"], json!([[2]]));
    app.register("bob").await.expect(202);
    app.advance(300);
    assert_eq!(report(&app, &admin, count(false)).await["rows"], json!([[3]]));
}

// S30
#[tokio::test]
async fn a_csv_file_is_downloaded_for_fifteen_minutes_by_its_signed_address() {
    let (app, admin) = app_and_admin().await;
    let body = json!({"sql": "SELECT username AS \"=name\", '=1+1' AS f, -1 AS n FROM users", "format": "csv"});
    let done = report(&app, &admin, body).await;
    assert_eq!(
        (&done["status"], &done["rows"], &done["row_count"]),
        (&json!("succeeded"), &Value::Null, &json!(1)),
        "{done}"
    );
    let url = done["download_url"].as_str().unwrap();
    let file = download(url).await.expect(200);
    assert_eq!(file.text, "'=name,f,n\r\nadmin,'=1+1,-1\r\n");
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    for forged in [
        url.replace(".csv", ".txt"),
        url.replace("X-Amz-Expires=900", "X-Amz-Expires=9000"),
        url.split("&X-Amz-Signature").next().unwrap().to_owned(),
        url.split('?').next().unwrap().to_owned(),
    ] {
        download(&forged).await.expect(403);
    }
    let put = reqwest::Client::new().put(url).body("x").send().await.unwrap();
    assert_eq!(put.status(), 403, "an address for reading does not allow writing");
    app.advance(15 * 60);
    download(url).await.expect(403);
    // A repeated request returns a new address, while the file is stored.
    let path = format!("/admin/reports/{}", done["id"].as_str().unwrap());
    let again = app.get_as(&admin, &path).await.expect(200).body;
    download(again["download_url"].as_str().unwrap()).await.expect(200);
    app.advance(86_400);
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    app.get_as(&admin, &path).await.refused(404, "not_found");
}

// S30
#[tokio::test]
async fn a_csv_file_has_a_byte_order_mark_and_semicolons_on_request() {
    let (app, admin) = app_and_admin().await;
    let csv = json!({"bom": true, "delimiter": ";"});
    let done = report(&app, &admin, json!({"sql": "SELECT 1 AS a, 'x;y' AS b", "format": "csv", "csv": csv})).await;
    let file = reqwest::get(done["download_url"].as_str().unwrap()).await.unwrap().bytes().await.unwrap();
    assert_eq!(file, "\u{feff}a;b\r\n1;\"x;y\"\r\n".as_bytes());
}

// S29
#[tokio::test]
async fn a_refused_statement_is_explained_and_not_queued() {
    let (app, admin) = app_and_admin().await;
    for (sql, reason) in [
        ("", "there is no statement"),
        ("DROP TABLE users", "begins with SELECT or WITH"),
        ("SELECT hash FROM users", "no such column: hash"),
        ("SELECT * FROM credentials", "no such table: credentials"),
        ("SELECT emial FROM users", "Did you mean email"),
        ("SELECT 1; SELECT 2", "only one statement"),
        ("SELECT ?1", "parameters"),
        ("SELECT load_extension('x')", "no such function: load_extension"),
        ("SELECT 1\0", "NUL"),
    ] {
        let body = json!({"sql": sql, "format": "preview"});
        let refused = app.post_as(&admin, "/admin/reports", body).await.refused(422, "sql_not_allowed").body;
        assert!(refused["detail"].as_str().unwrap().contains(reason), "{sql}: {refused}");
        assert_eq!(refused["errors"][0]["field"], "sql");
    }
    for wrong in [
        json!({"sql": "SELECT 1"}),
        json!({"sql": "SELECT 1", "format": "xlsx"}),
        json!({"sql": "SELECT 1", "format": "csv", "csv": {"delimiter": "|"}}),
        json!({"sql": 1, "format": "csv"}),
        json!({"format": "csv"}),
    ] {
        app.post_as(&admin, "/admin/reports", wrong).await.refused(422, "validation_failed");
    }
    assert_eq!(app.get_as(&admin, "/admin/reports").await.expect(200).body["items"], json!([]));
    assert!(!app.actions().await.contains(&"report.requested".to_owned()));
}

#[tokio::test]
async fn every_admin_sees_a_report_and_its_audit_entry_has_no_statement() {
    let (app, admin) = app_and_admin().await;
    let (_, ann) = app.person("ann").await;
    let sql = "SELECT id FROM users WHERE email = 'ann@example.com'";
    let body = json!({"sql": sql, "format": "preview"});
    app.post_as(&ann, "/admin/reports", body.clone()).await.refused(403, "forbidden");
    let id = ask_for(&app, &admin, body).await;
    app.make_admins(&[&ann]).await;
    let listed = app.get_as(&ann, "/admin/reports").await.expect(200).body;
    let item = &listed["items"][0];
    assert_eq!((&item["id"], &item["sql"], &item["requested_by"]), (&json!(id), &json!(sql), &admin.user["id"]));
    assert!(item.get("rows").is_none());
    let entries = app.get_as(&admin, "/admin/audit-logs?action=report.requested").await.expect(200).body;
    let entry = &entries["items"][0];
    assert_eq!((&entry["target_id"], &entry["actor_id"]), (&json!(id), &admin.user["id"]));
    assert_eq!((&entry["before"], &entry["after"]), (&Value::Null, &json!({"format": "preview", "fresh": false})));
}

#[tokio::test]
async fn reports_are_listed_page_by_page() {
    let (app, admin) = app_and_admin().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(ask_for(&app, &admin, json!({"sql": "SELECT 1", "format": "preview"})).await);
        app.advance(1);
    }
    ids.reverse();
    let listed = crate::admin::all_pages(&app, &admin, "/admin/reports", 2).await;
    assert_eq!(listed.iter().map(|item| item["id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
}

#[tokio::test]
async fn the_same_idempotency_key_makes_one_report() {
    let (app, admin) = app_and_admin().await;
    let bearer = format!("Bearer {}", admin.access);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), ("idempotency-key", "k")];
    let body = json!({"sql": "SELECT 1", "format": "preview"}).to_string();
    let send = || app.send(Method::POST, "/admin/reports", &headers, Some(body.clone()));
    let (first, second) = (send().await.expect(202).body, send().await.expect(202).body);
    assert_eq!(first, second);
    assert_eq!(app.get_as(&admin, "/admin/reports").await.expect(200).body["items"].as_array().unwrap().len(), 1);
}

fn hasty_options() -> Options {
    let admin = Some((ADMIN.0.to_owned(), Secret::new(ADMIN.1.to_owned())));
    Options { admin, report_limits: Limits { deadline_ms: 1000, ..Limits::CONTRACT }, ..options() }
}

/// A stack whose statements may run for a second.
async fn hasty() -> (TestApp, Session) {
    let app = TestApp::start_with(hasty_options()).await;
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    (app, admin)
}

// S29
#[tokio::test]
async fn a_statement_over_a_limit_fails_with_the_limit_and_instructions() {
    let (app, admin) = hasty().await;
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
    for (sql, limit, advice) in [
        (format!("{endless} SELECT max(i) FROM n"), "longer than 1 s", "Narrow it with WHERE"),
        (format!("{endless} SELECT i FROM n"), "more than 100000 rows", "add LIMIT"),
        ("SELECT 1 FROM users WHERE abs(-9223372036854775808) = 1".to_owned(), "integer overflow", ""),
    ] {
        let failed = preview(&app, &admin, &sql).await;
        assert_eq!((&failed["status"], &failed["rows"]), (&json!("failed"), &Value::Null), "{sql}: {failed}");
        let error = failed["error"].as_str().unwrap();
        assert!(error.contains(limit) && error.contains(advice), "{sql}: {error}");
    }
    // The next one is run normally.
    assert_eq!(rows(&app, &admin, "SELECT 1").await, json!([[1]]));
}

// S29
#[tokio::test]
async fn a_statement_that_needs_too_much_memory_fails_in_its_own_process() {
    let (app, admin) = app_and_admin().await;
    // 512 MB of texts, sorted in memory.
    let sql = "WITH RECURSIVE g(t) AS (SELECT 'x' UNION ALL SELECT t || t FROM g LIMIT 18), long(t) AS (SELECT max(t) FROM g), \
               n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 4000) \
               SELECT length(x) FROM (SELECT i || t AS x FROM n, long ORDER BY x DESC)";
    let failed = preview(&app, &admin, sql).await;
    let error = failed["error"].as_str().unwrap();
    assert!(error.contains("256 MB of memory") && error.contains("Select fewer columns"), "{error}");
}

/// A program in place of the one that runs statements.
fn program(name: &str, script: &str) -> std::path::PathBuf {
    let file = std::env::temp_dir().join(format!("tollgate-{name}-{}", std::process::id()));
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o700)).unwrap();
    file
}

async fn with_program(name: &str, script: &str) -> Value {
    let file = program(name, script);
    let app = TestApp::start_with(Options { report_runner: Some(file.clone()), ..hasty_options() }).await;
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    let failed = preview(&app, &admin, "SELECT 1").await;
    std::fs::remove_file(file).unwrap();
    failed
}

// R1
#[tokio::test]
async fn a_killed_or_hanging_process_makes_a_failed_report_with_instructions() {
    let killed = with_program("killed", "kill -9 $$").await;
    assert_eq!(killed["status"], "failed");
    assert!(killed["error"].as_str().unwrap().contains("256 MB of memory"), "{killed}");
    let hung = with_program("hung", "exec sleep 60").await;
    assert!(hung["error"].as_str().unwrap().contains("longer than 1 s"), "{hung}");
    let silent = with_program("silent", "exit 0").await;
    assert_eq!(silent["status"], "failed");
    assert!(silent["error"].as_str().unwrap().contains("could not be run"), "{silent}");
}

// R1
#[tokio::test]
async fn two_receives_of_one_message_make_one_result() {
    let (app, admin) = app_and_admin().await;
    let body = json!({"sql": "SELECT count(*) FROM users", "format": "csv"});
    let both = async {
        let id = ask_for(&app, &admin, body).await;
        let message = app.table("outbox").await.into_iter().find(|row| row["kind"]["S"] == "report").unwrap();
        let record = |id: &str| {
            let body = json!({"id": message["pk"]["S"], "v": 1}).to_string();
            let attributes = json!({"ApproximateReceiveCount": "1"});
            json!({"Records": [{"messageId": id, "receiptHandle": id, "body": body, "attributes": attributes}]})
        };
        let (one, two) = (app.stack.invoke("reports", record("m1")), app.stack.invoke("reports", record("m2")));
        let (one, two) = tokio::join!(one, two);
        (id, one, two)
    };
    let (id, one, two) = app.stack.held(both).await;
    let failures = [one, two].map(|answer| answer.unwrap()["batchItemFailures"].as_array().unwrap().len());
    assert!(failures.iter().sum::<usize>() <= 1, "one of them may find it locked: {failures:?}");
    let done = app.get_as(&admin, &format!("/admin/reports/{id}")).await.expect(200).body;
    assert_eq!(done["status"], "succeeded");
    app.drain().await;
    let again = app.get_as(&admin, &format!("/admin/reports/{id}")).await.expect(200).body;
    assert_eq!(again["as_of"], done["as_of"]);
    download(again["download_url"].as_str().unwrap()).await.expect(200);
}

// R8
#[tokio::test]
async fn a_report_waits_for_tables_and_bucket_until_the_last_receive() {
    let (app, admin) = app_and_admin().await;
    let id = app.stack.held(ask_for(&app, &admin, json!({"sql": "SELECT 1", "format": "csv"}))).await;
    app.fail(Service::S3, Kind::Error, 0, 3);
    app.drain().await;
    let path = format!("/admin/reports/{id}");
    assert_eq!(
        app.get_as(&admin, &path).await.expect(200).body["status"],
        "succeeded",
        "the next receive puts the file"
    );
    let id = app.stack.held(ask_for(&app, &admin, json!({"sql": "SELECT 1", "format": "csv", "fresh": true}))).await;
    app.fail_operation(Service::Dynamodb, "Scan", Kind::Throttle, u32::MAX);
    app.drain().await;
    let _taken_away = app.stack.fault_injector().clear();
    let failed = app.get_as(&admin, &format!("/admin/reports/{id}")).await.expect(200).body;
    assert_eq!(failed["status"], "failed");
    assert!(failed["error"].as_str().unwrap().contains("Try again later"), "{failed}");
}

#[tokio::test]
async fn statements_can_use_the_schema_and_every_gallery_entry() {
    let (app, admin) = app_and_admin().await;
    let schema = app.get_as(&admin, "/admin/reports/schema").await.expect(200).body;
    let view = |view: &Value| {
        let columns = view["columns"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap());
        format!("{}({})", view["name"].as_str().unwrap(), columns.collect::<Vec<_>>().join(", "))
    };
    let views: Vec<_> = schema["views"].as_array().unwrap().iter().map(view).collect();
    // As the contract lists them.
    assert_eq!(
        views,
        [
            "users(id, email, username, provider, email_verified, is_active, is_admin, tier, created_at)",
            "plans(id, code, name, price_cents, currency, billing_period, tier, trial_days, is_active, created_at)",
            "subscriptions(id, user_id, plan_id, status, price_cents, currency, billing_period, interval_count, quantity, \
             started_at, current_period_start, current_period_end, cancel_at_period_end, canceled_at, has_access)",
            "payments(id, user_id, subscription_id, plan_id, amount_cents, refunded_cents, currency, status, created_at)",
            "sign_ins_by_day(day, method, sign_ins, users)",
            "subscription_history(subscription_id, user_id, at, plan_id, status)",
        ]
    );
    app.subscriber("ann").await;
    let gallery = app.get_as(&admin, "/admin/reports/gallery").await.expect(200).body;
    let items = gallery["items"].as_array().unwrap();
    assert_eq!(items.len(), 24);
    for item in items {
        rows(&app, &admin, item["sql"].as_str().unwrap()).await;
    }
}
