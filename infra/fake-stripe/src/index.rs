//! The index of objects: by kind, by each object that they reference, and by their next due time.

use crate::record::{Due, Record, due_of};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::iter;

/// The fields in which an object references another one.
pub const NAMES: &[&str] = &[
    "/charge",
    "/customer",
    "/email",
    "/invoice",
    "/parent/subscription_details/subscription",
    "/payment/payment_intent",
    "/payment_intent",
    "/product",
    "/subscription",
];

/// A kind, and the referenced object, if any.
type Place = (String, Option<String>);

#[derive(Clone, Default)]
pub struct Index {
    /// The ids for each key, oldest first.
    places: HashMap<Place, BTreeMap<u64, String>>,
    /// Of two at the same time the newer one comes first.
    due: BTreeMap<(i64, Due, Reverse<u64>), String>,
}

fn places(record: &Record) -> Vec<Place> {
    let kind = record.object["object"].as_str().unwrap_or_default();
    let named = NAMES.iter().filter_map(|field| record.object.pointer(field)?.as_str());
    let names = named.map(|name| Some(name.to_owned()));
    iter::once(None).chain(names).map(|name| (kind.to_owned(), name)).collect()
}

impl Index {
    /// Adds a record in its current state.
    pub fn add(&mut self, record: &Record) {
        for place in places(record) {
            self.places.entry(place).or_default().insert(record.seq, record.id.clone());
        }
        if let Some((at, due)) = due_of(record) {
            self.due.insert((at, due, Reverse(record.seq)), record.id.clone());
        }
    }

    /// Removes a record in the state in which it was added.
    pub fn remove(&mut self, record: &Record) {
        for place in places(record) {
            if let Some(ids) = self.places.get_mut(&place) {
                ids.remove(&record.seq);
                if ids.is_empty() {
                    self.places.remove(&place);
                }
            }
        }
        if let Some((at, due)) = due_of(record) {
            self.due.remove(&(at, due, Reverse(record.seq)));
        }
    }

    /// The ids of a kind, oldest first; with a reference only those that reference this object.
    pub fn ids(&self, kind: &str, name: Option<&str>) -> impl DoubleEndedIterator<Item = &String> {
        let place = (kind.to_owned(), name.map(str::to_owned));
        self.places.get(&place).into_iter().flat_map(BTreeMap::values)
    }

    /// The number of objects of a kind.
    pub fn count(&self, kind: &str) -> usize {
        self.places.get(&(kind.to_owned(), None)).map_or(0, BTreeMap::len)
    }

    /// The next due work: time, kind and object.
    pub fn first_due(&self) -> Option<(i64, Due, &str)> {
        self.due.first_key_value().map(|((at, due, _), id)| (*at, *due, id.as_str()))
    }
}
