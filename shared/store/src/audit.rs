//! The audit trail: new items alone, never a change but for the erasure of a person.

use crate::codec::{Item, item, read, s};
use crate::listing::{Listed, PageOf, Wanted, Way};
use crate::schema::AUDIT;
use crate::transaction::Refusal;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{Put, ReturnConsumedCapacity};
use jiff::Timestamp;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::{AuditId, UserId};

/// The partition of entries that have no target: sign-ins that failed for an unknown address.
const NO_TARGET: &str = "-";
/// The partition of all entries in the index that lists them.
const LIST: &str = "entries";

/// The entry as an item: keyed by target and id, and by actor and action in the indexes.
pub(crate) fn audit_item(entry: &AuditEntry) -> Result<Item, StoreError> {
    let target = entry.target_id.as_deref().unwrap_or(NO_TARGET);
    item(entry, [("pk", s(target)), ("sk", s(entry.id.to_string())), ("list", s(LIST))])
}

/// Which entries are wanted.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// By whom.
    pub actor_id: Option<UserId>,
    /// About what.
    pub target_id: Option<String>,
    /// Of what.
    pub action: Option<Action>,
    /// Not before, to the millisecond.
    pub from: Option<Timestamp>,
    /// Not after, to the millisecond.
    pub to: Option<Timestamp>,
}

/// The partition that holds the fewest of what `filter` wants, and what is still to be asked of its rows.
fn way(filter: &AuditFilter) -> Way {
    let back = |index, attribute, of: &str| Way::back(AUDIT, index, (attribute, of), "sk", "aud_");
    let actor = filter.actor_id.map(|id| id.to_string());
    let action = filter.action.map(Action::as_str);
    let is_action = action.map(|action| Wanted::Is("action", s(action)));
    let is_actor = actor.as_deref().map(|actor| Wanted::Is("actor_id", s(actor)));
    let (way, rest) = match (&filter.target_id, &actor, action) {
        (Some(target), _, _) => (Way::of_table(AUDIT, target, "aud_"), [is_actor, is_action]),
        (None, Some(actor), _) => (back("by_actor", "actor_id", actor), [None, is_action]),
        (None, None, Some(action)) => (back("by_action", "action", action), [None, None]),
        (None, None, None) => (back("listed", "list", LIST), [None, None]),
    };
    let mut between = way.between.clone();
    if let Some(from) = filter.from {
        between.0 = AuditId::new(from, [0; 10]).to_string();
    }
    if let Some(to) = filter.to {
        between.1 = AuditId::new(to, [u8::MAX; 10]).to_string();
    }
    Way { between, wanted: rest.into_iter().flatten().collect(), ..way }
}

impl Store {
    /// The entries that `filter` wants, the newest first.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn entries(&self, filter: &AuditFilter, page: PageOf<'_>) -> Result<Listed<AuditEntry>, StoreError> {
        let listed = self.rows(&way(filter), page).await?;
        let items = listed.items.into_iter().map(|row| read(AUDIT, row)).collect::<Result<_, _>>()?;
        Ok(Listed { items, next: listed.next })
    }

    /// Puts what is left of an entry in its place, once a person is erased: no entry is made by it.
    ///
    /// # Errors
    /// When DynamoDB does not take it.
    pub async fn erase_entry(&self, erased: &AuditEntry) -> Result<(), StoreError> {
        let put = Put::builder().set_item(Some(audit_item(erased)?)).condition_expression("attribute_exists(pk)");
        self.transaction().put_if((), AUDIT, put).run().await.map_err(Refusal::unexpected)
    }

    /// Writes an entry that is not part of a change: a sign-in, or one that failed.
    ///
    /// # Errors
    /// When DynamoDB does not take it.
    pub async fn record(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let call = self.client.put_item().table_name(self.table(AUDIT)).set_item(Some(audit_item(entry)?));
        // The id is the entry's own: written again after a lost answer it is the same item.
        call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
        Ok(())
    }
}
