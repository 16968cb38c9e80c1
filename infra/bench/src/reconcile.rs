//! The comparison with Stripe at size: the memory of the sweeper's process, its requests to Stripe and its duration. In
//! the first run nothing of Stripe's objects is stored, so all of it differs; in the second run nothing differs.

use crate::endpoint::send;
use crate::error::{BenchError, While};
use crate::figures::Limit;
use crate::options::Options;
use crate::sandbox::{Function, Sandbox, binary};
use crate::stage::{START, folder, in_memory};
use aws_smithy_http_client::Connector;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tollgate_fake_stripe::Listed;
use tollgate_local::Stack;
use tollgate_local::clock::LocalClock;
use tollgate_tests::population::Population;

/// The timeout of the function.
const TIMEOUT: Duration = Duration::from_secs(900);
const MAX_MEMORY_MB: f64 = 128.0;
/// The kinds of objects; each customer has one of each kind.
const KINDS: [Listed; 4] = [Listed::Customers, Listed::Subscriptions, Listed::Invoices, Listed::Charges];

/// The result.
#[derive(Debug, Serialize)]
pub struct Reconcile {
    /// The objects that Stripe has.
    pub objects: usize,
    /// The customers, each of which differs at first.
    pub people: usize,
    /// The run in which everything differs.
    pub first: Run,
    /// The run in which nothing differs.
    pub next: Run,
}

/// One run, in a process of its own.
#[derive(Debug, Serialize)]
pub struct Run {
    /// The customers that were repaired.
    pub handled: u64,
    /// The requests to Stripe.
    pub calls: usize,
    /// The highest memory of the process.
    pub peak_memory_mb: f64,
    /// The duration.
    pub seconds: f64,
}

impl Reconcile {
    /// The limits that the figures must meet.
    pub fn limits(&self) -> Vec<Limit> {
        let Self { objects, people, first, next } = self;
        let mut limits = vec![
            Limit::at_least("reconcile: repaired of those that differ", first.handled as f64, *people as f64),
            Limit::at_most("reconcile: repaired where nothing differs", next.handled as f64, 0.0),
        ];
        for (name, run) in [("all differs", first), ("nothing differs", next)] {
            let limit = |what: &str, found, most| Limit::at_most(format!("reconcile, {name}: {what}"), found, most);
            limits.extend([
                limit("memory, MB", run.peak_memory_mb, MAX_MEMORY_MB),
                limit("calls of Stripe", run.calls as f64, (objects / 100 + 10) as f64),
                limit("seconds", run.seconds, TIMEOUT.as_secs_f64()),
            ]);
        }
        limits
    }
}

impl fmt::Display for Reconcile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} objects of {} customers at Stripe, compared by a process of the sweeper",
            self.objects, self.people
        )?;
        for (name, Run { handled, calls, peak_memory_mb, seconds }) in
            [("all differs", &self.first), ("nothing differs", &self.next)]
        {
            writeln!(f, "{name:<16}{handled:>7} repaired, {calls} calls, {peak_memory_mb:.1} MB, {seconds:.1} s")?;
        }
        Ok(())
    }
}

/// Compares this number of objects.
///
/// # Errors
/// When the stack or the function does not start, or a run fails.
pub fn measure(options: &Options) -> Result<Reconcile, BenchError> {
    let sweeper = binary(&folder(options.folder.as_deref())?, "sweeper")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing("the runtime")?;
    runtime.block_on(async {
        let clock = LocalClock::still(Timestamp::constant(START, 0));
        let stack = Stack::start(in_memory(clock)).await.doing("the stack")?;
        // No test reads these messages, and there are many.
        stack.fault_injector().count_no_calls();
        let compared = stack.held(compared(&stack, sweeper, options)).await;
        stack.stop().await;
        compared
    })
}

async fn compared(stack: &Stack, sweeper: std::path::PathBuf, options: &Options) -> Result<Reconcile, BenchError> {
    let people = options.objects / KINDS.len();
    let population = Population::gather(stack, people).await;
    let objects = KINDS.into_iter().map(|kind| population.stripe.list(kind).len()).sum();
    let stripe = Counter::start(&stack.base_url()).await?;
    let at_counter = |name: &str, value: &str| match name {
        "STRIPE_API_URL" => format!("{}/_stripe", stripe.url),
        _ => value.to_owned(),
    };
    let env = stack.environment().iter().map(|(name, value)| (name.to_owned(), at_counter(name, value))).collect();
    let function = Function { path: sweeper, env, log: options.log.clone() };
    let first = run(&function, &stripe).await?;
    let next = run(&function, &stripe).await?;
    Ok(Reconcile { objects, people, first, next })
}

/// One run in a new process.
async fn run(function: &Function, stripe: &Counter) -> Result<Run, BenchError> {
    let mut sandbox = Sandbox::start(function).await?;
    stripe.calls.store(0, Ordering::SeqCst);
    let event = Bytes::from_static(br#"{"schedule": "reconcile"}"#);
    let (took, answer) = sandbox.invoke_within(&event, TIMEOUT).await?;
    let answer: Value = serde_json::from_slice(&answer).doing("an answer")?;
    let run = Run {
        handled: answer["handled"].as_u64().unwrap_or_default(),
        calls: stripe.calls.load(Ordering::SeqCst),
        peak_memory_mb: sandbox.peak_memory_bytes()? as f64 / 1e6,
        seconds: took.as_secs_f64(),
    };
    sandbox.end().await?;
    Ok(run)
}

/// A listener in front of the fake Stripe that counts the requests.
struct Counter {
    url: String,
    calls: Arc<AtomicUsize>,
}

struct Upstream {
    url: String,
    connector: Connector,
    calls: Arc<AtomicUsize>,
}

impl Counter {
    async fn start(upstream: &str) -> Result<Self, BenchError> {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.doing("the counter")?;
        let url = format!("http://{}", tcp.local_addr().doing("the counter")?);
        let calls = Arc::new(AtomicUsize::new(0));
        let connector = Connector::builder().build_http();
        let state = Arc::new(Upstream { url: upstream.to_owned(), connector, calls: Arc::clone(&calls) });
        let router = Router::new().fallback(pass_on).with_state(state);
        tokio::spawn(async move { axum::serve(tcp, router).await });
        Ok(Self { url, calls })
    }
}

async fn pass_on(State(upstream): State<Arc<Upstream>>, request: Request<Body>) -> Response {
    upstream.calls.fetch_add(1, Ordering::SeqCst);
    let passed = async {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.doing("a request")?.to_bytes();
        let url = format!("{}{}", upstream.url, parts.uri);
        send(&upstream.connector, parts.method, &url, parts.headers, body).await
    };
    match passed.await {
        Ok(answer) => (answer.status, answer.body).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
