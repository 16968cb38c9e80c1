//! The error of the bench: one line for a person.

use std::fmt::Display;

/// Why a benchmark failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BenchError(String);

impl BenchError {
    /// What was done, and how it failed.
    pub fn new(doing: impl Display, cause: impl Display) -> Self {
        Self(format!("{doing}: {cause}"))
    }
}

/// Adds what was done to an error.
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
