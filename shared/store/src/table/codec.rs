//! Conversion between items and Rust types.

use crate::StoreError;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// A string attribute.
pub(crate) fn s(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(crate) fn n(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// `value` as an item with the schema's version and these further attributes: keys, index keys, time to live.
pub(crate) fn item<T: Serialize, const N: usize>(
    value: &T,
    attributes: [(&str, AttributeValue); N],
) -> Result<Item, StoreError> {
    let mut item: Item = serde_dynamo::to_item(value).map_err(|error| StoreError::Unexpected(error.to_string()))?;
    // An absent attribute means the same as a null one and is smaller.
    item.retain(|_, value| !value.is_null());
    item.insert("v".to_owned(), n(SCHEMA_VERSION));
    item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
    Ok(item)
}

/// The item as `T`.
pub(crate) fn read<T: DeserializeOwned>(table: &'static str, item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|error| StoreError::Corrupt { table, detail: error.to_string() })
}

/// The version of the items' shape; every item carries it as `v`.
pub const SCHEMA_VERSION: u32 = 1;
