//! Idempotency keys: for a day, the same key returns the first answer, also a refusal of the card; the same key with
//! other parameters is an error. Errors from before any work began are not stored.

use crate::core::Core;
use crate::error::ApiError;
use serde_json::{Value, json};

const KEPT_SECONDS: i64 = 86_400;

/// An answer: its status and body.
pub type Answer = (u16, Value);

fn id_of(key: &str) -> String {
    format!("idempotency {key}")
}

impl Core {
    /// The stored answer of `key`, if any.
    ///
    /// # Errors
    /// When the key was used for another call.
    pub fn replayed(&self, key: &str, call: &str) -> Result<Option<Answer>, ApiError> {
        let Some(record) = self.record(&id_of(key)) else { return Ok(None) };
        if record.side["at"].as_i64().is_some_and(|at| self.now() - at >= KEPT_SECONDS) {
            return Ok(None);
        }
        if record.side["call"] != call {
            let message =
                "Keys for idempotent requests can only be used with the same parameters they were first used with.";
            return Err(ApiError { kind: "idempotency_error", ..ApiError::invalid(message) });
        }
        let status = record.side["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        Ok(status.map(|status| (status, record.side["body"].clone())))
    }

    pub fn remember(&mut self, key: &str, call: &str, (status, body): &Answer) {
        let now = self.now();
        self.forget("idempotency", |record, _| record.side["at"].as_i64().is_some_and(|at| now - at >= KEPT_SECONDS));
        let object = json!({"id": id_of(key), "object": "idempotency"});
        self.insert(object, json!({"at": self.now(), "call": call, "status": status, "body": body}));
    }
}
