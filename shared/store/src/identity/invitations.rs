//! Invitations. Each is two items with the same attributes: one by its id, in the partition that lists all of them, and
//! one by its address, so that an address has one open invitation. Every write changes both.

use crate::audit::audit_item;
use crate::identity::Condition;
use crate::identity::names::email_marker_key;
use crate::outbox::{OutboxMessage, outbox_item};
use crate::roles::{EraseAccounts, ManageAccounts, ReadSessions};
use crate::table::codec::{Item, item, n, read, s};
use crate::table::listing::{IndexQuery, Listed, PageOf, all_rows};
use crate::table::schema::{AUDIT, IDENTITY, OUTBOX, SESSIONS};
use crate::table::transaction::{Refusal, Transaction};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, ReturnConsumedCapacity, Select};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::invitation::Invitation;
use tollgate_domain::{Email, InvitationId};

/// The partition that lists the invitations.
const LIST: &str = "INVITATIONS";
/// The sort key of the invitation of an address.
const OF_ADDRESS: &str = "INVITATION";
/// How long a row is stored after its end, in seconds, so that a late link is distinguished from an unknown one.
const KEPT_SECONDS: i64 = 86_400;

/// An invitation with the id of the key from which its link is derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredInvitation {
    /// The invitation.
    #[serde(flatten)]
    pub invitation: Invitation,
    /// The id of the key.
    pub generation: String,
}

/// The result of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invited {
    /// The address is invited.
    Done,
    /// The address has an account.
    HasAccount,
    /// Another request has invited the address, or the previous invitation has ended.
    Changed,
}

type Key = [(&'static str, AttributeValue); 2];

fn list_key(id: &InvitationId) -> Key {
    [("pk", s(LIST)), ("sk", s(id.to_string()))]
}

fn address_key(address: &Email) -> Key {
    [("pk", s(format!("ADDRESS#{}", address.key()))), ("sk", s(OF_ADDRESS))]
}

fn invitation_item(key: Key, stored: &StoredInvitation) -> Result<Item, StoreError> {
    let [pk, sk] = key;
    item(stored, [pk, sk, ("ttl", n(stored.invitation.expires_at.as_second() + KEPT_SECONDS))])
}

/// Ends an invitation with `transaction`, on condition that it is the current one of its address.
pub(crate) fn end_invitation<'a>(
    transaction: Transaction<'a, Condition>,
    invitation: &Invitation,
) -> Transaction<'a, Condition> {
    let [pk, sk] = list_key(&invitation.id);
    let listed = Delete::builder().key(pk.0, pk.1).key(sk.0, sk.1).condition_expression("attribute_exists(pk)");
    let [pk, sk] = address_key(&invitation.email);
    let of_address = Delete::builder()
        .key(pk.0, pk.1)
        .key(sk.0, sk.1)
        .condition_expression("id = :id")
        .expression_attribute_values(":id", s(invitation.id.to_string()));
    transaction.delete(Condition::Invitation, SESSIONS, listed).delete(Condition::Invitation, SESSIONS, of_address)
}

