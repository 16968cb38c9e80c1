//! `cargo run -p tollgate-tests --bin enumerate`: every crash point of every operation, every order of the calls of
//! racing requests, every order of Stripe's events, and random sequences of the billing model. It prints how many there
//! were and which of them failed.
//!
//! ```text
//! enumerate [--part crashes|races|events|size|model]… [--shard I/N] [TEXT]…    rows whose names contain a TEXT; all without one
//! enumerate model SEED…                                                   the sequences of these seeds
//! enumerate model for MINUTES                                             new sequences for that long
//! ```
//!
//! A shard runs each N-th row, beginning with the I-th (1 to N): together the shards run all rows.

#![allow(clippy::print_stdout)] // the purpose of this program

use futures_util::{StreamExt, stream};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tollgate_reports::run_statement_if_asked;
use tollgate_tests::crashes::{self, Extent, disturbed_scenarios};
use tollgate_tests::events::{self, Twice};
use tollgate_tests::model;
use tollgate_tests::races::{self, races};
use tollgate_tests::size::compare_and_sweep;
use tollgate_tests::{apart, panic_text};

/// The name of the row of all orders of events.
const ARRIVALS: &str = "the events of one subscription";
/// How many rows run concurrently: with two cores a third one uses the waiting times.
const AT_ONCE: usize = 3;
const MODEL: &str = "model";
const SIZE: &str = "size";
/// The number of users who pay concurrently there.
const PEOPLE: usize = 1000;
/// The seeds that run each time.
const SEEDS: std::ops::Range<u64> = 0..180;
/// How many steps with an effect all of these have at least.
const STEPS: usize = 5_536;
/// The number of sequences that reach each kind of step and of result.
const REACHING: usize = 80;
/// How long a failing sequence is shortened.
const SHORTENING: Duration = Duration::from_secs(120);

/// The selected rows.
#[derive(Debug, Default)]
struct Selection {
    /// Only these parts, unless there are none.
    parts: Vec<String>,
    /// Only rows whose names contain one of these, unless there are none.
    texts: Vec<String>,
    /// The index of this shard, beginning with 0, and the number of shards.
    shard: Option<(usize, usize)>,
}

impl Selection {
    /// Parses the arguments; `None` where they are not valid.
    fn parse(arguments: &[String]) -> Option<Self> {
        let mut selection = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--part" => {
                    let part = arguments.next()?;
                    selection.parts.push(
                        ["crashes", "races", "events", SIZE, MODEL].contains(&part.as_str()).then(|| part.clone())?,
                    );
                }
                "--shard" => {
                    let (index, count) = arguments.next()?.split_once('/')?;
                    let (index, count): (usize, usize) = (index.parse().ok()?, count.parse().ok()?);
                    selection.shard = Some(((1..=count).contains(&index).then(|| index - 1)?, count));
                }
                option if option.starts_with("--") => return None,
                text => selection.texts.push(text.to_owned()),
            }
        }
        Some(selection)
    }

    /// The selected rows of a part.
    fn rows<T>(&self, part: &str, name: impl Fn(&T) -> &str, rows: impl Iterator<Item = T>) -> Vec<T> {
        let is_part = self.parts.is_empty() || self.parts.iter().any(|wanted| wanted == part);
        let is_named =
            |row: &T| self.texts.is_empty() || self.texts.iter().any(|text| name(row).contains(text.as_str()));
        let is_here = |index: usize| self.shard.is_none_or(|(shard, count)| index % count == shard);
        let rows = rows.enumerate().filter(|(index, row)| is_part && is_here(*index) && is_named(row));
        rows.map(|(_, row)| row).collect()
    }
}

fn main() -> ExitCode {
    let first = std::env::args().nth(1);
    // The stacks of the tests run the statements of reports with this program.
    run_statement_if_asked(first.as_deref()).unwrap_or_else(enumerate)
}

