//! The cost of the functions: init, the first answer, CPU time and memory of each release binary behind a Lambda
//! Runtime API, compared with a bare function of the same profile that makes the same calls, and with an earlier version.

use crate::endpoint::Mode;
use crate::error::{BenchError, While};
use crate::figures::{Comparison, Figures, Limit, Other};
use crate::measure::{Plan, alone, both};
use crate::options::Options;
use crate::report::Speed;
use crate::sandbox::binary;
use crate::stage::{self, Setting, Stage};
use crate::throttle::Throttle;

/// The memory in MB whose CPU time the second run has: the smallest of Lambda.
const LEAST_MEMORY_MB: u64 = 128;
/// The number of sign-ins for the memory figure: more of them use no more memory.
const SIGN_INS: u32 = 20;
/// The number of users from which a page of a hundred is listed, and how often.
const USERS: usize = 10_000;
const LISTS: u32 = 100;

const SIGN_IN: &str = "auth, POST /login";
const LIST: &str = "admin, GET /admin/users";
const WEBHOOK: &str = "stripe-webhook";
/// The function of a product with the guard; the one beside it is the same without the guard.
const GUARDED: &str = "example";
/// The functions of which only the start is measured: no user waits for them, or Stripe takes most of the time.
const STARTS: [&str; 6] = ["admin", "billing", "mailer", "relay", "stripe-events", "sweeper"];
/// The functions that call Stripe, whose types are large.
const CALL_STRIPE: [&str; 3] = ["billing", "stripe-events", "sweeper"];

const MAX_INIT_AND_FIRST: f64 = 1.5;
const MAX_READ_CPU: f64 = 2.0;
const MAX_PAGE_CPU: f64 = 1.5;
const MAX_GUARDED_INIT: f64 = 1.15;
const MAX_GUARD_CPU_MS: f64 = 0.3;
const MAX_ZIP_MB: f64 = 6.0;
const MAX_STRIPE_ZIP_MB: f64 = 7.0;
const MAX_MEMORY_MB: f64 = 40.0;
const MAX_SIGN_IN_MEMORY_MB: f64 = 70.0;
const MAX_LIST_CPU_MS: f64 = 20.0;

/// The figures at each speed, and their limits.
///
/// # Errors
/// When a function is not built, or does not answer.
pub fn measure(options: &Options) -> Result<(Vec<Speed>, Vec<Limit>), BenchError> {
    let folder = stage::folder(options.folder.as_deref())?;
    // Fails before the preparation, which takes half a minute in a debug build.
    if options.includes("auth") {
        binary(&folder, "auth")?;
    }
    let throttle = if options.full_speed_alone { None } else { Some(Throttle::of(LEAST_MEMORY_MB)?) };
    // The stack has threads of its own, and has stopped before anything is timed.
    let stacks = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let stacks = stacks.doing("the runtime")?;
    let own = tokio::runtime::Builder::new_current_thread().enable_all().build().doing("the runtime")?;
    let setting = stacks.block_on(Setting::start())?;
    if options.includes("admin") {
        stacks.block_on(setting.register(USERS))?;
    }
    let (stage, sign_in, list) = own.block_on(async {
        let stage = Stage::set(&setting, folder, options).await?;
        let sign_in = if options.includes("auth") { Some(sign_in(&stage).await?) } else { None };
        let list = if options.includes("admin") { Some(list(&stage).await?) } else { None };
        Ok::<_, BenchError>((stage, sign_in, list))
    })?;
    stacks.block_on(setting.stop());
    drop(stacks);
    stage.mode(Mode::Replay);

    let full = Plan { rounds: options.rounds, warm_up: options.warm_up, events: options.events, throttle: None };
    let mut speeds = vec![own.block_on(speed("at full speed", &stage, options, &full))?];
    if let Some(throttle) = &throttle {
        let name = "with the CPU time of 128 MB after the start";
        // A tenth of the events: each takes ten times as long.
        let events = options.events.div_ceil(10);
        let small = Plan { warm_up: options.warm_up.min(events), events, throttle: Some(throttle), ..full };
        speeds.push(own.block_on(speed(name, &stage, options, &small))?);
    }
    speeds[0].figures.extend(sign_in.into_iter().chain(list));
    let limits = limits(&speeds[0]);
    Ok((speeds, limits))
}

/// A sign-in writes: its calls go to the stack, and only its memory is measured.
async fn sign_in(stage: &Stage) -> Result<Figures, BenchError> {
    stage.mode(Mode::Forward);
    let auth = stage.function("auth")?;
    let plan = Plan { rounds: 1, warm_up: 0, events: SIGN_INS, throttle: None };
    let starts = alone(&auth, Some(&stage.sign_in), &plan).await?;
    Figures::of(SIGN_IN, &auth, &starts, false)
}

/// A list reads rows of the stack: its calls go to the stack, whose own CPU time does not count.
async fn list(stage: &Stage) -> Result<Figures, BenchError> {
    stage.mode(Mode::Forward);
    let admin = stage.function("admin")?;
    let plan = Plan { rounds: 3, warm_up: 10, events: LISTS, throttle: None };
    let starts = alone(&admin, Some(&stage.list), &plan).await?;
    Figures::of(LIST, &admin, &starts, true)
}

