//! The fakes of SQS, SES and Secrets Manager: they implement the SDKs' protocols for exactly the calls in use. The
//! functions of this process reach them through the fault injector, others over a listener on loopback.

mod answer;
mod secrets;
mod ses;
mod sqs;
mod state;

pub use answer::{Answer, TARGET};
pub use ses::{MAILS_KEPT, Mail};
pub use state::Fakes;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

impl Fakes {
    /// The listener's router.
    pub fn router(self) -> Router {
        Router::new().fallback(call).with_state(self)
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
