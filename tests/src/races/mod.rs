//! Concurrent requests in every interleaving of their calls to the tables and to Stripe (R3, R9, R10, R11): each call
//! waits until this scheduler releases it, one at a time, so the order is chosen and all orders can be run.
//!
//! Orders that differ only in neighbouring calls without a common item have the same result; of such a group one is
//! run.

mod accounts;
mod admin;
mod billing;
mod exploration;
mod footprint;
mod race;
mod sweeps;

pub use race::{CHANGE, Check, Ended, Race, RaceSetup, Racer};

use crate::app::{Answer, Prepared, TestApp, options, start_time};
use crate::request::Request;
use crate::stripe::queued;
use crate::{apart, panic_text, text_of};
use exploration::Exploration;
use footprint::Footprint;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tollgate_local::Options;
use tollgate_local::clock::LocalClock;
use tollgate_local::permissions::Accesses;
use tollgate_local::service::Service;
use tollgate_local::steps::{Step, SteppedCall};

/// Every race.
pub fn races() -> impl Iterator<Item = Race> {
    let all = [accounts::RACES, admin::RACES, sweeps::RACES, billing::RACES];
    all.into_iter().flatten().copied()
}

/// The result of all interleavings of one race.
pub struct Report {
    pub orders: usize,
    pub failures: Vec<String>,
}

/// The number of failures after which a race is not continued.
const ENOUGH_FAILURES: usize = 3;

/// Runs every order of `race`. It is prepared once; each order runs in a copy.
pub async fn enumerate(race: Race) -> Report {
    let mut report = Report { orders: 0, failures: Vec::new() };
    let failed = |panic| format!("{}\n  {}", race.name, panic_text(panic));
    let setup = match apart(move || Setup::prepare(race)).await {
        Ok(setup) => Arc::new(setup),
        Err(panic) => return Report { orders: 0, failures: vec![failed(panic)] },
    };
    let mut exploration = Exploration::default();
    loop {
        let setup = Arc::clone(&setup);
        let outcome;
        (exploration, outcome) = match apart(move || async move { setup.one_order(exploration).await }).await {
            Ok(done) => done,
            Err(panic) => {
                report.failures.push(failed(panic));
                return report; // the position after a panic is not known
            }
        };
        report.orders += usize::from(outcome != Outcome::SeenBefore);
        if let Outcome::Wrong(text) = outcome {
            report.failures.push(format!("{}\n  {text}", race.name));
        }
        if report.failures.len() == ENOUGH_FAILURES || !exploration.advance() {
            return report;
        }
    }
}

/// Runs one order of `race`. The requests and the permissions of the functions, from the beginning on.
pub async fn drive(race: Race) -> (Vec<Request>, Accesses) {
    let clock = LocalClock::still(start_time());
    let app = TestApp::start_with(race.world.options(Options { clock, ..options() })).await;
    app.record_accesses();
    let setup = (race.prepare)(&app).await;
    app.drain().await;
    let of_client = |racer: &Racer| match racer {
        Racer::Request(request) => Some(request.clone()),
        Racer::Event(_) | Racer::Sweep(_) | Racer::AtStripe(_) => None,
    };
    let requests = setup.racers.iter().filter_map(of_client).collect();
    let ended = app.stack.held(stepped(&app, setup.racers, &mut Exploration::default())).await;
    app.stack.fault_injector().run_free();
    assert!(ended.is_some(), "{}: the first order is run", race.name);
    app.drain().await;
    (requests, app.stack.fault_injector().accesses())
}

#[derive(PartialEq)]
enum Outcome {
    Right,
    Wrong(String),
    /// Another run has the same result.
    SeenBefore,
}

/// A race that was prepared once.
struct Setup {
    prepared: Prepared,
    setup: RaceSetup,
}

impl Setup {
    async fn prepare(race: Race) -> Self {
        let clock = LocalClock::still(start_time());
        let app = TestApp::start_to_be_copied(race.world.options(Options { clock, ..options() })).await;
        let setup = (race.prepare)(&app).await;
        app.drain().await;
        Self { prepared: app.snapshot().await, setup }
    }

    async fn one_order(&self, mut exploration: Exploration) -> (Exploration, Outcome) {
        let clock = LocalClock::still(self.prepared.time());
        let app = TestApp::start_from(&self.prepared, Options { clock, ..options() }).await;
        let racers = self.setup.racers.clone();
        let ended = app.stack.held(stepped(&app, racers, &mut exploration)).await;
        app.stack.fault_injector().run_free();
        let Some(ended) = ended else { return (exploration, Outcome::SeenBefore) };
        let steps = format!("{:?}", ended.steps);
        let checked = AssertUnwindSafe(async {
            self.setup.check.run(&app, ended).await;
            app.drain().await;
        });
        let outcome = match checked.catch_unwind().await {
            Ok(()) => Outcome::Right,
            Err(panic) => Outcome::Wrong(format!("{}\n  {steps}", text_of(panic))),
        };
        (exploration, outcome)
    }
}

