//! Lists: pages and cursors.

use crate::{ApiError, FieldError};
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use tollgate_domain::UserId;
use utoipa::{IntoParams, ToSchema};

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one starts; `null` on the last.
    pub next_cursor: Option<String>,
}

/// What of a list is asked for.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items at the most.
    #[param(minimum = 1, maximum = 100, default = 20, required = false)]
    pub limit: usize,
    /// Where to go on: `next_cursor` of the page before.
    pub cursor: Option<String>,
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

/// The last key of a page with a checksum over the list and its reader. It names no partition, so there is nothing to
/// forge; the checksum tells a cursor of another list or another user.
pub struct Cursor<'a> {
    /// Which list, filters included.
    pub list: &'a str,
    /// Who reads it.
    pub reader: UserId,
}

impl Cursor<'_> {
    /// The cursor after `key`.
    #[must_use]
    pub fn after(&self, key: &str) -> String {
        format!("{key}.{:016x}", self.checksum(key))
    }

    /// The key that `cursor` goes on after.
    ///
    /// # Errors
    /// `invalid_cursor` when it is not one of this list and reader.
    pub fn key<'c>(&self, cursor: &'c str) -> Result<&'c str, ApiError> {
        let (key, checksum) = cursor.rsplit_once('.').ok_or(ApiError::InvalidCursor)?;
        if checksum == format!("{:016x}", self.checksum(key)) { Ok(key) } else { Err(ApiError::InvalidCursor) }
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
    fn a_cursor_is_good_for_its_own_list_and_reader_alone() {
        let reader = |byte| UserId::new(jiff::Timestamp::UNIX_EPOCH, [byte; 10]);
        let own = Cursor { list: "/sessions", reader: reader(1) };
        let cursor = own.after("ses_1");
        assert_eq!(own.key(&cursor).ok(), Some("ses_1"));
        let other_list = Cursor { list: "/other", ..own };
        let other_reader = Cursor { list: "/sessions", reader: reader(2) };
        let forged = cursor.replace("ses_1", "ses_2");
        for (judge, text) in [(&other_list, &cursor), (&other_reader, &cursor), (&own, &forged), (&own, &String::new())]
        {
            assert!(judge.key(text).is_err());
        }
    }
}
