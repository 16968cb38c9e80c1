//! Sends messages from the outbox to their queues: `relay` new ones, `sweeper` missed ones.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_types::SdkConfig;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollgate_domain::MessageId;
use tollgate_domain::billing::Command;
use tollgate_domain::outbox::{DECOY, REPORT, is_command};
use tollgate_platform::{ConfigError, Env};

/// The number of messages that SQS accepts in one call.
const BATCH: usize = 10;

/// The addresses of the queues.
#[derive(Debug, Clone)]
pub struct Queues {
    mail_url: Arc<str>,
    /// `None` without billing.
    stripe_url: Option<Arc<str>>,
    reports_url: Arc<str>,
}

impl Queues {
    /// # Errors
    /// With the name of the first variable that is missing.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            mail_url: env.required("MAIL_QUEUE_URL", "the address of the mail queue")?.into(),
            stripe_url: match env.has_billing()? {
                true => Some(env.required("STRIPE_QUEUE_URL", "the address of the queue of Stripe's events")?.into()),
                false => None,
            },
            reports_url: env.required("REPORTS_QUEUE_URL", "the address of the queue of reports")?.into(),
        })
    }
}

impl Queues {
    /// The address of the queue that a message goes to; `None` for a command where there is no billing.
    fn url(&self, destination: &Destination) -> Option<&str> {
        match destination {
            Destination::Mail => Some(&self.mail_url),
            Destination::Stripe { .. } => self.stripe_url.as_deref(),
            Destination::Reports => Some(&self.reports_url),
        }
    }
}

/// The message on a queue that refers to an outbox message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueMessage {
    /// The message.
    pub id: MessageId,
    destination: Destination,
}

/// The queue of a message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Destination {
    /// The queue of mails.
    Mail,
    /// The queue of commands for Stripe, which are handled in order within a group.
    Stripe {
        /// The group.
        group: String,
    },
    /// The queue of reports.
    Reports,
}

impl QueueMessage {
    /// The queue message of an outbox message of this kind and body; `None` for a decoy, which is never sent.
    ///
    /// # Errors
    /// For a command that cannot be read.
    pub fn of(id: MessageId, kind: &str, body: &str) -> Result<Option<Self>, serde_json::Error> {
        Ok(match kind {
            DECOY => None,
            kind if is_command(kind) => {
                let group = serde_json::from_str::<Command>(body)?.group();
                Some(Self { id, destination: Destination::Stripe { group } })
            }
            REPORT => Some(Self { id, destination: Destination::Reports }),
            _ => Some(Self { id, destination: Destination::Mail }),
        })
    }

    fn entry(&self, index: usize) -> Result<SendMessageBatchRequestEntry, aws_sdk_sqs::error::BuildError> {
        // Within five minutes SQS drops it as a duplicate; after that it is another message, and the row's claim
        // prevents a second effect.
        let group = match &self.destination {
            Destination::Stripe { group } => Some(group.clone()),
            Destination::Mail | Destination::Reports => None,
        };
        let deduplication_id = group.as_ref().map(|_| self.id.to_string());
        SendMessageBatchRequestEntry::builder()
            .id(index.to_string())
            .message_body(serde_json::json!({"id": self.id, "v": 1}).to_string())
            .set_message_group_id(group)
            .set_message_deduplication_id(deduplication_id)
            .build()
    }
}

/// Sends messages to their queues.
#[derive(Debug, Clone)]
pub struct Sender {
    queues: Queues,
    sqs: Client,
}

impl Sender {
    /// Creates the client. It makes no call.
    #[must_use]
    pub fn new(queues: Queues, sdk: &SdkConfig) -> Self {
        Self { queues, sqs: Client::new(sdk) }
    }

    /// Whether a message has a queue. Without billing commands have none: they wait in the outbox until they expire.
    #[must_use]
    pub fn has_queue_for(&self, queue_message: &QueueMessage) -> bool {
        self.queues.url(&queue_message.destination).is_some()
    }

