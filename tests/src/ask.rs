//! `cargo run -p tollgate-tests --bin ask`: asks the configured chat model every question of
//! `tests/ask/questions.json`, runs its statements on both sets of data, and prints how many returned the right rows,
//! by kind of question. For a question that cannot be answered, or is hostile, the right answer is a refusal.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // a program that prints, and stops at an error

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use tollgate_local::Options;
use tollgate_local::clock::LocalClock;
use tollgate_platform::{Env, Secret};
use tollgate_reports::run_statement_if_asked;
use tollgate_sql::{Answer, Job, Limits, Output, RunError, schema_sql};
use tollgate_tests::app::{ADMIN, Session, TestApp, options};

const FIXTURES: [&str; 2] = ["small", "large"];
const NOW: &str = "2026-06-15T12:00:00Z";
const KEY: &str = "GROQ_API_KEY";

fn main() -> ExitCode {
    let first = std::env::args().nth(1);
    run_statement_if_asked(first.as_deref()).unwrap_or_else(ask_all)
}

#[tokio::main]
async fn ask_all() -> ExitCode {
    let env = Env::process();
    if env.get(KEY).is_none() {
        println!("set {KEY} (and AI_PROVIDER, GROQ_BASE_URL, AI_MODEL where they are not the usual ones)");
        return ExitCode::from(2);
    }
    let mut options: Options = options();
    for name in [KEY, "AI_PROVIDER", "GROQ_BASE_URL", "AI_MODEL"] {
        options.env.extend(env.get(name).map(|value| (name.to_owned(), value.to_owned())));
    }
    // The time of the sets of data.
    options.clock = LocalClock::frozen(NOW.parse().unwrap());
    options.admin = Some((ADMIN.0.to_owned(), Secret::new(ADMIN.1.to_owned())));
    let app = TestApp::start_with(options).await;
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ask");
    let questions: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("questions.json")).unwrap()).unwrap();
    let files = FIXTURES.map(|name| {
        let file = std::env::temp_dir().join(format!("tollgate-ask-{name}-{}.db", std::process::id()));
        let connection = rusqlite::Connection::open(&file).unwrap();
        connection.execute_batch(&schema_sql()).unwrap();
        connection
            .execute_batch(&std::fs::read_to_string(folder.join(format!("fixture-{name}.sql"))).unwrap())
            .unwrap();
        (name, file)
    });
    let mut tally = BTreeMap::<String, (u32, u32)>::new();
    for question in questions.as_array().unwrap() {
        let answer = app.post_as(&admin, "/admin/ai/ask", json!({"question": question["question"]})).await;
        let is_right = match (question["sql"].is_null(), answer.body["sql"].as_str()) {
            (true, proposed) => answer.status.as_u16() == 200 && proposed.is_none(),
            (false, None) => false,
            (false, Some(sql)) => files.iter().all(|(name, file)| {
                let expected: Vec<Vec<Value>> = serde_json::from_value(question["rows"][name].clone()).unwrap();
                run(file, sql).is_some_and(|rows| {
                    comparable(&rows, question["ordered"] == true) == comparable(&expected, question["ordered"] == true)
                })
            }),
        };
        let counted = tally.entry(question["kind"].as_str().unwrap().to_owned()).or_default();
        *counted = (counted.0 + u32::from(is_right), counted.1 + 1);
        if !is_right {
            println!("{} {}: {}", question["id"], question["question"], answer.body);
        }
    }
    for (_, file) in files {
        std::fs::remove_file(file).unwrap();
    }
    for (kind, (right, all)) in tally {
        println!("{kind}: {right} of {all}");
    }
    ExitCode::SUCCESS
}

/// The rows of a statement, run in a process of this program.
fn run(file: &Path, sql: &str) -> Option<Vec<Vec<Value>>> {
    let job = Job {
        snapshot: file.to_owned(),
        sql: sql.to_owned(),
        now: NOW.parse().unwrap(),
        output: Output::Preview,
        limits: Limits::CONTRACT,
    };
    let mut process = Command::new(std::env::current_exe().unwrap())
        .arg("--run-statement")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(process.stdin.take().unwrap(), &job).unwrap();
    let output = process.wait_with_output().unwrap();
    let result: Result<Answer, RunError> = serde_json::from_slice(&output.stdout).ok()?;
    result.ok()?.rows
}

/// The sorted rows, for results without an order; 1 and 1.0 are equal.
fn comparable(rows: &[Vec<Value>], is_ordered: bool) -> Vec<String> {
    let cell = |value: &Value| value.as_f64().map_or_else(|| value.to_string(), |number| number.to_string());
    let mut lines: Vec<String> = rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" | ")).collect();
    if !is_ordered {
        lines.sort_unstable();
    }
    lines
}
