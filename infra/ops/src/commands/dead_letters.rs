//! `dead-letters`: shows dead letters without personal data. A message is hidden from other receivers while it is read,
//! and then made visible again.

use crate::arguments::DeadQueue;
use crate::outcome::{Failure, Outcome};
use crate::target::Target;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName};
use aws_smithy_types::error::display::DisplayErrorContext;
use serde_json::{Map, Value, json};
use std::fmt::Display;

/// SQS returns at most this number of messages in one call.
const BATCH: i32 = 10;
/// How long a message stays hidden if the command ends before it is made visible again.
const HIDDEN_SECONDS: i32 = 60;
/// SQS may return an empty answer although the queue has messages.
const MAX_EMPTY_ANSWERS: u32 = 3;
/// `show` searches this number of messages in each queue.
const SHOW_LIMIT: u32 = 10_000;

fn failed(error: impl Display) -> Failure {
    Failure::failed("queue", error)
}

pub async fn list(target: &Target, only: Option<DeadQueue>, limit: u32) -> Result<Outcome, Failure> {
    let (client, mut listed, mut text) = (target.queues(), Vec::new(), Vec::new());
    for queue in DeadQueue::ALL.into_iter().filter(|queue| only.is_none_or(|only| only == *queue)) {
        for message in read(target, &client, queue, limit).await? {
            let about = summary(target, queue, &message).await?;
            let field = |name: &str| about[name].as_str().unwrap_or("-").to_owned();
            text.push(format!("{}\t{}\t{}\t{}", field("queue"), field("id"), field("kind"), field("sent_at")));
            listed.push(about);
        }
    }
    if listed.is_empty() {
        return Ok(Outcome::nothing("no dead letters", json!({"dead_letters": []})));
    }
    Ok(Outcome::done(text.join("\n"), json!({"dead_letters": listed})))
}

pub async fn show(target: &Target, id: &str) -> Result<Outcome, Failure> {
    let client = target.queues();
    for queue in DeadQueue::ALL {
        let messages = read(target, &client, queue, SHOW_LIMIT).await?;
        let Some(message) = messages.into_iter().find(|message| message.message_id.as_deref() == Some(id)) else {
            continue;
        };
        let mut about = summary(target, queue, &message).await?;
        let body = message.body.unwrap_or_default();
        about["body"] = serde_json::from_str(&body).map_or_else(|_| redacted_text(&body), |body| redact("", body));
        let text = serde_json::to_string_pretty(&about).unwrap_or_default();
        return Ok(Outcome::done(text, about));
    }
    Err(Failure::refused("not_found", format!("{id} is not among the dead letters")))
}

