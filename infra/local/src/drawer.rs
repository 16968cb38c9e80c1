//! What the stand-ins hold, in one table of the same database as the functions' tables: with `--data` it outlives a
//! `kill -9`, with `:memory:` nothing does.

use crate::TABLE_PREFIX;
use dynoxide::Database;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const TABLE: &str = "local-stack";

/// Documents by kind and id.
#[derive(Clone)]
pub struct Drawer(Database);

/// The database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("the local database: {0}")]
pub struct DrawerError(String);

impl Drawer {
    /// Opens it, making its table where there is none.
    ///
    /// # Errors
    /// When the database does not.
    pub fn open(database: Database) -> Result<Self, DrawerError> {
        let drawer = Self(database);
        let there: Value = drawer.list_tables()?;
        if !there["TableNames"].as_array().is_some_and(|names| names.iter().any(|name| name == TABLE)) {
            let request = json!({
                "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "kind", "AttributeType": "S"}, {"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
            });
            drawer.0.create_table(request_of(request)?).map_err(failed)?;
        }
        Ok(drawer)
    }

    fn list_tables(&self) -> Result<Value, DrawerError> {
        let answer = self.0.list_tables(request_of(json!({}))?).map_err(failed)?;
        serde_json::to_value(answer).map_err(failed)
    }

    /// Puts `document` in the place of any other of that kind and id.
    ///
    /// # Errors
    /// When the database does not.
    pub fn put<T: Serialize>(&self, kind: &str, id: &str, document: &T) -> Result<(), DrawerError> {
        let text = serde_json::to_string(document).map_err(failed)?;
        let item = json!({"kind": {"S": kind}, "id": {"S": id}, "document": {"S": text}});
        self.0.put_item(request_of(json!({"TableName": TABLE, "Item": item}))?).map_err(failed)?;
        Ok(())
    }

    /// The document of that kind and id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn get<T: DeserializeOwned>(&self, kind: &str, id: &str) -> Result<Option<T>, DrawerError> {
        let key = json!({"kind": {"S": kind}, "id": {"S": id}});
        let answer = self.0.get_item(request_of(json!({"TableName": TABLE, "Key": key}))?).map_err(failed)?;
        let answer = serde_json::to_value(answer).map_err(failed)?;
        answer
            .pointer("/Item/document/S")
            .and_then(Value::as_str)
            .map(|text| serde_json::from_str(text).map_err(failed))
            .transpose()
    }

    /// Takes a document out.
    ///
    /// # Errors
    /// When the database does not.
    pub fn delete(&self, kind: &str, id: &str) -> Result<(), DrawerError> {
        let key = json!({"kind": {"S": kind}, "id": {"S": id}});
        self.0.delete_item(request_of(json!({"TableName": TABLE, "Key": key}))?).map_err(failed)?;
        Ok(())
    }

    /// All documents of a kind, by id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn list<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<T>, DrawerError> {
        let mut found = Vec::new();
        let mut start = Value::Null;
        loop {
            let mut request = json!({
                "TableName": TABLE, "KeyConditionExpression": "#kind = :kind",
                "ExpressionAttributeNames": {"#kind": "kind"}, "ExpressionAttributeValues": {":kind": {"S": kind}},
            });
            if !start.is_null() {
                request["ExclusiveStartKey"] = start;
            }
            let page = self.0.query(request_of(request)?).map_err(failed)?;
            let mut page = serde_json::to_value(page).map_err(failed)?;
            for item in page["Items"].as_array().into_iter().flatten() {
                let text = item.pointer("/document/S").and_then(Value::as_str).unwrap_or_default();
                found.push(serde_json::from_str(text).map_err(failed)?);
            }
            start = page["LastEvaluatedKey"].take();
            if start.is_null() {
                return Ok(found);
            }
        }
    }
}

pub(crate) fn request_of<T: DeserializeOwned>(request: Value) -> Result<T, DrawerError> {
    serde_json::from_value(request).map_err(failed)
}

/// All the raw items of a table of the design.
pub(crate) fn table_items(database: &Database, table: &str) -> Result<Vec<Value>, DrawerError> {
    let (mut items, mut start) = (Vec::new(), Value::Null);
    loop {
        let mut request = json!({"TableName": format!("{TABLE_PREFIX}{table}")});
        if !start.is_null() {
            request["ExclusiveStartKey"] = start;
        }
        let page = database.scan(request_of(request)?).map_err(failed)?;
        let mut page = serde_json::to_value(page).map_err(failed)?;
        items.extend(page["Items"].as_array_mut().map(std::mem::take).unwrap_or_default());
        start = page["LastEvaluatedKey"].take();
        if start.is_null() {
            return Ok(items);
        }
    }
}

fn failed(error: impl std::fmt::Display) -> DrawerError {
    DrawerError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawer_that_is_opened_again_holds_what_was_put_there() {
        let database = Database::memory().unwrap();
        Drawer::open(database.clone()).unwrap().put("mail", "2", &"two").unwrap();
        let again = Drawer::open(database).unwrap();
        again.put("mail", "1", &"one").unwrap();
        assert_eq!(again.list::<String>("mail").unwrap(), ["one", "two"]);
        again.delete("mail", "1").unwrap();
        assert_eq!(again.get::<String>("mail", "1").unwrap(), None);
        assert_eq!(again.get::<String>("mail", "2").unwrap().as_deref(), Some("two"));
    }
}
