//! The parts of SQS that matter here: visibility, receive counts, redelivery, dead letters, FIFO groups.

use crate::clock::LocalClock;
use crate::documents::{DatabaseError, Documents};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
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

    fn is_fifo(&self) -> bool {
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

const DEDUP: SignedDuration = SignedDuration::from_mins(5);

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

/// The messages by their ids, with indexes, so that each operation reads only the messages that it needs.
#[derive(Default)]
struct Held {
    /// Messages that can be received now or later.
    live: BTreeMap<String, Message>,
    /// Those that can be received now.
    ready: BTreeSet<String>,
    /// The hidden ones, by the time at which they become visible.
    hidden: BTreeSet<(Timestamp, String)>,
    /// The hidden ones of each group.
    closed: HashMap<Option<String>, BTreeSet<String>>,
    /// The dead letters.
    dead: BTreeMap<String, Message>,
    recent: Recent,
    next: u64,
    /// The end of the visibility timeout of each received dead letter.
    hidden_dead: BTreeMap<String, Timestamp>,
    /// The latest move of dead letters back into the queue.
    moving: Option<MoveTask>,
    /// How many messages were read by receives.
    #[cfg(test)]
    reads: usize,
}

/// A move of dead letters, which progresses step by step as in SQS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveTask {
    /// When it was started.
    pub started_at: Timestamp,
    /// The number of moved messages.
    pub moved: usize,
    /// The total.
    pub of: usize,
    /// The messages that are not moved yet.
    remaining: VecDeque<String>,
}

impl MoveTask {
    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.remaining.is_empty()
    }
}

impl Held {
    /// Adds a message, or updates its state.
    fn put(&mut self, message: Message) {
        self.remove(&message.id);
        if message.is_dead {
            self.dead.insert(message.id.clone(), message);
            return;
        }
        match message.hidden_until {
            Some(until) => {
                self.hidden.insert((until, message.id.clone()));
                self.closed.entry(message.group.clone()).or_default().insert(message.id.clone());
            }
            None => {
                self.ready.insert(message.id.clone());
            }
        }
        self.live.insert(message.id.clone(), message);
    }

    fn remove(&mut self, id: &str) {
        self.dead.remove(id);
        let Some(message) = self.live.remove(id) else { return };
        self.ready.remove(id);
        if let Some(until) = message.hidden_until {
            self.hidden.remove(&(until, message.id));
            self.open(&message.group, id);
        }
    }

    fn open(&mut self, group: &Option<String>, id: &str) {
        if let Some(ids) = self.closed.get_mut(group) {
            ids.remove(id);
            if ids.is_empty() {
                self.closed.remove(group);
            }
        }
    }

    /// Makes messages visible whose visibility timeout has passed.
    fn bring_back(&mut self, now: Timestamp) {
        while let Some((until, id)) = self.hidden.pop_first() {
            if now < until {
                self.hidden.insert((until, id));
                return;
            }
            let group = self.live.get(&id).and_then(|message| message.group.clone());
            self.open(&group, &id);
            self.ready.insert(id);
        }
    }

    /// The next messages to be received, at most `most`, and those that were received too often.
    fn next_messages(&mut self, most: usize, at_once: bool, spec: QueueSpec) -> Vec<Message> {
        let ids: Box<dyn Iterator<Item = &String>> =
            if at_once { Box::new(self.live.keys()) } else { Box::new(self.ready.iter()) };
        let (mut next, mut remaining, mut reads) = (Vec::new(), most, 0);
        for message in ids.filter_map(|id| self.live.get(id)) {
            reads += 1;
            // The rest of a group waits for its hidden message.
            if spec.is_fifo() && !at_once && self.waits(message) {
                continue;
            }
            if message.receives < spec.max_receives {
                let Some(one_less) = remaining.checked_sub(1) else { break };
                remaining = one_less;
            }
            next.push(message.clone());
        }
        self.count_reads(reads);
        next
    }

    #[cfg(test)]
    const fn count_reads(&mut self, reads: usize) {
        self.reads += reads;
    }

    #[cfg(not(test))]
    const fn count_reads(&mut self, _: usize) {}

