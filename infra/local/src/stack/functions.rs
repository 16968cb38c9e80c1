//! The functions of the deployment, and how a stack starts each of them, with its own AWS clients.

use super::data::reports_folder;
use super::options::Options;
use crate::environment;
use crate::error::StartError;
use crate::fakes::Fakes;
use crate::faults::FaultInjector;
use crate::functions::{Function, event_function, http_function};
use crate::schedules::{ROLLUP, Schedule, Schedules};
use aws_config::SdkConfig;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use tollgate_auth::ProviderClients;
use tollgate_domain::user::IdentityProvider;
use tollgate_platform::{Clock, ConfigError, Env, Outbound};
use utoipa::openapi::OpenApi;

/// What calls a function.
#[derive(Clone, Copy)]
pub enum Source {
    /// The gateway, for the paths of the function's part of the OpenAPI document.
    Gateway(fn() -> OpenApi),
    /// The gateway, for each path that it routes to no other function.
    OtherPaths(fn() -> OpenApi),
    /// The gateway of an adopter's own API.
    OwnApi,
    /// The stream of the outbox.
    Outbox,
    /// The queue of this name.
    Queue(&'static str),
    /// Schedules, each with its interval in minutes; the template has the same.
    Schedules(&'static [(&'static str, i64)]),
}

/// A function of the deployment.
#[derive(Clone, Copy)]
pub struct DeployedFunction {
    /// Its name in the repository and in AWS, where `tollgate-STAGE-` precedes it.
    pub name: &'static str,
    /// What calls it.
    pub source: Source,
    /// Whether a deployment without billing lacks it.
    pub is_of_billing: bool,
    /// Reads its settings and creates its clients; it makes no call.
    start: fn(&Surroundings<'_>, &SdkConfig) -> Result<Function, ConfigError>,
}

impl DeployedFunction {
    /// Its part of the OpenAPI document.
    #[must_use]
    pub fn openapi(&self) -> Option<OpenApi> {
        match self.source {
            Source::Gateway(part) | Source::OtherPaths(part) => Some(part()),
            Source::OwnApi | Source::Outbox | Source::Queue(_) | Source::Schedules(_) => None,
        }
    }

    /// Its schedules, each with its interval in minutes.
    #[must_use]
    pub fn schedules(&self) -> &'static [(&'static str, i64)] {
        match self.source {
            Source::Schedules(schedules) => schedules,
            _ => &[],
        }
    }

    pub(super) fn start(&self, on: &Surroundings<'_>) -> Result<Function, ConfigError> {
        (self.start)(on, &on.sdk_of(self.name))
    }
}

/// The state of a function in surroundings: its settings, its AWS clients, other clients that it has, and the clock.
macro_rules! state {
    ($function:ident, $on:ident, $sdk:ident $(, $client:expr)?) => {
        $function::State::new($function::Config::from_env($on.env)?, $sdk, $($client,)? $on.clock())
    };
}

/// A function that handles events with a state.
macro_rules! event_function {
    ($function:ident, $state:expr) => {
        event_function($state, |event, state| async move { $function::handle(event, &state).await })
    };
}

type Start = fn(&Surroundings<'_>, &SdkConfig) -> Result<Function, ConfigError>;

const fn function(name: &'static str, source: Source, start: Start) -> DeployedFunction {
    DeployedFunction { name, source, is_of_billing: false, start }
}

const fn of_billing(function: DeployedFunction) -> DeployedFunction {
    DeployedFunction { is_of_billing: true, ..function }
}

/// The schedules of the sweeper.
const SWEEPS: &[(&str, i64)] = &[
    ("expiry", 60),
    ("reconcile", 24 * 60),
    ("reminders", 6 * 60),
    ("outbox", 60),
    ("accounts", 6 * 60),
    (ROLLUP, 30),
];

/// The functions of the deployment. The routes of the gateway, the OpenAPI document, the event sources and the lists of the
/// tests follow.
pub const FUNCTIONS: &[DeployedFunction] = &[
    function("auth", Source::Gateway(tollgate_auth::openapi), |on, _| {
        Ok(http_function(tollgate_auth::router(on.auth()?)))
    }),
    function("admin", Source::Gateway(tollgate_admin::openapi), |on, sdk| {
        Ok(http_function(tollgate_admin::router(state!(tollgate_admin, on, sdk, on.to_model()))))
    }),
    of_billing(function("billing", Source::Gateway(tollgate_billing::openapi), |on, _| {
        Ok(http_function(tollgate_billing::router(on.billing()?)))
    })),
    function("example", Source::Gateway(tollgate_example::openapi), |on, sdk| {
        let config = tollgate_example::Config::from_env(on.env, sdk, on.clock())?;
        Ok(http_function(tollgate_example::router(config)))
    }),
    of_billing(function("stripe-webhook", Source::Gateway(tollgate_stripe_webhook::openapi), |on, sdk| {
        Ok(http_function(tollgate_stripe_webhook::router(state!(tollgate_stripe_webhook, on, sdk))))
    })),
    function("pages", Source::OtherPaths(tollgate_pages::openapi), |on, _| {
        Ok(http_function(tollgate_pages::router(tollgate_pages::Config::from_env(on.env)?, on.clock())))
    }),
    function("authorizer", Source::OwnApi, |on, sdk| {
        Ok(event_function!(tollgate_authorizer, state!(tollgate_authorizer, on, sdk)))
    }),
    function("relay", Source::Outbox, |on, sdk| Ok(event_function!(tollgate_relay, state!(tollgate_relay, on, sdk)))),
    function("mailer", Source::Queue("mail"), |on, sdk| {
        Ok(event_function!(tollgate_mailer, state!(tollgate_mailer, on, sdk)))
    }),
    function("reports", Source::Queue("reports"), |on, sdk| {
        let state = tollgate_reports::State::new(on.reports()?, sdk, on.to_s3(), on.clock());
        Ok(event_function!(tollgate_reports, state))
    }),
    of_billing(function("stripe-events", Source::Queue("stripe.fifo"), |on, sdk| {
        Ok(event_function!(tollgate_stripe_events, state!(tollgate_stripe_events, on, sdk, on.to_stripe())))
    })),
    function("sweeper", Source::Schedules(SWEEPS), |on, sdk| {
        Ok(event_function!(tollgate_sweeper, state!(tollgate_sweeper, on, sdk, on.to_stripe())))
    }),
];

/// What the functions run in.
pub(super) struct Surroundings<'a> {
    pub env: &'a Env,
    pub fault_injector: &'a FaultInjector,
    pub sdk: &'a SdkConfig,
    pub options: &'a Options,
    /// The states that the stack itself uses as well, made where they are first needed.
    auth: OnceLock<tollgate_auth::State>,
    billing: OnceLock<tollgate_billing::State>,
}

