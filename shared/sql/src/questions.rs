//! The statements of the gallery and of the assistant's questions return their recorded rows. `tests/ask/run.sh` computes the same
//! rows without SQL.

use crate::guard::{Guard, Guards};
use crate::job::{Job, Limits, Output};
use crate::run::execute_with;
use crate::views::schema_sql;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const FIXTURES: [&str; 2] = ["small", "large"];

fn repository(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)
}

fn text(file: &str) -> String {
    fs::read_to_string(repository(file)).unwrap()
}

fn json(file: &str) -> Value {
    serde_json::from_str(&text(file)).unwrap()
}

/// A file of the six tables with the rows of a fixture, which is removed with this.
struct Fixture(PathBuf);

impl Fixture {
    fn open(name: &str, test: &str) -> Self {
        let file = std::env::temp_dir().join(format!("tollgate-ask-{test}-{name}-{}.db", std::process::id()));
        let _not_there = fs::remove_file(&file);
        let connection = Connection::open(&file).unwrap();
        connection.execute_batch(&schema_sql()).unwrap();
        connection.execute_batch(&text(&format!("tests/ask/fixture-{name}.sql"))).unwrap();
        Self(file)
    }

    fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        let job = Job {
            snapshot: self.0.clone(),
            sql: sql.to_owned(),
            now: "2026-06-15T12:00:00Z".parse().unwrap(),
            output: Output::Preview,
            limits: Limits::CONTRACT,
        };
        // The memory limit applies to the whole process, which runs all tests here.
        let answer =
            execute_with(&job, &Guards::without(&[Guard::Memory])).unwrap_or_else(|error| panic!("{sql}\n{error}"));
        answer.rows.unwrap()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
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

fn recorded(value: &Value) -> Vec<Vec<Value>> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn the_gold_statement_of_each_question_returns_its_recorded_rows() {
    let questions = json("tests/ask/questions.json");
    let fixtures = FIXTURES.map(|name| (name, Fixture::open(name, "questions")));
    let mut kinds = BTreeMap::<String, usize>::new();
    for question in questions.as_array().unwrap() {
        *kinds.entry(question["kind"].as_str().unwrap().to_owned()).or_default() += 1;
        let Some(sql) = question["sql"].as_str() else { continue };
        crate::check(sql).unwrap_or_else(|refused| panic!("{}: {refused}", question["id"]));
        let is_ordered = question["ordered"] == true;
        for (name, fixture) in &fixtures {
            let expected = comparable(&recorded(&question["rows"][name]), is_ordered);
            assert_eq!(comparable(&fixture.rows(sql), is_ordered), expected, "{} on {name}", question["id"]);
        }
    }
    let expected = [("easy", 30), ("hostile", 10), ("joins", 40), ("unanswerable", 10), ("windows", 30)];
    assert_eq!(kinds, expected.map(|(kind, count)| (kind.to_owned(), count)).into());
}

#[test]
fn each_statement_of_the_gallery_returns_its_recorded_rows() {
    let answers = json("tests/ask/gallery-answers.json");
    let answers = answers.as_object().unwrap();
    assert_eq!(answers.len(), 24);
    let fixtures = FIXTURES.map(|name| (name, Fixture::open(name, "gallery")));
    for (item, rows) in answers {
        let sql = text(&format!("functions/reports/gallery/{item}.sql"));
        for (name, fixture) in &fixtures {
            assert_eq!(
                comparable(&fixture.rows(&sql), true),
                comparable(&recorded(&rows[name]), true),
                "{item} on {name}"
            );
        }
    }
}

#[test]
fn the_tables_are_those_that_the_fixtures_were_written_for() {
    let columns = |schema: &str| -> Vec<(String, String, String)> {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(schema).unwrap();
        let sql =
            "SELECT m.name, p.name, p.type FROM sqlite_schema m, pragma_table_info(m.name) p WHERE m.type = 'table'";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(columns(&schema_sql()), columns(&text("tests/ask/schema.sql")));
}
