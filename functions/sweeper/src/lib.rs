//! The `sweeper` function: scheduled work. It makes up for missing events: the effect of an event of Stripe that never
//! came follows within the hour or the day.

mod accounts;
mod config;
mod erasure;
mod expiry;
mod outbox;
mod reconciliation;
mod reminders;
mod rollup;
mod state;
mod swept;

pub use config::Config;
pub use state::State;
pub use swept::{SweepError, Swept};

use serde::Deserialize;
use tollgate_stripe::GatewayError;

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
