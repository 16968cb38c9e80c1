//! Lists, entry by entry. An entry that cannot be read is logged and left out, and the others are used: an object with
//! a new shape, or one that is not ours, does not stop the work for other users.
//!
//! The stored state of an omitted object stays unchanged. Convergence guarantees this: it changes only the
//! subscriptions and payments that it sees. So no access ends and no payment is refunded because an entry could not be
//! read. The list of the customers is read completely or not at all, because there an absent entry means that the
//! customer was deleted. `objects` requires so few fields that an entry of ours is practically always readable.

use crate::client::{Gateway, GatewayError};
use crate::metadata::ATTEMPT;
use crate::objects::Metadata;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The entries of one call: Stripe's maximum.
const NEWEST: i64 = 100;

/// The parameters of every list.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ListParams<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Since>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
    /// The fields that are sent as objects instead of ids.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub expand: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice: Option<&'a str>,
    /// Set by [`Gateway::list`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starting_after: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'a str>,
}

/// From a time on.
#[derive(Debug, Serialize)]
pub(crate) struct Since {
    gte: i64,
}

impl From<Timestamp> for Since {
    fn from(at: Timestamp) -> Self {
        Self { gte: at.as_second() }
    }
}

/// A list, or a page of one, as Stripe sent it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct List {
    data: Vec<Value>,
    has_more: bool,
}

/// An object that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnreadableError;

/// An entry of a list that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnreadableEntry {
    /// The kind of object, by Stripe's name.
    pub object: String,
    /// Stripe's id.
    pub id: String,
}

impl UnreadableEntry {
    /// Logs that it is left out.
    pub fn log(&self) {
        tracing::warn!(object = self.object, id = self.id, "a Stripe object cannot be read and is left out");
    }
}

impl Gateway {
    /// The first hundred entries of the list at `path`.
    pub(crate) async fn list(&self, path: &str, mut params: ListParams<'_>) -> Result<List, GatewayError> {
        params.limit = Some(NEWEST);
        self.get(path, &params).await
    }
}

impl List {
    /// The entries as Stripe sent them.
    pub(crate) fn entries(&self) -> &[Value] {
        &self.data
    }

    /// The id after which the next page starts; `None` on the last page.
    pub(crate) fn next(&self) -> Result<Option<String>, GatewayError> {
        if !self.has_more {
            return Ok(None);
        }
        let last = self.data.iter().rev().find_map(|entry| entry["id"].as_str());
        last.map(|id| Some(id.to_owned())).ok_or_else(|| GatewayError::unreadable("a page of a list without an id"))
    }

    /// The readable entries, converted by `of`. The others are logged.
    pub(crate) fn read<T: DeserializeOwned, U>(&self, of: impl Fn(T) -> Result<Option<U>, UnreadableError>) -> Vec<U> {
        let (read, unreadable) = self.split(of);
        unreadable.iter().for_each(UnreadableEntry::log);
        read
    }

    /// The readable entries, converted by `of`, and the others.
    pub(crate) fn split<T: DeserializeOwned, U>(
        &self,
        of: impl Fn(T) -> Result<Option<U>, UnreadableError>,
    ) -> (Vec<U>, Vec<UnreadableEntry>) {
        let (mut readable, mut unreadable) = (Vec::new(), Vec::new());
        for entry in &self.data {
            match T::deserialize(entry).map_err(|_| UnreadableError).and_then(&of) {
                Ok(read) => readable.extend(read),
                Err(UnreadableError) => {
                    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
                    unreadable.push(UnreadableEntry { object: text("object"), id: text("id") });
                }
            }
        }
        (readable, unreadable)
    }

    /// The number of its entries.
    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }

    /// The unconverted entries, if each of them can be read.
    pub(crate) fn read_whole<T: DeserializeOwned>(&self) -> Result<Vec<T>, GatewayError> {
        self.data.iter().map(T::deserialize).collect::<Result<_, _>>().map_err(GatewayError::unreadable)
    }

    /// The id of the first entry that an attempt created.
    pub(crate) fn id_of_attempt<T: DeserializeOwned>(
        &self,
        attempt: &str,
        of: impl Fn(T) -> (String, Metadata),
    ) -> Option<String> {
        let made = self.read(|entry| Ok(Some(of(entry))));
        made.into_iter().find(|(_, metadata)| is_of(metadata, attempt)).map(|(id, _)| id)
    }
}

/// Whether an attempt created an object.
pub(crate) fn is_of(metadata: &Metadata, attempt: &str) -> bool {
    metadata.get(ATTEMPT).is_some_and(|id| id == attempt)
}
