//! The `reports` function: reads the tables into a snapshot, runs one statement on it in another process, and stores
//! the first rows or puts a CSV file into the bucket. It does not change the tables that it reads.

mod config;
mod runner;
mod state;
mod tables;

pub use config::Config;
pub use runner::run_statement_if_asked;
pub use state::State;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::SignedDuration;
use serde::Deserialize;
use state::{Folder, TakenSnapshot};
use std::convert::Infallible;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;
use tables::ReadError;
use tollgate_domain::MessageId;
use tollgate_domain::report::{Report, ReportFormat, ReportOutcome, ReportRequest, ReportStatus};
use tollgate_platform::bucket::BucketError;
use tollgate_platform::random_bytes;
use tollgate_platform::sqs::{self, MessageError};
use tollgate_sql::{Answer, Job, Output, RunError, SnapshotError};
use tollgate_store::{Claim, StoreError};

/// How long later reports use a snapshot.
const SNAPSHOT_KEPT: SignedDuration = SignedDuration::from_mins(5);

/// Why a message is received again.
#[derive(Debug, thiserror::Error)]
enum HandlingError {
    #[error("the queue's message is not readable")]
    Unreadable,
    #[error("the request is not readable: {0}")]
    Request(#[from] serde_json::Error),
    #[error("another receive holds it")]
    HeldByAnother,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Bucket(#[from] BucketError),
    #[error("a file: {0}")]
    File(#[from] std::io::Error),
    #[error(transparent)]
    Snapshot(SnapshotError),
}

impl MessageError for HandlingError {
    fn is_poison(&self) -> bool {
        matches!(self, Self::Unreadable | Self::Request(_))
    }
}

/// The message that `relay` sends.
#[derive(Deserialize)]
struct QueueMessage {
    id: MessageId,
}

/// Runs the report of each message of `event`; failed messages are received again.
///
/// # Errors
/// Never: failures are reported message by message.
pub async fn handle(event: SqsEvent, state: &State) -> Result<SqsBatchResponse, Infallible> {
    Ok(sqs::batch(event, &state.queue, |message| one(state, message)).await)
}

async fn one(state: &State, message: SqsMessage) -> Result<(), HandlingError> {
    let queue_message: QueueMessage =
        serde_json::from_str(message.body.as_deref().unwrap_or_default()).map_err(|_| HandlingError::Unreadable)?;
    let receives = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1);
    let holder = message.message_id.unwrap_or_default();
    let row = match state.store.claim_message(&queue_message.id, &holder, state.clock.now()).await? {
        Claim::Send(row) => row,
        Claim::AlreadyDone => return Ok(()),
        Claim::HeldByAnother => return Err(HandlingError::HeldByAnother),
    };
    let request: ReportRequest = serde_json::from_str(&row.body)?;
    if let Err(retry) = run(state, &request, receives).await {
        if let Err(error) = state.store.release_message(&row.id, &holder).await {
            tracing::warn!(message_id = %row.id, %error, "a claim is left to lapse");
        }
        return Err(retry);
    }
    Ok(state.store.mark_sent(&row.id, state.clock.now()).await?)
}

/// Runs the requested report and stores its outcome; after the last receive it stores that it could not be run.
async fn run(state: &State, request: &ReportRequest, receives: u32) -> Result<(), HandlingError> {
    let id = request.report_id;
    let Some(report) = state.store.start_report(&id).await? else { return Ok(()) };
    let (status, mut outcome) = match outcome(state, &report).await {
        Ok(outcome) => (ReportStatus::Succeeded, outcome),
        Err(StopError::Failed(error)) => {
            tracing::info!(report_id = %id, error, "report failed");
            (ReportStatus::Failed, ReportOutcome { error: Some(error), ..ReportOutcome::default() })
        }
        Err(StopError::Retry(retry)) if receives < state.config.max_receives => return Err(retry),
        Err(StopError::Retry(retry)) => {
            tracing::error!(report_id = %id, error = %retry, "a report is given up");
            let error = "The tables could not be read, or the result could not be stored. Try again later.".to_owned();
            (ReportStatus::Failed, ReportOutcome { error: Some(error), ..ReportOutcome::default() })
        }
    };
    outcome.ended_at = Some(state.clock.now());
    Ok(state.store.end_report(&id, status, &outcome).await?)
}

/// Why there is no result.
enum StopError {
    /// Permanently, with a text for the admin.
    Failed(String),
    /// Temporarily.
    Retry(HandlingError),
}

impl From<RunError> for StopError {
    fn from(failure: RunError) -> Self {
        Self::Failed(failure.to_string())
    }
}

impl From<ReadError> for StopError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Snapshot(too_large @ SnapshotError::TooLarge) => Self::Failed(too_large.to_string()),
            ReadError::Snapshot(other) => Self::Retry(HandlingError::Snapshot(other)),
            ReadError::Store(error) => Self::Retry(error.into()),
        }
    }
}

