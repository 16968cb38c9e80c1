//! The start of a stack: its data, then the servers of AWS's APIs, the functions, what calls them, and the gateway.

use super::data::open;
use super::fake_stripe::stripe;
use super::functions::{self, DeployedFunction, FUNCTIONS, Source, Surroundings};
use super::options::{Data, Options};
use super::{Stack, bind};
use crate::ai::FakeModel;
use crate::console;
use crate::console::state::Console;
use crate::contract::Contract;
use crate::documents::TABLE_PREFIX;
use crate::environment::{Addresses, LOG, OPERATOR_SETTINGS, STRIPE_KEY, environment, sdk, seed_secrets};
use crate::error::StartError;
use crate::event_sources::{EventSources, Sources};
use crate::fakes::Fakes;
use crate::faults::FaultInjector;
use crate::functions::Function;
use crate::gateway::Gateway;
use crate::providers::Providers;
use crate::queues::{QUEUES, Queue, QueueSpec};
use crate::schedules::Schedules;
use crate::snapshot::Snapshot;
use crate::webhooks::Webhooks;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock, OnceLock};
use tokio::net::TcpListener;
use tollgate_billing::KeyCheckError;
use tollgate_platform::{ConfigError, Env};
use tollgate_store::Store;
use tollgate_store::roles::Operator;

/// The listeners of a stack: its gateway, its tables, and the other services of AWS.
struct Listeners {
    gateway: TcpListener,
    tables: TcpListener,
    aws: TcpListener,
}

/// The addresses of the listeners, and the public one.
struct Urls {
    address: SocketAddr,
    origin: String,
    public: String,
    tables: SocketAddr,
    aws: SocketAddr,
}

