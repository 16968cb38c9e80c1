//! A batch of messages. The events of one user are collected and lead to one synchronisation, which reads Stripe once.
//! Within a message group the effects keep the order of the messages: before a message has an effect, the
//! synchronisation that an earlier message of its group waits for is executed. Only records of events without effect
//! wait with it.

use crate::command::{self, QueueMessage};
use crate::error::HandlingError;
use crate::event::{self, Consequence, Event, Hint};
use crate::state::State;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use std::collections::BTreeSet;
use tollgate_convergence::{Cause, ConvergeError};
use tollgate_domain::UserId;
use tollgate_platform::sqs::FifoBatch;
use tollgate_store::EventRow;

/// Handles the messages of `event`.
pub async fn handle(event: SqsEvent, state: &State) -> SqsBatchResponse {
    let (fifo, time_left) = (FifoBatch::of(&event), state.queue.time_left());
    let mut batch = Batch { state, fifo, waiting: Vec::new(), ids: BTreeSet::new() };
    for (index, message) in event.records.iter().enumerate() {
        if batch.fifo.is_stopped(index) {
            continue;
        }
        if time_left.is_over() {
            batch.fifo.put_off(index);
            continue;
        }
        if let Err(failure) = batch.handle(index, message).await {
            batch.fifo.fail(index, &failure);
        }
    }
    while !batch.waiting.is_empty() {
        if time_left.is_over() {
            batch.waiting.remove(0).messages.into_iter().for_each(|index| batch.fifo.put_off(index));
        } else {
            batch.sync(0).await;
        }
    }
    batch.fifo.report(&state.queue).await
}

struct Batch<'a> {
    state: &'a State,
    fifo: FifoBatch,
    waiting: Vec<Sync>,
    /// The events of this batch so far, by id.
    ids: BTreeSet<String>,
}

/// A synchronisation that waits for further events of its user.
struct Sync {
    user: UserId,
    /// The messages that wait for it.
    messages: Vec<usize>,
    /// The events that are recorded with it.
    rows: Vec<EventRow>,
    gone_customer: Option<String>,
    /// The invoices whose payments must be confirmed.
    consents: Vec<String>,
    /// The follow-up of a message.
    afterwards: Vec<(usize, Afterwards)>,
}

enum Afterwards {
    /// An event is recorded.
    Record(EventRow),
    /// The user is reminded, then the event is recorded.
    Remind(EventRow),
}

impl Batch<'_> {
    async fn handle(&mut self, index: usize, message: &SqsMessage) -> Result<(), HandlingError> {
        let body = message.body.as_deref().unwrap_or_default();
        let Some(event) = Event::parse(body) else {
            let queue_message: QueueMessage = serde_json::from_str(body).map_err(|_| HandlingError::Unreadable)?;
            return match self.sync_before(index, |_| false).await {
                true => {
                    command::handle(&queue_message, message.message_id.as_deref().unwrap_or_default(), self.state).await
                }
                false => Ok(()),
            };
        };
        if !self.ids.insert(event.id.clone()) {
            return Ok(());
        }
        match event::consequence(&event, self.state).await? {
            Consequence::None => Ok(()),
            Consequence::Record(row) => match self.waited_for(index) {
                Some(at) => {
                    self.waiting[at].messages.push(index);
                    self.waiting[at].afterwards.push((index, Afterwards::Record(row)));
                    Ok(())
                }
                None => Ok(self.state.store.store_event(&row).await?),
            },
            Consequence::Sync(hint) => {
                if self.sync_before(index, |waiting| waiting.takes(&hint)).await {
                    self.collect(index, hint).await;
                }
                Ok(())
            }
        }
    }

    /// The synchronisation that an earlier message of the group waits for.
    fn waited_for(&self, index: usize) -> Option<usize> {
        let in_group = |waiting: &Sync| waiting.messages.iter().any(|other| self.fifo.is_one_group(*other, index));
        self.waiting.iter().position(in_group)
    }

    /// Executes the synchronisation that an earlier message of the group waits for, unless it may wait longer; `false`
    /// if the message has to wait for its group after that.
    async fn sync_before(&mut self, index: usize, may_wait: impl Fn(&Sync) -> bool) -> bool {
        if let Some(at) = self.waited_for(index).filter(|at| !may_wait(&self.waiting[*at])) {
            self.sync(at).await;
        }
        !self.fifo.is_stopped(index)
    }

    async fn collect(&mut self, index: usize, hint: Hint) {
        let of_user = |waiting: &Sync| waiting.user == hint.user;
        // Another customer of the same user was deleted.
        if let Some(at) = self.waiting.iter().position(of_user).filter(|at| !self.waiting[*at].takes(&hint)) {
            self.sync(at).await;
        }
        let at = self.waiting.iter().position(of_user).unwrap_or_else(|| {
            self.waiting.push(Sync::of(hint.user));
            self.waiting.len() - 1
        });
        let sync = &mut self.waiting[at];
        sync.messages.push(index);
        sync.consents.extend(hint.waits_for_consent);
        sync.gone_customer = sync.gone_customer.take().or(hint.gone_customer);
        if hint.is_to_remind {
            sync.afterwards.push((index, Afterwards::Remind(hint.row)));
        } else {
            sync.rows.push(hint.row);
        }
    }

    /// Executes a synchronisation and completes the messages that wait for it.
    async fn sync(&mut self, at: usize) {
        let sync = self.waiting.remove(at);
        if let Err(error) = sync.run(self.state).await {
            let failure = HandlingError::from(error);
            for index in sync.messages {
                self.fifo.fail(index, &failure);
            }
            return;
        }
        for (index, afterwards) in sync.afterwards {
            if self.fifo.is_stopped(index) {
                continue;
            }
            if let Err(failure) = afterwards.run(&sync.user, self.state).await {
                self.fifo.fail(index, &failure);
            }
        }
    }
}

impl Sync {
    fn of(user: UserId) -> Self {
        let (messages, rows, consents, afterwards) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { user, messages, rows, gone_customer: None, consents, afterwards }
    }

    /// Whether the event can wait with it.
    fn takes(&self, hint: &Hint) -> bool {
        let gone = [&self.gone_customer, &hint.gone_customer];
        self.user == hint.user && (gone.contains(&&None) || gone[0] == gone[1])
    }

    async fn run(&self, state: &State) -> Result<(), ConvergeError> {
        for invoice in &self.consents {
            // Before the event counts as handled. Facts that are not known yet are mailed with later events.
            state.convergence.notify_consent(&self.user, invoice).await?;
        }
        let cause = Cause { events: &self.rows, gone_customer: self.gone_customer.as_deref(), ..Cause::default() };
        state.convergence.sync(&self.user, cause).await.map(|_| ())
    }
}

impl Afterwards {
    async fn run(&self, user: &UserId, state: &State) -> Result<(), HandlingError> {
        let row = match self {
            Self::Record(row) => row,
            Self::Remind(row) => {
                state.convergence.remind(user).await?;
                row
            }
        };
        Ok(state.store.store_event(row).await?)
    }
}
