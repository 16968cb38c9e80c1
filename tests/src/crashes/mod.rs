//! Every crash point of every operation that changes something: the n-th call to a service fails, is throttled, hangs,
//! loses its answer, or the process stops before or after it, for every n; then the client retries (R1, R8).
//!
//! The check needs no list of effects. First it records the residue of an undisturbed operation in the tables and the
//! inbox, requested once and twice. A disturbed run that was answered must leave the residue of one run. One that was
//! not answered, and was repeated, must leave at least that of one run and at most that of two.

mod accounts;
mod admin;
mod billing;
pub(crate) mod residue;
mod sweeps;

use crate::app::{Answer, Prepared, TestApp, World, limited};
use crate::request::Request;
use crate::{apart, panic_text};
use futures_util::future::{BoxFuture, LocalBoxFuture};
use futures_util::{FutureExt, StreamExt, stream};
use residue::{Residue, residue};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use tollgate_local::Options;
use tollgate_local::clock::LocalClock;
use tollgate_local::faults::{Call, Kind};
use tollgate_local::permissions::Accesses;
use tollgate_local::service::Service;

/// One row of the table: an operation, and the state in which it is requested.
#[derive(Clone, Copy)]
pub struct Operation {
    pub name: &'static str,
    pub disturbed: Disturbed,
    pub world: World,
    pub prepare: for<'a> fn(&'a TestApp) -> BoxFuture<'a, Case>,
}

/// The table: every operation that changes something, one row each.
pub fn operations() -> impl Iterator<Item = Operation> {
    let all = [accounts::OPERATIONS, admin::OPERATIONS, sweeps::OPERATIONS, billing::OPERATIONS];
    all.into_iter().flatten().copied()
}

/// Which calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbed {
    /// Those made while the client waits for its answer.
    TheAnswer,
    /// Those made afterwards, from the outbox or Stripe's event on: the stream, the queue and Stripe retry them, not
    /// the client.
    Afterwards,
}

/// The request of a client, its retry, and the checks at the end in addition to the tables.
pub struct Case {
    pub request: Request,
    pub again: Again,
    pub check: Box<dyn Check>,
}

/// How a client without an answer retries.
pub enum Again {
    /// With the same request.
    TheSame,
    /// From the start, because its values are valid once.
    Anew(Begin),
}

/// A whole flow, from its beginning to its answer.
pub type Begin = Box<dyn for<'a> Fn(&'a TestApp) -> BoxFuture<'a, Answer> + Send + Sync>;

impl Again {
    pub(crate) async fn send(&self, request: &Request, app: &TestApp) -> Answer {
        match self {
            Self::TheSame => request.send(app).await,
            Self::Anew(begin) => begin(app).await,
        }
    }
}

/// The check at the end. It runs once in each copy of the prepared stack.
pub trait Check: Send + Sync {
    /// Panics when it fails.
    fn run<'a>(&'a self, app: &'a TestApp) -> LocalBoxFuture<'a, ()>;
}

impl<F: AsyncFn(&TestApp) + Send + Sync> Check for F {
    fn run<'a>(&'a self, app: &'a TestApp) -> LocalBoxFuture<'a, ()> {
        self(app).boxed_local()
    }
}

fn anew(begin: impl for<'a> Fn(&'a TestApp) -> BoxFuture<'a, Answer> + Send + Sync + 'static) -> Again {
    Again::Anew(Box::new(begin))
}

macro_rules! operation {
    ($disturbed:ident, $world:ident, $name:literal, $prepare:ident) => {
        Operation {
            name: $name,
            disturbed: $crate::crashes::Disturbed::$disturbed,
            world: World::$world,
            prepare: |app| $prepare(app).boxed(),
        }
    };
}

/// A case whose check is an async block over `app`.
macro_rules! case {
    ($request:expr, |$app:ident| $check:expr) => {
        case!($request, Again::TheSame, |$app| $check)
    };
    ($request:expr, $again:expr, |$app:ident| $check:expr) => {
        Case { request: $request, again: $again, check: Box::new(async move |$app: &$crate::app::TestApp| $check) }
    };
}

use {case, operation};

