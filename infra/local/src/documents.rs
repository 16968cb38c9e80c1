//! The documents of the fakes: with `--data` in one table of the database of the functions' tables, so that they
//! survive a `kill -9`; with `:memory:` only in memory.

use dynoxide::Database;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollgate_fake_stripe::{DocumentStore, DocumentStoreError};

/// The table of the documents.
pub(crate) const TABLE: &str = "local-stack";

/// Documents by kind and id, as JSON.
#[derive(Clone)]
pub struct Documents(Place);

#[derive(Clone)]
enum Place {
    Table(Database),
    Memory(Arc<Mutex<BTreeMap<(String, String), String>>>),
}

/// The database failed.
#[derive(Debug, thiserror::Error)]
#[error("the local database: {0}")]
pub struct DatabaseError(String);

impl DatabaseError {
    pub(crate) fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl Documents {
    /// Documents in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self(Place::Memory(Arc::default()))
    }

    /// Whether the documents are stored in a database.
    #[must_use]
    pub const fn is_persistent(&self) -> bool {
        matches!(self.0, Place::Table(_))
    }

    /// Opens it in a database, and creates its table where it is missing.
    ///
    /// # Errors
    /// When the database does not.
    pub fn open(database: Database) -> Result<Self, DatabaseError> {
        if !table_names(&database)?.iter().any(|name| name == TABLE) {
            let request = json!({
                "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "kind", "AttributeType": "S"}, {"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
            });
            database.create_table(request_of(request)?).map_err(failed)?;
        }
        Ok(Self(Place::Table(database)))
    }

    /// An independent copy; `None` where the documents are in a database.
    #[must_use]
    pub(crate) fn copy(&self) -> Option<Self> {
        match &self.0 {
            Place::Memory(documents) => Some(Self(Place::Memory(Arc::new(Mutex::new(held(documents).clone()))))),
            Place::Table(_) => None,
        }
    }

