//! The outcome of a payment.

use serde::Deserialize;

/// The outcome of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It succeeds.
    #[default]
    Paid,
    /// The card is refused.
    Failed,
    /// The card's owner must consent.
    ActionRequired,
    /// A bank debit begins, which succeeds after a day.
    Processing,
    /// A bank debit begins, which fails after eight days.
    ProcessingFails,
}
