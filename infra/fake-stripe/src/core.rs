//! The records of the fake, in memory and in a document store.

use crate::documents::{DocumentStore, DocumentStoreError, NoDocumentStore};
use crate::index::Index;
use crate::record::Record;
use crate::settings::{Now, Settings};
use aws_lc_rs::rand;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The kind of the documents of this fake.
const KIND: &str = "stripe";

/// All records of a fake Stripe at one moment.
#[derive(Clone, Default)]
pub struct Records {
    records: HashMap<String, Record>,
    index: Index,
    seq: u64,
}

pub struct Core {
    pub settings: Settings,
    records: HashMap<String, Record>,
    pub index: Index,
    dirty: BTreeSet<String>,
    seq: u64,
    documents: Arc<dyn DocumentStore>,
    clock: Now,
    /// The simulated time while missed events are processed.
    pub at: Option<i64>,
    /// Whether an event became ready to be sent.
    pub is_to_send: bool,
}

impl Core {
    pub fn open(documents: Arc<dyn DocumentStore>, settings: Settings, clock: Now) -> Result<Self, DocumentStoreError> {
        let (mut records, mut index, mut dirty) = (HashMap::new(), Index::default(), BTreeSet::new());
        for document in documents.list(KIND)? {
            let mut record: Record =
                serde_json::from_value(document).map_err(|error| DocumentStoreError(error.to_string()))?;
            if record.object["object"] == "delivery" {
                // A finished delivery is removed; older data may contain one.
                if record.side["done"] == true {
                    dirty.insert(record.id);
                    continue;
                }
                // Deliveries that were in progress when the process ended are sent again.
                record.side["in_flight"] = json!(false);
            }
            index.add(&record);
            records.insert(record.id.clone(), record);
        }
        let seq = records.values().map(|record| record.seq).max().unwrap_or_default();
        Ok(Self { settings, records, index, dirty, seq, documents, clock, at: None, is_to_send: true })
    }

    /// Creates it with these records, in memory only.
    pub fn with(records: Records, settings: Settings, clock: Now) -> Self {
        let Records { records, index, seq } = records;
        let documents = Arc::new(NoDocumentStore);
        Self { settings, records, index, dirty: BTreeSet::new(), seq, documents, clock, at: None, is_to_send: true }
    }

    /// A copy of all records.
    pub fn records(&self) -> Records {
        Records { records: self.records.clone(), index: self.index.clone(), seq: self.seq }
    }

    /// Writes changes to the document store. A change that cannot be written is written with the next one.
    pub fn save(&mut self) {
        let dirty = std::mem::take(&mut self.dirty);
        for id in dirty {
            let is_saved = match self.records.get(&id) {
                Some(record) => {
                    serde_json::to_value(record).is_ok_and(|record| self.documents.put(KIND, &id, &record).is_ok())
                }
                None => self.documents.remove(KIND, &id).is_ok(),
            };
            if !is_saved {
                self.dirty.insert(id);
            }
        }
    }

    /// The current time, in seconds.
    pub fn now(&self) -> i64 {
        self.at.unwrap_or_else(|| (self.clock)().as_second())
    }

    /// A new id of this prefix.
    pub fn new_id(&self, prefix: &str) -> String {
        self.id_of_length(prefix, 24)
    }

    /// A new id with `length` characters after its prefix.
    pub fn id_of_length(&self, prefix: &str, length: usize) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut bytes = vec![0_u8; length.max(8)];
        // Without randomness the count of objects still makes the ids unique.
        if rand::fill(&mut bytes).is_err() {
            bytes[..8].copy_from_slice(&self.seq.to_be_bytes());
        }
        let text = bytes.iter().take(length).map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
        format!("{prefix}_{}", text.collect::<String>())
    }

    pub fn insert(&mut self, object: Value, side: Value) -> String {
        self.seq += 1;
        let id = object["id"].as_str().unwrap_or_default().to_owned();
        self.dirty.insert(id.clone());
        let record = Record { id: id.clone(), seq: self.seq, object, side };
        self.index.add(&record);
        if let Some(before) = self.records.insert(id.clone(), record) {
            self.index.remove(&before);
        }
        id
    }

    /// Removes a record.
    pub fn remove(&mut self, id: &str) {
        if let Some(record) = self.records.remove(id) {
            self.index.remove(&record);
            self.dirty.insert(record.id);
        }
    }

    /// Removes the oldest records of a kind while `old` returns true; it also receives their number. Records expire
    /// when new ones are made, so that no other record is read for it.
    pub fn forget(&mut self, kind: &str, old: impl Fn(&Record, usize) -> bool) {
        loop {
            let count = self.index.count(kind);
            let oldest = self.index.ids(kind, None).next().and_then(|id| self.records.get(id));
            let Some(id) = oldest.filter(|record| old(record, count)).map(|record| record.id.clone()) else { return };
            self.remove(&id);
        }
    }

    pub fn record(&self, id: &str) -> Option<&Record> {
        self.records.get(id)
    }

    /// The object of this id and kind.
    pub fn find(&self, kind: &str, id: &str) -> Option<&Value> {
        self.records.get(id).map(|record| &record.object).filter(|object| object["object"] == kind)
    }

    /// The object of this id; `null` where there is none.
    pub fn object(&self, id: &str) -> Value {
        self.records.get(id).map_or(Value::Null, |record| record.object.clone())
    }

    pub fn side(&self, id: &str) -> Value {
        self.records.get(id).map_or(Value::Null, |record| record.side.clone())
    }

    pub fn set(&mut self, id: &str, name: &str, value: Value) {
        self.edit(id, |record| record.object[name] = value);
    }

    pub fn set_side(&mut self, id: &str, name: &str, value: Value) {
        self.edit(id, |record| record.side[name] = value);
    }

    /// Replaces an object by another one with the same id.
    pub fn replace(&mut self, id: &str, object: Value) {
        self.edit(id, |record| record.object = object);
    }

    fn edit(&mut self, id: &str, edit: impl FnOnce(&mut Record)) {
        if let Some(record) = self.records.get_mut(id) {
            self.index.remove(record);
            edit(record);
            self.index.add(record);
            self.dirty.insert(id.to_owned());
        }
    }

    /// All of a kind, newest first.
    pub fn all(&self, kind: &str) -> Vec<&Record> {
        self.index.ids(kind, None).rev().filter_map(|id| self.records.get(id)).collect()
    }

    /// All of a kind that reference this object, newest first.
    pub fn of(&self, kind: &str, name: &str) -> Vec<&Record> {
        self.index.ids(kind, Some(name)).rev().filter_map(|id| self.records.get(id)).collect()
    }

    /// The ids of a kind that reference this object, if one is given, and pass the filter, oldest first.
    pub fn ids_of(&self, kind: &str, name: Option<&str>, pass: impl Fn(&Record) -> bool) -> Vec<String> {
        let passes = |id: &&String| self.records.get(*id).is_some_and(&pass);
        self.index.ids(kind, name).filter(passes).cloned().collect()
    }
}
