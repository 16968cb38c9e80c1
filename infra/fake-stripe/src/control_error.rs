//! The errors of the controls.

use crate::error::Fault;

/// It cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// There is no such object.
    #[error("no such object")]
    NotFound,
    /// It is in no state for that.
    #[error("{0}")]
    Refused(String),
}

impl From<Fault> for ControlError {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault.message)
    }
}
