//! `cargo run -p tollgate-tests --bin enumerate`: every crash point of every operation, every order of the calls of two
//! that race, every order of Stripe's events, and random lives of billing. It prints how many there were, and what did not
//! hold. `enumerate model SEED` plays the life of one seed, `enumerate model for MINUTES` new ones for so long.

#![allow(clippy::print_stdout)] // it is what this program is for

use futures_util::{StreamExt, stream};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tollgate_tests::crashes::{self, FAILURES, operations};
use tollgate_tests::events::{self, Twice};
use tollgate_tests::model;
use tollgate_tests::races::{self, races};

/// The events of one life, each of them also twice.
const ARRIVALS: &str = "the events of one life";
/// So many at once; the orders of one race follow from each other.
const AT_ONCE: usize = 3;
/// Random lives of billing.
const LIVES: &str = "model";
/// The seeds that are played each time.
const SEEDS: std::ops::Range<u64> = 0..150;
/// So long a life that ends wrong is made shorter.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> ExitCode {
    // Only the rows that are named, by a part of their names; else all.
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    match wanted.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [LIVES, "for", minutes] => return live_for(minutes).await,
        [LIVES, ref seeds @ ..] if !seeds.is_empty() => {
            let seeds = seeds.iter().filter_map(|seed| seed.parse().ok()).collect();
            return ended(live(seeds).await);
        }
        _ => {}
    }
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
    let mut lived = Lived::default();
    if is_wanted(LIVES) {
        lived = live(SEEDS.collect()).await;
        println!("{:5} steps         of {} random lives", lived.steps, lived.lives);
        failed += lived.failed;
    }
    let steps = lived.steps;
    println!("{points} crash points, {orders} orders, {steps} steps of random lives, {failed} failed");
    if failed == 0 && points + orders + steps > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What came of random lives.
#[derive(Default)]
struct Lived {
    lives: usize,
    steps: usize,
    failed: usize,
}

/// Plays the lives of these seeds.
async fn live(seeds: Vec<u64>) -> Lived {
    let plays = seeds.into_iter().map(|seed| tokio::task::spawn_blocking(move || model::play(seed, PATIENCE)));
    let mut reports = stream::iter(plays).buffer_unordered(AT_ONCE);
    let mut lived = Lived::default();
    while let Some(Ok(report)) = reports.next().await {
        lived.lives += 1;
        lived.steps += report.steps;
        lived.failed += tell(report.failure.as_slice());
    }
    lived
}

/// Plays new lives for so many minutes.
async fn live_for(minutes: &str) -> ExitCode {
    let Ok(minutes) = minutes.parse::<u64>() else {
        println!("enumerate {LIVES} for MINUTES");
        return ExitCode::from(2);
    };
    let begin = Instant::now();
    let mut seed = u64::from(std::process::id()) << 32;
    let mut all = Lived::default();
    while begin.elapsed() < Duration::from_secs(60 * minutes) {
        let next = seed + 30;
        let lived = live((seed..next).collect()).await;
        println!("{:5} steps         of {} random lives, seeds {seed} to {}", lived.steps, lived.lives, next - 1);
        seed = next;
        all =
            Lived { lives: all.lives + lived.lives, steps: all.steps + lived.steps, failed: all.failed + lived.failed };
    }
    ended(all)
}

fn ended(Lived { lives, steps, failed }: Lived) -> ExitCode {
    println!("{steps} steps of {lives} random lives, {failed} failed");
    if failed == 0 && lives > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(failures: &[String]) -> usize {
    for failure in failures {
        println!("FAILED {failure}\n");
    }
    failures.len()
}
