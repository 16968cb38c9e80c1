//! The dead letters go back to their queue. SQS moves them: the command starts a move and waits for it. Where a move is
//! under way already, for example after this command was interrupted, it waits for that one.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{ListMessageMoveTasksResultEntry, QueueAttributeName};
use aws_smithy_types::error::display::DisplayErrorContext;
use std::time::Duration;

/// The queues that have dead letters, and those that hold them, after `tollgate-STAGE-`.
pub const DEAD_LETTERS: [(&str, &str); 2] = [("mail", "mail-dead"), ("stripe", "stripe-dead.fifo")];

/// Why some dead letters were not moved.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// SQS does not answer, or refuses.
    #[error("{0}: {1}")]
    Unavailable(String, String),
    /// The connection was lost during a move, which SQS continues.
    #[error("{0}: the connection was lost while SQS moves the messages: {1}")]
    Lost(String, String),
    /// SQS ended the move with a failure.
    #[error("{queue}: the move ended after {moved} messages: {reason}; run the command again for the rest")]
    Ended {
        /// The queue of the dead letters.
        queue: String,
        /// How many were moved.
        moved: i64,
        /// What SQS says.
        reason: String,
    },
}

impl RedriveError {
    fn during_a_move(self) -> Self {
        match self {
            Self::Unavailable(queue, reason) => Self::Lost(queue, reason),
            other => other,
        }
    }
}

/// How far a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The number of messages that are back in their queue.
    pub moved: i64,
    /// The total, by SQS's own estimate.
    pub of: i64,
}

/// How often the command asks for a move that was just started.
const MAX_POLLS: usize = 10;

/// Moves the dead letters of the queue `dead` back to their source, and returns their number; `None`: there were none.
/// `pause` is the time between two requests for the progress.
///
/// # Errors
/// When SQS does not answer, or ends the move.
pub async fn redrive(
    client: &Client,
    dead: &str,
    pause: Duration,
    progress: impl Fn(Progress),
) -> Result<Option<i64>, RedriveError> {
    let queue = Queue::find(client, dead).await?;
    let latest = queue.task().await?;
    let mut ended = latest.as_ref().filter(|task| !is_running(task)).map(|task| task.started_timestamp);
    if latest.is_none() || ended.is_some() {
        if queue.count().await? == 0 {
            return Ok(None);
        }
        let start = client.start_message_move_task().source_arn(&queue.arn).send().await;
        start.map_err(|error| queue.unavailable(&DisplayErrorContext(error)))?;
    }
    let mut polls = 0;
    loop {
        // The list may lag behind the start.
        let latest = queue.task().await.map_err(RedriveError::during_a_move)?;
        let Some(task) = latest.filter(|task| ended != Some(task.started_timestamp)) else {
            polls += 1;
            if polls == MAX_POLLS {
                return Err(queue.unavailable(&"the move does not appear: run the command again"));
            }
            tokio::time::sleep(pause).await;
            continue;
        };
        ended = None;
        let moved = task.approximate_number_of_messages_moved;
        progress(Progress { moved, of: task.approximate_number_of_messages_to_move.unwrap_or(moved) });
        match task.status.as_deref() {
            Some("RUNNING") => tokio::time::sleep(pause).await,
            Some("COMPLETED") => return Ok(Some(moved)),
            other => {
                let status = other.unwrap_or("unknown status");
                let reason = task.failure_reason.unwrap_or_else(|| status.to_lowercase());
                return Err(RedriveError::Ended { queue: queue.name, moved, reason });
            }
        }
    }
}

/// The number of dead letters in the queue `dead`, or of those that are still to be moved.
///
/// # Errors
/// When SQS does not answer.
pub(crate) async fn count(client: &Client, dead: &str) -> Result<i64, RedriveError> {
    Queue::find(client, dead).await?.count().await
}

fn is_running(task: &ListMessageMoveTasksResultEntry) -> bool {
    task.status.as_deref() == Some("RUNNING")
}

/// A queue of dead letters.
struct Queue<'a> {
    client: &'a Client,
    name: String,
    url: String,
    arn: String,
}

impl<'a> Queue<'a> {
    async fn find(client: &'a Client, name: &str) -> Result<Self, RedriveError> {
        let mut queue = Self { client, name: name.to_owned(), url: String::new(), arn: String::new() };
        let found = client.get_queue_url().queue_name(name).send().await;
        queue.url =
            found.map_err(|error| queue.unavailable(&DisplayErrorContext(error)))?.queue_url.unwrap_or_default();
        queue.arn = queue.attribute(QueueAttributeName::QueueArn).await?;
        Ok(queue)
    }

    fn unavailable(&self, error: &impl std::fmt::Display) -> RedriveError {
        RedriveError::Unavailable(self.name.clone(), error.to_string())
    }

    async fn attribute(&self, name: QueueAttributeName) -> Result<String, RedriveError> {
        let read = self.client.get_queue_attributes().queue_url(&self.url).attribute_names(name.clone()).send().await;
        let read = read.map_err(|error| self.unavailable(&DisplayErrorContext(error)))?;
        let value = read.attributes.and_then(|attributes| attributes.get(&name).cloned());
        value.ok_or_else(|| self.unavailable(&format!("SQS does not say its {name}")))
    }

    async fn count(&self) -> Result<i64, RedriveError> {
        let count = self.attribute(QueueAttributeName::ApproximateNumberOfMessages).await?;
        count.parse().map_err(|_| self.unavailable(&format!("{count} is not a number of messages")))
    }

    /// The latest move.
    async fn task(&self) -> Result<Option<ListMessageMoveTasksResultEntry>, RedriveError> {
        let listed = self.client.list_message_move_tasks().source_arn(&self.arn).max_results(1).send().await;
        let listed = listed.map_err(|error| self.unavailable(&DisplayErrorContext(error)))?;
        Ok(listed.results.unwrap_or_default().into_iter().next())
    }
}
