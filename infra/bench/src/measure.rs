//! Cold starts: what is measured of one, and how those of two functions alternate.

use crate::error::{BenchError, While};
use crate::sandbox::{Function, Sandbox};
use crate::stage::check;
use crate::throttle::Throttle;
use axum::body::Bytes;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// How each process is used.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// Cold starts of each function.
    pub rounds: u32,
    /// Events after the first that are not measured.
    pub warm_up: u32,
    /// The number of events that are measured.
    pub events: u32,
    /// Limits the process once it has started.
    pub throttle: Option<&'a Throttle>,
}

/// The measurements of one process.
#[derive(Clone, Copy)]
pub struct ColdStart {
    /// The time until it asked for an event.
    pub init: Duration,
    /// The CPU time until then.
    pub init_cpu: Duration,
    /// The time of its first answer.
    pub first: Duration,
    /// The time of a warm event: the median.
    pub event: Duration,
    /// The CPU time of a warm event: the mean.
    pub event_cpu: Duration,
    /// Its highest memory, in bytes.
    pub peak_bytes: u64,
}

/// One cold start; without an event only the start is measured.
///
/// # Errors
/// When an answer is not a 200.
pub async fn cold_start(function: &Function, event: Option<&Bytes>, plan: &Plan<'_>) -> Result<ColdStart, BenchError> {
    let mut sandbox = Sandbox::start(function).await?;
    let mut found = ColdStart {
        init: sandbox.init,
        init_cpu: sandbox.cpu()?,
        first: Duration::ZERO,
        event: Duration::ZERO,
        event_cpu: Duration::ZERO,
        peak_bytes: 0,
    };
    if let Some(event) = event {
        if let Some(throttle) = plan.throttle {
            throttle.hold(sandbox.pid())?;
        }
        let (first, answer) = sandbox.invoke(event).await?;
        check(&answer)?;
        found.first = first;
        for _ in 0..plan.warm_up {
            check(&sandbox.invoke(event).await?.1)?;
        }
        let mut took = Vec::new();
        let before = sandbox.cpu()?;
        for _ in 0..plan.events {
            let (duration, answer) = sandbox.invoke(event).await?;
            check(&answer)?;
            took.push(duration);
        }
        found.event_cpu = (sandbox.cpu()? - before) / plan.events.max(1);
        took.sort_unstable();
        found.event = took.get(took.len() / 2).copied().unwrap_or_default();
    }
    found.peak_bytes = sandbox.peak_memory_bytes()?;
    sandbox.end().await?;
    Ok(found)
}

/// The cold starts of one function.
///
/// # Errors
/// When one of them fails.
pub async fn alone(function: &Function, event: Option<&Bytes>, plan: &Plan<'_>) -> Result<Vec<ColdStart>, BenchError> {
    read_once(&function.path)?;
    let mut found = Vec::new();
    for _ in 0..plan.rounds {
        found.push(cold_start(function, event, plan).await?);
    }
    Ok(found)
}

/// The cold starts of two functions in the order A, B, B, A, and so on: other load of the machine affects both alike.
///
/// # Errors
/// When one of them fails.
pub async fn both(
    (a, event_of_a): (&Function, &Bytes),
    (b, event_of_b): (&Function, &Bytes),
    plan: &Plan<'_>,
) -> Result<(Vec<ColdStart>, Vec<ColdStart>), BenchError> {
    let unmeasured = Plan { events: 1, ..*plan };
    for (function, event) in [(a, event_of_a), (b, event_of_b)] {
        read_once(&function.path)?;
        cold_start(function, Some(event), &unmeasured).await?;
    }
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for round in 0..plan.rounds {
        if round % 2 == 0 {
            of_a.push(cold_start(a, Some(event_of_a), plan).await?);
            of_b.push(cold_start(b, Some(event_of_b), plan).await?);
        } else {
            of_b.push(cold_start(b, Some(event_of_b), plan).await?);
            of_a.push(cold_start(a, Some(event_of_a), plan).await?);
        }
    }
    Ok((of_a, of_b))
}

/// The sizes in bytes of a binary, and of a zip file that holds only it, as `bootstrap`.
///
/// # Errors
/// When it cannot be read.
pub fn sizes(path: &Path) -> Result<(u64, u64), BenchError> {
    /// The size of the headers of a zip file with one entry of this name.
    const HEADERS_BYTES: usize = 30 + 46 + 22 + 2 * "bootstrap".len();
    let content = fs::read(path).doing(path.display())?;
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&content).doing(path.display())?;
    let packed = encoder.finish().doing(path.display())?.len() + HEADERS_BYTES;
    Ok((content.len() as u64, packed as u64))
}

/// Reads the file into the page cache: otherwise the first start would include the time of the disk.
fn read_once(path: &Path) -> Result<(), BenchError> {
    fs::read(path).doing(path.display()).map(|_| ())
}
