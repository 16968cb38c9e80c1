//! `report run`: runs the statement of a file as the dashboard does, and waits for it.

use super::user::context;
use crate::arguments::Write;
use crate::confirm::confirm;
use crate::outcome::{Failure, Outcome};
use crate::progress::say;
use crate::target::Target;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, SystemTime};
use tollgate_admin::ReportRequest;
use tollgate_admin::changes::{Actor, request_report};
use tollgate_domain::UserId;
use tollgate_domain::report::{CsvOptions, Report, ReportFormat, ReportStatus};
use tollgate_platform::Outbound;
use tollgate_platform::bucket::{Bucket, BucketAddress};
use tollgate_store::Store;

const PAUSE: Duration = Duration::from_millis(250);
/// How long the command waits; the report continues after that.
const TIMEOUT: Duration = Duration::from_secs(15 * 60);
const DOWNLOAD_VALID: Duration = Duration::from_secs(15 * 60);

pub async fn run(target: &Target, write: Write, file: &Path, csv: bool) -> Result<Outcome, Failure> {
    let sql = std::fs::read_to_string(file)
        .map_err(|error| Failure::refused("usage", format!("{}: {error}", file.display())))?;
    let format = if csv { ReportFormat::Csv } else { ReportFormat::Preview };
    if write.dry_run {
        tollgate_sql::check(&sql).map_err(|refused| Failure::refused("sql_not_allowed", refused))?;
        return Ok(Outcome::done("the statement is allowed", json!({"dry_run": true})));
    }
    confirm(target, write, "A report is to be run")?;
    let (store, context) = (target.store(), context(target));
    let actor = Actor { store: &store.narrow(), context: &context, admin: None, operator: Some(&target.operator) };
    let request = ReportRequest { sql, format, fresh: false, csv: CsvOptions::default() };
    // The operator is not a user: the id has the lowest time.
    let operator = UserId::new(Timestamp::UNIX_EPOCH, [0; 10]);
    let report = request_report(&actor, operator, request).await?;
    target.announce_write().await?;
    say(&format!("{} is queued", report.id));
    let report = wait(target, &store, report).await?;
    if report.status == ReportStatus::Failed {
        return Err(Failure::failed("report_failed", report.outcome.error.unwrap_or_default()));
    }
    let id = report.id.to_string();
    let Some(as_of) = report.outcome.as_of else { return Err(Failure::failed("report_failed", "it has no result")) };
    let about = json!({"id": id, "row_count": report.outcome.row_count, "columns": report.outcome.columns});
    if csv {
        return download(target, &report.file_key(as_of), about).await;
    }
    let rows = store.report_rows(&report.id, as_of).await?.unwrap_or_default();
    let rows: Value = serde_json::from_str(&rows).map_err(|error| Failure::failed("report_failed", error))?;
    let line = |row: &Value| {
        row.as_array().map_or_else(String::new, |cells| cells.iter().map(cell).collect::<Vec<_>>().join("\t"))
    };
    let mut text = vec![report.outcome.columns.unwrap_or_default().join("\t")];
    text.extend(rows.as_array().into_iter().flatten().map(line));
    let mut result = about;
    result["rows"] = rows;
    Ok(Outcome::done(text.join("\n"), result))
}

fn cell(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

async fn wait(target: &Target, store: &Store, queued: Report) -> Result<Report, Failure> {
    let waited = async {
        loop {
            let report = store.report(&queued.id, target.clock.now()).await?;
            match report {
                Some(report) if matches!(report.status, ReportStatus::Succeeded | ReportStatus::Failed) => {
                    return Ok(report);
                }
                Some(_) => tokio::time::sleep(PAUSE).await,
                None => return Err(Failure::failed("report_failed", "the report is not there any more")),
            }
        }
    };
    let late = || Failure::failed("report_late", format!("{} is not done within 15 minutes", queued.id));
    tokio::time::timeout(TIMEOUT, waited).await.unwrap_or_else(|_| Err(late()))
}

async fn download(target: &Target, key: &str, mut about: Value) -> Result<Outcome, Failure> {
    let settings = target.settings("admin").await?;
    let sdk = target.local.as_ref().map_or_else(|| target.sdk.clone(), crate::LocalStack::files_sdk);
    let bucket = Bucket::new(BucketAddress::from_env(&settings)?, &sdk);
    let now = SystemTime::from(target.clock.now());
    let url = bucket.download_url(key, DOWNLOAD_VALID, now).await.map_err(|error| Failure::failed("files", error))?;
    let request = http::Request::get(&url).body(Vec::new()).map_err(|error| Failure::failed("files", error))?;
    let answer = Outbound::system().with_deadline(Duration::from_secs(60)).send(request).await;
    match answer {
        Ok(answer) if answer.status().is_success() => {
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            about["csv"] = json!(text);
            Ok(Outcome::done(text, about))
        }
        Ok(answer) => Err(Failure::failed("files", format!("the file answers {}", answer.status()))),
        // It is too large for this command, or the connection is too slow.
        Err(error) => {
            let resume = format!("download it within 15 minutes: {url}");
            Err(Failure::partly("files", error, &resume))
        }
    }
}
