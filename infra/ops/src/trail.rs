//! The audit trail of operators: an entry before a command changes something that leaves no entry of its own.

use crate::outcome::Failure;
use crate::target::Target;
use serde_json::{Value, json};
use tollgate_domain::AuditId;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_platform::{Clock, random_bytes};
use tollgate_store::{Store, StoreError};

/// Records that an operator runs `command` on the stack of these tables.
///
/// # Errors
/// When the tables do not answer.
pub async fn record_command(
    store: &Store,
    clock: &Clock,
    operator: &str,
    command: &str,
    details: Value,
) -> Result<(), StoreError> {
    let now = clock.now();
    let entry = AuditEntry {
        id: AuditId::new(now, random_bytes()),
        actor_id: None,
        action: Action::OperatorCommand,
        target_id: Some(command.to_owned()),
        before: None,
        after: Some(json!({"operator": operator, "details": details})),
        ip: None,
        request_id: None,
        created_at: now,
    };
    store.record(&entry).await
}

/// The same for the stack that a command works on.
pub(crate) async fn record(target: &Target, command: &str, details: Value) -> Result<(), Failure> {
    Ok(record_command(&target.store(), &target.clock, &target.operator, command, details).await?)
}
