//! The `mailer` function: claims one message of the outbox, renders it, sends it by SES, marks it. It never reads users.

mod config;
mod delivery;

pub use config::Config;

use aws_config::SdkConfig;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use delivery::{Refusal, classify};
use serde::Deserialize;
use std::convert::Infallible;
use std::sync::Arc;
use tollgate_domain::MessageId;
use tollgate_mail::{Addressed, Context, Mail, Message, Secret, brand, render};
use tollgate_platform::Clock;
use tollgate_platform::sqs::{self, MessageError, SourceQueue};
use tollgate_store::roles::Mailer;
use tollgate_store::{Claim, OutboxMessage, Store, StoreError};
use tollgate_tokens::codes::Plain;
use tollgate_tokens::keys::{KeyError, KeySource};

/// The state that invocations share.
#[derive(Clone)]
pub struct State {
    /// The key of mailed secrets.
    pub keys: Arc<KeySource>,
    config: Arc<Config>,
    store: Store<Mailer>,
    ses: aws_sdk_ses::Client,
    queue: SourceQueue,
    clock: Clock,
}

impl State {
    /// Creates the clients. It makes no call.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock) -> Self {
        Self {
            keys: Arc::new(KeySource::new(config.secret_ids.clone(), sdk, clock.clone())),
            store: Store::new(sdk, &config.table_prefix),
            ses: aws_sdk_ses::Client::new(sdk),
            queue: SourceQueue::new(sdk, &config.queue_url, clock.clone()),
            config: Arc::new(config),
            clock,
        }
    }
}

/// Why a message is received again.
#[derive(Debug, thiserror::Error)]
enum HandlingError {
    #[error("the queue's message is not readable")]
    Unreadable,
    #[error("another receive holds it")]
    HeldByAnother,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error("not rendered: {0}")]
    Render(String),
    #[error("SES: {0}")]
    Ses(String),
}

impl MessageError for HandlingError {
    fn is_poison(&self) -> bool {
        matches!(self, Self::Unreadable | Self::Render(_))
    }
}

/// Why a message will never be sent.
enum ParkedError {
    Expired,
    KeyGone,
    Rejected(String),
}

/// The message that `relay` sends.
#[derive(Deserialize)]
struct QueueMessage {
    id: MessageId,
}

/// Sends each message of `event`; failed messages are reported and received again.
///
/// # Errors
/// Never: failures are reported message by message.
pub async fn handle(event: SqsEvent, state: &State) -> Result<SqsBatchResponse, Infallible> {
    Ok(sqs::batch(event, &state.queue, |message| one(state, message)).await)
}

async fn one(state: &State, message: SqsMessage) -> Result<(), HandlingError> {
    let queue_message: QueueMessage =
        serde_json::from_str(message.body.as_deref().unwrap_or_default()).map_err(|_| HandlingError::Unreadable)?;
    let holder = message.message_id.unwrap_or_default();
    let row = match state.store.claim_message(&queue_message.id, &holder, state.clock.now()).await? {
        Claim::Send(row) => row,
        Claim::AlreadyDone => return Ok(()),
        Claim::HeldByAnother => return Err(HandlingError::HeldByAnother),
    };
    let outcome = match deliver(state, &row).await {
        Ok(outcome) => outcome,
        Err(failure) => {
            if let Err(error) = state.store.release_message(&row.id, &holder).await {
                tracing::warn!(message_id = %row.id, %error, "a claim is left to lapse");
            }
            return Err(failure);
        }
    };
    let now = state.clock.now();
    match outcome {
        Ok(()) => {
            tracing::info!(message_id = %row.id, kind = row.kind, "mail sent");
            state.store.mark_sent(&row.id, now).await?;
        }
        Err(parked) => {
            let reason = match parked {
                ParkedError::Expired => "expired".to_owned(),
                ParkedError::KeyGone => "key_gone".to_owned(),
                ParkedError::Rejected(code) => format!("rejected: {code}"),
            };
            tracing::warn!(message_id = %row.id, kind = row.kind, reason, "mail parked");
            state.store.park_message(&row.id, &reason, now).await?;
        }
    }
    Ok(())
}

/// Renders and sends `row`; the inner error says why it will never be sent.
async fn deliver(state: &State, row: &OutboxMessage) -> Result<Result<(), ParkedError>, HandlingError> {
    let Addressed { locale, message } =
        serde_json::from_str(&row.body).map_err(|error| HandlingError::Render(error.to_string()))?;
    let secrets = match secrets_of(state, &message).await? {
        Ok(secrets) => secrets,
        Err(parked) => return Ok(Err(parked)),
    };
    let context = Context {
        brand: brand(),
        locale: locale.as_deref(),
        app_name: &state.config.app_name,
        app_url: &state.config.app_url,
        verify_page_url: &state.config.verify_page_url,
        reset_page_url: &state.config.reset_page_url,
        token: secrets.token.as_ref().map_or("", |token| token.expose()),
        code: secrets.code.as_ref().map_or("", |code| code.expose()),
    };
    let mail = render(&message, &context).map_err(|error| HandlingError::Render(error.to_string()))?;
    send(state, &mail, row).await
}

/// The secrets of a mail.
#[derive(Default)]
struct Secrets {
    token: Option<Plain>,
    code: Option<Plain>,
}

/// The secrets of `message`, derived now; an expired one is never sent (R15).
async fn secrets_of(state: &State, message: &Message) -> Result<Result<Secrets, ParkedError>, HandlingError> {
    let Some(secret) = message.secret() else { return Ok(Ok(Secrets::default())) };
    if state.clock.now() >= secret.expires_at() {
        return Ok(Err(ParkedError::Expired));
    }
    let codes = state.keys.codes().await?;
    let secrets = match secret {
        Secret::OneTime(purpose, otp) => {
            let token = codes.link_token(purpose, &otp.user_id, &otp.id, &otp.generation);
            let code = codes.code(purpose, &otp.id, &otp.generation);
            token.zip(code).map(|(token, code)| Secrets { token: Some(token), code: Some(code) })
        }
        Secret::Invitation { id, generation, .. } => {
            codes.invitation_token(id, generation).map(|token| Secrets { token: Some(token), code: None })
        }
    };
    Ok(secrets.ok_or(ParkedError::KeyGone))
}

async fn send(state: &State, mail: &Mail, row: &OutboxMessage) -> Result<Result<(), ParkedError>, HandlingError> {
    match delivery::send(&state.ses, &state.config, mail, row).await {
        Ok(()) => Ok(Ok(())),
        Err(error) => match classify(&error) {
            Refusal::OfThisMail(code) => Ok(Err(ParkedError::Rejected(code))),
            Refusal::TryAgain(code) => Err(HandlingError::Ses(code)),
        },
    }
}
