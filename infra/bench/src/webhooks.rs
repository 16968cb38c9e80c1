//! Stripe's events on one core: the accepted events for each second, compared with a function that does nothing behind
//! the same gateway, and whether each accepted event is queued and then handled once.
//!
//! The gateway, its functions and the fakes share one thread; the client has another one. No message is processed while
//! events are accepted.

use crate::endpoint::{get, post, send};
use crate::error::{BenchError, While};
use crate::event::signature;
use crate::figures::{Limit, Ratio, median};
use crate::stage::{START, WEBHOOK_SECRET, in_memory};
use aws_smithy_http_client::Connector;
use axum::Router;
use axum::body::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tollgate_local::clock::LocalClock;
use tollgate_local::{Options, Stack, http_function};

const WEBHOOK: &str = "/billing/stripe/webhook";
const NOTHING: &str = "/nothing";

const ROUNDS: usize = 20;
const EVENTS_OF_A_ROUND: usize = 200;
/// The number of events in flight.
const CALLERS: usize = 4;

const LEAST_RATE: f64 = 0.15;

/// The results.
#[derive(Debug, Serialize)]
pub struct Webhooks {
    /// Events that were answered with 200.
    pub taken: usize,
    /// Accepted events for each second; the median of the rounds.
    pub rate: f64,
    /// Calls for each second of the function that does nothing.
    pub rate_of_nothing: f64,
    /// The first rate divided by the second, round by round.
    pub ratio: Ratio,
    /// Messages in the queue when all events were answered.
    pub queued: usize,
    /// Events that are stored as handled once the queue is empty.
    pub handled: usize,
    /// How often an event was stored as handled.
    pub handlings: usize,
}

impl Webhooks {
    /// The limits that the figures must meet.
    pub fn limits(&self) -> [Limit; 3] {
        let lost = self.taken.abs_diff(self.queued) + self.taken.abs_diff(self.handled);
        [
            Limit::at_least("webhooks: rate beside a function of nothing", self.ratio.median, LEAST_RATE),
            Limit::at_most("webhooks: taken and not queued or handled", lost as f64, 0.0),
            Limit::at_most("webhooks: handled more than once", self.handlings.abs_diff(self.handled) as f64, 0.0),
        ]
    }
}

impl fmt::Display for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { taken, rate, rate_of_nothing, ratio, queued, handled, .. } = self;
        writeln!(
            f,
            "{rate:.0} events a second on one core, {ratio} the rate of a function of nothing ({rate_of_nothing:.0})"
        )?;
        writeln!(f, "{taken} events taken, {queued} queued, {handled} handled")
    }
}

/// The queue and the stored events after all events were accepted, and the stored events at the end.
struct Results {
    queued: usize,
    handled: usize,
    handlings: usize,
}

/// An event that is sent.
struct Event {
    body: Bytes,
    signature: HeaderValue,
}

fn on_one_thread() -> Result<Runtime, BenchError> {
    Builder::new_current_thread().enable_all().build().doing("the runtime")
}

/// Sends events and calls that do nothing, in turns.
///
/// # Errors
/// When the stack does not start, or a call is not answered with 200.
pub fn measure() -> Result<Webhooks, BenchError> {
    let (listening, address) = oneshot::channel();
    let (sent, all_are_sent) = oneshot::channel();
    let stack = thread::spawn(|| on_one_thread()?.block_on(serve(listening, all_are_sent)));
    let rounds = on_one_thread()?.block_on(async {
        let Ok(base_url) = address.await else { return Ok(Vec::new()) };
        let rounds = rounds(&base_url).await;
        let _it_waits = sent.send(());
        rounds
    });
    let found = stack.join().map_err(|_| BenchError::new("the stack", "it panicked"))??;
    let rounds = rounds?;
    let rate = |took: &Duration| EVENTS_OF_A_ROUND as f64 / took.as_secs_f64();
    // The first round warms both up.
    let measured = &rounds[1..];
    Ok(Webhooks {
        taken: rounds.len() * EVENTS_OF_A_ROUND,
        rate: median(measured.iter().map(|(webhook, _)| rate(webhook))),
        rate_of_nothing: median(measured.iter().map(|(_, nothing)| rate(nothing))),
        ratio: Ratio::of(measured.iter().map(|(webhook, nothing)| rate(webhook) / rate(nothing)).collect()),
        queued: found.queued,
        handled: found.handled,
        handlings: found.handlings,
    })
}

