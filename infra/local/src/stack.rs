//! The whole system put together in one process.

mod data;
mod fake_stripe;
mod functions;

use crate::TABLE_PREFIX;
use crate::ai::FakeModel;
use crate::clock::LocalClock;
use crate::console;
use crate::console::state::Console;
use crate::contract::Contract;
use crate::environment::{Addresses, LOG, OPERATOR_SETTINGS, STRIPE_KEY, environment, sdk, seed_secrets};
use crate::error::StartError;
use crate::event_sources::{EventSourceError, EventSources, Sources};
use crate::fakes::Fakes;
use crate::faults::{Fault, FaultInjector};
use crate::functions::Function;
use crate::gateway::Gateway;
use crate::invocation::invoke;
use crate::permissions::Decide;
use crate::providers::Providers;
use crate::queues::{QUEUES, Queue, QueueSpec};
use crate::snapshot::{Snapshot, SnapshotError};
use aws_config::SdkConfig;
use axum::Router;
use data::open;
use dynoxide::Database;
use fake_stripe::stripe;
use functions::{Functions, Surroundings};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tollgate_billing::KeyCheckError;
use tollgate_fake_stripe::Stripe;
use tollgate_platform::{ConfigError, Env, Secret};
use tollgate_sql::Limits;
use tollgate_store::Store;
use tollgate_store::roles::Operator;
use utoipa::openapi::OpenApi;

/// Where the tables live.
#[derive(Clone)]
pub enum Data {
    /// In memory only.
    Memory,
    /// In this folder.
    Folder(PathBuf),
    /// In memory too, starting with a copy of another stack's data. Its clock must begin at the snapshot's time.
    Copy(Arc<Snapshot>),
}

/// How a stack is started.
#[derive(Clone)]
pub struct Options {
    /// Where it listens on 127.0.0.1; 0 takes any free port.
    pub port: u16,
    /// The public address, if not the one where it listens. A copy takes that of its snapshot.
    pub public_url: Option<String>,
    /// Where the tables live.
    pub data: Data,
    /// The current time.
    pub clock: LocalClock,
    /// The first admin's address and password.
    pub admin: Option<(String, Secret<String>)>,
    /// Settings for the functions, which override those of the stack.
    pub env: Vec<(String, String)>,
    /// Faults that are active from the start.
    pub faults: Vec<Fault>,
    /// Whether the first plans are created if there are none.
    pub first_plans: bool,
    /// Further functions behind the gateway, each by its path.
    pub extra_functions: Vec<(String, Function)>,
    /// The program that runs the statements of reports; `None` for this one. It calls `run_statement_if_asked` first.
    pub report_runner: Option<PathBuf>,
    /// The limits of report statements.
    pub report_limits: Limits,
    /// The roles of the functions, from their first call on; `None` allows every call.
    pub roles: Option<Arc<Decide>>,
}

/// A running stack.
pub struct Stack {
    address: SocketAddr,
    public_url: String,
    clock: LocalClock,
    env: Env,
    fault_injector: FaultInjector,
    sdk: SdkConfig,
    queues: Arc<Vec<Queue>>,
    fakes: Fakes,
    stripe: Option<Stripe>,
    database: Database,
    event_sources: Option<Arc<EventSources>>,
    contract: Option<Contract>,
    functions: BTreeMap<&'static str, Function>,
    made_admin: bool,
    missing_plans: Option<String>,
    stops: Vec<oneshot::Sender<()>>,
    servers: Vec<JoinHandle<()>>,
    tasks: Vec<JoinHandle<()>>,
    _lock: Option<File>,
}

