//! Lists: pages and cursors.

use crate::openapi::{Describe, refuse};
use crate::{ApiError, FieldError};
use axum::extract::{FromRequestParts, Query};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::str::FromStr;
use tollgate_domain::gate::Gate;
use tollgate_domain::session::Session;
use tollgate_domain::{SessionId, UserId};
use tollgate_store::roles::ReadSessions;
use tollgate_store::{Consistency, Listed, PageOf, Store};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

/// The longest cursor: keys of lists stay below DynamoDB's limit.
const MAX_CURSOR_CHARS: usize = 600;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page; `null` on the last.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// An empty page of a list.
    #[must_use]
    pub const fn empty() -> Self {
        Self { items: Vec::new(), next_cursor: None }
    }

    /// A page of a list from the tables, each item as `shown`.
    pub fn of<R>(listed: Listed<R>, cursor: &Cursor<'_>, shown: impl FnMut(R) -> T) -> Self {
        Self {
            items: listed.items.into_iter().map(shown).collect(),
            next_cursor: listed.next.map(|place| cursor.after(&place)),
        }
    }
}

/// A page of the live sessions of `gate`, newest first, for a caller in the session `current`.
///
/// # Errors
/// `invalid_cursor`, or when the tables do not answer.
pub async fn sessions_page<R: ReadSessions>(
    store: &Store<R>,
    (gate, consistency): (&Gate, Consistency),
    current: &SessionId,
    cursor: &Cursor<'_>,
    query: &PageQuery,
    now: Timestamp,
) -> Result<Page<Session>, ApiError> {
    let before = query.after(cursor)?.map(|key| key.parse::<SessionId>()).transpose();
    let before = before.map_err(|_| ApiError::InvalidCursor)?;
    // Ids sort by time.
    let live = gate.sessions.iter().rev().filter(|(_, end)| now < **end).map(|(id, _)| *id);
    let mut ids: Vec<_> = live.filter(|id| before.is_none_or(|before| *id < before)).take(query.limit + 1).collect();
    let more = ids.len() > query.limit;
    ids.truncate(query.limit);
    let next = ids.last().filter(|_| more).map(ToString::to_string);
    let items = store.sessions(&gate.user_id, &ids, consistency).await?;
    Ok(Page::of(Listed { items, next }, cursor, |row| row.into_session(current)))
}

/// The parameters of a list.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// The largest number of items.
    #[param(minimum = 1, maximum = 100, default = 20, required = false)]
    pub limit: usize,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 900)]
    pub cursor: Option<String>,
}

impl PageQuery {
    /// The key after which the page begins, unless it is the first.
    ///
    /// # Errors
    /// `invalid_cursor` when the cursor does not belong to this list and reader.
    pub fn after(&self, cursor: &Cursor<'_>) -> Result<Option<String>, ApiError> {
        self.cursor.as_deref().map(|text| cursor.key(text)).transpose()
    }

    /// The page request for the tables, from this place on.
    #[must_use]
    pub fn of<'a>(&self, after: Option<&'a str>) -> PageOf<'a> {
        PageOf { after, limit: self.limit }
    }
}

/// The filters of a list in the query: absent ones do not filter. Names other than these and the page's own are
/// refused.
#[derive(Debug, Clone)]
pub struct Filters<F>(pub F);

/// The filters of a list without any.
#[derive(Debug, Clone, Deserialize)]
pub struct NoFilters {}

impl IntoParams for NoFilters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        Vec::new()
    }
}

impl<F: DeserializeOwned + IntoParams, S: Send + Sync> FromRequestParts<S> for Filters<F> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let own = F::into_params(|| None).into_iter().chain(PageQuery::into_params(|| None));
        let known: Vec<_> = own.map(|parameter| parameter.name).collect();
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(pairs) = pairs.map_err(|_| ApiError::InvalidFilter("The query"))?;
        if pairs.iter().any(|(name, _)| !known.contains(name)) {
            return Err(ApiError::UnknownFilter(known));
        }
        Parameters::from_request_parts(parts, state).await.map(|Parameters(filters)| Self(filters))
    }
}

/// The parameters of a query that is not a list's: unknown ones are ignored.
#[derive(Debug, Clone)]
pub struct Parameters<P>(pub P);

impl<P: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(pairs) = pairs.map_err(|_| ApiError::InvalidFilter("The query"))?;
        let mut names = HashSet::new();
        for (name, _) in &pairs {
            if !names.insert(name) {
                return Err(ApiError::RepeatedParameter(name.clone()));
            }
        }
        let query = Query::<P>::from_request_parts(parts, state).await;
        query.map(|Query(parameters)| Self(parameters)).map_err(|_| ApiError::InvalidFilter("The query"))
    }
}