async fn speed(name: &'static str, stage: &Stage, options: &Options, plan: &Plan<'_>) -> Result<Speed, BenchError> {
    let mut found = Speed { name, events: plan.events, figures: Vec::new(), comparisons: Vec::new() };
    // The bare function makes the same number of calls: the ratio is that of our own code.
    let read = format!("auth, GET /me, calls: {}", stage.calls_of_read());
    for (name, label, bare, event) in [
        ("auth", &*read, "bare-calls", &stage.read),
        ("pages", "pages, GET /account", "bare", &stage.page),
        // Signed anew: a signature is valid for five minutes.
        (WEBHOOK, "stripe-webhook, a signed event", "bare-sends", &stage.webhook()),
        (GUARDED, "example, GET /example/me", "unguarded", &stage.product),
    ] {
        if !options.includes(name) {
            continue;
        }
        let (ours, bare) = (stage.function(name)?, (stage.function(bare)?, bare));
        let (of_ours, of_bare) = both((&ours, event), (&bare.0, event), plan).await?;
        found.figures.push(Figures::of(label, &ours, &of_ours, true)?);
        found.figures.push(Figures::of(bare.1, &bare.0, &of_bare, true)?);
        found.comparisons.push(Comparison::of(label, Other::Bare, &of_ours, &of_bare));
        if let Some((earlier, its_event)) = stage.earlier(name, event)? {
            let (of_ours, of_earlier) = both((&ours, event), (&earlier, its_event), plan).await?;
            found.figures.push(Figures::of(&format!("earlier {name}"), &earlier, &of_earlier, true)?);
            found.comparisons.push(Comparison::of(label, Other::Earlier, &of_ours, &of_earlier));
        }
    }
    if plan.throttle.is_none() {
        for name in STARTS.into_iter().filter(|name| options.includes(name)) {
            let function = stage.function(name)?;
            let starts = alone(&function, None, plan).await?;
            found.figures.push(Figures::of(&format!("{name}, its start"), &function, &starts, false)?);
        }
    }
    Ok(found)
}

/// The limits of the functions that users wait for.
fn limits(full: &Speed) -> Vec<Limit> {
    let limit = |of: &str, what: &str, found, most| Limit::at_most(format!("{of}: {what}"), found, most);
    let mut limits = Vec::new();
    let with_bare = || full.comparisons.iter().filter(|row| row.with == Other::Bare);
    for row in with_bare().filter(|row| !row.of.starts_with(GUARDED)) {
        limits.push(limit(&row.of, "init and first answer", row.init_and_first.median, MAX_INIT_AND_FIRST));
    }
    for (function, most) in [("auth", MAX_READ_CPU), ("pages", MAX_PAGE_CPU)] {
        let rows = with_bare().filter(|row| row.of.starts_with(function));
        limits.extend(rows.map(|row| limit(&row.of, "CPU time of a warm event", row.event_cpu.median, most)));
    }
    for row in with_bare().filter(|row| row.of.starts_with(GUARDED)) {
        limits.push(limit(&row.of, "init", row.init.median, MAX_GUARDED_INIT));
        let cpu_us = |of: &str| full.figures.iter().find(|row| row.of == of).and_then(|row| row.event_cpu_us);
        let of_guard_ms =
            cpu_us(&row.of).zip(cpu_us("unguarded")).map_or(f64::NAN, |(with, without)| (with - without) / 1e3);
        limits.push(limit(&row.of, "CPU time of the guard, ms", of_guard_ms, MAX_GUARD_CPU_MS));
    }
    let ours =
        |row: &&Figures| row.of != SIGN_IN && ["auth", "pages", WEBHOOK].iter().any(|name| row.of.starts_with(name));
    for row in full.figures.iter().filter(ours) {
        limits.push(limit(&row.of, "zip, MB", row.zip_mb, MAX_ZIP_MB));
        limits.push(limit(&row.of, "memory, MB", row.peak_memory_mb, MAX_MEMORY_MB));
    }
    let call_stripe = |row: &&Figures| CALL_STRIPE.iter().any(|name| row.of.starts_with(name));
    for row in full.figures.iter().filter(call_stripe) {
        limits.push(limit(&row.of, "zip, MB", row.zip_mb, MAX_STRIPE_ZIP_MB));
    }
    for row in full.figures.iter().filter(|row| row.of == SIGN_IN) {
        limits.push(limit(&row.of, "memory, MB", row.peak_memory_mb, MAX_SIGN_IN_MEMORY_MB));
    }
    for row in full.figures.iter().filter(|row| row.of == LIST) {
        let list_cpu_ms = row.event_cpu_us.unwrap_or(f64::NAN) / 1e3;
        limits.push(limit(&row.of, "CPU time of a page, ms", list_cpu_ms, MAX_LIST_CPU_MS));
        limits.push(limit(&row.of, "zip, MB", row.zip_mb, MAX_ZIP_MB));
    }
    limits
}
