//! The check before a report is queued: the statement is prepared on empty tables.

use crate::clock::{add_rounding, set_now};
use crate::guard::{FUNCTIONS, Guarded, Guards};
use crate::views::{VIEWS, schema_sql};
use jiff::Timestamp;
use rusqlite::Connection;
use std::collections::BTreeSet;

/// A statement that is not accepted, with the reason for its author.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StatementError(pub String);

/// Checks a statement and returns the names of its result's columns.
///
/// # Errors
/// When it is not one `SELECT` over the tables of [`VIEWS`], with the reason.
pub fn check(sql: &str) -> Result<Vec<String>, StatementError> {
    check_with(sql, &Guards::default())
}

pub(crate) fn check_with(sql: &str, guards: &Guards) -> Result<Vec<String>, StatementError> {
    let internal = |error: rusqlite::Error| StatementError(error.to_string());
    let connection = Connection::open_in_memory().map_err(internal)?;
    connection.execute_batch(&schema_sql()).map_err(internal)?;
    set_now(&connection, Timestamp::UNIX_EPOCH).map_err(internal)?;
    add_rounding(&connection).map_err(internal)?;
    let guarded = Guarded::new(&connection, guards).map_err(internal)?;
    let statement = guarded.prepare(sql).map_err(|reason| StatementError(with_nearest_names(reason)))?;
    Ok(statement.column_names().into_iter().map(str::to_owned).collect())
}

/// Names are similar if this many of a thousand parts of them are equal.
const NEAR: f64 = 0.75;
/// The largest number of suggested names.
const SUGGESTIONS: usize = 3;

/// The reason, with suggestions for a name that does not exist.
fn with_nearest_names(reason: String) -> String {
    let columns = || VIEWS.iter().flat_map(|view| view.columns).map(|column| column.name);
    let known: BTreeSet<&str> = match reason.split_once(": ").map(|(what, _)| what) {
        Some("no such table") => VIEWS.iter().map(|view| view.name).collect(),
        Some("no such column") => columns().collect(),
        Some("no such function") => FUNCTIONS.iter().copied().collect(),
        _ => return reason,
    };
    let missing = reason.rsplit([' ', '.']).next().unwrap_or_default().to_ascii_lowercase();
    let mut near: Vec<_> = known.iter().map(|name| (strsim::jaro_winkler(&missing, name), *name)).collect();
    near.retain(|(likeness, _)| *likeness >= NEAR);
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let near: Vec<_> = near.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect();
    match near.as_slice() {
        [] if reason.starts_with("no such table") => {
            format!("{reason}. There are {}", known.into_iter().collect::<Vec<_>>().join(", "))
        }
        [] => reason,
        names => format!("{reason}. Did you mean {}?", names.join(", ")),
    }
}