impl<F> Describe for Filters<F> {
    fn describe(operation: &mut Operation) {
        refuse(operation, [ApiError::InvalidFilter("")]);
    }
}

impl<P> Describe for Parameters<P> {
    fn describe(operation: &mut Operation) {
        refuse(operation, [ApiError::InvalidFilter("")]);
    }
}

/// The value of the filter `name`, if it is given.
///
/// # Errors
/// `invalid_filter` when it is not valid; an empty one counts as absent.
pub fn filter<T: FromStr>(name: &'static str, text: Option<&str>) -> Result<Option<T>, ApiError> {
    text.map(|text| text.parse().map_err(|_| ApiError::InvalidFilter(name))).transpose()
}

/// A text that is not an id: its object does not exist, so that the filtered list is empty.
#[derive(Debug, Clone, Copy)]
pub struct NoSuchIdError;

/// The id in a filter, if it is given.
///
/// # Errors
/// For a text that is not an id of that kind.
pub fn id_filter<T: FromStr>(text: Option<&str>) -> Result<Option<T>, NoSuchIdError> {
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(|_| NoSuchIdError)).transpose()
}

impl<S: Send + Sync> FromRequestParts<S> for PageQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        struct Raw {
            limit: Option<String>,
            cursor: Option<String>,
        }
        let wrong = |field: &str, message: &str| ApiError::Validation(FieldError::new(field, message));
        let Query(raw) = Query::<Raw>::from_request_parts(parts, state)
            .await
            .map_err(|_| wrong("limit", "The query could not be read."))?;
        let limit = match raw.limit {
            None => 20,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=100).contains(limit))
                .ok_or_else(|| wrong("limit", "limit is a whole number from 1 to 100."))?,
        };
        Ok(Self { limit, cursor: raw.cursor })
    }
}

impl Describe for PageQuery {
    fn describe(operation: &mut Operation) {
        refuse(operation, [ApiError::InvalidCursor, ApiError::Validation(FieldError::new("limit", ""))]);
    }
}

/// The last key of a page with a checksum over the list and its reader. It names no partition, so a forged one has no
/// effect; the checksum detects a cursor of another list or another user.
pub struct Cursor<'a> {
    /// The list, with its filters.
    pub list: &'a str,
    /// The reader.
    pub reader: UserId,
}

impl Cursor<'_> {
    /// The name of the list under `path` with these filters.
    #[must_use]
    pub fn list(path: &str, filters: &impl Serialize) -> String {
        // A struct of texts: it can always be written as JSON.
        format!("{path} {}", serde_json::to_string(filters).unwrap_or_default())
    }

    /// The cursor after `key`.
    #[must_use]
    pub fn after(&self, key: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{key}.{:016x}", self.checksum(key)))
    }

    /// The key after which `cursor` continues.
    ///
    /// # Errors
    /// `invalid_cursor` when it does not belong to this list and reader.
    pub fn key(&self, cursor: &str) -> Result<String, ApiError> {
        let short = Some(cursor).filter(|cursor| cursor.len() <= MAX_CURSOR_CHARS);
        let bytes = short.and_then(|cursor| URL_SAFE_NO_PAD.decode(cursor).ok());
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let parts = text.as_ref().and_then(|text| text.rsplit_once('.'));
        let (key, checksum) = parts.ok_or(ApiError::InvalidCursor)?;
        let is_own = checksum == format!("{:016x}", self.checksum(key));
        if is_own { Ok(key.to_owned()) } else { Err(ApiError::InvalidCursor) }
    }

    /// FNV-1a, 64 bits.
    fn checksum(&self, key: &str) -> u64 {
        let reader = self.reader.to_string();
        let bytes = [self.list, &reader, key].join("\n");
        bytes.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_valid_only_for_its_list_and_reader() {
        let reader = |byte| UserId::new(jiff::Timestamp::UNIX_EPOCH, [byte; 10]);
        let own = Cursor { list: "/sessions", reader: reader(1) };
        let cursor = own.after("ses_1");
        assert_eq!(own.key(&cursor).ok().as_deref(), Some("ses_1"));
        let other_list = Cursor { list: "/other", ..own };
        let other_reader = Cursor { list: "/sessions", reader: reader(2) };
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(&cursor).unwrap()).unwrap();
        let forged = URL_SAFE_NO_PAD.encode(plain.replace("ses_1", "ses_2"));
        for (reader, text) in
            [(&other_list, &cursor), (&other_reader, &cursor), (&own, &forged), (&own, &String::new())]
        {
            assert!(reader.key(text).is_err());
        }
    }
}
