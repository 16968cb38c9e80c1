//! Every crash point of every operation that changes something: the n-th call to a service fails, is throttled, hangs,
//! loses its answer, or the process stops before or after it, for every n; then the client retries (R1, R8). Two stops
//! that leave the same state are one point.
//!
//! The check needs no list of effects. First it records the residue of an undisturbed operation in the tables and the
//! inbox, requested once and twice. A disturbed run that was answered must leave the residue of one run. One that was
//! not answered, and was repeated, must leave at least that of one run and at most that of two.

pub(crate) mod residue;

use crate::app::{Prepared, TestApp, World, limited};
use crate::operations::{Case, Disturbed, Scenario, scenarios};
use crate::request::Request;
use crate::{apart, panic_text};
use futures_util::{StreamExt, stream};
use residue::{Residue, residue};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tollgate_local::Options;
use tollgate_local::clock::LocalClock;
use tollgate_local::faults::{Call, DONE_IN_PARTS, Fault, Kind, Order};
use tollgate_local::permissions::Accesses;
use tollgate_local::service::Service;

/// The scenarios with crash points: everything that changes something.
pub fn disturbed_scenarios() -> impl Iterator<Item = Scenario> {
    scenarios().into_iter().filter(|scenario| scenario.disturbed.is_some())
}

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

/// A call of which a part is not done, as often as the store tries: it answers 503.
const IN_PART: Failure = (Kind::Unprocessed, 5);

/// One injected failure.
#[derive(Debug, Clone)]
struct Point {
    service: Service,
    /// Of all calls to the service, or of those of one operation.
    operation: Option<String>,
    call: u32,
    failure: Failure,
    /// Whether SES has the mail already, or may have it: then the same mail may be sent a second time (R1).
    mail_may_be_out: bool,
    /// Whether it leaves the state that an earlier point leaves.
    is_repeated: bool,
}

/// The result of all failures of one scenario.
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

/// How much of a scenario is tested.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Every call of it, with every failure.
    EveryCall,
    /// For each service and failure its last call, after which most is done.
    LastCalls,
}

