//! An admin's changes of a user, and requests of reports: one implementation for the routes and for the operator's
//! command. A change has the state that was read as its condition; when another change was faster, the state is read
//! again.

use crate::routes::user::find_user;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::billing::{Command, UserCommand};
use tollgate_domain::gate::Closing;
use tollgate_domain::report::{CsvOptions, Report, ReportFormat, ReportOutcome, ReportStatus};
use tollgate_domain::{MessageId, ReportId, User, UserId};
use tollgate_http::{ApiError, RequestContext};
use tollgate_platform::random_bytes;
use tollgate_store::roles::Admin;
use tollgate_store::{OutboxMessage, RightsChange, Store};
use utoipa::ToSchema;

/// How often a change is tried when other changes of the same user are faster.
pub const MAX_ATTEMPTS: usize = 4;

/// The context of a change.
#[derive(Clone, Copy)]
pub struct Actor<'a> {
    /// The tables.
    pub store: &'a Store<Admin>,
    /// The request.
    pub context: &'a RequestContext,
    /// The admin; `None` for an operator.
    pub admin: Option<UserId>,
    /// The operator, by the name in AWS.
    pub operator: Option<&'a str>,
}

impl Actor<'_> {
    /// An entry of the audit trail, with the values after the change and, for an operator, the name.
    fn entry(&self, action: Action, target: String, before: Option<Value>, mut after: Value) -> AuditEntry {
        if let Some(operator) = self.operator {
            after["operator"] = json!(operator);
        }
        let mut entry = self.context.entry(action, self.admin, Some(target));
        (entry.before, entry.after) = (before, Some(after));
        entry
    }
}

/// Enables or disables a user. Disabling ends every session at once; with `cancels` the subscription ends with its period.
///
/// # Errors
/// When there is no such user, no active admin would be left, or the tables do not answer.
pub async fn set_status(actor: &Actor<'_>, id: &UserId, is_active: bool, cancels: bool) -> Result<User, ApiError> {
    for _ in 0..MAX_ATTEMPTS {
        let (profile, gate) = find_user(actor.store, id).await?;
        if gate.is_active == is_active && (!cancels || gate.closing.is_some()) {
            return Ok(profile.into_user());
        }
        let action = if is_active { Action::Enabled } else { Action::Disabled };
        let (mut before, mut after) = (Map::new(), Map::new());
        if gate.is_active != is_active {
            before.insert("is_active".to_owned(), json!(gate.is_active));
            after.insert("is_active".to_owned(), json!(is_active));
        }
        if gate.is_active && !is_active {
            after.insert("sessions_ended".to_owned(), json!(gate.sessions.len()));
        }
        if cancels {
            before.insert("subscription".to_owned(), json!("keep"));
            after.insert("subscription".to_owned(), json!("cancel_at_period_end"));
        }
        let entry = actor.entry(action, id.to_string(), Some(before.into()), after.into());
        let changed = if cancels {
            let command = closing_command(id, actor.context)?;
            actor.store.close_account(&gate, Closing::Deactivated, &command, &entry).await?
        } else {
            actor.store.set_active(&gate, is_active, &entry).await?
        };
        match changed {
            RightsChange::Done => return Ok(User { is_active, ..profile.into_user() }),
            RightsChange::LastAdmin => return Err(ApiError::LastAdmin),
            RightsChange::Changed => {}
        }
    }
    Err(overtaken())
}

/// Deletes a user: every session and the subscription end at once, and personal data is erased within a day.
///
/// # Errors
/// When there is no such user, no active admin would be left, or the tables do not answer.
pub async fn delete_user(actor: &Actor<'_>, id: &UserId) -> Result<(), ApiError> {
    for _ in 0..MAX_ATTEMPTS {
        let (_, gate) = find_user(actor.store, id).await?;
        let before = json!({"is_active": gate.is_active});
        let after = json!({"is_active": false, "sessions_ended": gate.sessions.len()});
        let entry = actor.entry(Action::Deleted, id.to_string(), Some(before), after);
        let command = closing_command(id, actor.context)?;
        match actor.store.close_account(&gate, Closing::Deleted, &command, &entry).await? {
            RightsChange::Done => return Ok(()),
            RightsChange::LastAdmin => return Err(ApiError::LastAdmin),
            RightsChange::Changed => {}
        }
    }
    Err(overtaken())
}

/// A report to run.
#[derive(Deserialize, ToSchema)]
pub struct ReportRequest {
    /// One SELECT over the views of `/admin/reports/schema`, in SQLite's SQL, at most 20,000 bytes.
    pub sql: String,
    /// Rows, or a file.
    pub format: ReportFormat,
    /// Whether the tables are read again; otherwise a snapshot of the last five minutes may be used.
    #[serde(default)]
    pub fresh: bool,
    /// The format of a CSV file.
    #[serde(default)]
    pub csv: CsvOptions,
}

/// Checks a statement and queues its report for `requested_by`.
///
/// # Errors
/// When the statement is not allowed, or the tables do not answer.
pub async fn request_report(
    actor: &Actor<'_>,
    requested_by: UserId,
    request: ReportRequest,
) -> Result<Report, ApiError> {
    tollgate_sql::check(&request.sql).map_err(|refused| ApiError::SqlNotAllowed(refused.to_string()))?;
    let now = actor.context.now;
    let report = Report {
        id: ReportId::new(now, random_bytes()),
        requested_by,
        sql: request.sql,
        format: request.format,
        csv: request.csv,
        fresh: request.fresh,
        status: ReportStatus::Queued,
        created_at: now,
        outcome: ReportOutcome::default(),
    };
    let message = OutboxMessage::of_report(&report, MessageId::new(now, random_bytes()))?;
    // Not the statement: it may name a person, and the trail is stored longer than that person's data may be.
    let after = json!({"format": report.format, "fresh": report.fresh});
    let entry = actor.entry(Action::ReportRequested, report.id.to_string(), None, after);
    actor.store.request_report(&report, &message, &entry).await?;
    Ok(report)
}

/// The answer when other changes of the same user were faster [`MAX_ATTEMPTS`] times.
pub fn overtaken() -> ApiError {
    ApiError::Unavailable("the user's rights change too often".into())
}

/// The command that ends the subscription and checkout of a closed account.
fn closing_command(user: &UserId, context: &RequestContext) -> Result<OutboxMessage, ApiError> {
    let id = MessageId::new(context.now, random_bytes());
    Ok(OutboxMessage::of_command(&Command::User(UserCommand::closing(*user)), id, context.now)?)
}
