//! `cargo run -p tollgate-tests --bin enumerate`: every crash point of every operation, every order of the calls of two
//! that race, every order of Stripe's events. It prints how many there were, and what did not hold.

#![allow(clippy::print_stdout)] // it is what this program is for

use futures_util::{StreamExt, stream};
use std::process::ExitCode;
use tollgate_tests::crashes::{self, FAILURES, operations};
use tollgate_tests::events::{self, Twice};
use tollgate_tests::races::{self, races};

/// The events of one life, each of them also twice.
const ARRIVALS: &str = "the events of one life";
/// So many at once; the orders of one race follow from each other.
const AT_ONCE: usize = 3;

#[tokio::main]
async fn main() -> ExitCode {
    // Only the rows that are named, by a part of their names; else all.
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    let (mut points, mut orders, mut failed) = (0, 0, 0);
    let wanted_races = races().filter(|race| is_wanted(race.name));
    let mut reports =
        stream::iter(wanted_races).map(async |race| (race, races::enumerate(race).await)).buffered(AT_ONCE);
    while let Some((race, report)) = reports.next().await {
        println!("{:5} orders        {}", report.orders, race.name);
        orders += report.orders;
        failed += tell(&report.failures);
    }
    for operation in operations().filter(|operation| is_wanted(operation.name)) {
        let report = crashes::enumerate(operation, FAILURES).await;
        println!("{:5} crash points  {}", report.points, operation.name);
        points += report.points;
        failed += tell(&report.failures);
    }
    if is_wanted(ARRIVALS) {
        let all: Vec<_> =
            events::orders().into_iter().flat_map(|o| Twice::all().map(move |twice| (o.clone(), twice))).collect();
        println!("{:5} orders        {ARRIVALS}", all.len());
        orders += all.len();
        let walks = all.into_iter().map(async |(order, twice)| {
            let walked = events::walk(order.clone(), twice).await;
            walked.err().map(|error| format!("{ARRIVALS} · {order:?} {twice:?}\n  {error}"))
        });
        let mut walked = stream::iter(walks).buffer_unordered(AT_ONCE);
        while let Some(failure) = walked.next().await {
            failed += tell(failure.as_slice());
        }
    }
    println!("{points} crash points, {orders} orders, {failed} failed");
    if failed == 0 && points + orders > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(failures: &[String]) -> usize {
    for failure in failures {
        println!("FAILED {failure}\n");
    }
    failures.len()
}