impl Stack {
    /// Starts it; it is ready when this returns.
    ///
    /// # Errors
    /// With one line for a person.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let listeners = Listeners { gateway: bind(options.port).await?, tables: bind(0).await?, aws: bind(0).await? };
        let urls = urls(&listeners, &options)?;
        let mut stack = Self::prepare(&options, &urls)?;
        stack.serve_aws(listeners.tables, listeners.aws);
        let (env, fault_injector, own_sdk) = (stack.env.clone(), stack.fault_injector.clone(), stack.sdk.clone());
        let on = Surroundings::new(&env, &fault_injector, &own_sdk, &options);
        let (by_name, schedules) = functions::start(&on, &stack.fakes)?;
        stack.functions = by_name;
        let (auth, billing) = (on.auth()?, on.billing()?);
        let webhooks = stack.open_stripe(&options, &urls)?;
        if snapshot_of(&options).is_none() {
            Store::<Operator>::new(&own_sdk, TABLE_PREFIX).create_tables().await?;
        }
        for fault in options.faults.clone() {
            if !fault_injector.add(fault.clone()) {
                return Err(StartError::Failed(format!("no function makes such a call: {fault:?}")));
            }
        }
        auth.warm().await;
        // Before anything is created: a generated password of the first admin would be lost.
        stack.missing_plans = check_stripe_key(&env, &billing).await?;
        if let Some((email, password)) = &options.admin {
            let made = auth.create_first_admin(email, password).await;
            stack.made_admin = made.map_err(|error| StartError::Failed(format!("the first admin: {error}")))?;
        }
        let event_sources = stack.start_event_sources(webhooks)?;
        let gateway = stack.open_gateway(&options)?.router();
        stack.tasks.push(tokio::spawn(schedules.clone().keep()));
        let console = stack.console(&options, &urls, event_sources, auth, schedules);
        stack.serve(listeners.gateway, console::router(console).fallback_service(gateway));
        stack.create_first_plans(&options, &billing).await;
        Ok(stack)
    }

    /// A stack with its data, queues, secrets and environment, in which nothing runs.
    fn prepare(options: &Options, urls: &Urls) -> Result<Self, StartError> {
        let (database, documents, lock) = open(&options.data, &options.clock)?;
        let clock = options.clock.clone();
        let snapshot = snapshot_of(options);
        let open_queue = |spec: &QueueSpec| match snapshot {
            Some(snapshot) => snapshot.open_queue(*spec, documents.clone(), clock.clone()),
            None => Queue::open(*spec, documents.clone(), clock.clone()),
        };
        let queues = Arc::new(QUEUES.iter().map(open_queue).collect::<Result<Vec<_>, _>>()?);
        let fakes = Fakes { documents, queues: Arc::clone(&queues), clock: clock.clone() };
        fakes.index_old_mails()?;
        let fault_injector = FaultInjector::new(fakes.clone());
        if let Some(decide) = &options.roles {
            fault_injector.enforce_roles(Arc::clone(decide));
        }
        seed_secrets(&fakes, &Env::from_pairs(options.env.clone()))?;
        let addresses =
            Addresses { public_url: &urls.public, origin: &urls.origin, tables: urls.tables, aws: urls.aws };
        let env = environment(&addresses, options.env.clone());
        let sdk = sdk(&env, &fault_injector, &clock);
        Ok(Self {
            address: urls.address,
            public_url: urls.public.clone(),
            has_billing: env.has_billing()?,
            clock,
            env,
            fault_injector,
            sdk,
            queues,
            fakes,
            stripe: None,
            database,
            event_sources: None,
            contract: None,
            functions: BTreeMap::new(),
            made_admin: false,
            missing_plans: None,
            stops: Vec::new(),
            servers: Vec::new(),
            tasks: Vec::new(),
            _lock: lock,
        })
    }

    /// Serves the tables and the fakes.
    fn serve_aws(&mut self, tables: TcpListener, aws: TcpListener) {
        let (stop, database) = (self.stop_signal(), self.database.clone());
        self.servers.push(tokio::spawn(async move {
            if let Err(error) = dynoxide::server::serve_with_shutdown(tables, database, stop).await {
                tracing::error!(error, "tables");
            }
        }));
        self.serve(aws, self.fakes.clone().router());
    }

    fn open_stripe(&mut self, options: &Options, urls: &Urls) -> Result<Option<Webhooks>, StartError> {
        let records = snapshot_of(options).map(|snapshot| snapshot.stripe()).unwrap_or_default();
        let documents = (self.fakes.documents.clone(), records);
        let webhooks = stripe(&self.fakes, documents, (&urls.public, &urls.origin), &self.clock, &self.sdk, &self.env)?;
        self.stripe = webhooks.as_ref().map(|webhooks| webhooks.stripe().clone());
        Ok(webhooks)
    }

    /// The functions that are deployed, with or without billing.
    fn deployed(&self) -> impl Iterator<Item = (&'static str, Source, &Function)> {
        let deployed = FUNCTIONS.iter().filter(|function| self.has_billing || !function.is_of_billing);
        deployed.map(|function| (function.name, function.source, &self.functions[function.name]))
    }

    /// Starts the stream, the queues and the webhooks, which call their functions.
    fn start_event_sources(&mut self, webhooks: Option<Webhooks>) -> Result<Arc<EventSources>, StartError> {
        let consumers = self.deployed().filter_map(|(_, source, function)| match source {
            Source::Queue(name) => Some((name, Arc::clone(function))),
            _ => None,
        });
        let sources = Sources { relay: Arc::clone(&self.functions["relay"]), consumers: consumers.collect(), webhooks };
        let (database, queues) = (self.database.clone(), Arc::clone(&self.queues));
        let (clock, fault_injector) = (self.clock.clone(), self.fault_injector.clone());
        let outbox = format!("{TABLE_PREFIX}outbox");
        let event_sources = Arc::new(EventSources::new(database, queues, clock, fault_injector, sources, &outbox)?);
        self.tasks = event_sources.start();
        self.event_sources = Some(Arc::clone(&event_sources));
        Ok(event_sources)
    }

    /// The gateway, which routes each path of the OpenAPI document to its function and compares the answers with it.
    fn open_gateway(&mut self, options: &Options) -> Result<Gateway, StartError> {
        let deployed: BTreeMap<_, _> = self.deployed().map(|(name, _, function)| (name, function)).collect();
        let routes = PATHS.iter().filter_map(|(path, name)| Some((path.clone(), Arc::clone(deployed.get(name)?))));
        let routes = routes.chain(options.extra_functions.iter().cloned()).collect();
        let default = self.deployed().find(|(_, source, _)| matches!(source, Source::OtherPaths(_)));
        let default = default.ok_or_else(|| StartError::Failed("no function answers other paths".to_owned()))?;
        let contract = contract(self.has_billing);
        let gateway = Gateway::new(routes, Arc::clone(default.2), contract.clone());
        self.contract = Some(contract);
        Ok(gateway)
    }

    fn console(
        &self,
        options: &Options,
        urls: &Urls,
        event_sources: Arc<EventSources>,
        auth: tollgate_auth::State,
        schedules: Schedules,
    ) -> Console {
        let known = OPERATOR_SETTINGS.iter().filter_map(|name| Some((*name, self.env.get(name)?.to_owned()))).collect();
        let log = match &options.data {
            Data::Folder(folder) => folder.join(LOG).canonicalize().ok(),
            Data::Memory | Data::Copy(_) => None,
        };
        let (documents, clock) = (self.fakes.documents.clone(), self.clock.clone());
        Console {
            base_url: urls.public.clone(),
            fakes: self.fakes.clone(),
            providers: Providers::new(documents, clock.clone(), &urls.public, self.env.clone()),
            event_sources,
            fault_injector: self.fault_injector.clone(),
            clock,
            database: self.database.clone(),
            tables_url: format!("http://{}", urls.tables),
            aws_url: format!("http://{}", urls.aws),
            auth,
            stripe: self.stripe.clone(),
            schedules,
            model: FakeModel::default(),
            environment: Arc::new(known),
            log,
        }
    }

    /// Without an answer of Stripe the stack starts without some of the plans; the next start creates them.
    async fn create_first_plans(&mut self, options: &Options, billing: &tollgate_billing::State) {
        if !options.first_plans || !self.has_billing {
            return;
        }
        match billing.seed_plans().await {
            Ok(()) => self.missing_plans = None,
            Err(error) => {
                tracing::error!(cause = error.cause(), code = error.code(), "not all of the first plans were made");
                self.missing_plans.get_or_insert_with(|| error.detail());
            }
        }
    }
}

