//! Reports: a statement of an admin, and its result.

use crate::{ReportId, UserId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long a report is kept. Its result holds what the tables held of people, so it must not outlive the day in which a deleted
/// person is erased.
pub const REPORT_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Where a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportStatus {
    /// It waits to be run.
    Queued,
    /// It is being run.
    Running,
    /// It has a result.
    Succeeded,
    /// It has none, and `error` says why.
    Failed,
}

/// The format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportFormat {
    /// The first 200 rows, in the report itself.
    Preview,
    /// All rows, in a file to download.
    Csv,
}

/// How a CSV file is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CsvOptions {
    /// Whether it begins with a byte order mark, by which Excel knows UTF-8.
    #[serde(default)]
    pub bom: bool,
    /// What stands between two cells.
    #[serde(default)]
    pub delimiter: Delimiter,
}

/// What stands between two cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Delimiter {
    /// As RFC 4180 has it.
    #[default]
    #[serde(rename = ",")]
    Comma,
    /// As spreadsheets of many countries want it.
    #[serde(rename = ";")]
    Semicolon,
}

/// A report as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its id.
    pub id: ReportId,
    /// The admin who asked.
    pub requested_by: UserId,
    /// The statement.
    pub sql: String,
    /// What its result becomes.
    pub format: ReportFormat,
    /// How a CSV file is written.
    pub csv: CsvOptions,
    /// Whether the tables are read again for it.
    pub fresh: bool,
    /// Where it is.
    pub status: ReportStatus,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// The result.
    #[serde(flatten)]
    pub outcome: ReportOutcome,
}

/// The result of a report; empty until it has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportOutcome {
    /// The moment at which the tables were read.
    #[serde(default)]
    pub as_of: Option<Timestamp>,
    /// How many rows the whole result has.
    #[serde(default)]
    pub row_count: Option<u64>,
    /// The names of its columns.
    #[serde(default)]
    pub columns: Option<Vec<String>>,
    /// Why there is no result.
    #[serde(default)]
    pub error: Option<String>,
    /// When it ended.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
}

/// The body of a report's outbox message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRequest {
    /// Which one is to be run.
    pub report_id: ReportId,
}

impl Report {
    /// The key of its CSV file in the bucket. Who runs it again over the same tables writes the same file.
    #[must_use]
    pub fn file_key(&self, as_of: Timestamp) -> String {
        format!("{}/{}.csv", self.id, as_of.as_millisecond())
    }

    /// Whether it is still kept at `now`.
    #[must_use]
    pub fn is_kept(&self, now: Timestamp) -> bool {
        now.duration_since(self.created_at) < REPORT_KEPT
    }
}

impl ReportStatus {
    /// Whether nothing follows any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}