/// A racer's state in the scheduler.
#[derive(Default)]
struct Worker {
    /// The function's run that belongs to it: a request is one.
    invocation: Option<u64>,
    waiting: VecDeque<(SteppedCall, oneshot::Sender<()>)>,
    answer: Option<Answer>,
}

/// The events of the scheduler.
enum Heard {
    Step(Step),
    Answered(usize, Answer),
}

impl Racer {
    /// Runs it; its calls are reported as steps.
    fn run(self, index: usize, app: &TestApp, say: UnboundedSender<Heard>) {
        let work: BoxFuture<'static, Answer> = match self {
            Self::Request(request) => {
                let (client, base) = (app.client.clone(), app.stack.origin());
                Box::pin(async move { request.send_by(&client, &base).await })
            }
            Self::Event(event) => {
                let handled = app.stack.invoke("stripe-events", queued(&[&event]));
                Box::pin(async move {
                    let answer = handled.await.unwrap();
                    Answer::new(if answer["batchItemFailures"] == json!([]) { 200 } else { 503 }, answer)
                })
            }
            Self::Sweep(schedule) => {
                let swept = app.stack.invoke("sweeper", json!({"schedule": schedule}));
                Box::pin(async move { Answer::new(200, swept.await.unwrap()) })
            }
            Self::AtStripe(request) => {
                let (client, base, say) = (app.client.clone(), app.stack.origin(), say.clone());
                Box::pin(async move {
                    // Not an invocation: a number that no function's run has.
                    let invocation = u64::MAX;
                    let (go, gone) = oneshot::channel();
                    let call =
                        SteppedCall { service: Service::Stripe, operation: CHANGE.to_owned(), request: Value::Null };
                    let _listening = say.send(Heard::Step(Step::Waits { invocation, call, go }));
                    let _let_go = gone.await;
                    let answer = request.send_by(&client, &base).await;
                    let _listening = say.send(Heard::Step(Step::Over { invocation }));
                    answer
                })
            }
        };
        tokio::spawn(async move {
            let _the_scheduler_is_gone = say.send(Heard::Answered(index, work.await));
        });
    }
}

/// Releases the calls of all racers one at a time. Stops where another run has the same result.
async fn stepped(app: &TestApp, racers: Vec<Racer>, exploration: &mut Exploration) -> Option<Ended> {
    let (say, mut hear) = unbounded_channel();
    tokio::spawn(pass_on(app.stack.fault_injector().step(), say.clone()));
    let mut workers: Vec<_> = racers.iter().map(|_| Worker::default()).collect();
    // One after the other up to its first call, so that the first waiting call is that of the first racer.
    for (index, racer) in racers.into_iter().enumerate() {
        racer.run(index, app, say.clone());
        while workers[index].is_running() {
            hear_one(&mut hear, &mut workers, index).await;
        }
    }
    let mut steps = Vec::new();
    loop {
        let next = |worker: &Worker| worker.waiting.front().map(|(call, _)| Footprint::of(call));
        let can_go: BTreeMap<_, _> =
            workers.iter().enumerate().filter_map(|(index, worker)| Some((index, next(worker)?))).collect();
        if can_go.is_empty() {
            break;
        }
        let taken = exploration.choose(can_go)?;
        let (call, go) = workers[taken].waiting.pop_front().expect("it can go");
        steps.push((taken, call.operation));
        let _gone = go.send(());
        // Its call ends; then it makes the next one, or it is answered.
        let mut is_over = false;
        while !is_over || workers[taken].is_running() {
            is_over |= hear_one(&mut hear, &mut workers, taken).await;
        }
    }
    let answers = workers.into_iter().map(|worker| worker.answer.expect("an answer")).collect();
    Some(Ended { answers, steps })
}

impl Worker {
    /// Whether it neither has a waiting call nor an answer.
    fn is_running(&self) -> bool {
        self.waiting.is_empty() && self.answer.is_none()
    }
}

/// Handles events while only `running` moves; returns whether a call has ended.
async fn hear_one(hear: &mut UnboundedReceiver<Heard>, workers: &mut [Worker], running: usize) -> bool {
    match hear.recv().await.expect("a program that runs") {
        Heard::Step(Step::Waits { invocation, call, go }) => {
            let known = workers.iter().position(|worker| worker.invocation == Some(invocation));
            let worker = &mut workers[known.unwrap_or(running)];
            worker.invocation = Some(invocation);
            worker.waiting.push_back((call, go));
            false
        }
        Heard::Step(Step::Over { .. }) => true,
        Heard::Answered(index, answer) => {
            workers[index].answer = Some(answer);
            false
        }
    }
}

async fn pass_on(mut steps: UnboundedReceiver<Step>, say: UnboundedSender<Heard>) {
    while let Some(step) = steps.recv().await {
        if say.send(Heard::Step(step)).is_err() {
            return;
        }
    }
}
