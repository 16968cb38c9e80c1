//! Rows that expire: sessions with their rotation, mailed secrets, and sign-ins that are under way.

pub(crate) mod flows;
mod keys;
pub(crate) mod secrets;

use crate::roles::{EraseAccounts, ReadSessions, StartSessions};
use crate::sessions::keys::{KEPT_SECONDS, partition, pending_key};
use crate::table::client::Tables;
use crate::table::codec::{Item, item, n, read, s};
use crate::table::listing::{Consistency, IndexQuery, Listed, PageOf, all_rows};
use crate::table::schema::SESSIONS;
use crate::table::update::{Updated, conditional, write_id};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure, Select,
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tollgate_domain::onetime::OneTimeRow;
use tollgate_domain::session::{Rotation, Session};
use tollgate_domain::{Email, RequestId, SessionId, UserId};

/// A session to be created.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// The user.
    pub user_id: UserId,
    /// A hash of its refresh tokens' nonce.
    pub nonce_hash: String,
    /// The current time.
    pub created_at: Timestamp,
    /// Its absolute end.
    pub ends_at: Timestamp,
    /// The client's address.
    pub ip: Option<String>,
    /// The client's user agent.
    pub user_agent: Option<String>,
    /// How the user signed in: the value of the claim `amr`.
    pub amr: Vec<String>,
}

/// A session's row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// A hash of its refresh tokens' nonce.
    pub nonce_hash: String,
    /// The number of the current refresh token.
    pub n: u64,
    /// When it was issued, in milliseconds since 1970.
    pub rotated_ms: i64,
    /// Its absolute end, in milliseconds since 1970.
    pub ends_ms: i64,
    /// When it was created: the time of its sign-in.
    pub created_at: Timestamp,
    /// The client's address at the sign-in.
    #[serde(default)]
    pub ip: Option<String>,
    /// The client's user agent at the sign-in.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// How the user signed in; empty for a session of a version that did not record it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The request that rotated it last.
    #[serde(default)]
    pub by: Option<String>,
}

impl SessionRow {
    /// The session in the form of the contract, for a caller in the session `current`.
    #[must_use]
    pub fn into_session(self, current: &SessionId) -> Session {
        Session {
            id: self.id,
            created_at: self.created_at,
            last_used_at: self.rotation().rotated_at,
            current: self.id == *current,
            ip: self.ip,
            user_agent: self.user_agent,
        }
    }

    /// Its state for the rotation.
    #[must_use]
    pub fn rotation(&self) -> Rotation {
        Rotation { n: self.n, rotated_at: millis(self.rotated_ms), ends_at: millis(self.ends_ms) }
    }
}

fn millis(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The result of a rotation.
#[derive(Debug)]
pub enum TokenRotation {
    /// The token was rotated: the current row.
    Done(SessionRow),
    /// The token is not the current one: the stored row.
    Stale(SessionRow),
    /// There is no such session, or the token does not belong to it.
    Unknown,
}

fn session_sort(session: &SessionId) -> AttributeValue {
    s(format!("SES#{session}"))
}

/// The row of a new session.
pub(crate) fn session_item(session: &NewSession) -> Result<Item, StoreError> {
    let row = SessionRow {
        id: session.id,
        nonce_hash: session.nonce_hash.clone(),
        n: 0,
        rotated_ms: session.created_at.as_millisecond(),
        ends_ms: session.ends_at.as_millisecond(),
        created_at: session.created_at,
        ip: session.ip.clone(),
        user_agent: session.user_agent.clone(),
        amr: session.amr.clone(),
        by: None,
    };
    let ttl = n(session.ends_at.as_second() + KEPT_SECONDS);
    item(&row, [("pk", partition(&session.user_id)), ("sk", session_sort(&session.id)), ("ttl", ttl)])
}

impl<R: StartSessions> Store<R> {
    /// Puts the row of a session that is not yet in the gate.
    ///
    /// # Errors
    /// When DynamoDB does not take it.
    pub async fn put_session(&self, session: &NewSession) -> Result<(), StoreError> {
        let item = session_item(session)?;
        let call = self.client.put_item().table_name(self.table(SESSIONS)).set_item(Some(item));
        call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
        Ok(())
    }

    /// Rotates a session from token number `from` to the next: one conditional write, no read.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn rotate_session(
        &self,
        user: &UserId,
        session: &SessionId,
        token: (u64, &str),
        idle_seconds: u32,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<TokenRotation, StoreError> {
        let (from, nonce_hash) = token;
        let now_ms = now.as_millisecond();
        let by = write_id(request);
        let call = self
            .client
            .update_item()
            .table_name(self.table(SESSIONS))
            .key("pk", partition(user))
            .key("sk", session_sort(session))
            .update_expression("SET n = :next, rotated_ms = :now, #by = :by")
            .condition_expression("n = :from AND nonce_hash = :hash AND rotated_ms > :oldest AND ends_ms > :now")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":from", n(from))
            .expression_attribute_values(":next", n(from.saturating_add(1)))
            .expression_attribute_values(":hash", s(nonce_hash))
            .expression_attribute_values(":oldest", n(now_ms - i64::from(idle_seconds) * 1000))
            .expression_attribute_values(":now", n(now_ms))
            .expression_attribute_values(":by", s(&by))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let old = match conditional(call).await? {
            Updated::Done(row) => return Ok(TokenRotation::Done(read(SESSIONS, row)?)),
            Updated::Refused(old) if old.is_empty() => return Ok(TokenRotation::Unknown),
            Updated::Refused(old) => old,
        };
        let row: SessionRow = read(SESSIONS, old)?;
        Ok(match row {
            row if row.nonce_hash != nonce_hash => TokenRotation::Unknown,
            // This request has rotated it: the answer to its first attempt was lost (R8).
            row if row.by.as_deref() == Some(by.as_str()) && row.n == from.saturating_add(1) => {
                TokenRotation::Done(row)
            }
            row => TokenRotation::Stale(row),
        })
    }
}

