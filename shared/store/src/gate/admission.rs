//! The live sessions in a gate: added at a sign-in, and ended.

use crate::audit::audit_item;
use crate::gate::gate_key;
use crate::identity::profile::user_key;
use crate::roles::{EndSessions, RecordAudit, StartSessions};
use crate::sessions::secrets::use_up;
use crate::sessions::{NewSession, session_item};
use crate::table::client::Tables;
use crate::table::codec::{n, read, s};
use crate::table::schema::{AUDIT, GATE, IDENTITY, SESSIONS};
use crate::table::statements::{Executed, Statement};
use crate::table::transaction::Refusal;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Update};
use jiff::Timestamp;
use std::collections::BTreeMap;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::gate::Gate;
use tollgate_domain::onetime::OneTimeRow;
use tollgate_domain::session::MAX_SESSIONS;
use tollgate_domain::{SessionId, UserId};

/// A session to be added to a gate.
#[derive(Debug, Clone, Copy)]
pub struct Admission<'a> {
    /// The user.
    pub user: &'a UserId,
    /// The session.
    pub session: &'a SessionId,
    /// Its absolute end.
    pub ends_at: Timestamp,
    /// The sessions that end to make room.
    pub ended: &'a [SessionId],
    /// The required password version, if any.
    pub password_version: Option<u64>,
}

/// The result of an admission by code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// The session was admitted.
    Done,
    /// The code was used up, or the account has another address.
    CodeUsed,
    /// The account is closed, or its password version or sessions have changed.
    GateChanged,
}

impl Admission<'_> {
    /// The most sessions before it.
    const fn cap(&self) -> usize {
        MAX_SESSIONS + self.ended.len()
    }

    /// The write of the gate as a statement that returns the gate.
    fn statement(&self, tables: &Tables) -> Statement {
        let removed: String = self.ended.iter().map(|id| format!(" REMOVE sessions.\"{id}\"")).collect();
        let mut text = format!("SET sessions.\"{}\" = ?{removed}", self.session);
        text.push_str(" WHERE pk = ? AND is_active = ? AND size(sessions) < ?");
        let mut parameters =
            vec![s(self.ends_at.to_string()), gate_key(self.user), AttributeValue::Bool(true), n(self.cap())];
        if let Some(version) = self.password_version {
            text.push_str(" AND password_version = ?");
            parameters.push(n(version));
        }
        text.push_str(" RETURNING ALL NEW *");
        Statement::new(("UPDATE", &tables.table(GATE)), &text, parameters)
    }

    /// The same write as a part of a transaction.
    fn update(&self) -> UpdateBuilder {
        let mut update = "SET sessions.#new = :end".to_owned();
        let mut condition = "is_active = :true AND size(sessions) < :cap".to_owned();
        let mut builder = Update::builder()
            .key("pk", gate_key(self.user))
            .expression_attribute_names("#new", self.session.to_string())
            .expression_attribute_values(":end", s(self.ends_at.to_string()))
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":cap", n(self.cap()));
        for (index, id) in self.ended.iter().enumerate() {
            update.push_str(if index == 0 { " REMOVE " } else { ", " });
            update.push_str(&format!("sessions.#e{index}"));
            builder = builder.expression_attribute_names(format!("#e{index}"), id.to_string());
        }
        if let Some(version) = self.password_version {
            condition.push_str(" AND password_version = :version");
            builder = builder.expression_attribute_values(":version", n(version));
        }
        builder.update_expression(update).condition_expression(condition)
    }
}

/// The gate after an admission; `None` if its condition failed.
fn admitted(executed: Executed) -> Result<Option<Gate>, StoreError> {
    match executed {
        Executed::Done(gate) => read(GATE, gate).map(Some),
        Executed::Refused => Ok(None),
    }
}