#[tokio::main]
async fn enumerate() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [MODEL, "for", minutes] => return play_for(minutes).await,
        [MODEL, ref seeds @ ..] if !seeds.is_empty() => {
            let seeds = seeds.iter().filter_map(|seed| seed.parse().ok()).collect();
            return conclude(&play(seeds).await);
        }
        _ => {}
    }
    let Some(selection) = Selection::parse(&arguments) else {
        println!("enumerate [--part crashes|races|events|size|model]... [--shard I/N] [TEXT]...");
        return ExitCode::from(2);
    };
    let (points, points_failed) = crash_points(&selection).await;
    let (orders, orders_failed) = orders_of_races(&selection).await;
    let (arrivals, arrivals_failed) = orders_of_events(&selection).await;
    let (size, size_failed) = many_subscriptions(&selection).await;
    let played = play(selection.rows(MODEL, |_| MODEL, SEEDS)).await;
    if played.sequences > 0 {
        print_reached(&played.reached);
        println!("{:5} steps         of {} random sequences", played.steps, played.sequences);
    }
    let unreached = print_failures(&played.shortfalls());
    let failed = points_failed + orders_failed + arrivals_failed + size_failed + played.failed + unreached;
    let (orders, steps) = (orders + arrivals, played.steps);
    println!("{points} crash points, {orders} orders, {steps} steps of random sequences, {failed} failed");
    if failed == 0 && points + orders + steps + size > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns the number of crash points, and how many failed.
async fn crash_points(selection: &Selection) -> (usize, usize) {
    let rows = selection.rows("crashes", |scenario| scenario.name, disturbed_scenarios());
    let runs = rows.into_iter().map(async |scenario| (scenario, crashes::enumerate(scenario, Extent::EveryCall).await));
    let mut runs = stream::iter(runs).buffered(AT_ONCE);
    let (mut points, mut failed) = (0, 0);
    while let Some((scenario, report)) = runs.next().await {
        println!("{:5} crash points  {}", report.points, scenario.name);
        points += report.points;
        failed += print_failures(&report.failures);
    }
    (points, failed)
}

/// Returns the number of orders of racing calls, and how many failed.
async fn orders_of_races(selection: &Selection) -> (usize, usize) {
    let rows = selection.rows("races", |race| race.name, races());
    let mut runs = stream::iter(rows).map(async |race| (race, races::enumerate(race).await)).buffered(AT_ONCE);
    let (mut orders, mut failed) = (0, 0);
    while let Some((race, report)) = runs.next().await {
        println!("{:5} orders        {}", report.orders, race.name);
        orders += report.orders;
        failed += print_failures(&report.failures);
    }
    (orders, failed)
}

/// Returns the number of orders of events, and how many failed.
async fn orders_of_events(selection: &Selection) -> (usize, usize) {
    let all = events::orders().into_iter().flat_map(|order| Twice::all().map(move |twice| (order.clone(), twice)));
    let rows = selection.rows("events", |_| ARRIVALS, all);
    if rows.is_empty() {
        return (0, 0);
    }
    println!("{:5} orders        {ARRIVALS}", rows.len());
    let paid = match events::Paid::prepare().await {
        Ok(paid) => Arc::new(paid),
        Err(error) => return (0, print_failures(&[format!("{ARRIVALS}\n  {error}")])),
    };
    let count = rows.len();
    let walks = rows.into_iter().map(async |(order, twice)| {
        let walked = paid.walk(order.clone(), twice).await;
        walked.err().map(|error| format!("{ARRIVALS} · {order:?} {twice:?}\n  {error}"))
    });
    let mut walked = stream::iter(walks).buffer_unordered(AT_ONCE);
    let mut failed = 0;
    while let Some(failure) = walked.next().await {
        failed += print_failures(failure.as_slice());
    }
    (count, failed)
}

/// Returns the number of rows with many subscriptions, and how many failed.
async fn many_subscriptions(selection: &Selection) -> (usize, usize) {
    let rows = selection.rows(SIZE, |_| SIZE, std::iter::once(PEOPLE));
    let mut failed = 0;
    for people in &rows {
        let run = apart(|| compare_and_sweep(PEOPLE)).await;
        println!("{people:5} subscriptions compared with Stripe and swept");
        failed += print_failures(run.err().map(|panic| format!("{SIZE}\n  {}", panic_text(panic))).as_slice());
    }
    (rows.len(), failed)
}

