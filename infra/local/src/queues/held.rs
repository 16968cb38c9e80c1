//! The messages of one queue in memory, with the indexes by which they are found.

use super::message::Message;
use super::spec::QueueSpec;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

pub(super) const DEDUP: SignedDuration = SignedDuration::from_mins(5);

/// The messages by their ids, with indexes, so that each operation reads only the messages that it needs.
#[derive(Default)]
pub(super) struct Held {
    /// Messages that can be received now or later.
    pub(super) live: BTreeMap<String, Message>,
    /// Those that can be received now.
    pub(super) ready: BTreeSet<String>,
    /// The hidden ones, by the time at which they become visible.
    pub(super) hidden: BTreeSet<(Timestamp, String)>,
    /// The hidden ones of each group.
    pub(super) closed: HashMap<Option<String>, BTreeSet<String>>,
    /// The dead letters.
    pub(super) dead: BTreeMap<String, Message>,
    pub(super) recent: Recent,
    pub(super) next: u64,
    /// The end of the visibility timeout of each received dead letter.
    pub(super) hidden_dead: BTreeMap<String, Timestamp>,
    /// The latest move of dead letters back into the queue.
    pub(super) moving: Option<MoveTask>,
    /// How many messages were read by receives.
    #[cfg(test)]
    pub(super) reads: usize,
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
    pub(super) remaining: VecDeque<String>,
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
    pub(super) fn put(&mut self, message: Message) {
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

    pub(super) fn remove(&mut self, id: &str) {
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
    pub(super) fn bring_back(&mut self, now: Timestamp) {
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
    pub(super) fn next_messages(&mut self, most: usize, at_once: bool, spec: QueueSpec) -> Vec<Message> {
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
    pub(super) fn take(&mut self, id: &str, now: Timestamp) -> bool {
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