impl Stack {
    /// Starts it; it is ready when this returns.
    ///
    /// # Errors
    /// With one line for a person.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let listener = bind(options.port).await?;
        let address = listener.local_addr()?;
        let origin = format!("http://{address}");
        let (database, documents, lock) = open(&options.data, &options.clock)?;
        let clock = options.clock.clone();
        let snapshot = match &options.data {
            Data::Copy(snapshot) => Some(Arc::clone(snapshot)),
            Data::Memory | Data::Folder(_) => None,
        };
        let public_url = snapshot.as_ref().map(|snapshot| snapshot.public_url().to_owned());
        let public_url = public_url.or_else(|| options.public_url.clone()).unwrap_or_else(|| origin.clone());
        let open_queue = |spec: &QueueSpec| match &snapshot {
            Some(snapshot) => snapshot.open_queue(*spec, documents.clone(), clock.clone()),
            None => Queue::open(*spec, documents.clone(), clock.clone()),
        };
        let queues = QUEUES.iter().map(open_queue).collect::<Result<Vec<_>, _>>()?;
        let queues = Arc::new(queues);
        let fakes = Fakes { documents: documents.clone(), queues: Arc::clone(&queues), clock: clock.clone() };
        fakes.index_old_mails()?;
        let fault_injector = FaultInjector::new(fakes.clone());
        if let Some(decide) = &options.roles {
            fault_injector.enforce_roles(Arc::clone(decide));
        }
        seed_secrets(&fakes, &Env::from_pairs(options.env.clone()))?;
        let tables = bind(0).await?;
        let aws = bind(0).await?;
        let tables_url = format!("http://{}", tables.local_addr()?);
        let aws_url = format!("http://{}", aws.local_addr()?);
        let addresses = Addresses {
            public_url: &public_url,
            origin: &origin,
            tables: tables.local_addr()?,
            aws: aws.local_addr()?,
        };
        let env = environment(&addresses, options.env.clone());
        let sdk = sdk(&env, &fault_injector, &clock);
        let has_billing = env.has_billing()?;

        let mut stack = Self {
            address,
            public_url: public_url.clone(),
            clock: clock.clone(),
            env: env.clone(),
            fault_injector: fault_injector.clone(),
            sdk: sdk.clone(),
            queues: Arc::clone(&queues),
            fakes: fakes.clone(),
            stripe: None,
            database: database.clone(),
            event_sources: None,
            contract: None,
            functions: BTreeMap::new(),
            made_admin: false,
            missing_plans: None,
            stops: Vec::new(),
            servers: Vec::new(),
            tasks: Vec::new(),
            _lock: lock,
        };
        let stop = stack.stop_signal();
        let served = database.clone();
        stack.servers.push(tokio::spawn(async move {
            if let Err(error) = dynoxide::server::serve_with_shutdown(tables, served, stop).await {
                tracing::error!(error, "tables");
            }
        }));
        stack.serve(aws, fakes.clone().router());

        let Functions { auth, billing, schedules, by_name } = Functions::new(&Surroundings {
            env: &env,
            fault_injector: &fault_injector,
            sdk: &sdk,
            fakes: &fakes,
            options: &options,
        })?;
        stack.functions = by_name;
        let records = snapshot.as_ref().map(|snapshot| snapshot.stripe()).unwrap_or_default();
        let webhooks = stripe(&fakes, (documents.clone(), records), (&public_url, &origin), &clock, &sdk, &env)?;
        if snapshot.is_none() {
            Store::<Operator>::new(&sdk, TABLE_PREFIX).create_tables().await?;
        }
        for fault in options.faults {
            if !fault_injector.add(fault.clone()) {
                return Err(StartError::Failed(format!("no function makes such a call: {fault:?}")));
            }
        }
        auth.warm().await;
        // Before anything is created: a generated password of the first admin would be lost.
        let mut missing_plans = None;
        if env.is_present(STRIPE_KEY) && has_billing {
            match billing.check_stripe_key().await {
                Ok(()) => {}
                Err(KeyCheckError::Refused(status)) => {
                    let wanted = format!("a secret key that Stripe accepts, but Stripe refuses this one ({status})");
                    return Err(ConfigError::new(STRIPE_KEY, wanted).into());
                }
                Err(error @ KeyCheckError::Unknown(_)) => missing_plans = Some(error.to_string()),
            }
        }
        if let Some((email, password)) = &options.admin {
            let made = auth.create_first_admin(email, password).await;
            stack.made_admin = made.map_err(|error| StartError::Failed(format!("the first admin: {error}")))?;
        }
        let outbox = format!("{TABLE_PREFIX}outbox");
        let function = |name| Arc::clone(&stack.functions[name]);
        stack.stripe = webhooks.as_ref().map(|webhooks| webhooks.stripe().clone());
        let at_stripe = stack.stripe.clone();
        let mut consumers = vec![("mail", function("mailer")), ("reports", function("reports"))];
        if has_billing {
            consumers.push(("stripe.fifo", function("stripe-events")));
        }
        let sources = Sources { relay: function("relay"), consumers, webhooks };
        let event_sources =
            EventSources::new(database.clone(), queues, clock.clone(), fault_injector.clone(), sources, &outbox)?;
        let event_sources = Arc::new(event_sources);
        stack.tasks = event_sources.start();
        stack.event_sources = Some(Arc::clone(&event_sources));

