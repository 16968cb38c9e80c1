//! The errors of a table, as far as callers distinguish them.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::error::display::DisplayErrorContext;
use std::error::Error;

/// A call without a usable answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Throttled, timed out or down, after bounded retries, or a table or permission is missing: the caller may try
    /// again later (503).
    #[error("DynamoDB is unavailable: {0}")]
    Unavailable(String),
    /// An item that neither this version nor an earlier one writes.
    #[error("corrupt item in {table}: {detail}")]
    Corrupt {
        /// Its table.
        table: &'static str,
        /// What is wrong with it; never its content.
        detail: String,
    },
    /// A state that the conditions of all writes exclude, or a call that DynamoDB cannot read: a bug.
    #[error("unexpected: {0}")]
    Unexpected(String),
}

impl StoreError {
    /// Classifies the error of a call.
    pub(crate) fn of<E, R>(error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        // Errors that no deployment and no retry can fix. A missing table or permission is a fault of the deployment:
        // the caller gets 503, and the log names it.
        let refused = matches!(
            error.as_service_error().and_then(ProvideErrorMetadata::code),
            Some("ValidationException" | "SerializationException" | "ConditionalCheckFailedException")
        );
        let text = DisplayErrorContext(error).to_string();
        if refused { Self::Unexpected(text) } else { Self::Unavailable(text) }
    }
}
