//! The services that functions call.

use serde::{Deserialize, Serialize};

/// A service that functions call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// The tables.
    Dynamodb,
    /// The queues.
    Sqs,
    /// Mail.
    Ses,
    /// Secrets Manager.
    Secrets,
    /// Google's token endpoint and keys.
    Google,
    /// GitHub's token endpoint and API.
    Github,
    /// Stripe's API.
    Stripe,
    /// Files.
    S3,
    /// The chat model.
    Ai,
}
