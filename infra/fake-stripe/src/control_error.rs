//! The errors of the controls.

use crate::error::ApiError;

/// Why an action is not possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// There is no such object.
    #[error("no such object")]
    NotFound,
    /// The object is in the wrong state for it.
    #[error("{0}")]
    Refused(String),
}

impl From<ApiError> for ControlError {
    fn from(fault: ApiError) -> Self {
        Self::Refused(fault.message)
    }
}
