//! Why a message is received again.

use tollgate_convergence::ConvergeError;
use tollgate_platform::sqs::MessageError;
use tollgate_store::StoreError;
use tollgate_stripe::GatewayError;

/// Why a message is received again.
#[derive(Debug, thiserror::Error)]
pub enum HandlingError {
    #[error("the queue's message is not readable")]
    Unreadable,
    #[error("another receive holds it")]
    HeldByAnother,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Stripe(#[from] GatewayError),
    #[error(transparent)]
    Converge(#[from] ConvergeError),
}

impl MessageError for HandlingError {
    fn is_poison(&self) -> bool {
        matches!(self, Self::Unreadable)
    }
}