impl<R: StartSessions + RecordAudit> Store<R> {
    /// Starts a session in one call: adds it to the gate, puts its row and records `entry`. Returns `None` when the
    /// condition of the gate failed, because a concurrent change won. Row and entry are written nevertheless, since each
    /// write succeeds or fails alone: a row that no gate names is not a session, and the caller corrects the entry.
    ///
    /// # Errors
    /// When DynamoDB does not answer or does not execute one of the writes.
    pub async fn start_session(
        &self,
        session: &NewSession,
        admission: &Admission<'_>,
        entry: &AuditEntry,
    ) -> Result<Option<Gate>, StoreError> {
        let row = self.insert(SESSIONS, session_item(session)?);
        let entry = self.insert(AUDIT, audit_item(entry)?);
        let [gate, _, _] = self.execute([admission.statement(self), row, entry]).await?;
        admitted(gate)
    }
}

impl<R: StartSessions> Store<R> {
    /// Adds a session to a gate. Returns `None` when the condition failed: a concurrent change won.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn admit_session(&self, admission: &Admission<'_>) -> Result<Option<Gate>, StoreError> {
        let [gate] = self.execute([admission.statement(self)]).await?;
        admitted(gate)
    }

    /// The same by a mailed code. The write that adds the session uses up the code, on condition that the account still
    /// has the address to which the code was mailed (S11). With `audit` the write also adds its entry.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn admit_by_code(
        &self,
        admission: &Admission<'_>,
        row: &OneTimeRow,
        audit: Option<&AuditEntry>,
        now: Timestamp,
    ) -> Result<Admitted, StoreError> {
        let address = ConditionCheck::builder()
            .key("pk", user_key(admission.user))
            .condition_expression("email_key = :key")
            .expression_attribute_values(":key", s(&row.email_key));
        let mut transaction = self
            .transaction()
            .update(Admitted::CodeUsed, SESSIONS, use_up(row, "code_used_at", now))
            .update(Admitted::GateChanged, GATE, admission.update())
            .check(Admitted::CodeUsed, IDENTITY, address);
        if let Some(entry) = audit {
            transaction = transaction.put_any(Admitted::CodeUsed, AUDIT, audit_item(entry)?);
        }
        match transaction.run().await {
            Ok(()) => Ok(Admitted::Done),
            Err(Refusal::Condition(why)) => Ok(why),
            Err(Refusal::Failed(error)) => Err(error),
        }
    }
}

impl<R: EndSessions> Store<R> {
    /// Ends one session, with its audit entry; returns `false` when it was not live.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn end_session(
        &self,
        user: &UserId,
        session: &SessionId,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let remove = Update::builder()
            .key("pk", gate_key(user))
            .update_expression("REMOVE sessions.#id")
            .condition_expression("attribute_exists(sessions.#id)")
            .expression_attribute_names("#id", session.to_string());
        let done =
            self.transaction().update("gate", GATE, remove).put_any("audit", AUDIT, audit_item(entry)?).run().await;
        match done {
            Ok(()) => Ok(true),
            Err(Refusal::Condition("gate")) => Ok(false),
            Err(other) => Err(other.unexpected()),
        }
    }

    /// Ends all sessions except those in `sessions`, with the audit entry. With `session`, the user's own session that
    /// makes the request: `false` when it was not live; without, when there was no session.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn end_sessions(
        &self,
        user: &UserId,
        session: Option<&SessionId>,
        sessions: &BTreeMap<SessionId, Timestamp>,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let sessions = sessions.iter().map(|(id, ends_at)| (id.to_string(), s(ends_at.to_string()))).collect();
        let update = Update::builder()
            .key("pk", gate_key(user))
            .update_expression("SET sessions = :sessions")
            .expression_attribute_values(":sessions", AttributeValue::M(sessions));
        let update = match session {
            Some(session) => update
                .condition_expression("attribute_exists(sessions.#own)")
                .expression_attribute_names("#own", session.to_string()),
            None => update.condition_expression("size(sessions) > :zero").expression_attribute_values(":zero", n(0)),
        };
        let done =
            self.transaction().update("gate", GATE, update).put_any("audit", AUDIT, audit_item(entry)?).run().await;
        match done {
            Ok(()) => Ok(true),
            Err(Refusal::Condition("gate")) => Ok(false),
            Err(other) => Err(other.unexpected()),
        }
    }
}
