//! The `sweeper` function: scheduled work. It makes up for missing events: the effect of an event of Stripe that never
//! came follows within the hour or the day.

mod accounts;
mod erasure;
mod expiry;
mod outbox;
mod reconciliation;
mod reminders;
mod rollup;

use aws_config::SdkConfig;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tollgate_convergence::{ConvergeError, Convergence};
use tollgate_domain::billing::{Grace, Rules};
use tollgate_outbox::{Queues, Sender};
use tollgate_platform::{Clock, ConfigError, Env, Outbound};
use tollgate_store::roles::Sweeper;
use tollgate_store::{Store, StoreError};
use tollgate_stripe::{Gateway, GatewayError, STRIPE_API};
use tollgate_tokens::keys::{KeySource, SecretIds};

/// The settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    table_prefix: String,
    stripe_url: String,
    rules: Rules,
    queues: Queues,
    secret_ids: SecretIds,
    has_billing: bool,
}

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let has_billing = env.has_billing()?;
        Ok(Self {
            table_prefix: env.required("TABLE_PREFIX", "what the names of the tables start with")?.to_owned(),
            stripe_url: env.address("STRIPE_API_URL", || STRIPE_API.to_owned())?,
            rules: env.billing_rules()?,
            queues: Queues::from_env(env)?,
            secret_ids: if has_billing { SecretIds::billing(env)? } else { SecretIds::default() },
            has_billing,
        })
    }
}

/// The state that invocations share.
#[derive(Clone)]
pub struct State {
    store: Store<Sweeper>,
    gateway: Gateway,
    convergence: Convergence,
    grace: Grace,
    sender: Sender,
    clock: Clock,
    /// Without it Stripe is never called.
    has_billing: bool,
}

impl State {
    /// Creates the clients; `outbound` leads to Stripe. It makes no call.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, outbound: Outbound, clock: Clock) -> Self {
        let store: Store<Sweeper> = Store::new(sdk, &config.table_prefix);
        let keys = Arc::new(KeySource::new(config.secret_ids, sdk, clock.clone()));
        let gateway = Gateway::new(outbound, Arc::clone(&keys), &config.stripe_url);
        let convergence = Convergence::new(store.narrow(), gateway.clone(), keys, clock.clone(), config.rules);
        let sender = Sender::new(config.queues, sdk);
        Self { store, gateway, convergence, grace: config.rules.grace, sender, clock, has_billing: config.has_billing }
    }
}

/// The task of the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "schedule", rename_all = "snake_case")]
pub enum Schedule {
    /// Subscriptions whose period or grace ends: Stripe's state is fetched before access ends.
    Expiry,
    /// Reconciliation of Stripe's state with the stored state.
    Reconcile,
    /// Reminders.
    Reminders,
    /// Messages that `relay` missed.
    Outbox,
    /// Unverified accounts after a week, and the data of deleted accounts.
    Accounts,
    /// The statistics.
    Rollup,
}

impl Schedule {
    /// All tasks, each with its name and the minutes between two runs.
    pub const ALL: [(Self, &str, i64); 6] = [
        (Self::Expiry, "expiry", 60),
        (Self::Reconcile, "reconcile", 24 * 60),
        (Self::Reminders, "reminders", 6 * 60),
        (Self::Outbox, "outbox", 60),
        (Self::Accounts, "accounts", 6 * 60),
        (Self::Rollup, "rollup", 30),
    ];

    /// Its name.
    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(schedule, ..)| *schedule == self).map_or("", |(_, name, _)| name)
    }

    /// Whether it has work only if Stripe is configured.
    #[must_use]
    pub fn needs_stripe(self) -> bool {
        matches!(self, Self::Expiry | Self::Reconcile | Self::Reminders)
    }
}

/// The result of a sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// How many users were synchronised, messages resent, accounts removed, or users counted.
    pub handled: usize,
}

/// Why a sweep is incomplete. The next one continues with the rest.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The tables did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stripe did not answer.
    #[error(transparent)]
    Stripe(#[from] GatewayError),
    /// Some users failed; all others are done.
    #[error("{failed} users could not be handled, the last error was: {last}")]
    Some {
        /// The number.
        failed: usize,
        /// The error of the last one.
        last: ConvergeError,
    },
    /// Some messages were refused by their queues; all others are sent.
    #[error("{0} messages were not sent")]
    NotSent(usize),
}

/// Runs the task of the schedule. Without billing or Stripe's key, tasks that need Stripe do nothing.
///
/// # Errors
/// When the sweep is incomplete: the function fails with an alarm, and the next run continues.
pub async fn handle(schedule: Schedule, state: &State) -> Result<Swept, SweepError> {
    let begun_at = state.clock.now();
    let incomplete =
        |error: &SweepError| tracing::error!(schedule = schedule.name(), %error, "the sweep is incomplete");
    let swept = sweep(schedule, state).await.inspect_err(incomplete)?;
    let stored = state.store.put_schedule_run(schedule.name(), begun_at).await;
    stored.map_err(SweepError::from).inspect_err(incomplete)?;
    tracing::info!(schedule = schedule.name(), handled = swept.handled, metric = "swept", "swept");
    Ok(swept)
}

async fn sweep(schedule: Schedule, state: &State) -> Result<Swept, SweepError> {
    if schedule.needs_stripe() && !has_stripe(state).await {
        return Ok(Swept::default());
    }
    match schedule {
        Schedule::Expiry => Box::pin(expiry::sweep(state)).await,
        Schedule::Reconcile => Box::pin(reconciliation::sweep(state)).await,
        Schedule::Reminders => Box::pin(reminders::sweep(state)).await,
        Schedule::Outbox => Box::pin(outbox::sweep(state)).await,
        Schedule::Accounts => Box::pin(accounts::sweep(state)).await,
        Schedule::Rollup => Box::pin(rollup::sweep(state)).await,
    }
}

async fn has_stripe(state: &State) -> bool {
    state.has_billing && !matches!(state.gateway.mode().await, Err(GatewayError::NotConfigured))
}

/// Counts successes and failures.
#[derive(Default)]
struct Tally {
    handled: usize,
    failed: usize,
    last: Option<ConvergeError>,
}

impl Tally {
    fn count(&mut self, result: Result<usize, ConvergeError>) {
        match result {
            Ok(handled) => self.handled += handled,
            Err(error) => {
                tracing::error!(%error, "a user failed");
                self.failed += 1;
                self.last = Some(error);
            }
        }
    }

    fn end(self) -> Result<Swept, SweepError> {
        match self.last {
            None => Ok(Swept { handled: self.handled }),
            Some(last) => Err(SweepError::Some { failed: self.failed, last }),
        }
    }
}
