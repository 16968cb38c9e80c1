//! The gate's items: the only data that an authenticated request reads.

pub(crate) mod services;

use crate::audit::audit_item;
use crate::identity::profile::{Profile, ProfileOf, user_key};
use crate::sessions::use_up;
use crate::table::batch::{Items, Keys, Lookup};
use crate::table::codec::{Item, item, n, read, s};
use crate::table::listing::Consistency;
use crate::table::schema::{AUDIT, GATE, IDENTITY, SESSIONS};
use crate::table::transaction::Refusal;
use crate::table::update::{Updated, conditional};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, ReturnConsumedCapacity, ReturnValue, Update};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::collections::HashMap;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::billing::Plan;
use tollgate_domain::gate::Gate;
use tollgate_domain::onetime::OneTimeRow;
use tollgate_domain::session::MAX_SESSIONS;
use tollgate_domain::{SessionId, UserId};

/// The item that counts the active admins.
pub(crate) const ADMINS: &str = "ADMINS";
/// The item that holds the public keys.
const KEYS: &str = "KEYS";
/// The item that holds the features of the plans of price 0: each under the plan's id.
const FREE_PLANS: &str = "FREE_PLANS";

/// The features of a plan that costs nothing.
#[derive(Debug, Serialize, Deserialize)]
struct FreePlan {
    code: String,
    features: Map<String, Value>,
}

/// The key set that was published last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKeySet {
    /// A JSON Web Key Set, as text.
    pub jwks: String,
    /// Since when keys of ES256 are in it; `None`: it was written by a version without them.
    pub es256_since: Option<Timestamp>,
}

pub(crate) fn gate_key(user: &UserId) -> AttributeValue {
    s(format!("USER#{user}"))
}

pub(crate) fn gate_item(gate: &Gate) -> Result<Item, StoreError> {
    item(gate, [("pk", gate_key(&gate.user_id))])
}

/// The gate of a user.
#[derive(Debug, Clone, Copy)]
pub struct GateOf(pub UserId);

impl Lookup for GateOf {
    type Found = Option<Gate>;

    fn add_keys(&self, keys: &mut Keys) {
        keys.add(GATE, [("pk", gate_key(&self.0))]);
    }

    fn take(&self, items: &Items) -> Result<Option<Gate>, StoreError> {
        items.get(GATE, [("pk", gate_key(&self.0))]).cloned().map(|item| read(GATE, item)).transpose()
    }
}

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

impl Store {
    /// The gate of `user`, and the items of `own`, in one call. Where `admits` refuses the gate, or there is none, the
    /// other items are ignored: `None`.
    ///
    /// # Errors
    /// When DynamoDB does not answer or leaves keys out again and again, or an item is corrupt.
    pub async fn look_up_behind_gate<L: Lookup>(
        &self,
        user: UserId,
        own: &L,
        admits: impl FnOnce(&Gate) -> bool,
    ) -> Result<Option<(Gate, L::Found)>, StoreError> {
        let gate = GateOf(user);
        let mut keys = Keys::default();
        gate.add_keys(&mut keys);
        own.add_keys(&mut keys);
        let items = self.fetch(keys).await?;
        match gate.take(&items)?.filter(admits) {
            Some(gate) => Ok(Some((gate, own.take(&items)?))),
            None => Ok(None),
        }
    }

