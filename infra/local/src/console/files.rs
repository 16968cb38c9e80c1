//! The files of the fake S3, for a browser.

use super::state::Console;
use crate::s3;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use http::{HeaderMap, Method};

/// A file, by its presigned address.
pub async fn file(
    State(console): State<Console>,
    uri: OriginalUri,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let s3 = s3::FakeS3 { documents: console.fakes.documents.clone(), clock: console.clock.clone() };
    let call = s3::Call { method: &method, uri: &uri, headers: &headers, body: &body };
    // The access key, which is the function's name, says who signed.
    let signer = |key: &str| ["admin", "reports"].into_iter().find(|function| *function == key);
    s3.answer(&call, |key, action| {
        signer(key).is_some_and(|function| console.fault_injector.of(function).allows_file(action))
    })
}
