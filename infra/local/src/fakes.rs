//! The fakes of SQS, SES and Secrets Manager: they implement the SDKs' protocols for exactly the calls in use. The
//! functions of this process reach them through the fault injector, others over a listener on loopback.

mod ses;
mod sqs;

pub use ses::{MAILS_KEPT, Mail};

use crate::clock::LocalClock;
use crate::documents::{DatabaseError, Documents};
use crate::queues::Queue;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use std::sync::Arc;

/// The state of the fakes.
#[derive(Clone)]
pub struct Fakes {
    /// Mails and secrets.
    pub documents: Documents,
    /// The queues.
    pub queues: Arc<Vec<Queue>>,
    /// The current time.
    pub clock: LocalClock,
}

/// The header that names the service and its operation.
pub const TARGET: &str = "x-amz-target";

const SECRETS: &str = "secret";

impl Fakes {
    /// The listener's router.
    pub fn router(self) -> Router {
        Router::new().fallback(call).with_state(self)
    }

    /// The text of a secret.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn secret(&self, name: &str) -> Result<Option<String>, DatabaseError> {
        self.documents.get(SECRETS, name)
    }

    /// Sets the text of a secret.
    ///
    /// # Errors
    /// When the document store does not.
    pub fn put_secret(&self, name: &str, text: &str) -> Result<(), DatabaseError> {
        self.documents.put(SECRETS, name, &text)
    }

    fn get_secret(&self, request: &Value) -> Result<Value, DatabaseError> {
        let name = request["SecretId"].as_str().unwrap_or_default();
        Ok(match self.secret(name)? {
            Some(text) => {
                json!({"ARN": format!("arn:aws:secretsmanager:local:000000000000:secret:{name}"), "Name": name, "SecretString": text})
            }
            None => json!({"__type": "ResourceNotFoundException", "Message": "no such secret"}),
        })
    }

    fn put_secret_value(&self, request: &Value) -> Result<Value, DatabaseError> {
        let name = request["SecretId"].as_str().unwrap_or_default();
        if self.secret(name)?.is_none() {
            return Ok(json!({"__type": "ResourceNotFoundException", "Message": "no such secret"}));
        }
        self.put_secret(name, request["SecretString"].as_str().unwrap_or_default())?;
        Ok(json!({"Name": name, "VersionId": request["ClientRequestToken"]}))
    }
}

/// An answer of a fake.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Answer {
    fn json(status: StatusCode, body: &Value) -> Self {
        Self { status, content_type: "application/x-amz-json-1.1", body: body.to_string() }
    }

    fn xml(status: StatusCode, body: String) -> Self {
        Self { status, content_type: "text/xml", body }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, [(header::CONTENT_TYPE, self.content_type)], self.body).into_response()
    }
}

async fn call(State(fakes): State<Fakes>, headers: HeaderMap, body: Bytes) -> Answer {
    let target = headers.get(TARGET).and_then(|target| target.to_str().ok()).unwrap_or_default();
    fakes.answer(target, &body)
}

impl Fakes {
    /// Answers the call of `target`, the value of the header [`TARGET`]; without one it is a call of SES.
    #[must_use]
    pub fn answer(&self, target: &str, body: &[u8]) -> Answer {
        let json = || serde_json::from_slice::<Value>(body).unwrap_or_default();
        let answer = match target {
            _ if target.starts_with(sqs::TARGET) => self.answer_sqs(&target[sqs::TARGET.len()..], body),
            "secretsmanager.GetSecretValue" => self.get_secret(&json()),
            "secretsmanager.PutSecretValue" => self.put_secret_value(&json()),
            "" => return self.answer_form(body),
            other => Ok(json!({"__type": "UnknownOperationException", "Message": other})),
        };
        match answer {
            Ok(answer) if answer.get("__type").is_some() => Answer::json(StatusCode::BAD_REQUEST, &answer),
            Ok(answer) => Answer::json(StatusCode::OK, &answer),
            Err(error) => Answer::json(
                StatusCode::INTERNAL_SERVER_ERROR,
                &json!({"__type": "InternalServiceError", "Message": error.to_string()}),
            ),
        }
    }
}
