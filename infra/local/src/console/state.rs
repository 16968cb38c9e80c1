//! What the handlers of the dev console share.

use super::error::ConsoleError;
use crate::ai::FakeModel;
use crate::clock::LocalClock;
use crate::event_sources::EventSources;
use crate::fakes::Fakes;
use crate::faults::FaultInjector;
use crate::providers::Providers;
use crate::queues::{Depth, Queue};
use crate::schedules::Schedules;
use dynoxide::Database;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tollgate_fake_stripe::Stripe;
use tollgate_http::ApiError;

/// The state of the dev console.
#[derive(Clone)]
pub struct Console {
    /// Where the stack listens.
    pub base_url: String,
    /// Mails, queues, secrets.
    pub fakes: Fakes,
    /// Google and GitHub.
    pub providers: Providers,
    /// The event sources.
    pub event_sources: Arc<EventSources>,
    /// The fault injector.
    pub fault_injector: FaultInjector,
    /// The clock.
    pub clock: LocalClock,
    /// The tables.
    pub database: Database,
    /// The address of the tables' DynamoDB endpoint.
    pub tables_url: String,
    /// Where the other fakes of AWS are served.
    pub aws_url: String,
    /// The random numbers for tokens.
    pub auth: tollgate_auth::State,
    /// Stripe, where it is the fake.
    pub stripe: Option<Stripe>,
    /// The schedules.
    pub schedules: Schedules,
    /// The chat model.
    pub model: FakeModel,
    /// The settings of the functions that `tollgate-ops` works with.
    pub environment: Arc<BTreeMap<&'static str, String>>,
    /// The file of the functions' logs, if there is one.
    pub log: Option<PathBuf>,
}

impl Console {
    /// The fake Stripe.
    ///
    /// # Errors
    /// Not found where the stack uses another one.
    pub(super) fn stripe(&self) -> Result<&Stripe, ConsoleError> {
        self.stripe.as_ref().ok_or_else(|| ApiError::NotFound.into())
    }

    /// The depth of each queue.
    pub(super) fn depths(&self) -> Vec<Depth> {
        self.fakes.queues.iter().map(Queue::depth).collect()
    }
}
