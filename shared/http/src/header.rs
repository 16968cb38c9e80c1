//! The text of a header.

use http::{HeaderMap, HeaderName};
use std::borrow::Cow;

/// The text of a header. A byte that is not UTF-8 becomes U+FFFD and changes no other character.
pub fn header_text(headers: &HeaderMap, name: HeaderName) -> Cow<'_, str> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default()
}
