//! Hostile statements, with each guard removed, and the results of allowed statements.

mod sample;
mod statements;

use crate::check::check_with;
use crate::guard::{Guard, Guards};
use crate::job::{Answer, Job, Limits, Output};
use crate::run::{RunError, execute_with};
use crate::snapshot::*;
use jiff::Timestamp;
use sample::{scratch, snapshot};
use serde_json::{Value, json};
use statements::{STOPPED, refused};
use std::fs;
use tollgate_domain::report::{CsvOptions, Delimiter};

fn now() -> Timestamp {
    "2026-06-15T12:00:00Z".parse().unwrap()
}

fn job(snapshot: &Snapshot, sql: &str) -> Job {
    Job {
        snapshot: snapshot.file().to_owned(),
        sql: sql.to_owned(),
        now: now(),
        output: Output::Preview,
        limits: Limits::CONTRACT,
    }
}

fn rows(sql: &str) -> Value {
    let snapshot = snapshot();
    let answer = execute_with(&job(&snapshot, sql), &in_process()).unwrap();
    crate::check(sql).unwrap();
    json!(answer.rows)
}

/// The guards without the one that applies to a whole process, which runs the other tests too. It is tested where a
/// process is started.
fn in_process() -> Guards {
    Guards::without(&[Guard::Memory])
}

// S29
#[test]
fn hostile_statements_are_refused_before_they_run() {
    let all = refused();
    assert!(all.len() + STOPPED.len() >= 60, "{}", all.len());
    for (guard, sql) in &all {
        let refusal = crate::check(sql);
        assert!(refusal.is_err(), "{guard:?} {sql:?} is accepted");
        let snapshot = snapshot();
        let ran = execute_with(&job(&snapshot, sql), &in_process());
        assert!(matches!(ran, Err(RunError::Statement(_))), "{guard:?} {sql:?} ran: {ran:?}");
    }
}

// S29
#[test]
fn statements_that_never_end_are_stopped_by_a_limit() {
    let snapshot = snapshot();
    for (guard, sql) in STOPPED {
        crate::check(sql).unwrap();
        let limits = Limits { deadline_ms: 200, rows: 1000, ..Limits::CONTRACT };
        let ran = execute_with(&Job { limits, ..job(&snapshot, sql) }, &in_process());
        let is_as_expected = match guard {
            Guard::Deadline => ran == Err(RunError::Deadline(200)),
            Guard::Rows => ran == Err(RunError::Rows(1000)),
            _ => matches!(&ran, Err(RunError::Statement(reason)) if reason == "string or blob too big"),
        };
        assert!(is_as_expected, "{guard:?} {sql}: {ran:?}");
    }
}

/// Finite statements, which only the guard stops early, under these limits.
fn ending() -> Vec<(Guard, &'static str, Limits)> {
    let count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500000) SELECT max(i) FROM n";
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000) SELECT i FROM n";
    let long = "SELECT length(replace(printf('%0200000d', 1), '0', 'xxxxxxxxxx'))";
    vec![
        (Guard::Deadline, count, Limits { deadline_ms: 1, ..Limits::CONTRACT }),
        (Guard::Rows, rows, Limits { rows: 1000, ..Limits::CONTRACT }),
        (Guard::ValueLength, long, Limits::CONTRACT),
    ]
}

/// Whether a hostile statement passes only without this guard.
fn guards_something(guard: Guard) -> bool {
    let snapshot = snapshot();
    let is_checked = refused().iter().any(|(_, sql)| check_with(sql, &Guards::without(&[guard])).is_ok());
    let runs = |(_, sql, limits): &(Guard, &str, Limits)| {
        let run = |removed: &[Guard]| {
            execute_with(&Job { limits: *limits, ..job(&snapshot, sql) }, &Guards::without(removed))
        };
        run(&[Guard::Memory]).is_err() && run(&[Guard::Memory, guard]).is_ok()
    };
    is_checked || ending().iter().filter(|(own, _, _)| *own == guard).any(runs)
}

// S29
#[test]
fn removing_any_guard_lets_a_hostile_statement_pass() {
    // Statements that two guards refuse are in the next test; the memory limit applies to a process and is tested where
    // one is started.
    let elsewhere = [Guard::Explain, Guard::ReadOnly, Guard::Actions, Guard::Memory];
    for guard in Guard::ALL.into_iter().filter(|guard| !elsewhere.contains(guard)) {
        assert!(guards_something(guard), "{guard:?} guards nothing");
    }
}