/// The names of the variables that a function reads when it starts in a stack with these options.
///
/// # Errors
/// When the stack would not start.
pub fn variables_read_by(function: &DeployedFunction, options: &Options) -> Result<BTreeSet<String>, StartError> {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let origin = format!("http://{nowhere}");
    let urls = Urls { address: nowhere, public: origin.clone(), origin, tables: nowhere, aws: nowhere };
    let stack = Stack::prepare(options, &urls)?;
    let (env, read) = stack.env.recorded();
    function.start(&Surroundings::new(&env, &stack.fault_injector, &stack.sdk, options))?;
    Ok(read.names())
}

/// Each path behind the gateway, with the name of its function. A process that starts many stacks makes it once.
static PATHS: LazyLock<Vec<(String, &str)>> = LazyLock::new(|| {
    let paths = FUNCTIONS.iter().filter_map(|function| match function.source {
        Source::Gateway(part) => Some(part().paths.paths.into_keys().map(|path| (path, function.name))),
        _ => None,
    });
    paths.flatten().collect()
});

/// The OpenAPI document for a new stack. A process that starts many stacks reads it once.
fn contract(has_billing: bool) -> Contract {
    static READ: [OnceLock<Contract>; 2] = [OnceLock::new(), OnceLock::new()];
    let read = READ[usize::from(has_billing)].get_or_init(|| {
        let mut document = crate::openapi::document().clone();
        if !has_billing && let Some(paths) = document["paths"].as_object_mut() {
            paths.retain(|path, _| !path.starts_with("/billing/"));
        }
        Contract::new(&document)
    });
    read.without_answers()
}

/// The snapshot that a copy starts from.
fn snapshot_of(options: &Options) -> Option<&Arc<Snapshot>> {
    match &options.data {
        Data::Copy(snapshot) => Some(snapshot),
        Data::Memory | Data::Folder(_) => None,
    }
}

fn urls(listeners: &Listeners, options: &Options) -> Result<Urls, StartError> {
    let address = listeners.gateway.local_addr()?;
    let origin = format!("http://{address}");
    let public = snapshot_of(options).and_then(|snapshot| snapshot.public_url().map(str::to_owned));
    let public = public.or_else(|| options.public_url.clone()).unwrap_or_else(|| origin.clone());
    Ok(Urls { address, origin, public, tables: listeners.tables.local_addr()?, aws: listeners.aws.local_addr()? })
}

/// Refuses a key that Stripe refuses. Returns why plans may be missing, where Stripe did not answer.
async fn check_stripe_key(env: &Env, billing: &tollgate_billing::State) -> Result<Option<String>, StartError> {
    if !env.is_present(STRIPE_KEY) || !env.has_billing()? {
        return Ok(None);
    }
    match billing.check_stripe_key().await {
        Ok(()) => Ok(None),
        Err(KeyCheckError::Refused(status)) => {
            let wanted = format!("a secret key that Stripe accepts, but Stripe refuses this one ({status})");
            Err(ConfigError::new(STRIPE_KEY, wanted).into())
        }
        Err(error @ KeyCheckError::Unknown(_)) => Ok(Some(error.to_string())),
    }
}
