//! The state that invocations share: the tables, Stripe, and the queues.

use crate::config::Config;
use aws_config::SdkConfig;
use std::sync::Arc;
use tollgate_convergence::Convergence;
use tollgate_domain::billing::Grace;
use tollgate_outbox::Sender;
use tollgate_platform::{Clock, Outbound};
use tollgate_store::Store;
use tollgate_store::roles::Sweeper;
use tollgate_stripe::Gateway;
use tollgate_tokens::keys::KeySource;

/// The state that invocations share.
#[derive(Clone)]
pub struct State {
    pub(crate) store: Store<Sweeper>,
    pub(crate) gateway: Gateway,
    pub(crate) convergence: Convergence,
    pub(crate) grace: Grace,
    pub(crate) sender: Sender,
    pub(crate) clock: Clock,
    /// Without it Stripe is never called.
    pub(crate) has_billing: bool,
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