    /// Sends those that have a queue and returns the ids of the unsent ones.
    pub async fn send(&self, queue_messages: &[QueueMessage]) -> BTreeSet<MessageId> {
        let mut unsent = BTreeSet::new();
        let mut by_queue = BTreeMap::<&str, Vec<&QueueMessage>>::new();
        for queue_message in queue_messages {
            if let Some(url) = self.queues.url(&queue_message.destination) {
                by_queue.entry(url).or_default().push(queue_message);
            }
        }
        for (queue_url, queue_messages) in by_queue {
            for batch in queue_messages.chunks(BATCH) {
                unsent.extend(self.send_batch(queue_url, batch).await);
            }
        }
        unsent
    }

    async fn send_batch(&self, queue_url: &str, batch: &[&QueueMessage]) -> Vec<MessageId> {
        let all = || batch.iter().map(|queue_message| queue_message.id).collect();
        let entries = batch.iter().enumerate().map(|(index, queue_message)| queue_message.entry(index));
        let entries = match entries.collect::<Result<Vec<_>, _>>() {
            Ok(entries) => entries,
            Err(error) => {
                tracing::error!(%error, "messages not built");
                return all();
            }
        };
        match self.sqs.send_message_batch().queue_url(queue_url).set_entries(Some(entries)).send().await {
            Ok(answer) => {
                let queue_message_of = |id: &str| id.parse::<usize>().ok().and_then(|index| batch.get(index));
                answer
                    .failed
                    .iter()
                    .filter_map(|entry| queue_message_of(&entry.id))
                    .map(|queue_message| queue_message.id)
                    .collect()
            }
            Err(error) => {
                tracing::error!(error = %DisplayErrorContext(&error), count = batch.len(), "messages not sent");
                all()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_domain::billing::{PlanCommand, UserCommand};
    use tollgate_domain::outbox::COMMAND;
    use tollgate_domain::{PlanId, UserId};

    fn id() -> MessageId {
        "msg_00000000000070008000000000000000".parse().unwrap()
    }

    // S6
    #[test]
    fn each_kind_of_message_has_its_queue_and_a_decoy_has_no_queue() {
        let user_id: UserId = "usr_00000000000070008000000000000001".parse().unwrap();
        let plan_id: PlanId = "plan_00000000000070008000000000000002".parse().unwrap();
        let user = Command::User(UserCommand { user_id, email: None, ends_checkouts: true });
        let plan = Command::Plan(PlanCommand { plan_id, from: None });
        let stripe = |group: String| Destination::Stripe { group };
        for (kind, body, destination) in [
            ("verify", "not looked at".to_owned(), Destination::Mail),
            (REPORT, "not looked at".to_owned(), Destination::Reports),
            ("order", serde_json::to_string(&user).unwrap(), stripe(user_id.to_string())),
            (COMMAND, serde_json::to_string(&plan).unwrap(), stripe(plan_id.to_string())),
        ] {
            assert_eq!(QueueMessage::of(id(), kind, &body).unwrap(), Some(QueueMessage { id: id(), destination }));
        }
        assert_eq!(QueueMessage::of(id(), DECOY, "").unwrap(), None);
        assert!(QueueMessage::of(id(), COMMAND, "{}").is_err());
    }

    #[test]
    fn a_queue_message_has_its_id_and_a_command_is_deduplicated_by_it() {
        let mail = QueueMessage { id: id(), destination: Destination::Mail }.entry(3).unwrap();
        assert_eq!((mail.id.as_str(), mail.message_group_id, mail.message_deduplication_id), ("3", None, None));
        let body: serde_json::Value = serde_json::from_str(&mail.message_body).unwrap();
        assert_eq!(body, serde_json::json!({"id": id(), "v": 1}));
        let destination = Destination::Stripe { group: "usr_1".to_owned() };
        let command = QueueMessage { id: id(), destination }.entry(0).unwrap();
        assert_eq!(command.message_group_id.as_deref(), Some("usr_1"));
        assert_eq!(command.message_deduplication_id, Some(id().to_string()));
    }
}