    /// Stores `document` and replaces another one of that kind and id.
    ///
    /// # Errors
    /// When the database does not.
    pub fn put<T: Serialize>(&self, kind: &str, id: &str, document: &T) -> Result<(), DatabaseError> {
        let text = serde_json::to_string(document).map_err(failed)?;
        match &self.0 {
            Place::Memory(documents) => {
                held(documents).insert((kind.to_owned(), id.to_owned()), text);
            }
            Place::Table(database) => {
                let item = json!({"kind": {"S": kind}, "id": {"S": id}, "document": {"S": text}});
                database.put_item(request_of(json!({"TableName": TABLE, "Item": item}))?).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// The document of that kind and id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn get<T: DeserializeOwned>(&self, kind: &str, id: &str) -> Result<Option<T>, DatabaseError> {
        let text = match &self.0 {
            Place::Memory(documents) => held(documents).get(&(kind.to_owned(), id.to_owned())).cloned(),
            Place::Table(database) => {
                let key = json!({"kind": {"S": kind}, "id": {"S": id}});
                let answer = database.get_item(request_of(json!({"TableName": TABLE, "Key": key}))?).map_err(failed)?;
                let answer = serde_json::to_value(answer).map_err(failed)?;
                answer.pointer("/Item/document/S").and_then(Value::as_str).map(str::to_owned)
            }
        };
        text.map(|text| serde_json::from_str(&text).map_err(failed)).transpose()
    }

    /// Removes a document.
    ///
    /// # Errors
    /// When the database does not.
    pub fn delete(&self, kind: &str, id: &str) -> Result<(), DatabaseError> {
        match &self.0 {
            Place::Memory(documents) => {
                held(documents).remove(&(kind.to_owned(), id.to_owned()));
            }
            Place::Table(database) => {
                let key = json!({"kind": {"S": kind}, "id": {"S": id}});
                database.delete_item(request_of(json!({"TableName": TABLE, "Key": key}))?).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// All documents of a kind, by id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn list<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<T>, DatabaseError> {
        self.list_under(kind, "")
    }

    /// The documents of a kind whose ids begin with `prefix`, by id. It reads no other document.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn list_under<T: DeserializeOwned>(&self, kind: &str, prefix: &str) -> Result<Vec<T>, DatabaseError> {
        let texts: Vec<String> = match &self.0 {
            Place::Memory(documents) => {
                let held = held(documents);
                let from = held.range((kind.to_owned(), prefix.to_owned())..);
                let found = from.take_while(|((of, id), _)| of == kind && id.starts_with(prefix));
                found.map(|(_, text)| text.clone()).collect()
            }
            Place::Table(database) => texts_of(database, kind, prefix)?,
        };
        texts.iter().map(|text| serde_json::from_str(text).map_err(failed)).collect()
    }
}

impl DocumentStore for Documents {
    fn put(&self, kind: &str, id: &str, document: &Value) -> Result<(), DocumentStoreError> {
        Self::put(self, kind, id, document).map_err(|error| DocumentStoreError(error.to_string()))
    }

    fn remove(&self, kind: &str, id: &str) -> Result<(), DocumentStoreError> {
        self.delete(kind, id).map_err(|error| DocumentStoreError(error.to_string()))
    }

    fn list(&self, kind: &str) -> Result<Vec<Value>, DocumentStoreError> {
        Self::list(self, kind).map_err(|error| DocumentStoreError(error.to_string()))
    }
}

fn held(documents: &Mutex<BTreeMap<(String, String), String>>) -> MutexGuard<'_, BTreeMap<(String, String), String>> {
    documents.lock().unwrap_or_else(PoisonError::into_inner)
}

fn texts_of(database: &Database, kind: &str, prefix: &str) -> Result<Vec<String>, DatabaseError> {
    let (mut found, mut start) = (Vec::new(), Value::Null);
    loop {
        let mut request = json!({
            "TableName": TABLE, "KeyConditionExpression": "#kind = :kind",
            "ExpressionAttributeNames": {"#kind": "kind"}, "ExpressionAttributeValues": {":kind": {"S": kind}},
        });
        if !prefix.is_empty() {
            request["KeyConditionExpression"] = json!("#kind = :kind AND begins_with(#id, :prefix)");
            request["ExpressionAttributeNames"]["#id"] = json!("id");
            request["ExpressionAttributeValues"][":prefix"] = json!({"S": prefix});
        }
        if !start.is_null() {
            request["ExclusiveStartKey"] = start;
        }
        let page = database.query(request_of(request)?).map_err(failed)?;
        let mut page = serde_json::to_value(page).map_err(failed)?;
        let items = page["Items"].as_array().into_iter().flatten();
        found.extend(items.filter_map(|item| item.pointer("/document/S")?.as_str()).map(str::to_owned));
        start = page["LastEvaluatedKey"].take();
        if start.is_null() {
            return Ok(found);
        }
    }
}

/// The names of all tables of a database.
pub(crate) fn table_names(database: &Database) -> Result<Vec<String>, DatabaseError> {
    let listed = database.list_tables(request_of(json!({}))?).map_err(failed)?;
    let mut listed = serde_json::to_value(listed).map_err(failed)?;
    serde_json::from_value(listed["TableNames"].take()).map_err(failed)
}

pub(crate) fn request_of<T: DeserializeOwned>(request: Value) -> Result<T, DatabaseError> {
    serde_json::from_value(request).map_err(failed)
}

/// All the raw items of a table of the design.
pub(crate) fn table_items(database: &Database, table: &str) -> Result<Vec<Value>, DatabaseError> {
    let mut items = Vec::new();
    each_page(database, table, |page| {
        items.extend(page);
        Ok(())
    })?;
    Ok(items)
}

/// The raw items of a table of the design, a page at a time.
pub(crate) fn each_page<E: From<DatabaseError>>(
    database: &Database,
    table: &str,
    mut work: impl FnMut(Vec<Value>) -> Result<(), E>,
) -> Result<(), E> {
    let mut start = Value::Null;
    loop {
        let mut request = json!({"TableName": format!("{TABLE_PREFIX}{table}")});
        if !start.is_null() {
            request["ExclusiveStartKey"] = start;
        }
        let page = database.scan(request_of(request)?).map_err(failed)?;
        let mut page = serde_json::to_value(page).map_err(failed)?;
        work(page["Items"].as_array_mut().map(std::mem::take).unwrap_or_default())?;
        start = page["LastEvaluatedKey"].take();
        if start.is_null() {
            return Ok(());
        }
    }
}

fn failed(error: impl std::fmt::Display) -> DatabaseError {
    DatabaseError::of(error)
}

/// The prefix of the local tables.
pub const TABLE_PREFIX: &str = "tollgate-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reopened_document_store_returns_the_stored_documents() {
        let database = Database::memory().unwrap();
        Documents::open(database.clone()).unwrap().put("mail", "2", &"two").unwrap();
        let again = Documents::open(database).unwrap();
        again.put("mail", "1", &"one").unwrap();
        assert_eq!(again.list::<String>("mail").unwrap(), ["one", "two"]);
    }

    #[test]
    fn memory_and_table_store_documents_by_kind_and_id() {
        for documents in [Documents::memory(), Documents::open(Database::memory().unwrap()).unwrap()] {
            for (kind, id) in [("mail", "2"), ("mail", "1"), ("mails", "1"), ("a", "3")] {
                documents.put(kind, id, &format!("{kind} {id}")).unwrap();
            }
            documents.put("mail", "2", &"another").unwrap();
            assert_eq!(documents.list::<String>("mail").unwrap(), ["mail 1", "another"]);
            documents.delete("mail", "1").unwrap();
            assert_eq!(documents.get::<String>("mail", "1").unwrap(), None);
            assert_eq!(documents.get::<String>("mail", "2").unwrap().as_deref(), Some("another"));
            assert_eq!(documents.list::<String>("nothing").unwrap(), Vec::<String>::new());
            documents.put("mail", "20", &"twentieth").unwrap();
            documents.put("mail", "3", &"third").unwrap();
            assert_eq!(documents.list_under::<String>("mail", "2").unwrap(), ["another", "twentieth"]);
        }
    }
}