/// Runs the stack until all events are sent, and then until they are handled.
async fn serve(listening: oneshot::Sender<String>, all_are_sent: oneshot::Receiver<()>) -> Result<Results, BenchError> {
    let nothing = http_function(Router::new().fallback(async || StatusCode::OK));
    let options = Options {
        env: vec![("STRIPE_WEBHOOK_SECRET".to_owned(), WEBHOOK_SECRET.to_owned())],
        extra_functions: vec![(NOTHING.to_owned(), nothing)],
        ..in_memory(LocalClock::still(Timestamp::constant(START, 0)))
    };
    let stack = Stack::start(options).await.doing("the stack")?;
    let at_console = |path: &str| format!("{}/_local/{path}", stack.base_url());
    // Stripe's events about the first plans.
    post(&at_console("drain"), &json!({})).await?;
    let queued = stack.held(async {
        let _nobody_measures = listening.send(stack.base_url());
        let _sent_or_given_up = all_are_sent.await;
        get(&at_console("queues")).await
    });
    let queues = queued.await?;
    let queue = items(&queues).find(|queue| queue["name"] == "stripe.fifo");
    let queued = queue.and_then(|queue| queue["depth"].as_u64()).unwrap_or_default();
    let _until_now = stack.fault_injector().take_calls();
    post(&at_console("drain"), &json!({})).await?;
    let handlings = stack.fault_injector().take_calls().iter().filter(|call| call.operation == "PutItem").count();
    let rows = get(&at_console("tables/billing")).await?;
    let ours = items(&rows).filter_map(|row| row["id"]["S"].as_str()).filter(|id| id.starts_with(EVENT));
    let handled = ours.collect::<BTreeSet<_>>().len();
    stack.stop().await;
    Ok(Results { queued: usize::try_from(queued).unwrap_or_default(), handled, handlings })
}

fn items(answer: &Value) -> impl Iterator<Item = &Value> {
    answer["items"].as_array().into_iter().flatten()
}

/// How long the events of each round took, and the same number of calls that do nothing.
async fn rounds(base_url: &str) -> Result<Vec<(Duration, Duration)>, BenchError> {
    let connector = Arc::new(Connector::builder().build_http());
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let events = || (0..EVENTS_OF_A_ROUND).map(|n| event(round * EVENTS_OF_A_ROUND + n)).collect::<Result<_, _>>();
        let (webhook, nothing) = (format!("{base_url}{WEBHOOK}"), format!("{base_url}{NOTHING}"));
        // In turns, so that other load of the machine affects both alike.
        rounds.push(if round % 2 == 0 {
            let webhook = send_all(&connector, &webhook, events()?).await?;
            (webhook, send_all(&connector, &nothing, events()?).await?)
        } else {
            let nothing = send_all(&connector, &nothing, events()?).await?;
            (send_all(&connector, &webhook, events()?).await?, nothing)
        });
    }
    Ok(rounds)
}

/// The prefix of the ids of the events.
const EVENT: &str = "evt_bench_";

/// Event `n`: a payment by one of a hundred unknown customers.
fn event(n: usize) -> Result<Event, BenchError> {
    let invoice = json!({"id": format!("in_{n}"), "object": "invoice", "customer": format!("cus_{}", n % 100)});
    let body = json!({
        "id": format!("{EVENT}{n}"), "object": "event", "created": START, "livemode": false, "type": "invoice.paid",
        "data": {"object": invoice},
    });
    let body = body.to_string();
    let signature = HeaderValue::try_from(signature(WEBHOOK_SECRET, START, &body)).doing("a signature")?;
    Ok(Event { body: body.into(), signature })
}

/// Sends them, several at the same time: how long until all are answered.
async fn send_all(connector: &Arc<Connector>, url: &str, events: Vec<Event>) -> Result<Duration, BenchError> {
    let mut callers: [Vec<Event>; CALLERS] = Default::default();
    for (n, event) in events.into_iter().enumerate() {
        callers[n % CALLERS].push(event);
    }
    let begun = Instant::now();
    let mut sending = JoinSet::new();
    for events in callers {
        sending.spawn(send_one_by_one(Arc::clone(connector), url.to_owned(), events));
    }
    while let Some(sent) = sending.join_next().await {
        sent.doing("a caller")??;
    }
    Ok(begun.elapsed())
}

async fn send_one_by_one(connector: Arc<Connector>, url: String, events: Vec<Event>) -> Result<(), BenchError> {
    for Event { body, signature } in events {
        let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let signature = (header::HeaderName::from_static("stripe-signature"), signature);
        let headers = HeaderMap::from_iter([json, signature]);
        let answer = send(&connector, Method::POST, &url, headers, body).await?;
        if answer.status != StatusCode::OK {
            return Err(BenchError::new(&url, answer.status));
        }
    }
    Ok(())
}
