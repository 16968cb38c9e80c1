//! A message in a queue.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A message in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The same at every receive. Ids sort by the time of sending.
    pub id: String,
    /// The sent message.
    pub body: String,
    /// Its group, in a FIFO queue.
    pub group: Option<String>,
    /// Deduplication id: in a FIFO queue the same id is accepted once in five minutes.
    pub dedup: Option<String>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// How often it was received.
    pub receives: u32,
    /// The end of its visibility timeout.
    pub hidden_until: Option<Timestamp>,
    /// Whether it is a dead letter.
    pub is_dead: bool,
}

impl Message {
    /// The handle of its latest receive: an earlier one is no longer valid.
    #[must_use]
    pub fn receipt_handle(&self) -> String {
        format!("{}-{}", self.id, self.receives)
    }
}