// S29
#[test]
fn a_second_guard_refuses_when_the_first_is_removed() {
    let passes = |removed: &[Guard], sql: &str| check_with(sql, &Guards::without(removed)).is_ok();
    use Guard::{Actions, Explain, FirstWord, ReadOnly};
    let explain = "EXPLAIN SELECT email FROM users";
    assert!(!passes(&[FirstWord], explain));
    assert!(passes(&[FirstWord, Explain], explain));
    let write = "WITH a AS (SELECT 1) DELETE FROM users";
    assert!(!passes(&[Actions], write) && !passes(&[ReadOnly], write));
    assert!(passes(&[Actions, ReadOnly, Guard::Tables], write));
}

#[test]
fn a_refusal_names_the_refused_part_and_the_nearest_name() {
    for (sql, reason) in [
        ("SELECT emial FROM users", "no such column: emial. Did you mean email, email_verified?"),
        ("SELECT 1 FROM user", "no such table: user. Did you mean users?"),
        ("SELECT lenght(email) FROM users", "no such function: lenght. Did you mean length?"),
        ("SELECT random()", "no such function: random."),
        ("DROP TABLE users", "a statement begins with SELECT or WITH, this one with DROP"),
        ("WITH a AS (SELECT 1) DELETE FROM users", "only reading is allowed, not DELETE"),
        ("SELECT rowid FROM users", "no such column: users.ROWID. Did you mean"),
        ("SELECT", "incomplete input"),
        ("", "there is no statement"),
    ] {
        let refusal = crate::check(sql).unwrap_err().to_string();
        assert!(refusal.starts_with(reason), "{sql}: {refusal}");
    }
}

#[test]
fn common_admin_questions_are_accepted() {
    for sql in [
        "SELECT 1",
        "select 1;",
        "SELECT 1 -- one",
        "/* why */ SELECT 1 /* not */ ;",
        "SELECT * FROM users",
        "SELECT count(*) FROM users WHERE email LIKE '%@example.com'",
        "WITH users AS (SELECT 1 AS email) SELECT * FROM users",
        "SELECT u.email, p.amount_cents FROM users u LEFT JOIN payments p ON p.user_id = u.id ORDER BY 2 DESC LIMIT 5",
        "SELECT date(created_at), count(*) OVER (ORDER BY created_at) FROM payments",
        "SELECT lag(status) OVER w, row_number() OVER w FROM subscription_history WINDOW w AS (PARTITION BY user_id ORDER BY at)",
        "WITH RECURSIVE d(day) AS (SELECT date('now') UNION ALL SELECT date(day, '-1 day') FROM d LIMIT 30) SELECT * FROM d",
        "SELECT string_agg(currency, ','), group_concat(DISTINCT status) FROM payments",
        "SELECT round(avg(amount_cents), 2), ceil(1.2), floor(-1.2), sign(-3), format('%d', 3) FROM payments",
        "SELECT '{\"a\":1}' ->> 'a', json_extract('{\"a\":1}', '$.a')",
        "SELECT (SELECT count(*) FROM plans) AS n",
        "SELECT id FROM users WHERE id IN (SELECT user_id FROM payments) UNION SELECT id FROM users EXCEPT SELECT 'x'",
        "SELECT CASE WHEN tier > 0 THEN 'paid' ELSE 'free' END AS kind, count(*) FROM users GROUP BY 1 HAVING count(*) > 0",
    ] {
        crate::check(sql).unwrap_or_else(|refusal| panic!("{sql}: {refusal}"));
        let snapshot = snapshot();
        let ran = execute_with(&job(&snapshot, sql), &in_process());
        assert!(ran.is_ok(), "{sql}: {ran:?}");
    }
}

#[test]
fn the_snapshot_joins_rows_written_in_any_sequence() {
    let users = "SELECT id, tier FROM users ORDER BY id";
    assert_eq!(rows(users), json!([["usr_1", 1], ["usr_2", 0]]));
    assert_eq!(rows("SELECT * FROM sign_ins_by_day"), json!([["2026-06-14", "password", 3, 2]]));
    let history = json!([
        ["sub_1", "usr_1", "2026-05-01T00:00:00Z", "plan_1", "trialing"],
        ["sub_1", "usr_1", "2026-05-08T00:00:00Z", "plan_1", "active"],
        ["sub_1", "usr_1", "2026-06-03T00:00:00Z", "plan_1", "canceled"],
    ]);
    assert_eq!(rows("SELECT * FROM subscription_history ORDER BY at"), history);
}