impl<R: ManageAccounts> Store<R> {
    /// Invites an address in place of its invitation `previous`, and mails the link. The address must not have an
    /// account.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn invite(
        &self,
        new: &StoredInvitation,
        previous: Option<&Invitation>,
        mail: &OutboxMessage,
        audit: &AuditEntry,
    ) -> Result<Invited, StoreError> {
        let address = &new.invitation.email;
        let free = ConditionCheck::builder()
            .key("pk", email_marker_key(address))
            .condition_expression("attribute_not_exists(pk)");
        let mut of_address = Put::builder().set_item(Some(invitation_item(address_key(address), new)?));
        let mut transaction = self.transaction().check(Condition::Email, IDENTITY, free);
        if let Some(previous) = previous {
            let [pk, sk] = list_key(&previous.id);
            transaction =
                transaction.delete(Condition::Invariant, SESSIONS, Delete::builder().key(pk.0, pk.1).key(sk.0, sk.1));
            of_address = of_address
                .condition_expression("id = :previous")
                .expression_attribute_values(":previous", s(previous.id.to_string()));
        } else {
            of_address = of_address.condition_expression("attribute_not_exists(pk)");
        }
        let listed = invitation_item(list_key(&new.invitation.id), new)?;
        let done = transaction
            .put_if(Condition::Invitation, SESSIONS, of_address)
            .create(Condition::Invariant, SESSIONS, listed)
            .create(Condition::Invariant, OUTBOX, outbox_item(mail)?)
            .create(Condition::Invariant, AUDIT, audit_item(audit)?)
            .run()
            .await;
        match done {
            Ok(()) => Ok(Invited::Done),
            Err(Refusal::Condition(Condition::Email)) => Ok(Invited::HasAccount),
            Err(Refusal::Condition(Condition::Invitation)) => Ok(Invited::Changed),
            Err(other) => Err(other.unexpected()),
        }
    }

    /// Revokes an invitation; `false` when it was accepted, revoked or replaced before.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn revoke_invitation(&self, invitation: &Invitation, audit: &AuditEntry) -> Result<bool, StoreError> {
        let transaction = end_invitation(self.transaction(), invitation);
        match transaction.create(Condition::Invariant, AUDIT, audit_item(audit)?).run().await {
            Ok(()) => Ok(true),
            Err(Refusal::Condition(Condition::Invitation)) => Ok(false),
            Err(other) => Err(other.unexpected()),
        }
    }

    /// The invitations that are valid at `now`, the newest first.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn list_invitations(&self, page: PageOf<'_>, now: Timestamp) -> Result<Listed<Invitation>, StoreError> {
        let mut query = IndexQuery::of_table(SESSIONS, LIST, "inv_");
        // Ids sort by time, and all invitations are valid for the same time: older ones have expired.
        let first_valid = Invitation::oldest_valid(now).as_millisecond().saturating_add(1);
        let first_valid = Timestamp::from_millisecond(first_valid).unwrap_or(Timestamp::MIN);
        query.between.0 = InvitationId::new(first_valid, [0; 10]).to_string();
        let listed = self.rows(&query, page).await?;
        let items = listed.items.into_iter().map(|row| read::<StoredInvitation>(SESSIONS, row));
        let items = items.map(|row| row.map(|stored| stored.invitation)).collect::<Result<_, _>>()?;
        Ok(Listed { items, next: listed.next })
    }
}

impl<R: ReadSessions> Store<R> {
    /// The invitation with this id, also an expired one that is still stored.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn invitation(&self, id: &InvitationId) -> Result<Option<StoredInvitation>, StoreError> {
        self.read_invitation(list_key(id)).await
    }

    /// The invitation of this address, also an expired one that is still stored.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn invitation_of(&self, address: &Email) -> Result<Option<StoredInvitation>, StoreError> {
        self.read_invitation(address_key(address)).await
    }

    async fn read_invitation(&self, key: Key) -> Result<Option<StoredInvitation>, StoreError> {
        let key = Item::from(key.map(|(name, value)| (name.to_owned(), value)));
        let call = self.client.get_item().table_name(self.table(SESSIONS)).set_key(Some(key)).consistent_read(true);
        let answer = call.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
        answer.map_err(StoreError::of)?.item.map(|item| read(SESSIONS, item)).transpose()
    }
}

impl<R: EraseAccounts> Store<R> {
    /// Removes the invitation of an address whose account is deleted. It reads only the id.
    ///
    /// # Errors
    /// When DynamoDB does not answer; the next run removes the rest.
    pub async fn forget_invitation(&self, address: &Email) -> Result<(), StoreError> {
        let [(_, pk), (_, sk)] = address_key(address);
        let query = self
            .client
            .query()
            .table_name(self.table(SESSIONS))
            .key_condition_expression("pk = :pk AND sk = :sk")
            .expression_attribute_values(":pk", pk)
            .expression_attribute_values(":sk", sk)
            .projection_expression("pk, sk, id")
            .select(Select::SpecificAttributes)
            .consistent_read(true);
        for row in all_rows(query).await? {
            let id = row.get("id").and_then(|id| id.as_s().ok()?.parse().ok());
            // First the item that is found by means of the other one.
            for key in [id.as_ref().map(list_key), Some(address_key(address))].into_iter().flatten() {
                let key = Item::from(key.map(|(name, value)| (name.to_owned(), value)));
                let call = self.client.delete_item().table_name(self.table(SESSIONS)).set_key(Some(key));
                call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
            }
        }
        Ok(())
    }
}
