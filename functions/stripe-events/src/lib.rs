//! The `stripe-events` function: converges the local subscriptions and payments to Stripe's state, one event or command
//! after another. An event is a hint that something changed; only its user is read from it, so the events of one user
//! in a batch lead to one synchronisation.

mod batch;
mod command;
mod drift;
mod event;

use aws_config::SdkConfig;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use std::convert::Infallible;
use std::sync::Arc;
use tollgate_convergence::{ConvergeError, Convergence};
use tollgate_domain::billing::Rules;
use tollgate_platform::sqs::{MessageError, SourceQueue};
use tollgate_platform::{Clock, ConfigError, Env, Outbound};
use tollgate_store::roles::StripeEvents;
use tollgate_store::{Store, StoreError};
use tollgate_stripe::{Gateway, GatewayError, STRIPE_API};
use tollgate_tokens::keys::{KeySource, SecretIds};

/// The settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    queue_url: String,
    table_prefix: String,
    stripe_url: String,
    rules: Rules,
    secret_ids: SecretIds,
}

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            queue_url: env.required("STRIPE_QUEUE_URL", "the address of the queue of Stripe's events")?.to_owned(),
            table_prefix: env.required("TABLE_PREFIX", "what the names of the tables start with")?.to_owned(),
            stripe_url: env.address("STRIPE_API_URL", || STRIPE_API.to_owned())?,
            rules: env.billing_rules()?,
            secret_ids: SecretIds::billing(env)?,
        })
    }
}

/// The state that invocations share.
#[derive(Clone)]
pub struct State {
    store: Store<StripeEvents>,
    gateway: Gateway,
    convergence: Convergence,
    queue: SourceQueue,
    clock: Clock,
}

impl State {
    /// Creates the clients; `outbound` leads to Stripe. It makes no call.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, outbound: Outbound, clock: Clock) -> Self {
        let store: Store<StripeEvents> = Store::new(sdk, &config.table_prefix);
        let keys = Arc::new(KeySource::new(config.secret_ids, sdk, clock.clone()));
        let gateway = Gateway::new(outbound, Arc::clone(&keys), &config.stripe_url);
        let convergence = Convergence::new(store.narrow(), gateway.clone(), keys, clock.clone(), config.rules);
        let queue = SourceQueue::new(sdk, &config.queue_url, clock.clone());
        Self { store, gateway, convergence, queue, clock }
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
    Stripe(#[from] GatewayError),
    #[error(transparent)]
    Converge(#[from] ConvergeError),
}

impl MessageError for HandlingError {
    fn is_poison(&self) -> bool {
        matches!(self, Self::Unreadable)
    }
}

/// Handles the messages of `event`. A failed one is reported, and so are the later ones of its group: they come back in
/// the same order.
///
/// # Errors
/// Never: failures are reported message by message.
pub async fn handle(event: SqsEvent, state: &State) -> Result<SqsBatchResponse, Infallible> {
    Ok(Box::pin(batch::handle(event, state)).await)
}
