//! The fake chat model: answers like any endpoint that speaks OpenAI's chat completions, from a script that a test sets.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where it is served.
pub const PATH: &str = "/_ai/v1";
/// The suggestion that is answered without a script.
const PROPOSAL: &str = "{\"sql\": \"SELECT count(*) AS users FROM users\", \"explanation\": \"Counts all accounts.\", \
    \"assumptions\": [\"This is the fake model: it gives the same statement for every question. Set GROQ_API_KEY for a real one.\"], \
    \"cannot\": null}";
/// The number of stored requests.
const KEPT: usize = 100;

/// The fake.
#[derive(Clone, Default)]
pub struct FakeModel(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    answers: VecDeque<ScriptedAnswer>,
    requests: VecDeque<Value>,
}

/// The scripted answer.
#[derive(Debug, Clone, Deserialize)]
pub struct ScriptedAnswer {
    #[serde(default = "ok")]
    status: u16,
    /// The whole body; it need not be valid.
    body: Value,
}

const fn ok() -> u16 {
    200
}

impl FakeModel {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the answer to the next requests.
    pub fn script(&self, answers: Vec<ScriptedAnswer>) {
        self.held().answers = answers.into();
    }

    /// The received requests, the newest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Value> {
        self.held().requests.iter().rev().cloned().collect()
    }
}

/// `POST /chat/completions`.
pub async fn complete(State(model): State<FakeModel>, headers: HeaderMap, Json(request): Json<Value>) -> Response {
    let mut held = model.held();
    held.requests.push_back(request);
    if held.requests.len() > KEPT {
        held.requests.pop_front();
    }
    let has_key = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("Bearer "));
    if !has_key {
        let body = json!({"error": {"message": "Invalid API Key", "type": "invalid_request_error", "code": "invalid_api_key"}});
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    match held.answers.pop_front() {
        Some(ScriptedAnswer { status, body }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            match body {
                // A text is sent as the whole body: prose, truncated JSON, or nothing.
                Value::String(text) => (status, text).into_response(),
                body => (status, Json(body)).into_response(),
            }
        }
        None => {
            let message = json!({"role": "assistant", "content": PROPOSAL});
            Json(json!({
                "id": "chatcmpl-local", "object": "chat.completion", "model": "fake",
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            }))
            .into_response()
        }
    }
}
