//! What the fakes hold.

use crate::clock::LocalClock;
use crate::documents::Documents;
use crate::queues::Queue;
use std::sync::Arc;

/// The state of the fakes.
#[derive(Clone)]
pub struct Fakes {
    /// Mails and secrets.
    pub documents: Documents,
    /// The queues.
    pub queues: Arc<Vec<Queue>>,
    /// The current time.
    pub clock: LocalClock,
}
