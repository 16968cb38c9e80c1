//! Reports: a statement of an admin, and its result.

use crate::{ReportId, UserId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long a report is stored. Its result contains personal data of the tables, so it must not outlive the day in
/// which a deleted user is erased.
pub const REPORT_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// The status of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportStatus {
    /// It waits to be run.
    Queued,
    /// It is being run.
    Running,
    /// It has a result.
    Succeeded,
    /// It failed, and `error` says why.
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

/// The format of a CSV file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CsvOptions {
    /// Whether it begins with a byte order mark, by which Excel recognises UTF-8.
    #[serde(default)]
    pub bom: bool,
    /// The separator of cells.
    #[serde(default)]
    pub delimiter: Delimiter,
}

/// The separator of cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Delimiter {
    /// As in RFC 4180.
    #[default]
    #[serde(rename = ",")]
    Comma,
    /// As spreadsheets of many countries expect.
    #[serde(rename = ";")]
    Semicolon,
}

/// A report as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its id.
    pub id: ReportId,
    /// The admin who requested it.
    pub requested_by: UserId,
    /// The statement.
    pub sql: String,
    /// The format of its result.
    pub format: ReportFormat,
    /// The format of a CSV file.
    pub csv: CsvOptions,
    /// Whether the tables are read again for it.
    pub fresh: bool,
    /// Its status.
    pub status: ReportStatus,
    /// When it was requested.
    pub created_at: Timestamp,
    /// The result.
    #[serde(flatten)]
    pub outcome: ReportOutcome,
}

/// The result of a report; empty until it has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportOutcome {
    /// When the tables were read.
    #[serde(default)]
    pub as_of: Option<Timestamp>,
    /// The number of rows in the whole result.
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
    /// The report to run.
    pub report_id: ReportId,
}

impl Report {
    /// The key of its CSV file in the bucket. A repeated run over the same tables writes the same file.
    #[must_use]
    pub fn file_key(&self, as_of: Timestamp) -> String {
        format!("{}/{}.csv", self.id, as_of.as_millisecond())
    }

    /// Whether it is still stored at `now`.
    #[must_use]
    pub fn is_kept(&self, now: Timestamp) -> bool {
        now.duration_since(self.created_at) < REPORT_KEPT
    }
}

impl ReportStatus {
    /// Whether it has ended.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}
