//! The tables for the dev console: how many items each has, and a page of items that contain a text.

use super::error::Answer;
use super::state::Console;
use crate::documents::TABLE_PREFIX;
use crate::documents::{DatabaseError, request_of, table_items};
use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use dynoxide::Database;
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_http::{ApiError, FieldError};
use tollgate_store::schema::TABLES;

/// The minimum number of items on a page, unless the table has fewer.
const PAGE_ITEMS: usize = 50;

/// Its routes.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/_local/tables", get(list))
        .route("/_local/tables/{name}", get(table))
        .route("/_local/tables/{name}/page", get(page))
}

async fn list(State(console): State<Console>) -> Answer {
    let count = |name: &str| {
        let request = request_of(json!({"TableName": format!("{TABLE_PREFIX}{name}")}))?;
        let answer = console.database.describe_table(request).map_err(DatabaseError::of)?;
        let answer = serde_json::to_value(answer).map_err(DatabaseError::of)?;
        Ok::<_, DatabaseError>(answer["Table"]["ItemCount"].as_u64())
    };
    let tables = TABLES.iter().map(|table| Ok(json!({"name": table.name, "items": count(table.name)?})));
    Ok(Json(json!({"items": tables.collect::<Result<Vec<_>, DatabaseError>>()?})))
}

async fn table(State(console): State<Console>, Path(name): Path<String>) -> Answer {
    // An earlier version had another name for the table `system`; both are answered.
    let name = if name == "desk" { "system" } else { &name };
    let known = TABLES.iter().find(|table| table.name == name).ok_or(ApiError::NotFound)?;
    Ok(Json(json!({"items": table_items(&console.database, known.name)?})))
}

#[derive(Deserialize)]
struct PageRequest {
    /// A text that each item contains.
    #[serde(default)]
    contains: String,
    /// `next` of the page before.
    #[serde(default)]
    after: String,
}

async fn page(State(console): State<Console>, Path(name): Path<String>, Query(request): Query<PageRequest>) -> Answer {
    let table = TABLES.iter().find(|table| table.name == name).ok_or(ApiError::NotFound)?;
    let after = match request.after.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).map_err(|_| {
            ApiError::Validation(FieldError::new("after", "after is the value of next of the page before."))
        })?,
    };
    let (items, next) = read(&console.database, table.name, &request.contains, after)?;
    let next = (!next.is_null()).then(|| next.to_string());
    let keys = json!([table.partition_key, table.sort_key]);
    Ok(Json(json!({"items": items, "next": next, "keys": keys})))
}

/// The items of a table after the key `start` that contain `text`: at least a page of them unless the table ends before.
fn read(database: &Database, table: &str, text: &str, mut start: Value) -> Result<(Vec<Value>, Value), DatabaseError> {
    let mut found = Vec::new();
    loop {
        let mut request = json!({"TableName": format!("{TABLE_PREFIX}{table}"), "Limit": PAGE_ITEMS});
        if !start.is_null() {
            request["ExclusiveStartKey"] = start;
        }
        let answer = database.scan(request_of(request)?).map_err(DatabaseError::of)?;
        let mut answer = serde_json::to_value(answer).map_err(DatabaseError::of)?;
        let items = answer["Items"].as_array_mut().map(std::mem::take).unwrap_or_default();
        found.extend(items.into_iter().filter(|item| item.to_string().contains(text)));
        start = answer["LastEvaluatedKey"].take();
        if start.is_null() || found.len() >= PAGE_ITEMS {
            return Ok((found, start));
        }
    }
}