        let of = |name: &'static str, document: OpenApi| {
            let function = Arc::clone(&stack.functions[name]);
            document.paths.paths.into_keys().map(move |path| (path, Arc::clone(&function)))
        };
        let of_billing = || {
            of("billing", tollgate_billing::openapi()).chain(of("stripe-webhook", tollgate_stripe_webhook::openapi()))
        };
        let routes = of("auth", tollgate_auth::openapi())
            .chain(of("admin", tollgate_admin::openapi()))
            .chain(has_billing.then(of_billing).into_iter().flatten())
            .chain(of("example", tollgate_example::openapi()))
            .chain(options.extra_functions)
            .collect();
        let mut document = crate::openapi::document().clone();
        if !has_billing && let Some(paths) = document["paths"].as_object_mut() {
            paths.retain(|path, _| !path.starts_with("/billing/"));
        }
        let contract = Contract::new(&document);
        stack.contract = Some(contract.clone());
        let gateway = Gateway::new(routes, Arc::clone(&stack.functions["pages"]), contract).router();
        let known = OPERATOR_SETTINGS.iter().filter_map(|name| Some((*name, env.get(name)?.to_owned()))).collect();
        let log = match &options.data {
            Data::Folder(folder) => folder.join(LOG).canonicalize().ok(),
            Data::Memory | Data::Copy(_) => None,
        };
        let providers = Providers::new(documents.clone(), clock.clone(), &public_url, env);
        stack.tasks.push(tokio::spawn(schedules.clone().keep()));
        let console = Console {
            base_url: public_url,
            fakes,
            providers,
            event_sources,
            fault_injector,
            clock,
            database,
            tables_url,
            aws_url,
            auth,
            stripe: at_stripe,
            schedules,
            model: FakeModel::default(),
            environment: known,
            log,
        };
        stack.serve(listener, console::router(console).fallback_service(gateway));
        // Without an answer of Stripe the stack starts without some of the plans; the next start creates them.
        if options.first_plans && has_billing {
            match billing.seed_plans().await {
                Ok(()) => missing_plans = None,
                Err(error) => {
                    tracing::error!(cause = error.cause(), code = error.code(), "not all of the first plans were made");
                    missing_plans.get_or_insert_with(|| error.detail());
                }
            }
        }
        stack.missing_plans = missing_plans;
        Ok(stack)
    }

    fn stop_signal(&mut self) -> impl Future<Output = ()> + Send + 'static {
        let (stop, stopped) = oneshot::channel();
        self.stops.push(stop);
        async move {
            let _stop_or_dropped = stopped.await;
        }
    }

    fn serve(&mut self, listener: TcpListener, router: Router) {
        let stop = self.stop_signal();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        self.servers.push(tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(stop).await {
                tracing::error!(%error, "listener");
            }
        }));
    }

    /// The public address: `http://127.0.0.1:PORT`, unless its options name another one.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.public_url.clone()
    }

    /// Where it listens, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Copies all its data, while no message is processed.
    ///
    /// # Errors
    /// When it is not in memory, a fault is active, or the tables cannot be copied.
    pub async fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        if self.fault_injector.has_faults() {
            return Err(SnapshotError::ActiveFault);
        }
        let copied = async {
            let documents = &self.fakes.documents;
            let stripe = self.stripe.as_ref().map(Stripe::records).unwrap_or_default();
            Snapshot::take(&self.database, documents, &self.queues, stripe, &self.clock, self.public_url.clone())
        };
        self.held(copied).await
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &LocalClock {
        &self.clock
    }

    /// The environment of its functions.
    #[must_use]
    pub fn environment(&self) -> &Env {
        &self.env
    }

    /// The fault injector between its functions and the fakes.
    #[must_use]
    pub fn fault_injector(&self) -> &FaultInjector {
        &self.fault_injector
    }

    /// The settings of an AWS client that reaches its tables and fakes.
    #[must_use]
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// Passes `event` to the function of this name, as Lambda does, and returns its answer.
    ///
    /// # Errors
    /// The error that Lambda would log: there is no such function, the event is not of its kind, or the function
    /// panicked.
    pub fn invoke(&self, function: &str, event: Value) -> impl Future<Output = Result<Value, String>> + Send + use<> {
        let work = self.functions.get(function).map(|function| function(event));
        let unknown = format!("no function is called {function}");
        async move {
            let answer = invoke(work.ok_or(unknown)?).await;
            answer.unwrap_or_else(|| Err("the function ended without an answer".to_owned()))
        }
    }

    /// Does `work` while no message is processed, so that its calls can be counted.
    pub async fn held<F: Future>(&self, work: F) -> F::Output {
        match &self.event_sources {
            Some(sources) => sources.held(work).await,
            None => work.await,
        }
    }

    /// Processes all due messages and no delayed ones.
    ///
    /// # Errors
    /// When a source cannot be read.
    pub async fn run_due(&self) -> Result<(), EventSourceError> {
        match &self.event_sources {
            Some(sources) => sources.run_due().await,
            None => Ok(()),
        }
    }

    /// The records of the outbox's stream, handled or not, as text.
    ///
    /// # Errors
    /// When the stream cannot be read.
    pub fn stream_dump(&self) -> Result<String, EventSourceError> {
        self.event_sources.as_ref().map_or(Ok(String::new()), |sources| sources.dump())
    }

    /// The engine of the tables, for a test that writes directly.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The fake Stripe, where it is used, for a test that changes much there.
    #[must_use]
    pub fn stripe(&self) -> Option<&Stripe> {
        self.stripe.as_ref()
    }

    /// The secret key of the fake Stripe, for a test that acts in Stripe's dashboard.
    #[must_use]
    pub fn stripe_key(&self) -> String {
        self.fakes.secret("stripe").ok().flatten().unwrap_or_default()
    }

    /// The answers of its functions that the OpenAPI document lacks, each once.
    #[must_use]
    pub fn undocumented_answers(&self) -> Vec<String> {
        self.contract.as_ref().map(Contract::undocumented).unwrap_or_default()
    }

    /// The number of dead letters.
    #[must_use]
    pub fn dead_letters(&self) -> usize {
        self.queues.iter().map(Queue::dead_letters).sum()
    }

    /// Adds a message to the dead letters of a queue, for a test of operators' commands.
    ///
    /// # Errors
    /// When there is no such queue, or the message is not stored.
    pub fn put_dead_letter(&self, queue: &str, body: String, group: Option<String>) -> Result<(), String> {
        let found = self.queues.iter().find(|found| found.name() == queue);
        let found = found.ok_or_else(|| format!("no queue is called {queue}"))?;
        found.put_dead(body, group).map_err(|error| error.to_string())
    }

    /// Whether this start made the first admin.
    #[must_use]
    pub fn made_admin(&self) -> bool {
        self.made_admin
    }

    /// Why some of the first plans may be missing: the next start creates them.
    #[must_use]
    pub fn missing_plans(&self) -> Option<&str> {
        self.missing_plans.as_deref()
    }

    /// Stops accepting requests and waits up to two seconds for those that are in progress. Queued messages are stored
    /// with the tables.
    pub async fn stop(mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.stops.drain(..).rev().for_each(|stop| {
            let _gone = stop.send(());
        });
        for server in self.servers.drain(..).rev() {
            let abort = server.abort_handle();
            if tokio::time::timeout(Duration::from_secs(2), server).await.is_err() {
                abort.abort();
            }
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

async fn bind(port: u16) -> Result<TcpListener, StartError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken(port),
        _ => error.into(),
    })
}
