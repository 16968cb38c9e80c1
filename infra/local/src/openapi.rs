//! The OpenAPI document.

use crate::stack::FUNCTIONS;
use serde_json::Value;
use std::sync::LazyLock;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| tollgate_http::openapi::document(FUNCTIONS.iter().filter_map(|function| function.openapi())));

/// The whole document, of the parts of the functions.
#[must_use]
pub fn document() -> &'static Value {
    &DOCUMENT
}
