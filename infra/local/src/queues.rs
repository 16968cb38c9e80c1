//! The parts of SQS that matter here: visibility, receive counts, redelivery, dead letters, FIFO groups.

mod held;
mod message;
mod spec;

pub use held::MoveTask;
pub(crate) use held::Recent;
pub use message::Message;
pub use spec::{QUEUES, QueueSpec};

use crate::clock::LocalClock;
use crate::documents::{DatabaseError, Documents};
use held::Held;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Why the visibility of a message is not changed: SQS's own code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisibilityError {
    /// No message has this handle, or the message was received again.
    ReceiptHandleIsInvalid,
    /// It is not hidden now.
    MessageNotInflight,
    /// The time is longer than twelve hours, or negative.
    InvalidParameterValue,
}

/// The longest time that a message may be hidden, in seconds.
const MAX_VISIBILITY_SECONDS: i64 = 12 * 3600;

/// How many messages a move moves between two polls.
const MOVED_AT_ONCE: usize = 10;

/// One queue; each change is written to the document store.
pub struct Queue {
    spec: QueueSpec,
    kind: String,
    documents: Documents,
    clock: LocalClock,
    held: Mutex<Held>,
    /// Notified of each message that can be received.
    pub arrivals: Notify,
}

/// The depth of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Depth {
    name: &'static str,
    depth: usize,
    in_flight: usize,
    dead: usize,
}