/// How a call fails, and how often in a row.
pub type Failure = (Kind, u32);

/// The SDK tries three times: three failures end a call. The retry hides a single failure; it is only tested where the
/// work was done already and is repeated.
pub const FAILURES: &[Failure] = &[
    (Kind::Throttle, 3),
    (Kind::Error, 3),
    (Kind::Hang, 3),
    (Kind::LostResponse, 1),
    (Kind::LostResponse, 3),
    (Kind::StopBefore, 1),
    (Kind::StopAfter, 1),
];

/// One injected failure.
#[derive(Debug, Clone)]
struct Point {
    service: Service,
    call: u32,
    failure: Failure,
    /// Whether SES has the mail already, or may have it: then the same mail may be sent a second time (R1).
    mail_may_be_out: bool,
}

/// The result of all failures of one operation.
pub struct Report {
    pub points: usize,
    /// The injected failures by service.
    pub tried: HashSet<(Service, Kind)>,
    pub failures: Vec<String>,
}

/// Longer than secrets are cached, so that an operation that needs one reads it.
const SECRETS_ARE_OLD: i64 = 301;
/// The number of points that run concurrently.
const AT_ONCE: usize = 3;

/// Tests every point of `operation` with these failures. The operation is prepared once; each point disturbs a copy.
pub async fn enumerate(operation: Operation, failures: &[Failure]) -> Report {
    let undisturbed = apart(move || async move {
        let setup = Setup::prepare(operation).await;
        let (once, calls) = setup.undisturbed(1).await;
        let (twice, _) = setup.undisturbed(2).await;
        (setup, [once, twice], calls)
    });
    let (setup, outcomes, calls) = match undisturbed.await {
        Ok(done) => done,
        Err(panic) => {
            return Report {
                points: 0,
                tried: HashSet::new(),
                failures: vec![format!("{} · undisturbed\n  {}", operation.name, panic_text(panic))],
            };
        }
    };
    assert!(!calls.is_empty(), "{} calls nothing", operation.name);
    let points = points(&calls, operation.world, failures);
    let count = points.len();
    let tried = points.iter().map(|point| (point.service, point.failure.0)).collect();
    let shared = Arc::new((setup, outcomes));
    let runs = stream::iter(points).map(|point| {
        let (label, shared) = (format!("{} · {point:?}", operation.name), Arc::clone(&shared));
        async move {
            let run = apart(move || async move {
                let (setup, outcomes) = &*shared;
                setup.disturbed(&point, outcomes).await
            });
            let outcome = match run.await {
                Ok(outcome) => outcome,
                Err(panic) => Err(panic_text(panic)),
            };
            outcome.err().map(|error| format!("{label}\n{error}"))
        }
    });
    let failures = runs.buffer_unordered(AT_ONCE).filter_map(async |failure| failure).collect().await;
    Report { points: count, tried, failures }
}

/// Runs `operation` twice, undisturbed. The requests and the permissions of the functions, from the beginning on.
pub async fn drive(operation: Operation) -> (Vec<Request>, Accesses) {
    let app = TestApp::start_with(operation.world.options(limited())).await;
    app.record_accesses();
    let case = (operation.prepare)(&app).await;
    app.drain().await;
    app.advance(SECRETS_ARE_OLD);
    case.request.send(&app).await;
    app.drain().await;
    case.again.send(&case.request, &app).await;
    app.drain().await;
    (vec![case.request], app.stack.fault_injector().accesses())
}

/// Each failure at each call, in the order of the undisturbed run.
fn points(calls: &[Call], world: World, failures: &[Failure]) -> Vec<Point> {
    let mut made = BTreeMap::<String, u32>::new();
    let mut points = Vec::new();
    let mut mail_is_out = false;
    for Call { service, .. } in calls {
        let nth = made.entry(format!("{service:?}")).or_default();
        for failure in failures_of(*service, world, failures) {
            let takes_it = *service == Service::Ses && matches!(failure.0, Kind::LostResponse | Kind::StopAfter);
            points.push(Point { service: *service, call: *nth, failure, mail_may_be_out: mail_is_out || takes_it });
        }
        *nth += 1;
        mail_is_out |= *service == Service::Ses;
    }
    points
}

