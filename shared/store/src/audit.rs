//! The audit trail: entries are only added, and changed only by an erasure.

use crate::roles::{EraseAccounts, ReadAudit, RecordAudit};
use crate::table::client::Tables;
use crate::table::codec::{Item, item, read, s};
use crate::table::listing::{IndexQuery, Listed, MAX_ROWS_READ, PageOf, ReadBudget, RowFilter, newest_of};
use crate::table::schema::AUDIT;
use crate::table::transaction::Refusal;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnConsumedCapacity};
use jiff::Timestamp;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::{AuditId, UserId};

/// The partition of entries that have no target: sign-ins that failed for an unknown address.
const NO_TARGET: &str = "-";
/// The partition of all entries in the index that lists them.
const LIST: &str = "entries";

/// Set on an entry whose actor is its target: it is not in the index of actors, which would cost a write unit, because the
/// partition of its target has it. Earlier versions wrote only registrations so.
const BY_TARGET: &str = "by_target";

/// The entry as an item: keyed by target and id, and by actor and action in the indexes.
pub(crate) fn audit_item(entry: &AuditEntry) -> Result<Item, StoreError> {
    let target = entry.target_id.as_deref().unwrap_or(NO_TARGET);
    let mut row = item(entry, [("pk", s(target)), ("sk", s(entry.id.to_string())), ("list", s(LIST))])?;
    if entry.actor_id.is_some_and(|actor| actor.to_string() == target) {
        row.remove("actor_id");
        row.insert(BY_TARGET.to_owned(), AttributeValue::Bool(true));
    }
    Ok(row)
}

/// Decodes an item.
fn entry_of(mut row: Item) -> Result<AuditEntry, StoreError> {
    if row.remove(BY_TARGET).is_some()
        && let Some(target) = row.get("target_id").cloned()
    {
        row.insert("actor_id".to_owned(), target);
    }
    read(AUDIT, row)
}

/// A filter of entries.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// The actor.
    pub actor_id: Option<UserId>,
    /// The target.
    pub target_id: Option<String>,
    /// The user: the target itself, or the owner of the subscription that is the target.
    pub user_id: Option<UserId>,
    /// The action.
    pub action: Option<Action>,
    /// The earliest time, to the millisecond.
    pub from: Option<Timestamp>,
    /// The latest time, to the millisecond.
    pub to: Option<Timestamp>,
}

/// The index queries for `filter`, limited to entries about `targets` if given, on the partitions with the fewest other
/// entries.
fn index_queries(filter: &AuditFilter, targets: Option<&[String]>) -> Vec<IndexQuery> {
    let newest_first =
        |index, attribute, of: &str| IndexQuery::newest_first(AUDIT, index, (attribute, of), "sk", "aud_");
    let actor = filter.actor_id.map(|id| id.to_string());
    let action = filter.action.map(Action::as_str);
    let is_action = action.map(|action| RowFilter::Equals("action", s(action)));
    let is_actor = |target: &str| {
        let actor = actor.as_deref()?;
        let is_own = actor == target;
        let is_actor = RowFilter::Equals("actor_id", s(actor));
        Some(if is_own { RowFilter::EqualsOrFlag("actor_id", s(actor), BY_TARGET) } else { is_actor })
    };
    let filters = |index_query, rest: [Option<RowFilter>; 2]| IndexQuery {
        filters: rest.into_iter().flatten().collect(),
        ..index_query
    };
    let in_time = |index_query: IndexQuery| {
        let mut between = index_query.between.clone();
        if let Some(from) = filter.from {
            between.0 = between.0.max(AuditId::new(from, [0; 10]).to_string());
        }
        if let Some(to) = filter.to {
            between.1 = between.1.min(AuditId::new(to, [u8::MAX; 10]).to_string());
        }
        IndexQuery { between, ..index_query }
    };
    let index_queries = match (targets, filter.actor_id, action) {
        (Some(targets), _, _) => {
            let of = |target: &String| {
                filters(IndexQuery::of_table(AUDIT, target, "aud_"), [is_actor(target), is_action.clone()])
            };
            targets.iter().map(of).collect()
        }
        (None, Some(actor), _) => {
            let id = actor.to_string();
            vec![
                filters(newest_first("by_actor", "actor_id", &id), [is_action.clone(), None]),
                filters(IndexQuery::of_table(AUDIT, &id, "aud_"), [is_actor(&id), is_action]),
            ]
        }
        (None, None, Some(action)) => vec![newest_first("by_action", "action", action)],
        (None, None, None) => vec![newest_first("listed", "list", LIST)],
    };
    let several = index_queries.len();
    let read_budget = ReadBudget::Rows(MAX_ROWS_READ / several.max(1));
    index_queries.into_iter().map(|index_query| in_time(IndexQuery { read_budget, ..index_query })).collect()
}

impl<R: ReadAudit> Store<R> {
    /// The entries that match `filter`, the newest first.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn entries(&self, filter: &AuditFilter, page: PageOf<'_>) -> Result<Listed<AuditEntry>, StoreError> {
        let targets = match filter.user_id {
            None => filter.target_id.clone().map(|target| vec![target]),
            Some(user) => Some(self.targets_of(&user, filter.target_id.as_deref()).await?),
        };
        let mut found = Vec::new();
        for index_query in index_queries(filter, targets.as_deref()) {
            found.push(self.rows(&index_query, page).await?);
        }
        let listed = newest_of(found, page.limit);
        let items = listed.items.into_iter().map(entry_of).collect::<Result<_, _>>()?;
        Ok(Listed { items, next: listed.next })
    }
}

impl<R: EraseAccounts> Store<R> {
    /// Replaces an entry by its remaining part after an erasure. It never creates an entry.
    ///
    /// # Errors
    /// When DynamoDB does not take it.
    pub async fn erase_entry(&self, erased: &AuditEntry) -> Result<(), StoreError> {
        let put = Put::builder().set_item(Some(audit_item(erased)?)).condition_expression("attribute_exists(pk)");
        self.transaction().put_if((), AUDIT, put).run().await.map_err(Refusal::unexpected)
    }
}

impl<R: RecordAudit> Store<R> {
    /// Writes an entry that is not part of a change: a sign-in, or one that failed.
    ///
    /// # Errors
    /// When DynamoDB does not take it.
    pub async fn record(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let call = self.client.put_item().table_name(self.table(AUDIT)).set_item(Some(audit_item(entry)?));
        // The id belongs to the entry: written again after a lost answer it is the same item.
        call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
        Ok(())
    }
}

impl Tables {
    /// The targets of entries about `user`: the user and each of their subscriptions; with `target` only that, if it is
    /// one of them.
    async fn targets_of(&self, user: &UserId, target: Option<&str>) -> Result<Vec<String>, StoreError> {
        let mut targets = vec![user.to_string()];
        if target != Some(&targets[0]) {
            targets.extend(self.subscription_ids(user).await?.iter().map(ToString::to_string));
        }
        targets.retain(|found| target.is_none_or(|target| target == found));
        Ok(targets)
    }
}