impl<'a> Surroundings<'a> {
    pub(super) fn new(
        env: &'a Env,
        fault_injector: &'a FaultInjector,
        sdk: &'a SdkConfig,
        options: &'a Options,
    ) -> Self {
        Self { env, fault_injector, sdk, options, auth: OnceLock::new(), billing: OnceLock::new() }
    }

    /// The state of `auth`.
    pub(super) fn auth(&self) -> Result<tollgate_auth::State, ConfigError> {
        once(&self.auth, || {
            let outbound = |provider| Outbound::over(self.fault_injector.to_provider(provider), self.sdk);
            let clients = ProviderClients::new(outbound(IdentityProvider::Google), outbound(IdentityProvider::Github));
            let settings = tollgate_auth::Config::from_env(self.env)?;
            let password_cost = self.options.password_cost.unwrap_or(settings.password_cost);
            let config = tollgate_auth::Config { password_cost, ..settings };
            Ok(tollgate_auth::State::new(config, &self.sdk_of("auth"), clients, self.clock()))
        })
    }

    /// The state of `billing`.
    pub(super) fn billing(&self) -> Result<tollgate_billing::State, ConfigError> {
        once(&self.billing, || {
            let config = tollgate_billing::Config::from_env(self.env)?;
            Ok(tollgate_billing::State::new(config, &self.sdk_of("billing"), self.to_stripe(), self.clock()))
        })
    }

    /// The AWS clients of one function, whose calls its role decides about.
    fn sdk_of(&self, name: &'static str) -> SdkConfig {
        environment::sdk(self.env, &self.fault_injector.of(name), &self.options.clock)
    }

    fn clock(&self) -> Clock {
        self.options.clock.platform()
    }

    fn to_stripe(&self) -> Outbound {
        Outbound::over(self.fault_injector.to_stripe(), self.sdk)
    }

    fn to_model(&self) -> Outbound {
        Outbound::over(self.fault_injector.to_model(), self.sdk)
    }

    fn to_s3(&self) -> Outbound {
        Outbound::over(self.fault_injector.of("reports").to_s3(), self.sdk)
    }

    fn reports(&self) -> Result<tollgate_reports::Config, ConfigError> {
        Ok(tollgate_reports::Config {
            folder: reports_folder(&self.options.data),
            runner: self.options.report_runner.clone(),
            limits: self.options.report_limits,
            ..tollgate_reports::Config::from_env(self.env)?
        })
    }
}

/// The value of a cell; an empty cell gets the one that `make` returns.
fn once<T: Clone>(cell: &OnceLock<T>, make: impl FnOnce() -> Result<T, ConfigError>) -> Result<T, ConfigError> {
    match cell.get() {
        Some(made) => Ok(made.clone()),
        None => make().map(|made| cell.get_or_init(|| made).clone()),
    }
}

/// Starts the functions, by name, and their schedules. No function makes a call yet.
pub(super) fn start(
    on: &Surroundings<'_>,
    fakes: &Fakes,
) -> Result<(BTreeMap<&'static str, Function>, Schedules), StartError> {
    let clock = &on.options.clock;
    let mut by_name = BTreeMap::new();
    for function in FUNCTIONS {
        by_name.insert(function.name, function.start(on)?);
    }
    // The dev console counts whatever faults are active, and its calls are not recorded.
    let to_count = FaultInjector::new(fakes.clone());
    to_count.count_no_calls();
    let sdk = &environment::sdk(on.env, &to_count, clock);
    let counter = event_function!(tollgate_sweeper, state!(tollgate_sweeper, on, sdk, on.to_stripe()));
    let schedules_of = |function: &DeployedFunction| {
        let called = Arc::clone(&by_name[function.name]);
        let schedule = move |&(name, minutes)| Schedule { name, minutes, function: Arc::clone(&called) };
        function.schedules().iter().map(schedule)
    };
    let schedules = FUNCTIONS.iter().flat_map(schedules_of);
    let schedules = Schedules::new(schedules, counter, fakes.documents.clone(), clock.clone())?;
    let admin = schedules.count_for(Arc::clone(&by_name["admin"]));
    by_name.insert("admin", admin);
    Ok((by_name, schedules))
}
