//! The whole system put together in one process.

mod data;
mod fake_stripe;
mod functions;
mod options;
mod start;

use crate::clock::LocalClock;
use crate::contract::Contract;
use crate::error::StartError;
use crate::event_sources::{EventSourceError, EventSources};
use crate::fakes::Fakes;
use crate::faults::FaultInjector;
use crate::functions::Function;
use crate::invocation::invoke;
use crate::queues::Queue;
use crate::snapshot::{Snapshot, SnapshotError};
use aws_config::SdkConfig;
use axum::Router;
use dynoxide::Database;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tollgate_fake_stripe::Stripe;
use tollgate_platform::Env;

pub use functions::{DeployedFunction, FUNCTIONS, Source};
pub use options::{Data, Options};

/// A running stack.
pub struct Stack {
    address: SocketAddr,
    public_url: String,
    has_billing: bool,
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
            let given_url = Some(&self.public_url).filter(|url| **url != self.origin()).cloned();
            Snapshot::take(&self.database, documents, &self.queues, stripe, &self.clock, given_url)
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
