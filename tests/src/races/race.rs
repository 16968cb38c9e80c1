//! A race: its world, its racers, and the check of each order.

use crate::app::{Answer, TestApp, World};
use crate::request::Request;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use serde_json::Value;

/// One row of the table: the world and its racers.
#[derive(Clone, Copy)]
pub struct Race {
    pub name: &'static str,
    pub world: World,
    pub prepare: for<'a> fn(&'a TestApp) -> BoxFuture<'a, RaceSetup>,
}

/// Concurrent racers, and the check for every interleaving.
pub struct RaceSetup {
    pub racers: Vec<Racer>,
    pub check: Box<dyn Check>,
}

/// A racer.
#[derive(Clone)]
pub enum Racer {
    /// A client.
    Request(Request),
    /// The worker, with this event of Stripe from the queue.
    Event(Value),
    /// The sweeper, with this schedule.
    Sweep(&'static str),
    /// An action at Stripe: in the fake's dashboard, or on one of its pages.
    AtStripe(Request),
}

/// The outcome of one order.
pub struct Ended {
    /// The answer of each racer.
    pub answers: Vec<Answer>,
    /// The released calls, in order.
    pub steps: Vec<(usize, String)>,
}

/// The check at the end. It runs once in each copy of the prepared stack.
pub trait Check: Send + Sync {
    /// Panics when it fails.
    fn run<'a>(&'a self, app: &'a TestApp, ended: Ended) -> LocalBoxFuture<'a, ()>;
}

impl<F: AsyncFn(&TestApp, Ended) + Send + Sync> Check for F {
    fn run<'a>(&'a self, app: &'a TestApp, ended: Ended) -> LocalBoxFuture<'a, ()> {
        self(app, ended).boxed_local()
    }
}

macro_rules! race {
    ($world:ident, $name:literal, $prepare:ident) => {
        Race { name: $name, world: World::$world, prepare: |app| $prepare(app).boxed() }
    };
}

/// A setup of two requests, whose check is an async block over `app` and both answers.
macro_rules! two_racers {
    ($requests:expr, |$app:ident, $answers:ident| $check:expr) => {
        RaceSetup {
            racers: $requests.map($crate::races::race::Racer::Request).into(),
            check: Box::new(async move |$app: &$crate::app::TestApp, ended: $crate::races::race::Ended| {
                let $answers: [Answer; 2] = ended.answers.try_into().unwrap();
                $check
            }),
        }
    };
}

/// The operation of an action at Stripe.
pub const CHANGE: &str = "POST at Stripe";

pub(super) use {race, two_racers};
