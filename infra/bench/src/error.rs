//! Why there is nothing to report: one line for a person.

use std::fmt::Display;

/// Why there is nothing to report.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BenchError(String);

impl BenchError {
    /// What was being done, and what came of it.
    pub fn new(doing: impl Display, cause: impl Display) -> Self {
        Self(format!("{doing}: {cause}"))
    }
}

/// Says what was being done when it failed.
pub trait While<T> {
    /// # Errors
    /// With `doing` before the cause.
    fn doing(self, doing: impl Display) -> Result<T, BenchError>;
}

impl<T, E: Display> While<T> for Result<T, E> {
    fn doing(self, doing: impl Display) -> Result<T, BenchError> {
        self.map_err(|cause| BenchError::new(doing, cause))
    }
}
