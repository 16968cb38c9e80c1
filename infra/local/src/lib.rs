//! The whole system on one machine: the functions in this process behind a gateway, DynamoDB by an embedded engine,
//! small fakes of the other AWS services, and a dev console. The functions do not know it: they only see endpoints in
//! their environment. None of it is compiled into a deployed function.

mod ai;
mod aws_endpoints;
pub mod clock;
mod connectors;
mod console;
mod contract;
mod denials;
mod documents;
mod engine;
mod environment;
mod error;
mod event_sources;
mod failures;
mod fakes;
pub mod faults;
mod functions;
mod gateway;
mod invocation;
pub mod log_lines;
pub mod moved_clock;
pub mod permissions;
mod providers;
mod queues;
mod s3;
mod schedules;
pub mod service;
mod snapshot;
mod stack;
pub mod steps;
mod transactions;
mod unprocessed;
mod webhooks;

pub use aws_endpoints::{AwsEndpoints, SAMPLE_CODES_SECRET, put_sample_rows};
pub use environment::{SETTINGS, STRIPE_WEBHOOK_URL};
pub use error::StartError;
pub use event_sources::STREAM_RETRIES;
pub use functions::{Function, http_function};
pub use queues::QUEUES;
pub use s3::SECRET_KEY as BUCKET_SECRET_KEY;
pub use schedules::SCHEDULES;
pub use snapshot::{Snapshot, SnapshotError};
pub use stack::{Data, Options, Stack};
pub use tollgate_sql::Limits as ReportLimits;

/// The OpenAPI document: the part of each function, and the whole document.
pub mod openapi {
    use serde_json::{Value, json};
    use std::sync::LazyLock;

    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        tollgate_http::openapi::document([
            tollgate_auth::openapi(),
            tollgate_admin::openapi(),
            tollgate_billing::openapi(),
            tollgate_example::openapi(),
            tollgate_stripe_webhook::openapi(),
            tollgate_pages::openapi(),
        ])
    });

    /// The part of `auth`: its paths are the gateway's routes to it.
    #[must_use]
    pub fn auth() -> Value {
        json!(tollgate_auth::openapi())
    }

    /// The part of `admin`.
    #[must_use]
    pub fn admin() -> Value {
        json!(tollgate_admin::openapi())
    }

    /// The part of `billing`.
    #[must_use]
    pub fn billing() -> Value {
        json!(tollgate_billing::openapi())
    }

    /// The part of `stripe-webhook`.
    #[must_use]
    pub fn stripe_webhook() -> Value {
        json!(tollgate_stripe_webhook::openapi())
    }

    /// The part of `example`.
    #[must_use]
    pub fn example() -> Value {
        json!(tollgate_example::openapi())
    }

    /// The part of `pages`.
    #[must_use]
    pub fn pages() -> Value {
        json!(tollgate_pages::openapi())
    }

    /// The whole document.
    #[must_use]
    pub fn document() -> &'static Value {
        &DOCUMENT
    }
}

/// The paths that the template routes to `pages` in addition to those of its document.
pub const FILE_PATHS: &[&str] = tollgate_pages::FILE_PATHS;

/// The prefix of the local tables.
pub const TABLE_PREFIX: &str = "tollgate-";
