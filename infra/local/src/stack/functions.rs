//! The functions of a stack, each with its own AWS clients.

use super::Options;
use super::data::reports_folder;
use crate::error::StartError;
use crate::fakes::Fakes;
use crate::faults::FaultInjector;
use crate::functions::{Function, event_function, http_function};
use crate::schedules::Schedules;
use aws_config::SdkConfig;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_auth::ProviderClients;
use tollgate_domain::user::IdentityProvider;
use tollgate_platform::{Env, Outbound};
use tollgate_sweeper::{Schedule, SweepError, Swept};

/// What the functions run in.
pub(super) struct Surroundings<'a> {
    pub env: &'a Env,
    pub fault_injector: &'a FaultInjector,
    pub sdk: &'a SdkConfig,
    pub fakes: &'a Fakes,
    pub options: &'a Options,
}

/// The functions by their names, and the parts of them that the stack uses itself.
pub(super) struct Functions {
    pub auth: tollgate_auth::State,
    pub billing: tollgate_billing::State,
    pub schedules: Schedules,
    pub by_name: BTreeMap<&'static str, Function>,
}

impl Functions {
    /// Reads the settings of each function and creates its clients. It makes no call.
    pub(super) fn new(surroundings: &Surroundings<'_>) -> Result<Self, StartError> {
        let Surroundings { env, fault_injector, sdk, fakes, options } = *surroundings;
        let clock = options.clock.clone();
        let outbound = |provider| Outbound::over(fault_injector.to_provider(provider), sdk);
        let clients = ProviderClients::new(outbound(IdentityProvider::Google), outbound(IdentityProvider::Github));
        // Each function has its own AWS clients, whose calls its role decides about.
        let sdk_of = |function| crate::environment::sdk(env, &fault_injector.of(function), &clock);
        let auth = tollgate_auth::Config::from_env(env)?;
        let auth = tollgate_auth::State::new(auth, &sdk_of("auth"), clients, clock.platform());
        let authorizer = tollgate_authorizer::Config::from_env(env)?;
        let authorizer = tollgate_authorizer::State::new(authorizer, &sdk_of("authorizer"), clock.platform());
        let relay = tollgate_relay::Config::from_env(env)?;
        let relay = tollgate_relay::State::new(relay, &sdk_of("relay"), clock.platform());
        let mailer = tollgate_mailer::Config::from_env(env)?;
        let mailer = tollgate_mailer::State::new(mailer, &sdk_of("mailer"), clock.platform());
        let to_stripe = || Outbound::over(fault_injector.to_stripe(), sdk);
        let billing = tollgate_billing::Config::from_env(env)?;
        let billing = tollgate_billing::State::new(billing, &sdk_of("billing"), to_stripe(), clock.platform());
        let webhook = tollgate_stripe_webhook::Config::from_env(env)?;
        let webhook = tollgate_stripe_webhook::State::new(webhook, &sdk_of("stripe-webhook"), clock.platform());
        let events = tollgate_stripe_events::Config::from_env(env)?;
        let events =
            tollgate_stripe_events::State::new(events, &sdk_of("stripe-events"), to_stripe(), clock.platform());
        let sweeper = tollgate_sweeper::Config::from_env(env)?;
        let sweeper = tollgate_sweeper::State::new(sweeper, &sdk_of("sweeper"), to_stripe(), clock.platform());
        let to_count = FaultInjector::new(fakes.clone());
        to_count.count_no_calls();
        let counter = crate::environment::sdk(env, &to_count, &clock);
        let counter = tollgate_sweeper::State::new(
            tollgate_sweeper::Config::from_env(env)?,
            &counter,
            to_stripe(),
            clock.platform(),
        );
        let admin = tollgate_admin::Config::from_env(env)?;
        let to_model = Outbound::over(fault_injector.to_model(), sdk);
        let admin = tollgate_admin::State::new(admin, &sdk_of("admin"), to_model, clock.platform());
        let reports = tollgate_reports::Config {
            folder: reports_folder(&options.data),
            runner: options.report_runner.clone(),
            limits: options.report_limits,
            ..tollgate_reports::Config::from_env(env)?
        };
        let to_s3 = Outbound::over(fault_injector.of("reports").to_s3(), sdk);
        let reports = tollgate_reports::State::new(reports, &sdk_of("reports"), to_s3, clock.platform());
        let example = tollgate_example::Config::from_env(env, &sdk_of("example"), clock.platform())?;
        let pages = tollgate_pages::router(tollgate_pages::Config::from_env(env)?, clock.platform());

        let sweeper = event_function(sweeper, sweep);
        let counter = event_function(counter, sweep);
        let schedules = Schedules::new(Arc::clone(&sweeper), counter, fakes.documents.clone(), clock.clone())?;
        let by_name = BTreeMap::from([
            ("auth", http_function(tollgate_auth::router(auth.clone()))),
            ("admin", schedules.count_for(http_function(tollgate_admin::router(admin)))),
            ("billing", http_function(tollgate_billing::router(billing.clone()))),
            ("stripe-webhook", http_function(tollgate_stripe_webhook::router(webhook))),
            (
                "stripe-events",
                event_function(
                    events,
                    |event, state| async move { tollgate_stripe_events::handle(event, &state).await },
                ),
            ),
            (
                "authorizer",
                event_function(
                    authorizer,
                    |event, state| async move { tollgate_authorizer::handle(event, &state).await },
                ),
            ),
            ("sweeper", sweeper),
            ("example", http_function(tollgate_example::router(example))),
            ("pages", http_function(pages)),
            (
                "relay",
                event_function(
                    relay.clone(),
                    |event, state| async move { tollgate_relay::handle(event, &state).await },
                ),
            ),
            (
                "reports",
                event_function(reports, |event, state| async move { tollgate_reports::handle(event, &state).await }),
            ),
            (
                "mailer",
                event_function(
                    mailer.clone(),
                    |event, state| async move { tollgate_mailer::handle(event, &state).await },
                ),
            ),
        ]);
        Ok(Self { auth, billing, schedules, by_name })
    }
}

async fn sweep(schedule: Schedule, state: tollgate_sweeper::State) -> Result<Swept, SweepError> {
    tollgate_sweeper::handle(schedule, &state).await
}