/// With plans, an AWS service is not throttled, slow or late as well: for a caller these are failures, as the rows
/// without plans show call by call.
const LIKE_AN_ERROR: [Failure; 3] = [(Kind::Throttle, 3), (Kind::Hang, 3), (Kind::LostResponse, 1)];

/// Only the AWS SDKs retry by themselves: for another service one failure ends the call.
fn failures_of(service: Service, world: World, failures: &[Failure]) -> Vec<Failure> {
    let tries_once = matches!(service, Service::Google | Service::Github | Service::Stripe | Service::Ai);
    let is_tried = |failure: &&Failure| tries_once || world == World::WithoutPlans || !LIKE_AN_ERROR.contains(failure);
    let tried = failures.iter().filter(is_tried);
    let mut own: Vec<_> = tried.map(|(kind, times)| (*kind, if tries_once { 1 } else { *times })).collect();
    own.dedup();
    own
}

/// The residue of a run.
struct Outcome {
    status: u16,
    residue: Residue,
}

/// An operation that was prepared once.
struct Setup {
    operation: Operation,
    prepared: Prepared,
    case: Case,
}

impl Setup {
    async fn prepare(operation: Operation) -> Self {
        let app = TestApp::start_to_be_copied(operation.world.options(limited())).await;
        let case = (operation.prepare)(&app).await;
        app.drain().await;
        Self { operation, prepared: app.snapshot().await, case }
    }

    /// A stack in the state before the operation.
    async fn copy(&self) -> TestApp {
        let clock = LocalClock::frozen(self.prepared.time());
        let options = self.operation.world.options(Options { clock, ..limited() });
        let app = TestApp::start_from(&self.prepared, options).await;
        app.advance(SECRETS_ARE_OLD);
        app
    }

    async fn undisturbed(&self, times: usize) -> (Outcome, Vec<Call>) {
        let (app, case) = (self.copy().await, &self.case);
        let answered = async {
            let _before = app.calls();
            (case.request.send(&app).await.status.as_u16(), app.calls())
        };
        let (mut status, mut calls) = app.stack.held(answered).await;
        for _ in 1..times {
            status = app.stack.held(case.again.send(&case.request, &app)).await.status.as_u16();
        }
        let _answered = app.calls();
        app.drain().await;
        if self.operation.disturbed == Disturbed::Afterwards {
            calls = app.calls();
        }
        let residue = residue(&app, self.operation.world).await;
        case.check.run(&app).await;
        (Outcome { status, residue }, calls)
    }

    async fn disturbed(&self, point: &Point, outcomes: &[Outcome; 2]) -> Result<(), String> {
        let [once, twice] = outcomes;
        let (app, case) = (self.copy().await, &self.case);
        let (kind, times) = point.failure;
        let fail = || app.fail_call(point.service, kind, point.call, times);
        let first = match self.operation.disturbed {
            Disturbed::TheAnswer => {
                let attempt = async {
                    fail();
                    case.request.send(&app).await
                };
                app.stack.held(attempt).await
            }
            Disturbed::Afterwards => {
                let attempt = async {
                    let answer = case.request.send(&app).await;
                    fail();
                    answer
                };
                let answer = app.stack.held(attempt).await;
                app.drain().await;
                answer
            }
        };
        // A call that gave up before the SDK's last attempt has met its fault too.
        if app.stack.fault_injector().clear().iter().any(|residue| residue.times == times) {
            return Err("the call was not made".into());
        }
        let mut status = first.status.as_u16();
        let is_answered = status == once.status;
        if !is_answered {
            if !matches!(status, 500 | 502 | 503) {
                return Err(format!("answered {status}: {}", first.text));
            }
            let again = app.stack.held(case.again.send(&case.request, &app)).await;
            status = again.status.as_u16();
            if status != once.status && status != twice.status {
                return Err(format!("the second try was answered {status}: {}", again.text));
            }
        }
        app.drain().await;
        let residue = residue(&app, self.operation.world).await;
        residue.compare([&once.residue, &twice.residue], is_answered, point.mail_may_be_out)?;
        case.check.run(&app).await;
        Ok(())
    }
}
