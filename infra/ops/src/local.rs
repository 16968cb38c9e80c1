//! The tables and queues of a stack on this machine: its console says where they are.

use crate::aws::timeouts;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tollgate_platform::aws::Endpoints;
use tollgate_platform::{Env, Outbound};
use tollgate_store::Store;

/// Where `cargo run` listens unless an option changes it.
pub const LOCAL: &str = "http://127.0.0.1:8080";

/// No stack answers at this address.
#[derive(Debug, thiserror::Error)]
#[error("no stack answers at {url}: start one with `cargo run` ({reason})")]
pub struct UnreachableStack {
    url: String,
    reason: String,
}

/// The addresses of a stack on this machine that replace those of AWS.
#[derive(Deserialize)]
pub struct LocalStack {
    #[serde(skip)]
    pub(crate) url: String,
    tables_url: String,
    aws_url: String,
    table_prefix: String,
    pub(crate) now: Timestamp,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) files: FileCredentials,
    /// The file of the functions' logs.
    pub(crate) log: Option<PathBuf>,
}

/// The credentials that sign the addresses of files.
#[derive(Deserialize)]
pub(crate) struct FileCredentials {
    access_key: String,
    secret_key: String,
}

impl LocalStack {
    /// Its tables.
    #[must_use]
    pub fn store(&self) -> Store {
        Store::new(&self.sdk(), &self.table_prefix)
    }

    /// Its queues.
    #[must_use]
    pub fn queues(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk())
    }

    /// Makes the stack read what this process has written to the outbox. It notices the writes of its own functions
    /// itself.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) async fn announce_write(&self) -> Result<(), UnreachableStack> {
        let unreachable = |reason: String| UnreachableStack { url: self.url.clone(), reason };
        let request = http::Request::post(format!("{}/_local/stream", self.url)).body(Vec::new());
        let request = request.map_err(|error| unreachable(error.to_string()))?;
        let answer = Outbound::system().send(request).await.map_err(|error| unreachable(error.to_string()))?;
        if answer.status().is_success() { Ok(()) } else { Err(unreachable(format!("it answers {}", answer.status()))) }
    }

    /// The settings of a client for its tables and queues.
    pub(crate) fn sdk(&self) -> SdkConfig {
        self.sdk_as(Credentials::new("local", "local", None, None, "local"))
    }

    /// The same, for files.
    pub(crate) fn files_sdk(&self) -> SdkConfig {
        let FileCredentials { access_key, secret_key } = &self.files;
        self.sdk_as(Credentials::new(access_key, secret_key, None, None, "local"))
    }

    fn sdk_as(&self, credentials: Credentials) -> SdkConfig {
        let endpoints = [
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.tables_url),
            ("AWS_ENDPOINT_URL_SQS", &self.aws_url),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.aws_url),
        ];
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .timeout_config(timeouts())
            .service_config(Endpoints(Env::from_pairs(endpoints.map(|(name, url)| (name, url.clone())))))
            .build()
    }
}

/// The stack at `url`.
///
/// # Errors
/// When the stack does not answer.
pub async fn local_stack(url: &str) -> Result<LocalStack, UnreachableStack> {
    let url = url.trim_end_matches('/');
    let unreachable = |reason: String| UnreachableStack { url: url.to_owned(), reason };
    let request = http::Request::get(format!("{url}/_local"))
        .header("accept", "application/json")
        .body(Vec::new())
        .map_err(|error| unreachable(error.to_string()))?;
    let answer = Outbound::system().send(request).await.map_err(|error| unreachable(error.to_string()))?;
    let stack: LocalStack = serde_json::from_slice(answer.body()).map_err(|error| unreachable(error.to_string()))?;
    Ok(LocalStack { url: url.to_owned(), ..stack })
}

/// The tables of the stack at `url`.
///
/// # Errors
/// When the stack does not answer.
pub async fn local_store(url: &str) -> Result<Store, UnreachableStack> {
    Ok(local_stack(url).await?.store())
}
