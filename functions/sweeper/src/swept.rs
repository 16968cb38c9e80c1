//! The result of a sweep.

use serde::Serialize;
use tollgate_convergence::ConvergeError;
use tollgate_store::StoreError;
use tollgate_stripe::GatewayError;

/// The result of a sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// How many users were synchronised, messages resent, accounts removed, or users counted.
    pub handled: usize,
}

/// Why a sweep is incomplete. The next one continues with the rest.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The tables did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stripe did not answer.
    #[error(transparent)]
    Stripe(#[from] GatewayError),
    /// Some users failed; all others are done.
    #[error("{failed} users could not be handled, the last error was: {last}")]
    Some {
        /// The number.
        failed: usize,
        /// The error of the last one.
        last: ConvergeError,
    },
    /// Some messages were refused by their queues; all others are sent.
    #[error("{0} messages were not sent")]
    NotSent(usize),
}

/// Counts successes and failures.
#[derive(Default)]
pub struct Tally {
    pub handled: usize,
    pub failed: usize,
    pub last: Option<ConvergeError>,
}

impl Tally {
    pub fn count(&mut self, result: Result<usize, ConvergeError>) {
        match result {
            Ok(handled) => self.handled += handled,
            Err(error) => {
                tracing::error!(%error, "a user failed");
                self.failed += 1;
                self.last = Some(error);
            }
        }
    }

    pub fn end(self) -> Result<Swept, SweepError> {
        match self.last {
            None => Ok(Swept { handled: self.handled }),
            Some(last) => Err(SweepError::Some { failed: self.failed, last }),
        }
    }
}
