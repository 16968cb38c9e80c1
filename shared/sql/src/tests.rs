//! Hostile statements, with each guard removed, and the results of allowed statements.

use crate::check::check_with;
use crate::guard::{Guard, Guards};
use crate::job::{Answer, Job, Limits, Output};
use crate::run::{RunError, execute_with};
use crate::snapshot::*;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use tollgate_domain::report::{CsvOptions, Delimiter};

/// A name that no other test uses.
fn scratch(extension: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("tollgate-sql-{}-{number}.{extension}", std::process::id()))
}

fn now() -> Timestamp {
    "2026-06-15T12:00:00Z".parse().unwrap()
}

/// Three users: one pays, one was deleted and one has never paid.
fn snapshot() -> Snapshot {
    let writer = SnapshotWriter::create(scratch("db")).unwrap();
    let profile = ProfileRow {
        id: "usr_1",
        email: "ann@example.com",
        username: "ann",
        provider: "local",
        email_verified: true,
        is_active: true,
        is_admin: true,
        created_at: "2026-01-01T00:00:00Z",
    };
    let subscription = SubscriptionRow {
        id: "sub_1",
        user_id: "usr_1",
        plan_id: Some("plan_1"),
        status: "active",
        price_cents: 1900,
        currency: "usd",
        billing_period: "month",
        interval_count: 1,
        quantity: 1,
        started_at: "2026-05-01T00:00:00Z",
        current_period_start: "2026-06-01T00:00:00Z",
        current_period_end: "2026-07-01T00:00:00Z",
        cancel_at_period_end: false,
        canceled_at: None,
        has_access: true,
    };
    let payment = PaymentRow {
        id: "pay_1",
        user_id: "usr_1",
        subscription_id: Some("sub_1"),
        plan_id: Some("plan_1"),
        amount_cents: 1900,
        refunded_cents: 0,
        currency: "usd",
        status: "succeeded",
        created_at: "2026-06-01T00:00:00Z",
    };
    let event = SubscriptionEventRow {
        id: "aud_1",
        subscription_id: "sub_1",
        at: "2026-05-01T00:00:00Z",
        plan_id: Some("plan_1"),
        status: Some("trialing"),
    };
    let sign_in = SignInRow { day: "2026-06-14", method: "password", user_id: "usr_1" };
    // In one possible order.
    writer.tier(&TierRow { user_id: "usr_1", tier: 1 }).unwrap();
    writer
        .subscription_event(&SubscriptionEventRow {
            id: "aud_2",
            at: "2026-05-08T00:00:00Z",
            plan_id: None,
            status: Some("active"),
            ..event
        })
        .unwrap();
    // Twice within a second: the last one counts.
    for (id, status) in [("aud_31", "past_due"), ("aud_32", "active"), ("aud_33", "unpaid"), ("aud_34", "canceled")] {
        let at = if id < "aud_33" { "2026-06-02T00:00:00Z" } else { "2026-06-03T00:00:00Z" };
        let changed = SubscriptionEventRow { id, at, plan_id: None, status: Some(status), ..event };
        writer.subscription_event(&changed).unwrap();
    }
    writer.profile(&profile).unwrap();
    writer
        .profile(&ProfileRow { id: "usr_2", email: "=cmd@example.com", username: "bob", is_admin: false, ..profile })
        .unwrap();
    writer.sign_in(&sign_in).unwrap();
    writer.subscription_event(&event).unwrap();
    writer.subscription(&subscription).unwrap();
    writer.payment(&payment).unwrap();
    writer
        .payment(&PaymentRow { id: "pay_2", user_id: "usr_3", subscription_id: None, refunded_cents: 500, ..payment })
        .unwrap();
    writer.sign_in(&sign_in).unwrap();
    writer.sign_in(&SignInRow { user_id: "usr_2", ..sign_in }).unwrap();
    writer
        .subscription_event(&SubscriptionEventRow {
            id: "aud_3",
            at: "2026-06-01T00:00:00Z",
            plan_id: None,
            status: None,
            ..event
        })
        .unwrap();
    writer
        .plan(&PlanRow {
            id: "plan_1",
            code: "pro",
            name: "Pro",
            price_cents: 1900,
            currency: "usd",
            billing_period: "month",
            tier: 1,
            trial_days: 7,
            is_active: true,
            created_at: "2026-01-01T00:00:00Z",
        })
        .unwrap();
    writer.finish().unwrap()
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

/// Statements that the check must refuse, by the guard that refuses them.
fn refused() -> Vec<(Guard, String)> {
    use Guard::*;
    let own = |guard: Guard, sql: &str| (guard, sql.to_owned());
    let mut all = vec![
        own(Characters, "SELECT 1\0; DROP TABLE users"),
        own(Characters, "\u{feff}SELECT 1"),
        own(Characters, "SELECT 1 -- \0 hidden"),
        (SqlLength, format!("SELECT 1{}", " ".repeat(20_001 - 8))),
        own(FirstWord, ""),
        own(FirstWord, "   \n\t"),
        own(FirstWord, "-- nothing"),
        own(FirstWord, "/* nothing */ ;"),
        own(FirstWord, "VALUES (1), (2)"),
        own(FirstWord, "/* SELECT */ VALUES (1)"),
        own(FirstWord, "-- SELECT 1\nVALUES (1)"),
        own(FirstWord, "SELEKT 1"),
        own(FirstWord, "(SELECT 1)"),
        own(OneStatement, "SELECT 1; SELECT 2"),
        own(OneStatement, "SELECT 1; /* then */ SELECT 2;"),
        own(OneStatement, "SELECT 1; DELETE FROM users"),
        own(Parameters, "SELECT ?"),
        own(Parameters, "SELECT ?1"),
        own(Parameters, "SELECT :a"),
        own(Parameters, "SELECT $a"),
        own(Parameters, "SELECT @a"),
        own(Tables, "SELECT * FROM sqlite_schema"),
        own(Tables, "SELECT * FROM sqlite_master"),
        own(Tables, "SELECT sql FROM sqlite_temp_master"),
        own(Tables, "SELECT rowid FROM users"),
        own(Tables, "SELECT _rowid_, oid FROM payments"),
        own(Tables, "SELECT count(*) FROM sqlite_schema"),
        own(Tables, "WITH users AS (SELECT sql AS email FROM sqlite_schema) SELECT email FROM users"),
        own(Tables, "SELECT (SELECT sql FROM sqlite_schema LIMIT 1) FROM users"),
        own(Tables, "SELECT 1 WHERE EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'x')"),
        own(Tables, "SELECT * FROM users UNION SELECT 1,2,3,4,5,6,7,8,sql FROM sqlite_schema"),
        own(Tables, "SELECT email FROM users ORDER BY (SELECT max(name) FROM sqlite_schema)"),
        own(Tables, "SELECT * FROM pragma_table_info('users')"),
        own(Tables, "SELECT * FROM pragma_database_list"),
        own(Tables, "SELECT * FROM dbstat"),
        own(Tables, "SELECT * FROM json_each('[1]')"),
        own(Tables, "SELECT value FROM json_tree('[1]')"),
        own(Tables, "SELECT * FROM credentials"),
        own(Tables, "SELECT hash FROM users"),
        own(Tables, "SELECT users.password FROM users"),
        own(Tables, "SELECT * FROM \u{ff55}sers"),
        own(Tables, "SELECT \u{435}mail FROM users"),
        own(Functions, "SELECT load_extension('x')"),
        own(Functions, "SELECT randomblob(100000000)"),
        own(Functions, "SELECT zeroblob(100000000)"),
        own(Functions, "SELECT sqlite_version()"),
        own(Functions, "SELECT sqlite_compileoption_get(0)"),
        own(Functions, "SELECT sqlite_source_id()"),
        own(Functions, "SELECT random()"),
        own(Functions, "SELECT hex(email), quote(email) FROM users"),
        own(Functions, "SELECT char(61)"),
        own(Functions, "SELECT current_timestamp"),
        own(Functions, "SELECT changes(), last_insert_rowid()"),
        own(Functions, "SELECT json_group_array(email) FROM users"),
        own(Functions, "SELECT fts3_tokenizer('x')"),
        own(Functions, "SELECT email MATCH 'x' FROM users"),
        own(Functions, "SELECT email REGEXP 'x' FROM users"),
        own(Functions, "SELECT likelihood(1, 0.5), unlikely(1), soundex('a')"),
        own(Actions, "WITH a AS (SELECT 1) INSERT INTO users (id) SELECT * FROM a"),
        own(Actions, "WITH a AS (SELECT 1) DELETE FROM users"),
        own(Actions, "WITH a AS (SELECT 1) UPDATE users SET email = 'x'"),
        own(Actions, "WITH a AS (SELECT 1) DELETE FROM users RETURNING email"),
        own(Actions, "WITH a AS (SELECT 1) INSERT INTO sqlite_schema SELECT * FROM a"),
        own(DoubleQuotes, "SELECT \"no_such_column\" FROM users"),
        own(DoubleQuotes, "SELECT email FROM users WHERE provider = \"local\""),
        (Shape, format!("SELECT {}1{}", "(".repeat(2000), ")".repeat(2000))),
        (Shape, vec!["SELECT 1"; 500].join(" UNION ALL ")),
        (Shape, format!("SELECT {}", vec!["1"; 101].join(", "))),
        (Shape, format!("SELECT {}", vec!["1"; 150].join(" + "))),
        (Shape, format!("SELECT coalesce({})", vec!["null"; 17].join(", "))),
    ];
    // A statement that begins with another word is refused by it; without that guard, by the ones after it.
    for statement in [
        "INSERT INTO users (id) VALUES ('x')",
        "UPDATE users SET is_admin = 1",
        "DELETE FROM users RETURNING email",
        "REPLACE INTO users (id) VALUES ('x')",
        "CREATE TABLE x (a)",
        "CREATE TEMP VIEW x AS SELECT * FROM users",
        "CREATE VIRTUAL TABLE x USING fts5(a)",
        "CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END",
        "ALTER TABLE users ADD COLUMN x",
        "DROP TABLE users",
        "ATTACH 'file:x' AS x",
        "DETACH main",
        "PRAGMA table_info(users)",
        "PRAGMA writable_schema = 1",
        "VACUUM INTO '/tmp/x.db'",
        "REINDEX",
        "ANALYZE",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT x",
        "EXPLAIN SELECT 1",
        "EXPLAIN QUERY PLAN SELECT email FROM users",
    ] {
        all.push(own(FirstWord, statement));
    }
    all
}

/// Statements that are accepted and must be stopped, by the guard that stops them.
fn stopped() -> Vec<(Guard, &'static str)> {
    use Guard::*;
    vec![
        (Deadline, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"),
        (Deadline, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0"),
        (
            Deadline,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
             SELECT count(*) FROM n a, n b, n c",
        ),
        (Rows, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"),
        (Rows, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000) SELECT a.i FROM n a, n b"),
        (ValueLength, "SELECT length(replace(printf('%0200000d', 1), '0', 'xxxxxxxxxx'))"),
        (
            ValueLength,
            "WITH RECURSIVE g(t) AS (SELECT 'x' UNION ALL SELECT t || t FROM g LIMIT 22) SELECT max(length(t)) FROM g",
        ),
        (ValueLength, "SELECT length(group_concat(printf('%0200000d', 1))) FROM users a, users b"),
    ]
}

// S29
#[test]
fn hostile_statements_are_refused_before_they_run() {
    let all = refused();
    assert!(all.len() + stopped().len() >= 60, "{}", all.len());
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
    for (guard, sql) in stopped() {
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