    /// Profile and gate of a user; a user has both or neither.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn profile_and_gate(&self, user: &UserId) -> Result<Option<(Profile, Gate)>, StoreError> {
        let (profile, gate) = self.look_up(&(ProfileOf(*user), GateOf(*user))).await?;
        Ok(profile.zip(gate))
    }

    /// Whether there has ever been an admin.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn has_admins(&self) -> Result<bool, StoreError> {
        Ok(self.get(GATE, s(ADMINS)).await?.is_some())
    }

    /// The public keys of access tokens that were published last, a JSON Web Key Set as text.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn public_keys(&self) -> Result<Option<PublishedKeySet>, StoreError> {
        let Some(item) = self.get(GATE, s(KEYS)).await? else { return Ok(None) };
        let Some(jwks) = item.get("jwks").and_then(|jwks| jwks.as_s().ok()).cloned() else { return Ok(None) };
        let since = item.get("es256_ms").and_then(|ms| ms.as_n().ok()?.parse().ok());
        let es256_since = since.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        Ok(Some(PublishedKeySet { jwks, es256_since }))
    }

    /// The features that every user has: those of the plan of price 0 (of several, the one with the first code); empty
    /// without such a plan.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn free_features(&self) -> Result<Map<String, Value>, StoreError> {
        let plans = self.get(GATE, s(FREE_PLANS)).await?.unwrap_or_default();
        let plans = plans.into_values().filter_map(|plan| plan.as_m().ok().cloned());
        let plans = plans.map(|plan| read::<FreePlan>(GATE, plan)).collect::<Result<Vec<_>, _>>()?;
        let first = plans.into_iter().min_by(|a, b| a.code.cmp(&b.code));
        Ok(first.map(|plan| plan.features).unwrap_or_default())
    }

    /// Publishes a key set whose newest key is in use since `newest`, unless one with a newer key is stored. Keys of
    /// ES256 are in it since `es256_since`, or since an earlier recorded time.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn publish_keys(&self, jwks: &str, newest: Timestamp, es256_since: Timestamp) -> Result<(), StoreError> {
        let call = self
            .client
            .update_item()
            .table_name(self.table(GATE))
            .key("pk", s(KEYS))
            .update_expression(
                "SET jwks = :jwks, newest_ms = :newest, es256_ms = if_not_exists(es256_ms, :es256), v = :one",
            )
            .condition_expression("attribute_not_exists(pk) OR newest_ms <= :newest")
            .expression_attribute_values(":jwks", s(jwks))
            .expression_attribute_values(":newest", n(newest.as_millisecond()))
            .expression_attribute_values(":es256", n(es256_since.as_millisecond()))
            .expression_attribute_values(":one", n(1));
        conditional(call).await.map(|_| ())
    }

    /// The gate of `user` (a strongly consistent read, one unit); `None` for an unknown user.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn gate(&self, user: &UserId) -> Result<Option<Gate>, StoreError> {
        self.gate_read(user, Consistency::Strong).await
    }

    /// The same with this consistency: a list, which decides nothing, can use the cheaper read.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn gate_read(&self, user: &UserId, consistency: Consistency) -> Result<Option<Gate>, StoreError> {
        let is_strong = consistency == Consistency::Strong;
        let call = self.client.get_item().table_name(self.table(GATE)).key("pk", gate_key(user));
        let call = call.consistent_read(is_strong);
        let answer =
            call.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.map_err(StoreError::of)?;
        answer.item.map(|item| read(GATE, item)).transpose()
    }

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
}

impl Store {
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

/// An update that stores the features of `plan` for every user while it costs nothing and is not archived, and removes
/// them otherwise.
pub(crate) fn keep_free_features(plan: &Plan) -> Result<UpdateBuilder, StoreError> {
    let update = Update::builder()
        .key("pk", s(FREE_PLANS))
        .expression_attribute_names("#plan", plan.id.to_string())
        .expression_attribute_values(":one", n(1));
    if !(plan.is_active && plan.terms.price_cents == 0) {
        return Ok(update.update_expression("SET v = :one REMOVE #plan"));
    }
    let free = FreePlan { code: plan.code.to_string(), features: plan.features.0.clone() };
    let free = serde_dynamo::to_attribute_value(&free).map_err(|error| StoreError::Unexpected(error.to_string()))?;
    Ok(update.update_expression("SET v = :one, #plan = :plan").expression_attribute_values(":plan", free))
}

/// An update that changes the count of active admins by one; it refuses to remove the last one.
pub(crate) fn count_admins(up: bool) -> UpdateBuilder {
    let update = Update::builder().key("pk", s(ADMINS)).expression_attribute_names("#count", "count");
    if up {
        update.update_expression("ADD #count :one SET v = :one").expression_attribute_values(":one", n(1))
    } else {
        update
            .update_expression("SET #count = #count - :one")
            .condition_expression("#count > :one")
            .expression_attribute_values(":one", n(1))
    }
}
