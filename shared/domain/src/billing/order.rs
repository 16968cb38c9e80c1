//! Orders: what another function wants done at Stripe. They wait in the outbox, written in the transaction of their cause.

use crate::{Email, UserId};
use serde::{Deserialize, Serialize};

/// To look at a user again, whose state has changed here: who left must not keep a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Whom it is about.
    pub user_id: UserId,
    /// The address that Stripe is to be told.
    #[serde(default)]
    pub email: Option<Email>,
    /// Whether an open checkout is to be closed.
    #[serde(default)]
    pub ends_checkouts: bool,
}
