//! The fake SQS: exactly the calls in use.

use super::state::Fakes;
use crate::documents::DatabaseError;
use crate::queues::Queue;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How the header of a call begins.
pub(super) const TARGET: &str = "AmazonSQS.";

/// The queue in which a queue's address ends.
fn queue_of<'a>(queues: &'a [Queue], url: &str) -> Option<&'a Queue> {
    queues.iter().find(|queue| Some(queue.name()) == url.rsplit('/').next())
}

/// A message as SQS receives it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    queue_url: String,
    message_body: String,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

/// Several messages for one queue.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessageBatch {
    queue_url: String,
    entries: Vec<SendMessageBatchRequestEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessageBatchRequestEntry {
    id: String,
    message_body: String,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

/// Messages that are hidden for longer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeMessageVisibilityBatch {
    queue_url: String,
    entries: Vec<ChangeMessageVisibilityBatchRequestEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeMessageVisibilityBatchRequestEntry {
    id: String,
    receipt_handle: String,
    visibility_timeout: i64,
}

/// The number of entries that SQS accepts in one call.
const MAX_ENTRIES: usize = 10;

fn no_queue() -> Value {
    json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist"})
}

/// The prefix of queue ARNs.
const QUEUE_ARN: &str = "arn:aws:sqs:us-east-1:000000000000:";

/// The answer of `act` to the call in `body`.
fn read<T: DeserializeOwned>(
    body: &[u8],
    act: impl FnOnce(T) -> Result<Value, DatabaseError>,
) -> Result<Value, DatabaseError> {
    match serde_json::from_slice(body) {
        Ok(request) => act(request),
        Err(error) => Ok(json!({"__type": "SerializationException", "Message": error.to_string()})),
    }
}

impl Fakes {
    /// Answers a call of SQS by its operation.
    pub(super) fn answer_sqs(&self, operation: &str, body: &[u8]) -> Result<Value, DatabaseError> {
        let json = || serde_json::from_slice::<Value>(body).unwrap_or_default();
        match operation {
            "SendMessage" => read(body, |request| self.send(request)),
            "SendMessageBatch" => read(body, |request| self.send_batch(request)),
            "ChangeMessageVisibilityBatch" => read(body, |request| self.change_visibility_batch(request)),
            "ReceiveMessage" => Ok(self.receive_dead_letters(&json())),
            "GetQueueUrl" => Ok(self.get_queue_url(&json())),
            "GetQueueAttributes" => Ok(self.get_queue_attributes(&json())),
            "StartMessageMoveTask" => Ok(self.start_message_move_task(&json())),
            "ListMessageMoveTasks" => self.list_message_move_tasks(&json()),
            other => Ok(json!({"__type": "UnknownOperationException", "Message": other})),
        }
    }

    fn send(&self, request: SendMessage) -> Result<Value, DatabaseError> {
        let Some(queue) = queue_of(&self.queues, &request.queue_url) else { return Ok(no_queue()) };
        let SendMessage { message_body, message_group_id, message_deduplication_id, .. } = request;
        let id = queue.send(message_body, message_group_id, message_deduplication_id)?;
        Ok(json!({"MessageId": id, "MD5OfMessageBody": ""}))
    }

    fn send_batch(&self, request: SendMessageBatch) -> Result<Value, DatabaseError> {
        let Some(queue) = queue_of(&self.queues, &request.queue_url) else { return Ok(no_queue()) };
        let mut sent = Vec::new();
        for entry in request.entries {
            let id = queue.send(entry.message_body, entry.message_group_id, entry.message_deduplication_id)?;
            sent.push(json!({"Id": entry.id, "MessageId": id, "MD5OfMessageBody": ""}));
        }
        Ok(json!({"Successful": sent, "Failed": []}))
    }

    /// For a queue of dead letters only: the other queues are read by their consumers, in this process.
    fn receive_dead_letters(&self, request: &Value) -> Value {
        let name = request["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
        let Some(queue) = self.queue_of_dead(name) else { return no_queue() };
        let most = request["MaxNumberOfMessages"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(1);
        let hidden = request["VisibilityTimeout"].as_i64().unwrap_or(30);
        let messages = queue.receive_dead(most.min(MAX_ENTRIES), hidden);
        let messages: Vec<_> = messages
            .into_iter()
            .map(|message| {
                // The ids of SQS are unique; those of the fake are unique within their queue.
                let id = format!("{}-{}", queue.name(), message.id);
                let mut attributes = json!({
                    "SentTimestamp": message.sent_at.as_millisecond().to_string(),
                    "ApproximateReceiveCount": message.receives.to_string(),
                });
                if let Some(group) = message.group {
                    attributes["MessageGroupId"] = json!(group);
                }
                json!({
                    "MessageId": id, "ReceiptHandle": message.id, "Body": message.body, "MD5OfBody": "",
                    "Attributes": attributes,
                })
            })
            .collect();
        json!({"Messages": messages})
    }

    fn show_dead_letters(&self, queue: &Queue, request: &ChangeMessageVisibilityBatch) -> Value {
        let (mut changed, mut failed) = (Vec::new(), Vec::new());
        for entry in &request.entries {
            if entry.visibility_timeout == 0 && queue.show_dead(&entry.receipt_handle) {
                changed.push(json!({"Id": entry.id}));
            } else {
                failed.push(json!({"Id": entry.id, "SenderFault": true, "Code": "ReceiptHandleIsInvalid"}));
            }
        }
        json!({"Successful": changed, "Failed": failed})
    }

    fn change_visibility_batch(&self, request: ChangeMessageVisibilityBatch) -> Result<Value, DatabaseError> {
        let name = request.queue_url.rsplit('/').next().unwrap_or_default();
        if let Some(queue) = self.queue_of_dead(name) {
            return Ok(self.show_dead_letters(queue, &request));
        }
        let Some(queue) = queue_of(&self.queues, &request.queue_url) else { return Ok(no_queue()) };
        match request.entries.len() {
            0 => return Ok(json!({"__type": "com.amazonaws.sqs#EmptyBatchRequest"})),
            1..=MAX_ENTRIES => {}
            _ => return Ok(json!({"__type": "com.amazonaws.sqs#TooManyEntriesInBatchRequest"})),
        }
        let (mut changed, mut failed) = (Vec::new(), Vec::new());
        for entry in request.entries {
            match queue.change_visibility(&entry.receipt_handle, entry.visibility_timeout)? {
                Ok(()) => changed.push(json!({"Id": entry.id})),
                Err(error) => {
                    failed.push(json!({"Id": entry.id, "SenderFault": true, "Code": format!("{error:?}")}));
                }
            }
        }
        Ok(json!({"Successful": changed, "Failed": failed}))
    }

    /// The queue whose dead letters are in the queue of this name.
    fn queue_of_dead(&self, name: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.dead_name() == name)
    }

    fn get_queue_url(&self, request: &Value) -> Value {
        let name = request["QueueName"].as_str().unwrap_or_default();
        let is_known = self.queues.iter().any(|queue| queue.name() == name || queue.dead_name() == name);
        if is_known { json!({"QueueUrl": format!("http://sqs.local/000000000000/{name}")}) } else { no_queue() }
    }

    /// For a queue of dead letters only: no caller needs those of another one.
    fn get_queue_attributes(&self, request: &Value) -> Value {
        let name = request["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
        let Some(queue) = self.queue_of_dead(name) else { return no_queue() };
        let asked = request["AttributeNames"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let attributes: serde_json::Map<_, _> = asked
            .filter_map(|asked| match asked {
                "QueueArn" => Some((asked.to_owned(), json!(format!("{QUEUE_ARN}{name}")))),
                "ApproximateNumberOfMessages" => Some((asked.to_owned(), json!(queue.dead_letters().to_string()))),
                _ => None,
            })
            .collect();
        json!({"Attributes": attributes})
    }

    fn start_message_move_task(&self, request: &Value) -> Value {
        let source = request["SourceArn"].as_str().unwrap_or_default();
        match source.strip_prefix(QUEUE_ARN).and_then(|name| self.queue_of_dead(name)) {
            None => json!({"__type": "com.amazonaws.sqs#ResourceNotFoundException", "message": source}),
            Some(queue) if queue.start_move() => json!({"TaskHandle": source}),
            Some(_) => json!({"__type": "com.amazonaws.sqs#UnsupportedOperation", "message": "a move is under way"}),
        }
    }

    fn list_message_move_tasks(&self, request: &Value) -> Result<Value, DatabaseError> {
        let source = request["SourceArn"].as_str().unwrap_or_default();
        let Some(queue) = source.strip_prefix(QUEUE_ARN).and_then(|name| self.queue_of_dead(name)) else {
            return Ok(json!({"__type": "com.amazonaws.sqs#ResourceNotFoundException", "message": source}));
        };
        let results: Vec<_> = queue
            .poll_move()?
            .iter()
            .map(|task| {
                json!({
                    "Status": if task.is_over() { "COMPLETED" } else { "RUNNING" }, "SourceArn": source,
                    "ApproximateNumberOfMessagesMoved": task.moved, "ApproximateNumberOfMessagesToMove": task.of,
                    "StartedTimestamp": task.started_at.as_millisecond(),
                })
            })
            .collect();
        Ok(json!({"Results": results}))
    }
}