    /// Whether an earlier message of its group is hidden.
    fn waits(&self, message: &Message) -> bool {
        let hidden = self.closed.get(&message.group).and_then(BTreeSet::first);
        hidden.is_some_and(|first| *first < message.id)
    }
}

/// The messages sent within the last five minutes.
#[derive(Clone, Default)]
pub(crate) struct Recent {
    ids: HashSet<String>,
    /// The same, oldest first.
    sent: VecDeque<(Timestamp, String)>,
}

impl Recent {
    /// Adds an id; `false` where it is already there.
    fn take(&mut self, id: &str, now: Timestamp) -> bool {
        while let Some((_, old)) = self.sent.pop_front_if(|(at, _)| now.duration_since(*at) >= DEDUP) {
            self.ids.remove(&old);
        }
        let is_new = self.ids.insert(id.to_owned());
        if is_new {
            self.sent.push_back((now, id.to_owned()));
        }
        is_new
    }
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
mod tests {
    use super::*;
    use dynoxide::Database;

    fn queue(name: &'static str) -> (Queue, LocalClock) {
        let clock = LocalClock::frozen(Timestamp::UNIX_EPOCH);
        let spec = QueueSpec { name, visibility_seconds: 30, max_receives: 2 };
        (Queue::open(spec, Documents::open(Database::memory().unwrap()).unwrap(), clock.clone()).unwrap(), clock)
    }

    fn ids(messages: &[Message]) -> Vec<u32> {
        messages.iter().map(|message| message.id.parse().unwrap()).collect()
    }

    fn send(queue: &Queue, body: &str, group: &str) {
        queue.send(body.into(), Some(group.into()), None).unwrap();
    }

    // R6
    #[test]
    fn a_received_message_is_hidden_then_returns_then_becomes_a_dead_letter() {
        let (queue, clock) = queue("plain");
        send(&queue, "a", "");
        assert_eq!(ids(&queue.receive(10, false).unwrap()), [1]);
        assert!(queue.receive(10, false).unwrap().is_empty(), "hidden");
        clock.advance(SignedDuration::from_secs(30));
        let again = queue.receive(10, false).unwrap();
        assert_eq!((ids(&again), again[0].receives), (vec![1], 2));
        clock.advance(SignedDuration::from_secs(30));
        assert!(queue.receive(10, false).unwrap().is_empty(), "dead");
        assert_eq!(queue.depth(), Depth { name: "plain", depth: 0, in_flight: 0, dead: 1 });
        assert_eq!(queue.redrive().unwrap(), 1);
        assert_eq!(queue.depth().dead, 0);
        assert_eq!(queue.receive(10, false).unwrap()[0].receives, 1);
    }

    #[test]
    fn a_deleted_message_is_not_received_again() {
        let (queue, clock) = queue("plain");
        send(&queue, "a", "");
        queue.delete(&queue.receive(1, false).unwrap()[0].id).unwrap();
        clock.advance(SignedDuration::from_secs(60));
        assert!(queue.receive(1, false).unwrap().is_empty() && !queue.has_work());
    }

    // D7
    #[test]
    fn only_the_current_receiver_can_change_the_visibility_of_a_message() {
        let (queue, clock) = queue("plain");
        send(&queue, "a", "");
        let change = |handle: &str, seconds| queue.change_visibility(handle, seconds).unwrap();
        let first = queue.receive(1, false).unwrap()[0].receipt_handle();
        for seconds in [-1, 12 * 3600 + 1] {
            assert_eq!(change(&first, seconds), Err(VisibilityError::InvalidParameterValue), "{seconds}");
        }
        assert_eq!(change("9-1", 10), Err(VisibilityError::ReceiptHandleIsInvalid));
        assert_eq!(change(&first, 900), Ok(()));
        clock.advance(SignedDuration::from_secs(899));
        assert!(queue.receive(1, false).unwrap().is_empty(), "longer than the queue's own visibility");
        clock.advance(SignedDuration::from_secs(1));
        assert_eq!(change(&first, 900), Err(VisibilityError::MessageNotInflight));
        let second = queue.receive(1, false).unwrap()[0].receipt_handle();
        assert_eq!(change(&first, 900), Err(VisibilityError::ReceiptHandleIsInvalid), "it was received again");
        assert_eq!(change(&second, 0), Ok(()));
        assert!(queue.receive(1, false).unwrap().is_empty(), "a dead letter after its last receive");
        assert_eq!(queue.depth().dead, 1);
        assert_eq!(change(&second, 0), Err(VisibilityError::ReceiptHandleIsInvalid));
    }

