//! The cost of the system: starts and runs of the functions (`starts`), their time at each memory size
//! (`memory`), the sweep of many due subscriptions (`sweep`),
//! the comparison with Stripe at size (`reconcile`), Stripe's events on one core (`webhooks`), hostile request bodies
//! (`inputs`), the local stack with many accounts (`accounts`), reports on many users (`reports`). The exit code is 1
//! when a limit does not hold.

mod accounts;
mod certificate;
mod copies;
mod endpoint;
mod error;
mod event;
mod figures;
mod inputs;
mod measure;
mod memory;
mod options;
mod reconcile;
mod report;
mod reports;
mod sandbox;
mod segments;
mod stage;
mod starts;
mod sweep;
mod throttle;
mod webhooks;

use clap::Parser;
use error::{BenchError, While};
use options::{Options, Part};
use report::Report;
use std::io::Write;
use std::process::ExitCode;

/// A limit does not hold.
const MISSED: u8 = 1;
/// There are no figures.
const REFUSED: u8 = 2;

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(report) => {
            let _closed = write!(std::io::stdout(), "{report}");
            if report.holds() { ExitCode::SUCCESS } else { ExitCode::from(MISSED) }
        }
        Err(error) => {
            let _closed = writeln!(std::io::stderr(), "bench: {error}");
            ExitCode::from(REFUSED)
        }
    }
}

fn run(options: &Options) -> Result<Report, BenchError> {
    let mut report = Report::default();
    for part in options.parts() {
        match part {
            Part::Starts => {
                let (speeds, limits) = starts::measure(options)?;
                report.speeds = speeds;
                report.limits.extend(limits);
            }
            Part::Memory => report.memory = Some(memory::measure(options)?),
            Part::Sweep => {
                let sweep = sweep::measure(options.people)?;
                report.limits.extend(sweep.limits());
                report.sweep = Some(sweep);
            }
            Part::Reconcile => {
                let reconcile = reconcile::measure(options)?;
                report.limits.extend(reconcile.limits());
                report.reconcile = Some(reconcile);
            }
            Part::Accounts => {
                let accounts = accounts::measure(options)?;
                report.limits.extend(accounts.limits());
                report.accounts = Some(accounts);
            }
            Part::Reports => {
                let reports = reports::measure(options)?;
                report.limits.extend(reports.limits());
                report.reports = Some(reports);
            }
            Part::Inputs => {
                let inputs = inputs::measure()?;
                report.limits.extend(inputs.limits());
                report.inputs = Some(inputs);
            }
            Part::Webhooks => {
                let webhooks = webhooks::measure()?;
                report.limits.extend(webhooks.limits());
                report.webhooks = Some(webhooks);
            }
        }
    }
    if let Some(file) = &options.json {
        let text = serde_json::to_string_pretty(&report).doing(file.display())?;
        std::fs::write(file, text).doing(file.display())?;
    }
    Ok(report)
}