impl Queue {
    /// Opens a queue with its stored messages.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn open(spec: QueueSpec, documents: Documents, clock: LocalClock) -> Result<Self, DatabaseError> {
        let kind = format!("queue {}", spec.name);
        let messages: Vec<Message> = documents.list(&kind)?;
        let last = messages.iter().filter_map(|message| message.id.parse::<u128>().ok()).max();
        let next = last.map_or(1, |last| u64::try_from(last + 1).unwrap_or(u64::MAX));
        let mut held = Held { next, ..Held::default() };
        messages.into_iter().for_each(|message| held.put(message));
        Ok(Self { spec, kind, documents, clock, held: Mutex::new(held), arrivals: Notify::new() })
    }

    /// The same queue with these recent messages.
    pub(crate) fn remembering(self, recent: Recent) -> Self {
        self.held().recent = recent;
        self
    }

    /// Its recent messages, for deduplication.
    pub(crate) fn recent(&self) -> Recent {
        self.held().recent.clone()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.spec.name
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a message.
    ///
    /// # Errors
    /// When the document store does not take it.
    pub fn send(&self, body: String, group: Option<String>, dedup: Option<String>) -> Result<String, DatabaseError> {
        let mut held = self.held();
        let now = self.clock.now();
        if let Some(dedup) = dedup.as_ref().filter(|_| self.spec.is_fifo())
            && !held.recent.take(dedup, now)
        {
            return Ok(dedup.clone());
        }
        let id = format!("{:020}", held.next);
        held.next += 1;
        let message = Message {
            id: id.clone(),
            body,
            group,
            dedup,
            sent_at: now,
            receives: 0,
            hidden_until: None,
            is_dead: false,
        };
        self.documents.put(&self.kind, &id, &message)?;
        held.put(message);
        drop(held);
        self.arrivals.notify_one();
        Ok(id)
    }

    /// Receives up to `most` visible messages; with `at_once` also hidden ones. A message that was received too often
    /// becomes a dead letter instead.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn receive(&self, most: usize, at_once: bool) -> Result<Vec<Message>, DatabaseError> {
        let mut held = self.held();
        let now = self.clock.now();
        held.bring_back(now);
        let mut received = Vec::new();
        for mut message in held.next_messages(most, at_once, self.spec) {
            if message.receives >= self.spec.max_receives {
                message.is_dead = true;
                message.hidden_until = None;
            } else {
                message.receives += 1;
                message.hidden_until = now.saturating_add(SignedDuration::from_secs(self.spec.visibility_seconds)).ok();
                received.push(message.clone());
            }
            self.documents.put(&self.kind, &message.id, &message)?;
            held.put(message);
        }
        Ok(received)
    }

    /// Hides a received message for this duration from now on.
    ///
    /// # Errors
    /// When the document store does not take it.
    pub fn change_visibility(
        &self,
        receipt_handle: &str,
        seconds: i64,
    ) -> Result<Result<(), VisibilityError>, DatabaseError> {
        if !(0..=MAX_VISIBILITY_SECONDS).contains(&seconds) {
            return Ok(Err(VisibilityError::InvalidParameterValue));
        }
        let mut held = self.held();
        let now = self.clock.now();
        let id = receipt_handle.split('-').next().unwrap_or_default();
        let received = held.live.get(id).filter(|message| message.receipt_handle() == receipt_handle);
        let Some(mut message) = received.cloned() else { return Ok(Err(VisibilityError::ReceiptHandleIsInvalid)) };
        if message.hidden_until.is_none_or(|until| until <= now) {
            return Ok(Err(VisibilityError::MessageNotInflight));
        }
        message.hidden_until = now.saturating_add(SignedDuration::from_secs(seconds)).ok().filter(|until| now < *until);
        self.documents.put(&self.kind, &message.id, &message)?;
        held.put(message);
        drop(held);
        self.arrivals.notify_one();
        Ok(Ok(()))
    }

    /// Deletes a handled message.
    ///
    /// # Errors
    /// When the document store does not.
    pub fn delete(&self, id: &str) -> Result<(), DatabaseError> {
        let mut held = self.held();
        held.remove(id);
        self.documents.delete(&self.kind, id)
    }

    /// Moves the dead letters back as new messages, with ids of their own, as SQS does.
    ///
    /// # Errors
    /// When the document store does not.
    pub fn redrive(&self) -> Result<usize, DatabaseError> {
        let dead: Vec<_> = self.held().dead.keys().cloned().collect();
        dead.iter().try_for_each(|id| self.revive(id))?;
        Ok(dead.len())
    }

    fn revive(&self, id: &str) -> Result<(), DatabaseError> {
        let Some(message) = self.held().dead.get(id).cloned() else { return Ok(()) };
        self.send(message.body, message.group, None)?;
        self.delete(&message.id)
    }

    /// Receives up to `most` visible dead letters, and hides them for this duration.
    pub fn receive_dead(&self, most: usize, hidden_seconds: i64) -> Vec<Message> {
        let mut held = self.held();
        let now = self.clock.now();
        let is_visible = |id: &&String| held.hidden_dead.get(*id).is_none_or(|until| *until <= now);
        let ids: Vec<_> = held.dead.keys().filter(is_visible).take(most).cloned().collect();
        let until = now.saturating_add(SignedDuration::from_secs(hidden_seconds)).unwrap_or(Timestamp::MAX);
        for id in &ids {
            held.hidden_dead.insert(id.clone(), until);
        }
        ids.iter().filter_map(|id| held.dead.get(id).cloned()).collect()
    }

    /// Makes a received dead letter visible again; `false` if it does not exist.
    pub fn show_dead(&self, id: &str) -> bool {
        self.held().hidden_dead.remove(id).is_some()
    }

    /// Adds a message to the dead letters, as if it had been received too often.
    ///
    /// # Errors
    /// When the document store does not take it.
    pub fn put_dead(&self, body: String, group: Option<String>) -> Result<(), DatabaseError> {
        let mut held = self.held();
        let id = format!("{:020}", held.next);
        held.next += 1;
        let message = Message {
            id: id.clone(),
            body,
            group,
            dedup: None,
            sent_at: self.clock.now(),
            receives: self.spec.max_receives,
            hidden_until: None,
            is_dead: true,
        };
        self.documents.put(&self.kind, &id, &message)?;
        held.put(message);
        Ok(())
    }

    /// Starts a move of the dead letters; returns `false` while another one is running.
    pub fn start_move(&self) -> bool {
        let mut held = self.held();
        if held.moving.as_ref().is_some_and(|task| !task.is_over()) {
            return false;
        }
        let remaining: VecDeque<_> = held.dead.keys().cloned().collect();
        held.moving = Some(MoveTask { started_at: self.clock.now(), moved: 0, of: remaining.len(), remaining });
        true
    }

    /// The latest move, advanced by a few messages since the last poll.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn poll_move(&self) -> Result<Option<MoveTask>, DatabaseError> {
        for _ in 0..MOVED_AT_ONCE {
            let Some(id) = self.held().moving.as_mut().and_then(|task| task.remaining.pop_front()) else { break };
            self.revive(&id)?;
            if let Some(task) = &mut self.held().moving {
                task.moved += 1;
            }
        }
        Ok(self.held().moving.clone())
    }

    /// The name of the queue of its dead letters.
    #[must_use]
    pub fn dead_name(&self) -> String {
        self.spec.dead_name()
    }

    /// When the next hidden message becomes visible, if any is hidden.
    #[must_use]
    pub fn next_return(&self) -> Option<Timestamp> {
        self.held().hidden.first().map(|(until, _)| *until)
    }

    /// Whether the queue holds any message but dead letters.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.held().live.is_empty()
    }

    /// The number of its dead letters.
    #[must_use]
    pub fn dead_letters(&self) -> usize {
        self.held().dead.len()
    }

    /// The newest dead letters, newest first, at most `limit`.
    #[must_use]
    pub fn dead(&self, limit: usize) -> Vec<Message> {
        self.held().dead.values().rev().take(limit).cloned().collect()
    }

    /// The numbers of its messages.
    #[must_use]
    pub fn depth(&self) -> Depth {
        let now = self.clock.now();
        let held = self.held();
        let in_flight = held.hidden.iter().rev().take_while(|(until, _)| now < *until).count();
        Depth { name: self.spec.name, depth: held.live.len() - in_flight, in_flight, dead: held.dead.len() }
    }
}

#[cfg(test)]
mod tests;