/// Tests the points of `scenario`. It is prepared once; each point disturbs a copy.
pub async fn enumerate(scenario: Scenario, extent: Extent) -> Report {
    let undisturbed = apart(move || async move {
        let setup = Setup::prepare(scenario).await;
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
                failures: vec![format!("{} · undisturbed\n  {}", scenario.name, panic_text(panic))],
            };
        }
    };
    assert!(!calls.is_empty(), "{} calls nothing", scenario.name);
    let points = points(&calls, scenario.world);
    let points = match extent {
        Extent::EveryCall => points.into_iter().filter(|point| !point.is_repeated).collect(),
        Extent::LastCalls => last_calls(points),
    };
    let count = points.len();
    let tried = points.iter().map(|point| (point.service, point.failure.0)).collect();
    let shared = Arc::new((setup, outcomes));
    let runs = stream::iter(points).map(|point| {
        let (label, shared) = (format!("{} · {point:?}", scenario.name), Arc::clone(&shared));
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

/// Runs `scenario` twice, undisturbed. The requests and the permissions of the functions, from the beginning on.
pub async fn drive(scenario: Scenario) -> (Vec<Request>, Accesses) {
    let app = TestApp::start_with(scenario.world.options(limited())).await;
    app.record_accesses();
    let case = (scenario.prepare)(&app).await;
    app.drain().await;
    app.advance(SECRETS_ARE_OLD);
    case.request.send(&app).await;
    app.drain().await;
    case.again.send(&case.request, &app).await;
    app.drain().await;
    (vec![case.request], app.stack.fault_injector().accesses())
}

/// Each failure at each call, in the order of the undisturbed run.
fn points(calls: &[Call], world: World) -> Vec<Point> {
    let mut made = HashMap::<(Service, Option<&String>), u32>::new();
    let mut points = Vec::new();
    let mut mail_is_out = false;
    for call @ Call { service, operation, .. } in calls {
        let in_part = DONE_IN_PARTS.contains(&operation.as_str()).then(|| (Some(operation), vec![IN_PART]));
        for (operation, failures) in [(None, failures_of(*service, world))].into_iter().chain(in_part) {
            let nth = made.entry((*service, operation)).or_default();
            points.extend(failures.into_iter().map(|failure| {
                let takes_it = *service == Service::Ses && matches!(failure.0, Kind::LostResponse | Kind::StopAfter);
                Point {
                    service: *service,
                    operation: operation.cloned(),
                    call: *nth,
                    failure,
                    mail_may_be_out: mail_is_out || takes_it,
                    is_repeated: repeats_a_stop(call, failure.0),
                }
            }));
            *nth += 1;
        }
        mail_is_out |= *service == Service::Ses;
    }
    points
}

/// Whether a process that stops at `call` leaves the state that an earlier stop leaves. A run leaves what its calls have
/// changed: so a stop before a call repeats the stop after the one before it, unless it is the run's first call, and a stop
/// after a call that only reads repeats the stop before it. Concurrent calls may be done in any order, so none of their
/// stops is left out.
fn repeats_a_stop(call: &Call, kind: Kind) -> bool {
    match kind {
        Kind::StopBefore => call.order == Order::Following,
        Kind::StopAfter => call.order != Order::Concurrent && only_reads(&call.operation),
        _ => false,
    }
}

/// Whether an operation of a service changes nothing there.
fn only_reads(operation: &str) -> bool {
    let reads = ["GetItem", "BatchGetItem", "Query", "Scan", "GetSecretValue"];
    reads.contains(&operation) || operation.starts_with("GET ")
}

/// The points of the last call to each service, one for each failure.
fn last_calls(points: Vec<Point>) -> Vec<Point> {
    let mut seen = HashSet::new();
    let is_last = |point: &Point| seen.insert((point.service, point.failure));
    points.into_iter().rev().filter(is_last).collect()
}

/// With plans, an AWS service is not throttled, slow or late as well: for a caller these are failures, as the rows
/// without plans show call by call.
const LIKE_AN_ERROR: [Failure; 3] = [(Kind::Throttle, 3), (Kind::Hang, 3), (Kind::LostResponse, 1)];

/// Only the AWS SDKs retry by themselves: for another service one failure ends the call.
fn failures_of(service: Service, world: World) -> Vec<Failure> {
    let tries_once = matches!(service, Service::Google | Service::Github | Service::Stripe | Service::Ai);
    let is_tried = |failure: &&Failure| tries_once || world == World::WithoutPlans || !LIKE_AN_ERROR.contains(failure);
    let tried = FAILURES.iter().filter(is_tried);
    let mut own: Vec<_> = tried.map(|(kind, times)| (*kind, if tries_once { 1 } else { *times })).collect();
    own.dedup();
    own
}

/// The residue of a run.
struct Outcome {
    status: u16,
    residue: Residue,
}

/// A scenario that was prepared once.
struct Setup {
    scenario: Scenario,
    prepared: Prepared,
    case: Case,
}

impl Setup {
    async fn prepare(scenario: Scenario) -> Self {
        let app = TestApp::start_to_be_copied(scenario.world.options(limited())).await;
        let case = (scenario.prepare)(&app).await;
        app.drain().await;
        Self { scenario, prepared: app.snapshot().await, case }
    }

    /// A stack in the state before the operation.
    async fn copy(&self) -> TestApp {
        let clock = LocalClock::frozen(self.prepared.time());
        let options = self.scenario.world.options(Options { clock, ..limited() });
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
        if self.scenario.disturbed == Some(Disturbed::Afterwards) {
            calls = app.calls();
        }
        let residue = residue(&app, self.scenario.world).await;
        case.check.run(&app).await;
        (Outcome { status, residue }, calls)
    }

    async fn disturbed(&self, point: &Point, outcomes: &[Outcome; 2]) -> Result<(), String> {
        let [once, twice] = outcomes;
        let (app, case) = (self.copy().await, &self.case);
        let (kind, times) = point.failure;
        let fail = || {
            app.fail_call(Fault {
                service: point.service,
                operation: point.operation.clone(),
                kind,
                after: point.call,
                times,
            })
        };
        let first = match self.scenario.disturbed {
            Some(Disturbed::TheAnswer) | None => {
                let attempt = async {
                    fail();
                    case.request.send(&app).await
                };
                app.stack.held(attempt).await
            }
            Some(Disturbed::Afterwards) => {
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
        let residue = residue(&app, self.scenario.world).await;
        residue.compare([&once.residue, &twice.residue], is_answered, point.mail_may_be_out)?;
        case.check.run(&app).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stops that are made at these calls of one run.
    fn stops(calls: &[(&str, Order)]) -> Vec<(u32, Kind)> {
        let call = |(operation, order): &(&str, Order)| Call {
            service: Service::Dynamodb,
            operation: (*operation).to_owned(),
            units: Vec::new(),
            depth: 1,
            order: *order,
        };
        let calls: Vec<_> = calls.iter().map(call).collect();
        let is_stop = |point: &Point| matches!(point.failure.0, Kind::StopBefore | Kind::StopAfter);
        let made = points(&calls, World::WithoutPlans).into_iter().filter(|point| is_stop(point) && !point.is_repeated);
        made.map(|point| (point.call, point.failure.0)).collect()
    }

    #[test]
    fn a_run_stops_once_before_all_calls_and_once_after_each_change() {
        use Order::{First, Following};
        let calls = [("GetItem", First), ("PutItem", Following), ("Query", Following), ("UpdateItem", Following)];
        let made = [(0, Kind::StopBefore), (1, Kind::StopAfter), (3, Kind::StopAfter)];
        assert_eq!(stops(&calls), made);
    }

    #[test]
    fn a_run_stops_before_and_after_each_of_concurrent_calls() {
        let calls = [("GetItem", Order::Concurrent), ("PutItem", Order::Concurrent), ("GetItem", Order::Following)];
        let made = [0, 1].map(|call| [(call, Kind::StopBefore), (call, Kind::StopAfter)]).concat();
        assert_eq!(stops(&calls), made);
    }
}