/// Reads up to `limit` dead letters and shows them to other receivers again.
async fn read(target: &Target, client: &Client, queue: DeadQueue, limit: u32) -> Result<Vec<Message>, Failure> {
    let name = target.name_of(queue.dead_name());
    let url = client.get_queue_url().queue_name(&name).send().await;
    let url = url.map_err(|error| failed(format!("{name}: {}", DisplayErrorContext(error))))?;
    let url = url.queue_url.unwrap_or_default();
    let (mut found, mut empty) = (Vec::new(), 0);
    while empty < MAX_EMPTY_ANSWERS && found.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
        let answer = client
            .receive_message()
            .queue_url(&url)
            .max_number_of_messages(BATCH)
            .visibility_timeout(HIDDEN_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await;
        let messages = match answer {
            Ok(answer) => answer.messages.unwrap_or_default(),
            Err(error) => {
                show_again(client, &url, &found).await?;
                return Err(failed(format!("{name}: {}", DisplayErrorContext(error))));
            }
        };
        if messages.is_empty() {
            empty += 1;
        }
        found.extend(messages);
    }
    show_again(client, &url, &found).await?;
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

async fn show_again(client: &Client, url: &str, messages: &[Message]) -> Result<(), Failure> {
    for batch in messages.chunks(usize::try_from(BATCH).unwrap_or(1)) {
        let entries = batch.iter().enumerate().map(|(index, message)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(message.receipt_handle.clone().unwrap_or_default())
                .visibility_timeout(0)
                .build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let call = client.change_message_visibility_batch().queue_url(url).set_entries(Some(entries));
        call.send().await.map_err(|error| failed(DisplayErrorContext(error)))?;
    }
    Ok(())
}

/// Describes a message: its queue, id and time, and for a message of the outbox its kind and state.
async fn summary(target: &Target, queue: DeadQueue, message: &Message) -> Result<Value, Failure> {
    let attribute = |name| message.attributes.as_ref().and_then(|attributes| attributes.get(&name)).cloned();
    let sent_at = attribute(MessageSystemAttributeName::SentTimestamp).and_then(|sent| sent.parse::<i64>().ok());
    let sent_at = sent_at.and_then(|sent| jiff::Timestamp::from_millisecond(sent).ok());
    let body: Value = serde_json::from_str(message.body.as_deref().unwrap_or_default()).unwrap_or_default();
    let mut about = json!({
        "id": message.message_id, "queue": queue.name(), "sent_at": sent_at,
        "receives": attribute(MessageSystemAttributeName::ApproximateReceiveCount),
        "kind": body["type"].as_str(),
    });
    if let Some(id) = body["id"].as_str().and_then(|id| id.parse().ok()) {
        let state = target.store().message_state(&id).await?;
        about["message_id"] = json!(id);
        about["kind"] = json!(state.as_ref().map(|state| &state.kind));
        about["state"] = json!(state.as_ref().map(|state| &state.state));
        about["created_at"] = json!(state.as_ref().map(|state| state.created_at));
    }
    Ok(about)
}

/// The texts that are shown: the values of these fields, and ids.
const SHOWN: [&str; 10] = [
    "api_version",
    "currency",
    "interval",
    "kind",
    "object",
    "pending_webhooks",
    "queue",
    "schedule",
    "status",
    "type",
];

/// Whether a text is an id, such as `cus_9s6XKzkNRiz8i3`: it names an object and not a person.
fn is_id(text: &str) -> bool {
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.split_once('_').is_some_and(|(kind, rest)| {
        kind.bytes().all(|byte| byte.is_ascii_lowercase()) && rest.split('_').all(is_word) && rest.len() >= 8
    })
}

fn redacted_text(text: &str) -> Value {
    json!(format!("[{} characters]", text.chars().count()))
}

/// A value without texts that may identify a person. Numbers and switches stay.
fn redact(field: &str, value: Value) -> Value {
    match value {
        Value::String(text) if SHOWN.contains(&field) || is_id(&text) => Value::String(text),
        Value::String(text) => redacted_text(&text),
        Value::Array(values) => values.into_iter().map(|value| redact(field, value)).collect(),
        Value::Object(fields) => {
            let redacted = fields.into_iter().map(|(name, value)| {
                let value = redact(&name, value);
                (name, value)
            });
            redacted.collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redact_keeps_ids_types_and_numbers_and_hides_texts() {
        let event = json!({
            "id": "evt_1ABCdefgh234", "type": "invoice.paid", "created": 7, "livemode": false,
            "data": {"object": {"customer": "cus_9s6XKzkNRiz8i3", "customer_email": "ann@example.com",
                "lines": [{"description": "Pro for Ann"}], "metadata": {"note": "a_b@example.com"}}},
        });
        let redacted = redact("", event).to_string();
        for shown in ["evt_1ABCdefgh234", "invoice.paid", "cus_9s6XKzkNRiz8i3", "\"created\":7", "[15 characters]"] {
            assert!(redacted.contains(shown), "{shown}: {redacted}");
        }
        for hidden in ["ann@", "Ann", "example"] {
            assert!(!redacted.contains(hidden), "{hidden}: {redacted}");
        }
    }
}
