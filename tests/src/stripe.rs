//! Stripe's events in tests: signed for the webhook, or in the queue's form for the worker.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

/// An event about `object`.
pub fn event(id: &str, kind: &str, object: &Value) -> Value {
    json!({
        "id": id, "object": "event", "api_version": tollgate_fake_stripe::API_VERSION, "created": 1_772_366_400,
        "data": {"object": object}, "livemode": false, "pending_webhooks": 1,
        "request": {"id": null, "idempotency_key": null}, "type": kind,
    })
}

/// The header with Stripe's signature of `body`.
pub fn signature(secret: &str, at: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{at}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at},v1={hex}")
}

/// The SQS event with these events, all of one group.
pub fn queued(events: &[&Value]) -> Value {
    let record = |(index, event): (usize, &&Value)| {
        json!({
            "messageId": format!("message-{index}"), "receiptHandle": "r", "body": event.to_string(),
            "attributes": {"ApproximateReceiveCount": "1", "MessageGroupId": "group"}, "messageAttributes": {},
            "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:local:000000000000:stripe.fifo", "awsRegion": "local",
        })
    };
    json!({"Records": events.iter().enumerate().map(record).collect::<Vec<_>>()})
}
