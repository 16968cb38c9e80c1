//! Runs a statement in another process, which has no credentials, may be killed, and frees its memory at its end.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;
use tollgate_sql::{Answer, Job, RunError, execute};

/// The argument that makes this program run a statement instead of serving.
const RUN_STATEMENT: &str = "--run-statement";
/// The time after its deadline at which the process is killed, if SQLite has not stopped by itself.
const KILLED_AFTER: Duration = Duration::from_secs(1);

/// The main function of the other process, if `argument` requests it: a [`Job`] on its standard input, its result on
/// its standard output. A program that runs statements in its own processes calls this first.
#[must_use]
pub fn run_statement_if_asked(argument: Option<&str>) -> Option<ExitCode> {
    (argument == Some(RUN_STATEMENT)).then(|| match run_here() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

fn run_here() -> std::io::Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let result = match serde_json::from_str::<Job>(&text) {
        Ok(job) => execute(&job),
        Err(error) => Err(RunError::Internal(error.to_string())),
    };
    std::io::stdout().write_all(&serde_json::to_vec(&result)?)
}

/// Runs `job` in a process of `program`, or of this program.
///
/// # Errors
/// With the limit that was reached, or SQLite's error.
pub async fn run(program: Option<&Path>, job: &Job) -> Result<Answer, RunError> {
    let internal = |error: std::io::Error| RunError::Internal(error.to_string());
    let program = match program {
        Some(program) => program.to_owned(),
        None => std::env::current_exe().map_err(internal)?,
    };
    let mut process = Command::new(program)
        .arg(RUN_STATEMENT)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(internal)?;
    let job_text = serde_json::to_vec(job).map_err(|error| RunError::Internal(error.to_string()))?;
    let run = async move {
        if let Some(mut input) = process.stdin.take() {
            // The exit status of an ended process says more than a closed pipe.
            let _closed = input.write_all(&job_text).await;
        }
        process.wait_with_output().await
    };
    let time_limit = Duration::from_millis(job.limits.deadline_ms) + KILLED_AFTER;
    // Dropping the future kills the process.
    let Ok(output) = timeout(time_limit, run).await else { return Err(RunError::Deadline(job.limits.deadline_ms)) };
    let output = output.map_err(internal)?;
    if output.status.code().is_none() {
        // It was killed, probably by the system for lack of memory.
        return Err(RunError::Memory(job.limits.memory_bytes));
    }
    serde_json::from_slice::<Result<Answer, RunError>>(&output.stdout)
        .unwrap_or_else(|error| Err(RunError::Internal(error.to_string())))
}
