//! A model of billing: random sequences of actions of users and admins, payments, time and faults on one stack. At the
//! end all faults stop and all messages arrive; then the stored state must equal Stripe's. The comparison knows the
//! contract and none of the system's rules. A failing sequence is shortened.

mod expected;
mod history;
mod kinds;
mod reports;
mod step;
mod stored;
mod world;

use crate::app::{TestApp, options, start_time};
use kinds::Reached;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use step::{Description, Sequence, Step, sequences};
use tokio::runtime::Runtime;
use tollgate_local::clock::LocalClock;
use tollgate_local::{Data, Options};
use world::{Memory, NOTHING, World};

pub use kinds::missing;

/// The result of the sequence of one seed.
pub struct Report {
    pub steps: usize,
    /// How often each kind of step had an effect, and which results there were.
    pub reached: Reached,
    /// The trace of the shortest failing sequence that was found.
    pub failure: Option<String>,
}

/// Runs the sequence of `seed`, which is the same each time.
fn sequence_of(seed: u64) -> Sequence {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    sequences().new_tree(&mut TestRunner::new_with_rng(Config::default(), random)).unwrap().current()
}

/// Runs the sequence of `seed`. A failing one is repeated with fewer steps, for this time.
pub fn play(seed: u64, budget: Duration) -> Report {
    let sequence = sequence_of(seed);
    let steps = sequence.steps.len();
    match run_sequence(&sequence) {
        Ok(Lived { steps, reached }) => Report { steps, reached, failure: None },
        Err(trace) => {
            let (fewer, trace) = shortened(&sequence, trace, Instant::now() + budget);
            Report {
                steps,
                reached: Reached::new(),
                failure: Some(format!("seed {seed}, {fewer} of its {steps} steps\n{trace}")),
            }
        }
    }
}

/// Shortens a failing sequence until `end`, by removing half of the steps, then fewer and fewer: returns the number of
/// its steps and its trace.
fn shortened(long: &Sequence, mut trace: String, end: Instant) -> (usize, String) {
    let mut short = long.clone();
    let mut size = short.steps.len().div_ceil(2);
    loop {
        let mut start = short.steps.len().saturating_sub(size);
        let mut is_shorter = false;
        loop {
            let mut fewer = short.clone();
            fewer.steps.drain(start..(start + size).min(short.steps.len()));
            if Instant::now() >= end {
                return (short.steps.len(), trace);
            }
            if let Err(shorter) = run_sequence(&fewer) {
                (short, trace, is_shorter) = (fewer, shorter, true);
            }
            if start == 0 {
                break;
            }
            start = start.saturating_sub(size);
        }
        if size == 1 && !is_shorter {
            return (short.steps.len(), trace);
        }
        size = size.div_ceil(2);
    }
}

/// Runs `sequence` on its own thread, which may panic.
fn run_sequence(sequence: &Sequence) -> Result<Lived, String> {
    let own = sequence.clone();
    let live = std::thread::spawn(move || live(&own));
    live.join().unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let steps: Vec<_> = sequence.steps.iter().map(|step| format!("  {}\n", Description(sequence, *step))).collect();
        Err(format!("{}  panicked: {}\n", steps.concat(), text.unwrap_or_default()))
    })
}

/// The folder of the tables of a sequence in which the process is killed; removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("tollgate-model-{}-{number}", std::process::id()));
        let _old = std::fs::remove_dir_all(&folder);
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// What a sequence came to.
struct Lived {
    /// The number of steps with an effect.
    steps: usize,
    reached: Reached,
}

/// Runs `sequence`.
///
/// # Errors
/// With its trace and the differences at the end.
fn live(sequence: &Sequence) -> Result<Lived, String> {
    let folder = sequence.steps.contains(&Step::Restart).then(Folder::new);
    let options = || Options {
        data: folder.as_ref().map_or(Data::Memory, |folder| Data::Folder(folder.0.clone())),
        clock: LocalClock::frozen(start_time()),
        // Its port differs after each start; the address in tokens stays.
        env: [options().env, vec![("APP_URL".into(), "https://app.example".into())]].concat(),
        ..options()
    };
    let mut runtime = runtime();
    let mut world = runtime.block_on(async { World::begin(TestApp::start_with(options()).await, sequence).await });
    let mut wrong = Vec::new();
    for step in &sequence.steps {
        if *step == Step::Restart {
            (runtime, world) = restarted(runtime, world, options());
        }
        let done = runtime.block_on(world.step(*step));
        let (Ok(trace) | Err(trace)) = &done;
        let line = format!("  {}: {trace}\n", Description(sequence, *step));
        world.memory.trace.push_str(&line);
        match done {
            Ok(trace) if trace == NOTHING => {}
            Ok(trace) => world.memory.count(*step, &trace),
            Err(error) => {
                wrong.push(error);
                break;
            }
        }
    }
    if wrong.is_empty() {
        wrong = runtime.block_on(world.heal_and_compare());
    }
    world.app.dead_wanted = world.app.stack.dead_letters();
    if wrong.is_empty() {
        let Memory { steps, reached, .. } = &mut world.memory;
        return Ok(Lived { steps: *steps, reached: std::mem::take(reached) });
    }
    let wrong: Vec<_> = wrong.into_iter().map(|difference| format!("  WRONG {difference}\n")).collect();
    Err(format!("{}{}", world.memory.trace, wrong.concat()))
}

/// Aborts everything, like `kill -9`, and restarts it on the data folder.
fn restarted(runtime: Runtime, world: World, options: Options) -> (Runtime, World) {
    let World { mut app, memory } = world;
    app.dead_wanted = app.stack.dead_letters();
    drop(app);
    drop(runtime);
    let runtime = self::runtime();
    let world = runtime.block_on(async { World::again(TestApp::start_with(options).await, memory) });
    (runtime, world)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_of_step_is_drawn_and_no_other() {
        let drawn: BTreeSet<_> = (0..200).flat_map(|seed| sequence_of(seed).steps).map(Step::kind).collect();
        assert_eq!(drawn, kinds::STEPS.iter().map(ToString::to_string).collect());
    }
}
