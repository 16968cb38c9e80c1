//! The queues of the deployment.

use tollgate_platform::sqs::MAX_RECEIVES;

/// One queue of the deployment.
#[derive(Debug, Clone, Copy)]
pub struct QueueSpec {
    /// Its name; a FIFO queue's ends in `.fifo`.
    pub name: &'static str,
    /// How long a received message stays hidden.
    pub visibility_seconds: i64,
    /// After this number of receives a message becomes a dead letter.
    pub max_receives: u32,
}

impl QueueSpec {
    /// The name of the queue of its dead letters.
    #[must_use]
    pub fn dead_name(&self) -> String {
        match self.name.strip_suffix(".fifo") {
            Some(name) => format!("{name}-dead.fifo"),
            None => format!("{}-dead", self.name),
        }
    }

    pub(super) fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }
}

/// Every queue of the deployment.
pub const QUEUES: &[QueueSpec] = &[
    QueueSpec { name: "mail", visibility_seconds: 360, max_receives: MAX_RECEIVES },
    // An admin waits for a report: it fails soon with a message, instead of after hours of retries.
    QueueSpec { name: "reports", visibility_seconds: 720, max_receives: 5 },
    QueueSpec { name: "stripe.fifo", visibility_seconds: 360, max_receives: MAX_RECEIVES },
];