/// The result of random sequences.
#[derive(Default)]
struct Played {
    sequences: usize,
    steps: usize,
    failed: usize,
    reached: BTreeMap<String, usize>,
}

impl Played {
    /// What is missing of the steps that a set of sequences has to have, or a shard of it.
    fn shortfalls(&self) -> Vec<String> {
        if self.sequences < REACHING || self.failed > 0 {
            return Vec::new();
        }
        let few = (self.steps * SEEDS.count() < STEPS * self.sequences)
            .then(|| format!("{} steps of {} sequences: all have less than {STEPS}", self.steps, self.sequences));
        let missing = model::missing(&self.reached);
        let missing = missing.into_iter().map(|kind| format!("no sequence reached: {kind}"));
        few.into_iter().chain(missing).collect()
    }
}

/// Runs the sequences of these seeds.
async fn play(seeds: Vec<u64>) -> Played {
    let plays = seeds.into_iter().map(|seed| tokio::task::spawn_blocking(move || model::play(seed, SHORTENING)));
    let mut reports = stream::iter(plays).buffer_unordered(AT_ONCE);
    let mut played = Played::default();
    while let Some(Ok(report)) = reports.next().await {
        played.sequences += 1;
        played.steps += report.steps;
        for (kind, count) in report.reached {
            *played.reached.entry(kind).or_default() += count;
        }
        played.failed += print_failures(report.failure.as_slice());
    }
    played
}

/// Runs new sequences for this number of minutes.
async fn play_for(minutes: &str) -> ExitCode {
    let Ok(minutes) = minutes.parse::<u64>() else {
        println!("enumerate {MODEL} for MINUTES");
        return ExitCode::from(2);
    };
    let begin = Instant::now();
    let mut seed = u64::from(std::process::id()) << 32;
    let mut all = Played::default();
    while begin.elapsed() < Duration::from_secs(60 * minutes) {
        let next = seed + 30;
        let played = play((seed..next).collect()).await;
        println!(
            "{:5} steps         of {} random sequences, seeds {seed} to {}",
            played.steps,
            played.sequences,
            next - 1
        );
        seed = next;
        all.sequences += played.sequences;
        all.steps += played.steps;
        all.failed += played.failed;
        for (kind, count) in played.reached {
            *all.reached.entry(kind).or_default() += count;
        }
    }
    conclude(&all)
}

fn conclude(Played { sequences, steps, failed, reached }: &Played) -> ExitCode {
    print_reached(reached);
    println!("{steps} steps of {sequences} random sequences, {failed} failed");
    if *failed == 0 && *sequences > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How often each kind of step had an effect, and in how many sequences there was each kind of result.
fn print_reached(reached: &BTreeMap<String, usize>) {
    for (kind, count) in reached {
        println!("{count:5} times reached {kind}");
    }
}

/// Prints failures and returns their number.
fn print_failures(failures: &[String]) -> usize {
    for failure in failures {
        println!("FAILED {failure}\n");
    }
    failures.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &str) -> Option<Selection> {
        Selection::parse(&arguments.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_shards_together_run_all_rows() {
        let rows = |arguments: &str| {
            parsed(arguments).unwrap().rows("races", |row: &String| row, (0..10).map(|n| n.to_string()))
        };
        let mut all: Vec<_> =
            ["1/3", "2/3", "3/3"].iter().flat_map(|shard| rows(&format!("--shard {shard}"))).collect();
        all.sort();
        assert_eq!(all, rows(""));
        assert_eq!(all.len(), 10);
    }

    #[test]
    fn parts_and_texts_select_rows() {
        let rows =
            |arguments: &str| parsed(arguments).unwrap().rows("races", |row| row, ["ab", "bc", "cd"].into_iter());
        assert_eq!(rows("--part races b"), ["ab", "bc"]);
        assert!(rows("--part crashes").is_empty());
        assert_eq!(rows("a d"), ["ab", "cd"]);
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for wrong in ["--shard 0/3", "--shard 4/3", "--shard 3", "--part orders", "--part", "--all"] {
            assert!(parsed(wrong).is_none(), "{wrong}");
        }
    }
}