    // D7, R6
    #[test]
    fn a_fifo_group_waits_as_long_as_its_first_message() {
        let (queue, clock) = queue("orders.fifo");
        for (body, group) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
            send(&queue, body, group);
        }
        let received = queue.receive(2, false).unwrap();
        for (message, seconds) in received.iter().zip([600, 5]) {
            queue.change_visibility(&message.receipt_handle(), seconds).unwrap().unwrap();
        }
        clock.advance(SignedDuration::from_secs(5));
        assert_eq!(ids(&queue.receive(10, false).unwrap()), [3], "a2 is ready and waits for a1");
        clock.advance(SignedDuration::from_secs(595));
        assert_eq!(ids(&queue.receive(10, false).unwrap())[..2], [1, 2]);
    }

    // R6
    #[test]
    fn a_fifo_group_waits_for_its_first_message_and_the_others_go_on() {
        let (queue, clock) = queue("orders.fifo");
        for (body, group) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
            send(&queue, body, group);
        }
        assert_eq!(ids(&queue.receive(1, false).unwrap()), [1]);
        assert_eq!(ids(&queue.receive(10, false).unwrap()), [3], "a2 waits for a1");
        clock.advance(SignedDuration::from_secs(30));
        assert_eq!(ids(&queue.receive(10, false).unwrap()), [1, 2, 3], "in one batch they stand in order");
    }

    #[test]
    fn a_fifo_queue_takes_the_same_message_once_in_five_minutes() {
        let (queue, clock) = queue("orders.fifo");
        let send = || queue.send("a".into(), Some("g".into()), Some("same".into())).unwrap();
        send();
        send();
        assert_eq!(queue.depth().depth, 1);
        clock.advance(SignedDuration::from_mins(5));
        send();
        assert_eq!(queue.depth().depth, 2);
    }

    // E16
    #[test]
    fn a_receive_reads_no_more_messages_however_many_wait() {
        for name in ["plain", "orders.fifo"] {
            let (queue, _) = queue(name);
            for n in 0..1000 {
                send(&queue, "a", &n.to_string());
            }
            for n in 0..90 {
                let received = queue.receive(10, false).unwrap();
                assert_eq!(received.len(), 10);
                if n % 2 == 0 {
                    received.iter().for_each(|message| queue.delete(&message.id).unwrap());
                }
            }
            // Ten and the next one, of a thousand that wait or are hidden.
            assert_eq!(queue.held().reads, 90 * 11, "{name}");
            assert_eq!(queue.receive(1, true).unwrap().len(), 1);
            assert_eq!(queue.held().reads, 90 * 11 + 2, "{name}");
        }
    }

    #[test]
    fn a_dead_letter_does_not_count_among_the_received() {
        let (queue, clock) = queue("plain");
        for body in ["a", "b"] {
            send(&queue, body, "");
        }
        for _ in 0..2 {
            assert_eq!(ids(&queue.receive(1, false).unwrap()), [1]);
            clock.advance(SignedDuration::from_secs(30));
        }
        assert_eq!(ids(&queue.receive(1, false).unwrap()), [2]);
        assert_eq!(queue.depth(), Depth { name: "plain", depth: 0, in_flight: 1, dead: 1 });
        assert!(queue.next_return().is_some());
    }

    #[test]
    fn a_queue_that_is_opened_again_holds_its_messages_and_gives_new_ids() {
        let documents = Documents::open(Database::memory().unwrap()).unwrap();
        let open = || Queue::open(QUEUES[0], documents.clone(), LocalClock::frozen(Timestamp::UNIX_EPOCH)).unwrap();
        send(&open(), "a", "");
        let again = open();
        send(&again, "b", "");
        assert_eq!(ids(&again.receive(10, false).unwrap()), [1, 2]);
    }
}
