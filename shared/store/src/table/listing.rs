//! Lists: one partition of a table or an index in the sequence of its sort key, page by page. A cursor is the sort key
//! of the last row of the previous page, so it cannot address another partition.

use crate::StoreError;
use crate::table::client::Tables;
use crate::table::codec::{Item, s};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use std::collections::{BTreeMap, HashMap};

/// The largest number of rows that are read for one page of a filtered list.
pub(crate) const MAX_ROWS_READ: usize = 1000;
/// The number of ordinary rows that cost half a unit, the minimum of a query.
const ROWS_AT_LEAST: usize = 10;
/// Sorts after every text with the same prefix.
const LAST: char = char::MAX;

/// Whether a read is strongly consistent, for twice the price, or eventually consistent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// Strongly consistent.
    Strong,
    /// Eventually consistent.
    Eventual,
}

/// One page of a list.
#[derive(Debug)]
pub struct Listed<T> {
    /// The items. A page of a filtered list may be short or empty although more items follow.
    pub items: Vec<T>,
    /// The place after which the list continues; `None` at its end.
    pub next: Option<String>,
}

/// The start of a page, and its length.
#[derive(Debug, Clone, Copy)]
pub struct PageOf<'a> {
    /// `next` of the page before.
    pub after: Option<&'a str>,
    /// The largest number of items.
    pub limit: usize,
}

