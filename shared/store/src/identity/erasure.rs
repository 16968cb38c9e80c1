//! How accounts are removed: unverified ones at once, deleted ones in repeatable steps. The gate's item of a deleted one
//! stays, so that the id is never reused; it has no personal data.

use crate::audit::audit_item;
use crate::gate::gate_key;
use crate::identity::closing::DELETED;
use crate::identity::names::{email_marker_key, username_marker_key};
use crate::identity::profile::{CLOSED, Profile, UNVERIFIED, identity_key, user_key};
use crate::identity::{Condition, outcome};
use crate::roles::EraseAccounts;
use crate::table::client::Tables;
use crate::table::codec::{Item, item, read, s};
use crate::table::listing::{IndexQuery, Listed, PageOf, Partition};
use crate::table::schema::{AUDIT, CREDENTIALS, GATE, IDENTITY};
use crate::table::transaction::Refusal;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::builders::DeleteBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, ReturnConsumedCapacity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::UserId;
use tollgate_domain::audit::AuditEntry;

/// How many accounts are read in one page.
const PAGE: usize = 100;

/// The partition of the erased accounts, until their second check.
const ERASED: Partition = (CLOSED.0, "erased");

/// The record of an erased account.
#[derive(Serialize, Deserialize)]
struct Erased {
    id: UserId,
    erased_at: Timestamp,
}

fn erased_key(user: &UserId) -> AttributeValue {
    s(format!("ERASED#{user}"))
}

impl<R: EraseAccounts> Store<R> {
    /// The unverified accounts that were registered up to `until`, the oldest first: the page after this position. The
    /// read is eventually consistent.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn unverified_accounts(
        &self,
        until: Timestamp,
        after: Option<&str>,
    ) -> Result<Listed<Profile>, StoreError> {
        let last = UserId::new(until, [u8::MAX; 10]).to_string();
        let index_query = IndexQuery::newest_first(IDENTITY, "listed", UNVERIFIED, "id", "usr_");
        self.profiles(IndexQuery { between: (index_query.between.0.clone(), last), ..index_query }, after).await
    }

    /// The deleted accounts that are not fully erased: the page after this position. The read is eventually consistent.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn deleted(&self, after: Option<&str>) -> Result<Listed<Profile>, StoreError> {
        self.profiles(IndexQuery::newest_first(IDENTITY, "closed", DELETED, "id", "usr_"), after).await
    }

    /// Removes an unverified account with its address and name. Returns `false` when it was verified, changed or
    /// removed in between, or is an admin's.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn remove_unverified(&self, profile: &Profile, audit: &AuditEntry) -> Result<bool, StoreError> {
        let no = || AttributeValue::Bool(false);
        let of_user = |marker: AttributeValue| {
            let user = s(profile.id.to_string());
            deletion(marker).condition_expression("user_id = :user").expression_attribute_values(":user", user)
        };
        let account = deletion(user_key(&profile.id))
            .condition_expression("email_key = :key AND email_verified = :false")
            .expression_attribute_values(":key", s(profile.email.key()))
            .expression_attribute_values(":false", no());
        let gate = deletion(gate_key(&profile.id))
            .condition_expression("is_admin = :false")
            .expression_attribute_values(":false", no());
        let transaction = self
            .transaction()
            .delete(Condition::EmailUnverified, IDENTITY, account)
            .delete(Condition::EmailUnverified, IDENTITY, of_user(email_marker_key(&profile.email)))
            .delete(Condition::EmailUnverified, IDENTITY, of_user(username_marker_key(&profile.username)))
            .delete(Condition::EmailUnverified, GATE, gate)
            // Unconditional: the owner of the address owns its items.
            .delete(Condition::Invariant, CREDENTIALS, deletion(s(profile.email.key())))
            .create(Condition::Invariant, AUDIT, audit_item(audit)?);
        outcome(transaction.run().await)
    }

    /// Frees the address, the name and the identities of a deleted account, unless they belong to another account by
    /// now.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn free_names(&self, profile: &Profile) -> Result<(), StoreError> {
        let markers = [email_marker_key(&profile.email), username_marker_key(&profile.username)];
        let identities = profile.links.iter().map(|(provider, subject)| identity_key(*provider, subject));
        let key = |key| Item::from([("pk".to_owned(), key)]);
        self.delete_of(&profile.id, CREDENTIALS, key(s(profile.email.key()))).await?;
        for marker in markers.into_iter().chain(identities) {
            self.delete_of(&profile.id, IDENTITY, key(marker)).await?;
        }
        Ok(())
    }

    /// Removes the profile of a deleted account: the last step, after which the account is not found any more. A record
    /// of the erasure remains for a second check.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn forget_user(&self, user: &UserId, now: Timestamp) -> Result<(), StoreError> {
        let erased = Erased { id: *user, erased_at: now };
        let erased = item(&erased, [("pk", erased_key(user)), (ERASED.0, s(ERASED.1))])?;
        let transaction = self.transaction().delete(Condition::Invariant, IDENTITY, deletion(user_key(user)));
        transaction.put_any(Condition::Invariant, IDENTITY, erased).run().await.map_err(Refusal::unexpected)
    }

    /// The users erased up to `until` without a second check: the page after this position.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn erased(&self, until: Timestamp, after: Option<&str>) -> Result<Listed<UserId>, StoreError> {
        let index_query =
            IndexQuery { is_forward: true, ..IndexQuery::newest_first(IDENTITY, "closed", ERASED, "id", "usr_") };
        let listed = self.rows(&index_query, PageOf { after, limit: PAGE }).await?;
        let rows = listed.items.into_iter().map(|row| read::<Erased>(IDENTITY, row));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let items = rows.into_iter().filter(|erased| erased.erased_at <= until).map(|erased| erased.id).collect();
        Ok(Listed { items, next: listed.next })
    }

    /// Removes the record of an erasure.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn forget_erasure(&self, user: &UserId) -> Result<(), StoreError> {
        let call = self.client.delete_item().table_name(self.table(IDENTITY)).key("pk", erased_key(user));
        call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
        Ok(())
    }
}

impl Tables {
    async fn profiles(&self, index_query: IndexQuery, after: Option<&str>) -> Result<Listed<Profile>, StoreError> {
        let listed = self.rows(&IndexQuery { is_forward: true, ..index_query }, PageOf { after, limit: PAGE }).await?;
        let items = listed.items.into_iter().map(|row| read(IDENTITY, row)).collect::<Result<_, _>>()?;
        Ok(Listed { items, next: listed.next })
    }

    /// Deletes an item if it belongs to `user`.
    pub(crate) async fn delete_of(&self, user: &UserId, table: &str, key: Item) -> Result<(), StoreError> {
        let call = self
            .client
            .delete_item()
            .table_name(self.table(table))
            .set_key(Some(key))
            .condition_expression("user_id = :user")
            .expression_attribute_values(":user", s(user.to_string()));
        match call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::of(error)),
            },
        }
    }
}

fn deletion(key: AttributeValue) -> DeleteBuilder {
    Delete::builder().key("pk", key)
}
