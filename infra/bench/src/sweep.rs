//! The sweep of many due subscriptions by a function whose process stops on every page.

use crate::error::{BenchError, While};
use crate::figures::Limit;
use crate::stage::{START, in_memory};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::fmt;
use std::time::Instant;
use tollgate_local::Stack;
use tollgate_local::clock::LocalClock;
use tollgate_tests::population::{Population, fetches};

/// Longer than any month.
const MONTH: SignedDuration = SignedDuration::from_hours(24 * 31);

/// The result of the sweep.
#[derive(Debug, Serialize)]
pub struct Sweep {
    /// Subscriptions that were due.
    pub due: usize,
    /// Processes that stopped, each after a page was written.
    pub kills: usize,
    /// The time for each subscription, in milliseconds.
    pub ms_each: f64,
    /// How often a customer was fetched from Stripe.
    pub fetches: usize,
    /// Customers that were not written exactly once.
    pub not_once: usize,
    /// How many subscriptions the next sweep found.
    pub left: u64,
}

impl Sweep {
    /// The limits that the figures must meet.
    pub fn limits(&self) -> [Limit; 3] {
        [
            Limit::at_most("sweep: looks at each subscription", self.fetches as f64 / self.due as f64, 1.0),
            Limit::at_most("sweep: not written exactly once", self.not_once as f64, 0.0),
            Limit::at_most("sweep: found by the next one", self.left as f64, 0.0),
        ]
    }
}

impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} subscriptions due at once: swept by {} processes, {:.2} ms each",
            self.due, self.kills, self.ms_each
        )
    }
}

/// Sweeps this number of subscriptions.
///
/// # Errors
/// When the stack does not start.
pub fn measure(people: usize) -> Result<Sweep, BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing("the runtime")?;
    runtime.block_on(async {
        let clock = LocalClock::still(Timestamp::constant(START, 0));
        let stack = Stack::start(in_memory(clock)).await.doing("the stack")?;
        let swept = stack.held(swept(&stack, people)).await;
        stack.stop().await;
        Ok(swept)
    })
}

async fn swept(stack: &Stack, people: usize) -> Sweep {
    let population = Population::gather(stack, people).await;
    population.sweep("reconcile").await;
    stack.clock().advance(MONTH);
    population.stripe.tick();
    let before = population.versions().await;
    let _until_now = stack.fault_injector().take_calls();
    let begun = Instant::now();
    let kills = population.sweep_killed_on_every_page().await;
    let took = begun.elapsed();
    let fetches = fetches(&stack.fault_injector().take_calls());
    let after = population.versions().await;
    let once = before.iter().filter(|(user, version)| after.get(user) == Some(&(*version + 1))).count();
    Sweep {
        due: people,
        kills,
        ms_each: took.as_secs_f64() * 1e3 / people as f64,
        fetches,
        not_once: people - once,
        left: population.sweep("expiry").await,
    }
}