/// Reads a list to its end, page by page, and calls `item` for each item. `read` returns the page after a place.
///
/// # Errors
/// When a page cannot be read.
pub async fn each<T, F>(mut read: impl FnMut(Option<String>) -> F, mut item: impl FnMut(T)) -> Result<(), StoreError>
where
    F: Future<Output = Result<Listed<T>, StoreError>>,
{
    let mut after = None;
    loop {
        let page = read(after).await?;
        page.items.into_iter().for_each(&mut item);
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

impl<'a> PageOf<'a> {
    /// The longest page after this place, to read a whole list.
    #[must_use]
    pub fn longest(after: Option<&'a str>) -> Self {
        Self { after, limit: MAX_ROWS_READ }
    }
}

/// A condition on the rows of a page.
#[derive(Debug, Clone)]
pub(crate) enum RowFilter {
    /// The attribute has this value.
    Equals(&'static str, AttributeValue),
    /// The attribute does not have this prefix.
    NotPrefix(&'static str, String),
    /// The attribute has this value, or the other attribute, a flag, is set.
    EqualsOrFlag(&'static str, AttributeValue, &'static str),
    /// The attribute does not contain this text.
    NotContains(&'static str, String),
}

/// How many rows are read to fill a page of a filtered list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadBudget {
    /// As long as at least half of the rows match, so that a unit reads ten items.
    Half,
    /// Up to this number of rows.
    Rows(usize),
}

/// The attribute that names a partition of an index, and its value.
pub(crate) type Partition = (&'static str, &'static str);

/// A query of one partition.
#[derive(Debug, Clone)]
pub(crate) struct IndexQuery {
    pub table: &'static str,
    /// `None` for the table itself.
    pub index: Option<&'static str>,
    /// The attribute that names the partition, and its value.
    pub partition: (&'static str, String),
    /// The attribute that sorts it.
    pub sort: &'static str,
    /// The first and the last sort key.
    pub between: (String, String),
    /// Whether the order is ascending.
    pub is_forward: bool,
    pub filters: Vec<RowFilter>,
    pub read_budget: ReadBudget,
}

impl IndexQuery {
    /// The whole partition `of` an index whose sort keys have the prefix `prefix`, from the last to the first.
    pub fn newest_first(
        table: &'static str,
        index: &'static str,
        (attribute, of): (&'static str, impl Into<String>),
        sort: &'static str,
        prefix: &str,
    ) -> Self {
        Self {
            table,
            index: Some(index),
            partition: (attribute, of.into()),
            sort,
            between: (prefix.to_owned(), format!("{prefix}{LAST}")),
            is_forward: false,
            filters: Vec::new(),
            read_budget: ReadBudget::Rows(MAX_ROWS_READ),
        }
    }

    /// The same for a partition of the table itself, with the keys `pk` and `sk`.
    pub fn of_table(table: &'static str, of: impl Into<String>, prefix: &str) -> Self {
        Self { index: None, ..Self::newest_first(table, "", ("pk", of), "sk", prefix) }
    }

    fn expressions(&self) -> (String, Option<String>, HashMap<String, String>, Item) {
        let mut names =
            HashMap::from([("#p".to_owned(), self.partition.0.to_owned()), ("#s".to_owned(), self.sort.to_owned())]);
        let mut values = Item::from([(":p".to_owned(), s(&self.partition.1))]);
        let mut filters = Vec::new();
        for (index, row) in self.filters.iter().enumerate() {
            let (name, value, text) = match row {
                RowFilter::Equals(name, value) => (name, value.clone(), format!("#w{index} = :w{index}")),
                RowFilter::NotPrefix(name, prefix) => {
                    (name, s(prefix), format!("NOT begins_with(#w{index}, :w{index})"))
                }
                RowFilter::EqualsOrFlag(name, value, flag) => {
                    names.insert(format!("#f{index}"), (*flag).to_owned());
                    (name, value.clone(), format!("(#w{index} = :w{index} OR attribute_exists(#f{index}))"))
                }
                RowFilter::NotContains(name, part) => (name, s(part), format!("NOT contains(#w{index}, :w{index})")),
            };
            filters.push(text);
            names.insert(format!("#w{index}"), (*name).to_owned());
            values.insert(format!(":w{index}"), value);
        }
        let filter = (!filters.is_empty()).then(|| filters.join(" AND "));
        ("#p = :p AND #s BETWEEN :first AND :last".to_owned(), filter, names, values)
    }

    /// How many rows the next query reads; `None` when the page is complete.
    fn next_rows(&self, page: PageOf<'_>, found: usize, rows_read: usize) -> Option<usize> {
        let missing = (page.limit + 1).checked_sub(found).filter(|missing| *missing > 0)?;
        if self.filters.is_empty() {
            return Some(missing);
        }
        match self.read_budget {
            ReadBudget::Half if 2 * found < rows_read => None,
            ReadBudget::Half => Some((ROWS_AT_LEAST + 2 * found - rows_read).min(missing.max(ROWS_AT_LEAST))),
            // Twice as many rows each time, so that a long read takes few calls.
            ReadBudget::Rows(most) => {
                Some(rows_read.max(missing).min(most.saturating_sub(rows_read))).filter(|rows| *rows > 0)
            }
        }
    }
}

/// Merges lists that are sorted newest first: each row once, in the version of the last list, up to the point to which
/// all lists were read.
pub(crate) fn newest_of(lists: Vec<Listed<Item>>, limit: usize) -> Listed<Item> {
    let id = |row: &Item| row.get("id").and_then(|id| id.as_s().ok()).cloned().unwrap_or_default();
    let known_to = lists.iter().filter_map(|list| list.next.clone()).max();
    let rows = lists.into_iter().flat_map(|list| list.items).map(|row| (id(&row), row));
    let by_id: BTreeMap<_, _> = rows.filter(|(id, _)| known_to.as_ref().is_none_or(|end| id >= end)).collect();
    let mut items: Vec<_> = by_id.into_values().rev().collect();
    let next = if items.len() > limit {
        items.truncate(limit);
        items.last().map(id)
    } else {
        known_to
    };
    Listed { items, next }
}

/// Every row that `query` finds, on all its pages.
pub(crate) async fn all_rows(query: QueryFluentBuilder) -> Result<Vec<Item>, StoreError> {
    let query = query.return_consumed_capacity(ReturnConsumedCapacity::Total);
    let (mut rows, mut start) = (Vec::new(), None);
    loop {
        let page = query.clone().set_exclusive_start_key(start).send().await.map_err(StoreError::of)?;
        rows.extend(page.items.unwrap_or_default());
        start = page.last_evaluated_key;
        if start.is_none() {
            return Ok(rows);
        }
    }
}

impl Tables {
    /// A page of the rows of `index_query`, and the place after which it continues.
    pub(crate) async fn rows(&self, index_query: &IndexQuery, page: PageOf<'_>) -> Result<Listed<Item>, StoreError> {
        let (condition, filter, names, mut values) = index_query.expressions();
        let place =
            |row: &Item| row.get(index_query.sort).and_then(|place| place.as_s().ok()).cloned().unwrap_or_default();
        let after = page.after.map(str::to_owned);
        let (first, last) = index_query.between.clone();
        // Both ends are inclusive: the row of `after` is read again and removed below.
        let (first, last) = match &after {
            Some(after) if index_query.is_forward => (after.clone().max(first), last),
            Some(after) => (first, after.clone().min(last)),
            None => (first, last),
        };
        if first > last {
            return Ok(Listed { items: Vec::new(), next: None });
        }
        values.extend([(":first".to_owned(), s(first)), (":last".to_owned(), s(last))]);
        let query = self
            .client
            .query()
            .table_name(self.table(index_query.table))
            .set_index_name(index_query.index.map(str::to_owned))
            .key_condition_expression(condition)
            .set_filter_expression(filter)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .scan_index_forward(index_query.is_forward)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut items: Vec<Item> = Vec::new();
        let (mut rows_read, mut start) = (0, None);
        while let Some(rows) = index_query.next_rows(page, items.len(), rows_read) {
            let again = usize::from(rows_read == 0 && after.is_some());
            let call = query
                .clone()
                .limit(i32::try_from(rows + again).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start.take());
            let answer = call.send().await.map_err(StoreError::of)?;
            rows_read += usize::try_from(answer.scanned_count).unwrap_or_default();
            let found = answer.items.unwrap_or_default();
            items.extend(found.into_iter().filter(|row| Some(place(row)) != after));
            start = answer.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        let next = if items.len() > page.limit {
            items.truncate(page.limit);
            items.last().map(place)
        } else {
            start.as_ref().map(place)
        };
        Ok(Listed { items, next })
    }
}
