//! Fills the tables with many users: the items of one user, who was registered and synchronised with Stripe in the
//! ordinary way, are copied with other ids.

use crate::error::{BenchError, While};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use std::collections::HashMap;
use std::ops::Range;
use tollgate_local::{Stack, TABLE_PREFIX};

type Item = HashMap<String, AttributeValue>;

/// The tables that reports read.
const TABLES: [&str; 4] = ["identity", "gate", "billing", "audit"];
/// The name of the user that is copied.
const NAME: &str = "person0";
/// The prefixes of ids, ours and Stripe's.
const ID_PREFIXES: [&str; 12] =
    ["usr_", "sub_", "pay_", "aud_", "msg_", "cus_", "si_", "in_", "pi_", "ch_", "card_", "pm_"];
/// The most items of one `BatchWriteItem`.
const BATCH: usize = 25;
/// The number of characters at the end of an id that distinguish copies.
const SUFFIX: usize = 8;

/// Writes a copy of the original's items for each number of `copies`.
///
/// # Errors
/// When a table cannot be read or written.
pub async fn fill(stack: &Stack, copies: Range<usize>) -> Result<(), BenchError> {
    let client = Client::new(stack.sdk());
    let users = scan(&client, &format!("{TABLE_PREFIX}identity")).await?;
    let is_profile =
        |item: &&Item| item.get("username").and_then(|name| name.as_s().ok()).is_some_and(|name| name == NAME);
    let profile = users.iter().filter(is_profile).find_map(|item| item.get("pk")?.as_s().ok()?.strip_prefix("USER#"));
    let id = profile.ok_or_else(|| BenchError::new(NAME, "there is no such user"))?;
    for table in TABLES {
        let name = format!("{TABLE_PREFIX}{table}");
        let is_original = |item: &Item| item.values().any(|value| mentions(value, id));
        let originals: Vec<Item> = scan(&client, &name).await?.into_iter().filter(is_original).collect();
        if originals.is_empty() {
            return Err(BenchError::new(table, "it holds no item of the original"));
        }
        let items: Vec<Item> = copies.clone().flat_map(|n| originals.iter().map(move |item| copy(item, n))).collect();
        for batch in items.chunks(BATCH) {
            let puts = batch.iter().map(|item| {
                let put = PutRequest::builder().set_item(Some(item.clone())).build();
                put.map(|put| WriteRequest::builder().put_request(put).build())
            });
            let puts: Vec<_> = puts.collect::<Result<_, _>>().doing(table)?;
            let written = client.batch_write_item().request_items(&name, puts).send().await.doing(table)?;
            if written.unprocessed_items.is_some_and(|left| !left.is_empty()) {
                return Err(BenchError::new(table, "it left items unwritten"));
            }
        }
    }
    Ok(())
}

/// The id of the outbox message that requests `report`.
///
/// # Errors
/// When no message requests it.
pub async fn outbox_message(stack: &Stack, report: &str) -> Result<String, BenchError> {
    let items = scan(&Client::new(stack.sdk()), &format!("{TABLE_PREFIX}outbox")).await?;
    let names_it = |item: &Item| item.values().any(|value| mentions(value, report));
    let message = items.iter().find(|item| names_it(item)).and_then(|item| item.get("pk")?.as_s().ok());
    message.cloned().ok_or_else(|| BenchError::new(report, "no message asks for it"))
}

#[expect(clippy::disallowed_methods, reason = "no request's work: a copy of the whole table")]
async fn scan(client: &Client, table: &str) -> Result<Vec<Item>, BenchError> {
    client.scan().table_name(table).into_paginator().items().send().try_collect().await.doing(table)
}

/// Whether a string in `value`, or the name of a field, contains `text`.
fn mentions(value: &AttributeValue, text: &str) -> bool {
    match value {
        AttributeValue::S(string) => string.contains(text),
        AttributeValue::L(list) => list.iter().any(|value| mentions(value, text)),
        AttributeValue::M(map) => map.iter().any(|(name, value)| name.contains(text) || mentions(value, text)),
        _ => false,
    }
}

/// The item with the ids of copy `n`.
fn copy(item: &Item, n: usize) -> Item {
    item.iter().map(|(name, value)| (name.clone(), copy_value(value, n))).collect()
}

fn copy_value(value: &AttributeValue, n: usize) -> AttributeValue {
    match value {
        AttributeValue::S(text) => AttributeValue::S(rename(text, n)),
        AttributeValue::L(list) => AttributeValue::L(list.iter().map(|value| copy_value(value, n)).collect()),
        AttributeValue::M(map) => AttributeValue::M(copy(map, n)),
        other => other.clone(),
    }
}

/// `text` with the user's name and the end of each id replaced.
fn rename(text: &str, n: usize) -> String {
    let mut renamed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix(NAME) {
            renamed.push_str(&format!("person{n}"));
            rest = after;
            continue;
        }
        let id = ID_PREFIXES.iter().find_map(|prefix| Some((prefix, rest.strip_prefix(prefix)?)));
        let Some((prefix, after)) = id else {
            renamed.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        let length = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
        renamed.push_str(prefix);
        if length > SUFFIX {
            renamed.push_str(&format!("{}{n:0SUFFIX$x}", &after[..length - SUFFIX]));
        } else {
            renamed.push_str(&after[..length]);
        }
        rest = &after[length..];
    }
    // The subject of an identity at a provider.
    match renamed.strip_suffix("#0") {
        Some(before) if renamed.starts_with("OAUTH#") => format!("{before}#{n}"),
        _ => renamed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_copy_has_ids_of_its_own() {
        let copy = rename("USER#usr_019ca9450a0070008000000000000013", 255);
        assert_eq!(copy, "USER#usr_019ca9450a00700080000000000000ff");
        assert_eq!(rename("person0@example.com", 7), "person7@example.com");
        assert_eq!(rename("OAUTH#google#0", 7), "OAUTH#google#7");
        assert_eq!(rename("LISTED#2026-01", 7), "LISTED#2026-01");
    }
}
