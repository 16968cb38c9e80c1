//! The error of a stack that does not start: one line for a person.

use crate::documents::DatabaseError;
use crate::event_sources::EventSourceError;
use std::io;
use tollgate_platform::ConfigError;
use tollgate_store::StoreError;

/// Why a stack did not start: one line for a person.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program uses the port.
    #[error("port {0} is taken: choose another one with --port")]
    PortTaken(u16),
    /// A setting is wrong.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The folder cannot be used.
    #[error("--data {folder}: {reason}")]
    Data {
        /// The folder.
        folder: String,
        /// The reason.
        reason: String,
    },
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl From<DatabaseError> for StartError {
    fn from(error: DatabaseError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<EventSourceError> for StartError {
    fn from(error: EventSourceError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
