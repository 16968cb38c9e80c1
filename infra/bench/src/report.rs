//! The figures as a table for a person and as a file for a program.

use crate::accounts::Accounts;
use crate::figures::{Bound, Comparison, Figures, Limit, Other, Ratio};
use crate::inputs::Inputs;
use crate::memory::Memory;
use crate::reconcile::Reconcile;
use crate::reports::Reports;
use crate::sweep::Sweep;
use crate::webhooks::Webhooks;
use serde::Serialize;
use std::fmt;

/// All results.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The functions, at full speed and then with the CPU time of 128 MB.
    pub speeds: Vec<Speed>,
    /// A warm event at each memory size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// The sweep of many due subscriptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
    /// The comparison with Stripe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconcile: Option<Reconcile>,
    /// Stripe's events on one core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhooks: Option<Webhooks>,
    /// Hostile request bodies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Inputs>,
    /// The local stack with many accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Accounts>,
    /// Reports on many users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reports: Option<Reports>,
    /// The limits; those of the functions apply at full speed.
    pub limits: Vec<Limit>,
}

/// The figures at one speed.
#[derive(Debug, Serialize)]
pub struct Speed {
    /// The name of the speed.
    pub name: &'static str,
    /// The number of warm events measured in each process.
    pub events: u32,
    /// The figures of each function.
    pub figures: Vec<Figures>,
    /// The comparisons with bare functions and with those of an earlier version.
    pub comparisons: Vec<Comparison>,
}

impl Report {
    /// Whether every limit holds.
    pub fn holds(&self) -> bool {
        self.limits.iter().all(Limit::holds)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for speed in &self.speeds {
            speed.fmt(f)?;
            writeln!(f)?;
        }
        if let Some(memory) = &self.memory {
            writeln!(f, "{memory}")?;
        }
        if let Some(sweep) = &self.sweep {
            writeln!(f, "{sweep}")?;
        }
        if let Some(reconcile) = &self.reconcile {
            writeln!(f, "{reconcile}")?;
        }
        if let Some(webhooks) = &self.webhooks {
            writeln!(f, "{webhooks}")?;
        }
        if let Some(inputs) = &self.inputs {
            writeln!(f, "{inputs}")?;
        }
        if let Some(accounts) = &self.accounts {
            writeln!(f, "{accounts}")?;
        }
        if let Some(reports) = &self.reports {
            writeln!(f, "{reports}")?;
        }
        for limit in &self.limits {
            let word = if limit.holds() { "holds " } else { "MISSED" };
            writeln!(f, "{word}  {:<44}{:>8.2}  of {}", limit.what, limit.found, limit.bound)?;
        }
        Ok(())
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "at most {most}"),
            Self::AtLeast(least) => write!(f, "at least {least}"),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; medians, {} warm events in each process", self.name, self.events)?;
        let head = [
            "starts",
            "init ms",
            "its CPU",
            "first ms",
            "both ms",
            "event ms",
            "CPU µs",
            "memory MB",
            "binary MB",
            "zip MB",
        ];
        writeln!(f, "{:<30}{}", "", head.map(|name| format!("{name:>11}")).concat())?;
        for row in &self.figures {
            let cell =
                |value: Option<f64>| value.map_or_else(|| format!("{:>11}", "-"), |value| format!("{value:>11.2}"));
            let cells = [
                Some(row.init_ms),
                Some(row.init_cpu_ms),
                row.first_ms,
                row.init_and_first_ms,
                row.event_ms,
                row.event_cpu_us,
                Some(row.peak_memory_mb),
                Some(row.binary_mb),
                Some(row.zip_mb),
            ];
            writeln!(f, "{:<30}{:>11}{}", row.of, row.cold_starts, cells.map(cell).concat())?;
        }
        for row in &self.comparisons {
            let other = row.with;
            writeln!(f, "{} is {} of the {other} one in init", row.of, row.init)?;
            writeln!(f, "{} is {} of the {other} one in CPU time of init", row.of, row.init_cpu)?;
            writeln!(f, "{} is {} of the {other} one in init and first answer", row.of, row.init_and_first)?;
            writeln!(f, "{} is {} of the {other} one in CPU time of a warm event", row.of, row.event_cpu)?;
        }
        Ok(())
    }
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bare => "bare",
            Self::Earlier => "earlier",
        })
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} × [{:.2}, {:.2}]", self.median, self.low, self.high)
    }
}