impl<E: Into<HandlingError>> From<E> for StopError {
    fn from(error: E) -> Self {
        Self::Retry(error.into())
    }
}

async fn outcome(state: &State, report: &Report) -> Result<ReportOutcome, StopError> {
    let taken = snapshot(state, report.fresh).await?;
    let file = match report.format {
        ReportFormat::Preview => None,
        ReportFormat::Csv => Some(Scratch(new_file(state, "csv")?)),
    };
    let output = match &file {
        None => Output::Preview,
        Some(file) => Output::Csv { file: file.0.clone(), csv: report.csv },
    };
    let job = Job {
        snapshot: taken.snapshot.file().to_owned(),
        sql: report.sql.clone(),
        now: state.clock.now(),
        output,
        limits: state.config.limits,
    };
    let Answer { row_count, columns, rows } = runner::run(state.config.runner.as_deref(), &job).await?;
    let as_of = taken.as_of;
    if let Some(rows) = rows {
        let rows_json = serde_json::to_string(&rows).map_err(HandlingError::from)?;
        state.store.put_report_rows(report, as_of, rows_json).await?;
    }
    if let Some(file) = &file {
        let content = std::fs::read(&file.0)?;
        let (key, name) = (report.file_key(as_of), format!("{}.csv", report.id));
        let kind = ("text/csv; charset=utf-8", name.as_str());
        state.bucket.put(&state.outbound, (&key, &content), kind, SystemTime::from(state.clock.now())).await?;
    }
    Ok(ReportOutcome {
        as_of: Some(as_of),
        row_count: Some(row_count),
        columns: Some(columns),
        ..ReportOutcome::default()
    })
}

/// The snapshot of the last minutes, or a new one.
async fn snapshot(state: &State, fresh: bool) -> Result<Arc<TakenSnapshot>, StopError> {
    let mut last = state.snapshot.lock().await;
    let now = state.clock.now();
    let is_recent = |taken: &Arc<TakenSnapshot>| !fresh && now.duration_since(taken.as_of) < SNAPSHOT_KEPT;
    if let Some(taken) = last.as_ref().filter(|taken| is_recent(taken)) {
        return Ok(Arc::clone(taken));
    }
    // There may not be enough room for two snapshots.
    *last = None;
    let snapshot = tables::read(state, new_file(state, "db")?, now).await?;
    let taken = Arc::new(TakenSnapshot { snapshot, as_of: now, _folder: Folder(state.config.folder.clone()) });
    *last = Some(Arc::clone(&taken));
    Ok(taken)
}

/// A file that is removed with this.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _was_never_written = std::fs::remove_file(&self.0);
    }
}

/// The path of a file that does not exist yet, in the folder of this process.
fn new_file(state: &State, extension: &str) -> Result<PathBuf, HandlingError> {
    // It contains personal data: only its owner may read it.
    DirBuilder::new().recursive(true).mode(0o700).create(&state.config.folder)?;
    let name: String = random_bytes::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(state.config.folder.join(format!("{name}.{extension}")))
}
