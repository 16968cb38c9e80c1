//! The live sessions in a gate: added at a sign-in, and ended.

use crate::audit::audit_item;
use crate::gate::gate_key;
use crate::identity::profile::user_key;
use crate::roles::{EndSessions, StartSessions};
use crate::sessions::secrets::use_up;
use crate::table::codec::{Item, n, read, s};
use crate::table::schema::{AUDIT, GATE, IDENTITY, SESSIONS};
use crate::table::transaction::Refusal;
use crate::table::update::{Updated, conditional};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, ReturnValue, Update};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
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

struct Expression {
    update: String,
    condition: String,
    names: HashMap<String, String>,
    values: Item,
}

impl Admission<'_> {
    fn expression(&self) -> Expression {
        let mut names = HashMap::from([("#new".to_owned(), self.session.to_string())]);
        let mut values = Item::from([
            (":end".to_owned(), s(self.ends_at.to_string())),
            (":true".to_owned(), AttributeValue::Bool(true)),
            (":cap".to_owned(), n(MAX_SESSIONS + self.ended.len())),
        ]);
        let mut update = "SET sessions.#new = :end".to_owned();
        for (index, id) in self.ended.iter().enumerate() {
            update.push_str(if index == 0 { " REMOVE " } else { ", " });
            update.push_str(&format!("sessions.#e{index}"));
            names.insert(format!("#e{index}"), id.to_string());
        }
        let mut condition = "is_active = :true AND size(sessions) < :cap".to_owned();
        if let Some(version) = self.password_version {
            condition.push_str(" AND password_version = :version");
            values.insert(":version".to_owned(), n(version));
        }
        Expression { update, condition, names, values }
    }
}

impl<R: StartSessions> Store<R> {
    /// Adds a session to a gate. Returns `None` when the condition failed: a concurrent change won.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn admit_session(&self, admission: &Admission<'_>) -> Result<Option<Gate>, StoreError> {
        let expression = admission.expression();
        let call = self
            .client
            .update_item()
            .table_name(self.table(GATE))
            .key("pk", gate_key(admission.user))
            .update_expression(expression.update)
            .condition_expression(expression.condition)
            .set_expression_attribute_names(Some(expression.names))
            .set_expression_attribute_values(Some(expression.values))
            .return_values(ReturnValue::AllNew);
        match conditional(call).await? {
            Updated::Done(gate) => read(GATE, gate).map(Some),
            Updated::Refused(_) => Ok(None),
        }
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
        let expression = admission.expression();
        let gate = Update::builder()
            .key("pk", gate_key(admission.user))
            .update_expression(expression.update)
            .condition_expression(expression.condition)
            .set_expression_attribute_names(Some(expression.names))
            .set_expression_attribute_values(Some(expression.values));
        let address = ConditionCheck::builder()
            .key("pk", user_key(admission.user))
            .condition_expression("email_key = :key")
            .expression_attribute_values(":key", s(&row.email_key));
        let mut transaction = self
            .transaction()
            .update(Admitted::CodeUsed, SESSIONS, use_up(row, "code_used_at", now))
            .update(Admitted::GateChanged, GATE, gate)
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
