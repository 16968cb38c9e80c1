//! The tables of a stack on this machine: its desk says where they are.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use serde::Deserialize;
use tollgate_platform::Outbound;
use tollgate_store::Store;

/// Where `cargo run` listens unless it is told otherwise.
pub const LOCAL: &str = "http://127.0.0.1:8080";

/// No stack answers at this address.
#[derive(Debug, thiserror::Error)]
#[error("no stack answers at {url}: start one with `cargo run` ({reason})")]
pub struct UnreachableStack {
    url: String,
    reason: String,
}

#[derive(Deserialize)]
struct Desk {
    tables_url: String,
    table_prefix: String,
}

/// The tables of the stack at `url`.
///
/// # Errors
/// When there is none.
pub async fn local_store(url: &str) -> Result<Store, UnreachableStack> {
    let unreachable = |reason: String| UnreachableStack { url: url.to_owned(), reason };
    let request = http::Request::get(format!("{}/_local", url.trim_end_matches('/')))
        .header("accept", "application/json")
        .body(Vec::new())
        .map_err(|error| unreachable(error.to_string()))?;
    let answer = Outbound::system().send(request).await.map_err(|error| unreachable(error.to_string()))?;
    let desk: Desk = serde_json::from_slice(answer.body()).map_err(|error| unreachable(error.to_string()))?;
    let credentials = Credentials::new("local", "local", None, None, "local");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(desk.tables_url)
        .build();
    Ok(Store::new(&sdk, desk.table_prefix))
}
