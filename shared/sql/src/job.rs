//! The input and the output of the process that runs a statement: JSON on its standard input and output.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;
use tollgate_domain::report::CsvOptions;

/// A statement to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// The snapshot.
    pub snapshot: PathBuf,
    /// The statement.
    pub sql: String,
    /// The value of `'now'`.
    pub now: Timestamp,
    /// The format of its result.
    pub output: Output,
    /// Its limits.
    pub limits: Limits,
}

/// The format of a result.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The first rows, in the answer.
    Preview,
    /// All rows, in a file.
    Csv {
        /// The file, which does not exist yet.
        file: PathBuf,
        /// The format of the file.
        csv: CsvOptions,
    },
}

/// The limits of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How long it may run, in milliseconds.
    pub deadline_ms: u64,
    /// SQLite's memory limit, in bytes.
    pub memory_bytes: u64,
    /// How many rows it may return.
    pub rows: u64,
}

impl Limits {
    /// The limits of the contract: 10 s, 256 MB, 100,000 rows.
    pub const CONTRACT: Self = Self { deadline_ms: 10_000, memory_bytes: 256 * 1024 * 1024, rows: 100_000 };
}

/// The result of a statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The number of its rows.
    pub row_count: u64,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// The first rows of a preview.
    pub rows: Option<Vec<Vec<Value>>>,
}
