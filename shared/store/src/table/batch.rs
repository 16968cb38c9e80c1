//! Reads of several items in one call, of one table or of several: consistent, and all of them or none. Keys that
//! DynamoDB does not read at once are requested again, and are never taken for missing items.

use crate::roles::Role;
use crate::table::client::Tables;
use crate::table::codec::Item;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};
use std::collections::HashMap;
use tollgate_domain::UserId;

/// How often the remaining keys are requested, in addition to the SDK's own retries.
const TRIES: u32 = 5;

/// A read whose keys are known before: an item, or a tuple of such reads.
pub trait Lookup {
    /// The decoded items.
    type Found;
    /// Adds its keys.
    fn add_keys(&self, keys: &mut Keys);
    /// Reads its items from the answer.
    ///
    /// # Errors
    /// When an item is corrupt.
    fn take(&self, items: &Items) -> Result<Self::Found, StoreError>;
}

/// A read that the role `R` may make.
#[diagnostic::on_unimplemented(message = "the role `{R}` may not read `{Self}`")]
pub trait ReadableBy<R: Role>: Lookup {}

/// A read by the id of a user only.
pub trait OwnLookup: Lookup {
    /// The lookup for `user`.
    fn of(user: UserId) -> Self;
}

/// The keys of one call: a table and the item's key.
#[derive(Debug, Default)]
pub struct Keys(Vec<(&'static str, Item)>);

impl Keys {
    pub(crate) fn add<const N: usize>(&mut self, table: &'static str, key: [(&str, AttributeValue); N]) {
        let key = key.map(|(name, value)| (name.to_owned(), value));
        let filters = (table, Item::from(key));
        // The API refuses a key that is named twice.
        if !self.0.contains(&filters) {
            self.0.push(filters);
        }
    }
}

/// The items that one call read.
#[derive(Debug, Default)]
pub struct Items(Vec<(&'static str, Item)>);

impl Items {
    /// The item of `table` with this key.
    pub(crate) fn get<const N: usize>(&self, table: &str, key: [(&str, AttributeValue); N]) -> Option<&Item> {
        let is_it = |item: &Item| key.iter().all(|(name, value)| item.get(*name) == Some(value));
        self.0.iter().find(|(of, item)| *of == table && is_it(item)).map(|(_, item)| item)
    }
}

impl<R: Role> ReadableBy<R> for () {}

impl<R: Role, A: ReadableBy<R>, B: ReadableBy<R>> ReadableBy<R> for (A, B) {}

impl Lookup for () {
    type Found = ();

    fn add_keys(&self, _: &mut Keys) {}

    fn take(&self, _: &Items) -> Result<(), StoreError> {
        Ok(())
    }
}

impl<A: Lookup, B: Lookup> Lookup for (A, B) {
    type Found = (A::Found, B::Found);

    fn add_keys(&self, keys: &mut Keys) {
        self.0.add_keys(keys);
        self.1.add_keys(keys);
    }

    fn take(&self, items: &Items) -> Result<Self::Found, StoreError> {
        Ok((self.0.take(items)?, self.1.take(items)?))
    }
}

impl<R: Role> Store<R> {
    /// Reads all that `lookup` names, in one call.
    ///
    /// # Errors
    /// When DynamoDB does not answer or leaves keys out again and again, or an item is corrupt.
    pub async fn look_up<L: ReadableBy<R>>(&self, lookup: &L) -> Result<L::Found, StoreError> {
        let mut keys = Keys::default();
        lookup.add_keys(&mut keys);
        lookup.take(&self.fetch(keys).await?)
    }
}

impl Tables {
    /// The current items of `keys`: each consistent, but not a snapshot of all.
    pub(crate) async fn fetch(&self, Keys(mut keys): Keys) -> Result<Items, StoreError> {
        match keys.pop() {
            None => Ok(Items::default()),
            Some((table, key)) if keys.is_empty() => {
                let call = self.client.get_item().table_name(self.table(table)).set_key(Some(key));
                let call = call.consistent_read(true).return_consumed_capacity(ReturnConsumedCapacity::Total);
                let item = call.send().await.map_err(StoreError::of)?.item;
                Ok(Items(item.into_iter().map(|item| (table, item)).collect()))
            }
            Some(last) => {
                keys.push(last);
                self.fetch_batch(keys).await
            }
        }
    }

    async fn fetch_batch(&self, keys: Vec<(&'static str, Item)>) -> Result<Items, StoreError> {
        let mut tables = HashMap::<String, (&'static str, Vec<Item>)>::new();
        for (table, key) in keys {
            tables.entry(self.table(table)).or_insert_with(|| (table, Vec::new())).1.push(key);
        }
        let names: HashMap<_, _> = tables.iter().map(|(name, (table, _))| (name.clone(), *table)).collect();
        let of_table = |(name, (_, keys))| {
            let filters = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(keys)).build();
            filters.map(|filters| (name, filters)).map_err(|error| StoreError::Unexpected(error.to_string()))
        };
        let keys = tables.into_iter().map(of_table).collect::<Result<HashMap<_, _>, _>>()?;
        let items = self.read_keys(keys).await?.into_iter();
        Ok(Items(items.map(|(name, item)| (names.get(&name).copied().unwrap_or_default(), item)).collect()))
    }

    /// The items of `keys`, each with the name of its table. Keys that DynamoDB leaves out are requested again.
    pub(crate) async fn read_keys(
        &self,
        mut keys: HashMap<String, KeysAndAttributes>,
    ) -> Result<Vec<(String, Item)>, StoreError> {
        let mut found = Vec::new();
        for tries in 1..=TRIES {
            let call = self.client.batch_get_item().set_request_items(Some(keys));
            let answer = call.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
            let answer = answer.map_err(StoreError::of)?;
            for (name, items) in answer.responses.unwrap_or_default() {
                found.extend(items.into_iter().map(|item| (name.clone(), item)));
            }
            keys = answer.unprocessed_keys.unwrap_or_default();
            keys.retain(|_, left| !left.keys().is_empty());
            if keys.is_empty() {
                return Ok(found);
            }
            if tries < TRIES {
                self.pause(tries).await;
            }
        }
        let names: Vec<_> = keys.into_keys().collect();
        Err(StoreError::Unavailable(format!("keys of {} were not read", names.join(", "))))
    }
}
