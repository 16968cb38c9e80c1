//! Lists, entry by entry. An entry that cannot be read is logged and left out, and the others are used: one object in the
//! account that Stripe has given a new shape, perhaps one that is not ours, holds up nobody else.
//!
//! What follows from an entry that is left out is that what is stored of it stays as it is. Convergence rests on this: it
//! changes the subscriptions and payments that it sees and no others, so no access ends and nothing is paid back because an
//! entry could not be read. Two kinds of list are read whole or not at all, because there the absence of an entry means
//! something: the customers (whoever is not listed is gone) and the payments of an invoice that is to be refunded (what is not
//! listed is not refunded, and never will be). `objects` asks for so little that in practice neither happens.

use crate::client::{Gateway, GatewayError};
use crate::objects::Metadata;
use crate::reads::Unreadable;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How many entries one call asks for, the newest: as many as Stripe gives.
const NEWEST: i64 = 100;

/// Which entries a list is to have.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ListParams<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Since>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
    /// What is to be sent in the place of its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expand: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice: Option<&'a str>,
    /// Set for every list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starting_after: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'a str>,
}

/// From a moment on.
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

impl Gateway {
    /// The first hundred entries of the list at `path`.
    pub(crate) async fn list(&self, path: &str, mut params: ListParams<'_>) -> Result<List, GatewayError> {
        params.limit = Some(NEWEST);
        self.get(path, &params).await
    }
}

impl List {
    /// After which id the next page starts; `None` on the last page.
    pub(crate) fn next(&self) -> Result<Option<String>, GatewayError> {
        if !self.has_more {
            return Ok(None);
        }
        let last = self.data.iter().rev().find_map(|entry| entry["id"].as_str());
        last.map(|id| Some(id.to_owned())).ok_or_else(|| GatewayError::unreadable("a page of a list without an id"))
    }

    /// What `of` makes of the entries that can be read.
    pub(crate) fn read<T: DeserializeOwned, U>(&self, of: impl Fn(T) -> Result<Option<U>, Unreadable>) -> Vec<U> {
        let read = |entry: &Value| match T::deserialize(entry).map_err(|_| Unreadable).and_then(&of) {
            Ok(read) => read,
            Err(Unreadable) => {
                let text = |name: &str| entry[name].as_str().unwrap_or_default();
                tracing::warn!(object = text("object"), id = text("id"), "an object at Stripe is left out: unreadable");
                None
            }
        };
        self.data.iter().filter_map(read).collect()
    }

    /// The entries as they are, if each of them can be read.
    pub(crate) fn read_whole<T: DeserializeOwned>(&self) -> Result<Vec<T>, GatewayError> {
        self.data.iter().map(T::deserialize).collect::<Result<_, _>>().map_err(GatewayError::unreadable)
    }

    /// The id of the first entry that an attempt made.
    pub(crate) fn id_of_attempt<T: DeserializeOwned>(
        &self,
        attempt: &str,
        of: impl Fn(T) -> (String, Metadata),
    ) -> Option<String> {
        let made = self.read(|entry| Ok(Some(of(entry))));
        made.into_iter().find(|(_, metadata)| is_of(metadata, attempt)).map(|(id, _)| id)
    }
}

/// Whether an object was made by an attempt.
pub(crate) fn is_of(metadata: &Metadata, attempt: &str) -> bool {
    metadata.get(crate::ATTEMPT).is_some_and(|id| id == attempt)
}