impl<R: ReadSessions> Store<R> {
    /// The row of one session.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn session(&self, user: &UserId, session: &SessionId) -> Result<Option<SessionRow>, StoreError> {
        let call = self.client.get_item().table_name(self.table(SESSIONS)).consistent_read(true);
        let call = call.key("pk", partition(user)).key("sk", session_sort(session));
        let answer = call.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
        answer.map_err(StoreError::of)?.item.map(|item| read(SESSIONS, item)).transpose()
    }

    /// The rows of these sessions, in their order; those without a row are left out.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn sessions(
        &self,
        user: &UserId,
        ids: &[SessionId],
        consistency: Consistency,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else { return Ok(Vec::new()) };
        // One query of the range costs less than single reads, while few of the rows in it have ended.
        let between = self
            .client
            .query()
            .table_name(self.table(SESSIONS))
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", partition(user))
            .expression_attribute_values(":first", session_sort(first))
            .expression_attribute_values(":last", session_sort(last))
            .scan_index_forward(false)
            .limit(i32::try_from(2 * ids.len()).unwrap_or(i32::MAX))
            .consistent_read(consistency == Consistency::Strong)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let between = between.send().await.map_err(StoreError::of)?;
        let is_all = between.last_evaluated_key.is_none();
        let rows = between.items.unwrap_or_default().into_iter().map(|row| read(SESSIONS, row));
        let rows = rows.collect::<Result<Vec<SessionRow>, _>>()?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            match rows.iter().find(|row| row.id == *id) {
                Some(row) => found.push(row.clone()),
                None if is_all => {}
                None => found.extend(self.session(user, id).await?),
            }
        }
        Ok(found)
    }

    /// The stored sessions of `user`, ended ones too, the newest first.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn kept_sessions(&self, user: &UserId, page: PageOf<'_>) -> Result<Listed<SessionRow>, StoreError> {
        self.kept_rows(user, "SES#", page).await
    }

    /// The stored rows of links and codes of `user`.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn kept_secrets(&self, user: &UserId, page: PageOf<'_>) -> Result<Listed<OneTimeRow>, StoreError> {
        self.kept_rows(user, "OTP#", page).await
    }
}

impl<R: EraseAccounts> Store<R> {
    /// Removes all rows of the deleted `user`. It reads only the key of a row, and a requested address.
    ///
    /// # Errors
    /// When DynamoDB does not answer; the next run removes the rest.
    pub async fn forget_sessions(&self, user: &UserId) -> Result<(), StoreError> {
        let query = self
            .client
            .query()
            .table_name(self.table(SESSIONS))
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", partition(user))
            .projection_expression("pk, sk, new_email")
            .select(Select::SpecificAttributes)
            .consistent_read(true);
        let rows = all_rows(query).await?;
        // First the items that are found by means of a later row.
        let pending: Vec<Email> =
            rows.iter().filter_map(|row| Email::parse(row.get("new_email")?.as_s().ok()?).ok()).collect();
        for address in pending {
            let [(pk, address), (sk, change)] = pending_key(&address);
            self.delete_of(user, SESSIONS, Item::from([(pk.to_owned(), address), (sk.to_owned(), change)])).await?;
        }
        for row in rows {
            let key = row.into_iter().filter(|(name, _)| name == "pk" || name == "sk").collect();
            let call = self.client.delete_item().table_name(self.table(SESSIONS)).set_key(Some(key));
            call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
        }
        Ok(())
    }
}

impl Tables {
    async fn kept_rows<T: DeserializeOwned>(
        &self,
        user: &UserId,
        prefix: &str,
        page: PageOf<'_>,
    ) -> Result<Listed<T>, StoreError> {
        let listed = self.rows(&IndexQuery::of_table(SESSIONS, format!("USER#{user}"), prefix), page).await?;
        let items = listed.items.into_iter().map(|row| read(SESSIONS, row)).collect::<Result<_, _>>()?;
        Ok(Listed { items, next: listed.next })
    }
}
