//! The tables and queues of a stack on this machine: its dev console says where they are.

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

/// Where a stack on this machine serves what it has in place of AWS.
#[derive(Deserialize)]
pub struct LocalStack {
    tables_url: String,
    aws_url: String,
    table_prefix: String,
}

impl LocalStack {
    /// Its tables.
    #[must_use]
    pub fn store(&self) -> Store {
        Store::new(&sdk(&self.tables_url), &self.table_prefix)
    }

    /// Its queues.
    #[must_use]
    pub fn queues(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&sdk(&self.aws_url))
    }
}

fn sdk(url: &str) -> SdkConfig {
    let credentials = Credentials::new("local", "local", None, None, "local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(url)
        .build()
}

/// The stack at `url`.
///
/// # Errors
/// When there is none.
pub async fn local_stack(url: &str) -> Result<LocalStack, UnreachableStack> {
    let unreachable = |reason: String| UnreachableStack { url: url.to_owned(), reason };
    let request = http::Request::get(format!("{}/_local", url.trim_end_matches('/')))
        .header("accept", "application/json")
        .body(Vec::new())
        .map_err(|error| unreachable(error.to_string()))?;
    let answer = Outbound::system().send(request).await.map_err(|error| unreachable(error.to_string()))?;
    serde_json::from_slice(answer.body()).map_err(|error| unreachable(error.to_string()))
}

/// The tables of the stack at `url`.
///
/// # Errors
/// When there is none.
pub async fn local_store(url: &str) -> Result<Store, UnreachableStack> {
    Ok(local_stack(url).await?.store())
}
