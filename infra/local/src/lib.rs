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
pub mod openapi;
pub mod permissions;
mod providers;
mod queues;
mod s3;
mod schedules;
pub mod service;
mod snapshot;
mod stack;
pub mod statements;
pub mod steps;
mod transactions;
mod unprocessed;
mod webhooks;

pub use aws_endpoints::{AwsEndpoints, SAMPLE_CODES_SECRET, put_sample_rows};
pub use documents::TABLE_PREFIX;
pub use environment::{STRIPE_WEBHOOK_URL, settings};
pub use error::StartError;
pub use event_sources::STREAM_RETRIES;
pub use functions::{Function, http_function};
pub use queues::QUEUES;
pub use s3::SECRET_KEY as BUCKET_SECRET_KEY;
pub use snapshot::{Snapshot, SnapshotError};
pub use stack::{Data, DeployedFunction, FUNCTIONS, Options, Source, Stack, variables_read_by};
pub use tollgate_auth::PasswordCost;
pub use tollgate_sql::Limits as ReportLimits;

/// The paths that the template routes to `pages` in addition to those of its document.
pub const FILE_PATHS: &[&str] = tollgate_pages::FILE_PATHS;
