//! Runs a statement on a snapshot. It is called in a process of its own: SQLite's memory limit applies to a whole
//! process and can only be lowered.

use crate::clock::{add_rounding, set_now};
use crate::csv_file::{CsvFile, hex};
use crate::guard::{Guard, Guarded, Guards};
use crate::job::{Answer, Job, Limits, Output};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, Rows};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::OpenOptions;
use std::io;
use std::time::{Duration, Instant};

/// The largest number of rows of a preview.
const PREVIEW_ROWS: usize = 200;
/// The largest size of the JSON: a report is one item of a table, which may have 400 KB.
const PREVIEW_BYTES: usize = 250_000;
/// The length at which a text of a preview is cut.
const PREVIEW_TEXT_CHARS: usize = 1000;
/// The largest CSV file, in bytes.
const MAX_CSV_BYTES: u64 = 100 * 1024 * 1024;
/// The number of instructions after which SQLite checks whether to continue.
const INSTRUCTIONS: i32 = 1000;
/// Its page cache, in KiB.
const CACHE_KIB: i32 = 65_536;

/// Why a report has no result, with a text for the person who requested it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum RunError {
    /// The time limit was reached.
    #[error(
        "The statement ran longer than {} s. Narrow it with WHERE, aggregate before you join, or leave a table out. \
         docs/athena.md describes how to query larger data.", .0 / 1000
    )]
    Deadline(u64),
    /// The memory limit was reached.
    #[error(
        "The statement needs more than {} MB of memory. Select fewer columns, aggregate before you sort, or narrow it \
         with WHERE.", .0 / (1024 * 1024)
    )]
    Memory(u64),
    /// The result is too long.
    #[error("The result has more than {0} rows. Aggregate, narrow it with WHERE, or add LIMIT.")]
    Rows(u64),
    /// A row is too wide for a preview.
    #[error("The first row is too large for a preview. Select fewer columns, or ask for CSV.")]
    Wide,
    /// The file is too large.
    #[error("The file is larger than {} MB. Select fewer columns or rows.", MAX_CSV_BYTES / (1024 * 1024))]
    File,
    /// The statement is refused, or SQLite cannot run it.
    #[error("{0}.")]
    Statement(String),
    /// The statement is not the cause.
    #[error("The report could not be run: {0}.")]
    Internal(String),
}

/// Runs `job` under all guards.
///
/// # Errors
/// With the limit that was reached, or SQLite's error.
pub fn execute(job: &Job) -> Result<Answer, RunError> {
    execute_with(job, &Guards::default())
}

pub(crate) fn execute_with(job: &Job, guards: &Guards) -> Result<Answer, RunError> {
    let internal = |error: rusqlite::Error| RunError::Internal(error.to_string());
    let connection = open(job, guards).map_err(internal)?;
    let guarded = Guarded::new(&connection, guards).map_err(internal)?;
    let mut statement = guarded.prepare(&job.sql).map_err(RunError::Statement)?;
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let limits = job.limits;
    let start = Instant::now();
    if guards.has(Guard::Deadline) {
        let deadline = start + Duration::from_millis(limits.deadline_ms);
        connection.progress_handler(INSTRUCTIONS, Some(move || Instant::now() >= deadline));
    }
    let rows = statement.raw_query();
    let mut counted = Counted { rows, count: 0, limits, has_row_limit: guards.has(Guard::Rows) };
    match &job.output {
        Output::Preview => preview(&mut counted, columns),
        Output::Csv { file, csv } => {
            let made = OpenOptions::new().write(true).create_new(true).open(file).map_err(not_written)?;
            let mut written = CsvFile::begin(made, *csv, &columns).map_err(not_written)?;
            while let Some(row) = counted.next()? {
                written.row((0..columns.len()).filter_map(|index| row.get_ref(index).ok())).map_err(not_written)?;
            }
            written.end().map_err(not_written)?;
            if std::fs::metadata(file).map_err(not_written)?.len() > MAX_CSV_BYTES {
                return Err(RunError::File);
            }
            Ok(Answer { row_count: counted.count, columns, rows: None })
        }
    }
}

fn not_written(error: io::Error) -> RunError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge | io::ErrorKind::QuotaExceeded => RunError::File,
        _ => RunError::Internal(error.to_string()),
    }
}

/// The snapshot, read-only.
fn open(job: &Job, guards: &Guards) -> rusqlite::Result<Connection> {
    let address = format!("file:{}?immutable=1", job.snapshot.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(address, flags)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    if guards.has(Guard::Memory) {
        let bytes = i64::try_from(job.limits.memory_bytes).unwrap_or(i64::MAX);
        connection.query_row(&format!("PRAGMA hard_heap_limit = {bytes}"), [], |_| Ok(()))?;
    }
    set_now(&connection, job.now)?;
    add_rounding(&connection)?;
    Ok(connection)
}

/// The rows of a result, up to the limit.
struct Counted<'s> {
    rows: Rows<'s>,
    count: u64,
    limits: Limits,
    has_row_limit: bool,
}

impl Counted<'_> {
    fn next(&mut self) -> Result<Option<&Row<'_>>, RunError> {
        let limits = self.limits;
        let row = self.rows.next().map_err(|error| in_words(&error, limits))?;
        if row.is_some() {
            self.count += 1;
            if self.has_row_limit && self.count > limits.rows {
                return Err(RunError::Rows(limits.rows));
            }
        }
        Ok(row)
    }
}

fn in_words(error: &rusqlite::Error, limits: Limits) -> RunError {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => RunError::Deadline(limits.deadline_ms),
        Some(ErrorCode::OutOfMemory) => RunError::Memory(limits.memory_bytes),
        _ => RunError::Statement(match error {
            rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
            other => other.to_string(),
        }),
    }
}

/// The first rows as JSON; the others are counted.
fn preview(counted: &mut Counted<'_>, columns: Vec<String>) -> Result<Answer, RunError> {
    let (mut shown, mut bytes, mut is_full) = (Vec::new(), 0, false);
    while let Some(row) = counted.next()? {
        if is_full {
            continue;
        }
        let cells: Vec<Value> =
            (0..columns.len()).map(|index| row.get_ref(index).map_or(Value::Null, in_json)).collect();
        bytes += cells.iter().map(|cell| cell.to_string().len() + 1).sum::<usize>();
        if bytes > PREVIEW_BYTES {
            if shown.is_empty() {
                return Err(RunError::Wide);
            }
            is_full = true;
            continue;
        }
        shown.push(cells);
        is_full = shown.len() == PREVIEW_ROWS;
    }
    Ok(Answer { row_count: counted.count, columns, rows: Some(shown) })
}

fn in_json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        // JSON has no number for infinity.
        ValueRef::Real(number) => {
            serde_json::Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number)
        }
        ValueRef::Text(text) => cut(&String::from_utf8_lossy(text)).into(),
        ValueRef::Blob(bytes) => cut(&hex(bytes)).into(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(PREVIEW_TEXT_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