#[test]
fn now_is_the_time_of_the_report_in_every_function_of_time() {
    for (sql, wanted) in [
        ("SELECT date('now')", json!("2026-06-15")),
        ("SELECT date()", json!("2026-06-15")),
        ("SELECT datetime('now', '-1 month')", json!("2026-05-15 12:00:00")),
        ("SELECT time(' NOW ')", json!("12:00:00")),
        ("SELECT unixepoch('now')", json!(1_781_524_800)),
        ("SELECT strftime('%Y-%m', 'now', 'start of month', '-1 day')", json!("2026-05")),
        ("SELECT strftime('%Y')", json!("2026")),
        ("SELECT julianday('now') - julianday('2026-06-14T12:00:00Z')", json!(1.0)),
        ("SELECT timediff('now', '2026-06-14T12:00:00Z')", json!("+0000-00-01 00:00:00.000")),
        ("SELECT timediff('2026-06-14T12:00:00Z', 'now')", json!("-0000-00-01 00:00:00.000")),
        ("SELECT date('2026-01-31', '+1 month')", json!("2026-03-03")),
        ("SELECT 'now'", json!("now")),
        ("SELECT date(null)", Value::Null),
    ] {
        assert_eq!(rows(sql)[0][0], wanted, "{sql}");
    }
}

#[test]
fn a_preview_counts_every_row_and_shows_the_first_200() {
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1234) SELECT i FROM n";
    let snapshot = snapshot();
    let Answer { row_count, columns, rows } = execute_with(&job(&snapshot, sql), &in_process()).unwrap();
    assert_eq!((row_count, columns, rows.map(|rows| rows.len())), (1234, vec!["i".to_owned()], Some(200)));
    let wide = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500) SELECT printf('%0900d', i), * FROM n";
    let answer = execute_with(&job(&snapshot, wide), &in_process()).unwrap();
    assert_eq!((answer.row_count, answer.rows.map(|rows| rows.len())), (500, Some(200)));
    let cells = vec!["printf('%05000d', 1)"; 99].join(", ");
    let answer = execute_with(&job(&snapshot, &format!("SELECT {cells} FROM users, users b")), &in_process()).unwrap();
    assert_eq!((answer.row_count, answer.rows.map(|rows| rows.len())), (4, Some(2)), "cut to what one item holds");
    let kinds = rows_of(&snapshot, "SELECT null, 1, 1.5, 'x', 9e999, x'3d'");
    assert_eq!(kinds, json!([[null, 1, 1.5, "x", "inf", "x'3d'"]]));
}

fn rows_of(snapshot: &Snapshot, sql: &str) -> Value {
    json!(execute_with(&job(snapshot, sql), &in_process()).unwrap().rows)
}

// S30
#[test]
fn a_csv_file_is_that_of_rfc_4180_and_runs_in_no_spreadsheet() {
    let snapshot = snapshot();
    let sql = "SELECT id, email AS \"=email\", -1 AS n, 'a,\"b\"' || char_free AS q FROM users, (SELECT '\n;' AS char_free) ORDER BY id";
    let csv = |csv: CsvOptions| {
        let file = scratch("csv");
        let job = Job { output: Output::Csv { file: file.clone(), csv }, ..job(&snapshot, sql) };
        let answer = execute_with(&job, &in_process()).unwrap();
        assert_eq!((answer.row_count, answer.rows), (2, None));
        let text = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        text
    };
    let plain = "id,'=email,n,q\r\nusr_1,ann@example.com,-1,\"a,\"\"b\"\"\n;\"\r\nusr_2,'=cmd@example.com,-1,\"a,\"\"b\"\"\n;\"\r\n";
    assert_eq!(csv(CsvOptions::default()), plain);
    let excel = csv(CsvOptions { bom: true, delimiter: Delimiter::Semicolon });
    assert!(excel.starts_with("\u{feff}id;'=email;n;q\r\n"), "{excel}");
}

#[test]
fn no_table_of_the_snapshot_holds_more_than_the_listed_columns() {
    let snapshot = snapshot();
    let bytes = fs::read(snapshot.file()).unwrap();
    let connection = rusqlite::Connection::open(snapshot.file()).unwrap();
    let names = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>();
        names.unwrap()
    };
    let tables = names("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid");
    assert_eq!(tables, crate::VIEWS.iter().map(|view| view.name).collect::<Vec<_>>());
    assert!(!bytes.windows(5).any(|window| window == b"aud_1"), "the staging tables are not in the file");
    let staging = snapshot.file().with_extension("staging");
    assert!(!staging.exists());
    let file = snapshot.file().to_owned();
    drop(snapshot);
    assert!(!file.exists());
}
