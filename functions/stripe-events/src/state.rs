//! The state that invocations share: the tables, Stripe, and the queue.

use crate::config::Config;
use aws_config::SdkConfig;
use std::sync::Arc;
use tollgate_convergence::Convergence;
use tollgate_platform::sqs::SourceQueue;
use tollgate_platform::{Clock, Outbound};
use tollgate_store::Store;
use tollgate_store::roles::StripeEvents;
use tollgate_stripe::Gateway;
use tollgate_tokens::keys::KeySource;

/// The state that invocations share.
#[derive(Clone)]
pub struct State {
    pub(crate) store: Store<StripeEvents>,
    pub(crate) gateway: Gateway,
    pub(crate) convergence: Convergence,
    pub(crate) queue: SourceQueue,
    pub(crate) clock: Clock,
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
