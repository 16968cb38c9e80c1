//! How long a warm event takes at each memory size, and what a million of them cost. Lambda gives a function CPU time in
//! proportion to its memory; here a control group does. Each AWS call takes at least [`CALL`], as between a function and
//! DynamoDB in one region.

use crate::error::{BenchError, While};
use crate::figures::median;
use crate::options::Options;
use crate::sandbox::Sandbox;
use crate::stage::{self, Setting, Stage, check};
use crate::throttle::Throttle;
use axum::body::Bytes;
use serde::Serialize;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// The memory sizes, from Lambda's smallest to the one that has a whole core.
const SIZES_MB: [u64; 6] = [128, 256, 384, 512, 1024, 1769];
/// The least time of an AWS call.
const CALL: Duration = Duration::from_millis(3);
/// Events before those that are measured.
const WARM_UP: usize = 3;
/// AWS's price of a million invocations in USD, and of a million seconds with 1 GB on arm64 (docs/cost.md).
const MILLION_INVOCATIONS: f64 = 0.20;
const MILLION_GB_SECONDS: f64 = 13.3334;

/// The figures of each operation.
#[derive(Debug, Serialize)]
pub struct Memory {
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    of: &'static str,
    sizes: Vec<Cell>,
}

#[derive(Debug, Serialize)]
struct Cell {
    mb: u64,
    /// The median time of a warm event.
    ms: f64,
    /// What Lambda costs for a million events, each rounded up to a millisecond.
    million_usd: f64,
}

/// Measures each operation at each size.
///
/// # Errors
/// When a function is not built, or does not answer, or this user may not create a control group.
pub fn measure(options: &Options) -> Result<Memory, BenchError> {
    let stacks = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let stacks = stacks.doing("the runtime")?;
    let setting = stacks.block_on(Setting::start())?;
    let folder = stage::folder(options.folder.as_deref())?;
    let rows = stacks.block_on(async {
        let stage = Stage::set(&setting, folder, options).await?;
        stage.forward_with(CALL);
        let mut rows = Vec::new();
        for (of, function, event, next) in [
            ("auth, GET /me", "auth", &stage.read, None),
            ("auth, POST /refresh-token", "auth", &stage.refresh, Some(Stage::next_refresh as fn(&Value) -> _)),
            ("billing, GET …/payments/me", "billing", &stage.payments, None),
            ("admin, GET /admin/users", "admin", &stage.list, None),
            ("example, GET /example/me", "example", &stage.product, None),
            ("pages, GET /account", "pages", &stage.page, None),
            ("stripe-webhook, a signed event", "stripe-webhook", &stage.webhook(), None),
            // The last one: it ends the oldest of the account's fifty sessions, whose token the others use.
            ("auth, POST /login", "auth", &stage.sign_in, None),
        ] {
            let function = stage.function(function)?;
            let mut sizes = Vec::new();
            let mut event = event.clone();
            for mb in SIZES_MB {
                let throttle = Throttle::of(mb)?;
                let mut sandbox = Sandbox::start(&function).await?;
                throttle.hold(sandbox.pid())?;
                let mut took = Vec::new();
                for _ in 0..WARM_UP + options.events.div_ceil(10) as usize {
                    let (duration, answer) = sandbox.invoke(&event).await?;
                    check(&answer)?;
                    if let Some(next) = next {
                        event = next(&body_of(&answer)?)?;
                    }
                    took.push(duration.as_secs_f64() * 1e3);
                }
                sandbox.end().await?;
                sizes.push(Cell::of(mb, median(took.into_iter().skip(WARM_UP))));
            }
            rows.push(Row { of, sizes });
        }
        Ok(rows)
    });
    stacks.block_on(setting.stop());
    rows.map(|rows| Memory { rows })
}

/// The JSON in the body of a function's answer.
fn body_of(answer: &Bytes) -> Result<Value, BenchError> {
    let answer: Value = serde_json::from_slice(answer).doing("an answer")?;
    serde_json::from_str(answer["body"].as_str().unwrap_or_default()).doing("the body of an answer")
}

impl Cell {
    fn of(mb: u64, ms: f64) -> Self {
        let gb_seconds = ms.ceil() / 1e3 * mb as f64 / 1024.0;
        Self { mb, ms, million_usd: MILLION_INVOCATIONS + gb_seconds * MILLION_GB_SECONDS }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "a warm event at each memory size: median in ms, and Lambda's price of a million")?;
        writeln!(f, "{:<34}{}", "MB", SIZES_MB.map(|mb| format!("{mb:>16}")).concat())?;
        for Row { of, sizes } in &self.rows {
            let cell = |Cell { ms, million_usd, .. }: &Cell| format!("{ms:>9.1} ${million_usd:<5.2}");
            writeln!(f, "{of:<34}{}", sizes.iter().map(cell).collect::<String>())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_counts_begun_milliseconds_and_the_invocation() {
        // 1,024 MB for 3 ms: a million of them are 3,000 GB-seconds.
        let cell = Cell::of(1024, 2.2);
        assert!((cell.million_usd - (0.20 + 0.003 * 13.3334)).abs() < 1e-9, "{cell:?}");
    }
}
