//! The figures as a table for a person and as a file for a program.

use crate::accounts::Accounts;
use crate::figures::{Bound, Comparison, Figures, Limit, Ratio};
use crate::inputs::Inputs;
use crate::reconcile::Reconcile;
use crate::reports::Reports;
use crate::sweep::Sweep;
use crate::webhooks::Webhooks;
use serde::Serialize;
use std::fmt;

/// Everything that was found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Of the functions, at full speed, and then with the CPU time of 128 MB.
    pub speeds: Vec<Speed>,
    /// Of many subscriptions that are due at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
    /// Of the comparison with Stripe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconcile: Option<Reconcile>,
    /// Of Stripe's events on one core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhooks: Option<Webhooks>,
    /// Of bodies that a stranger sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Inputs>,
    /// Of the local stack with many accounts in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Accounts>,
    /// Of reports on many users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reports: Option<Reports>,
    /// What is asked of them; of the functions at full speed.
    pub limits: Vec<Limit>,
}

/// The figures at one speed.
#[derive(Debug, Serialize)]
pub struct Speed {
    /// Which.
    pub name: &'static str,
    /// Warm events measured in each process.
    pub events: u32,
    /// By function.
    pub figures: Vec<Figures>,
    /// Beside the bare ones.
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
            Self::AtMost(most) => write!(f, "at most {most:.1}"),
            Self::AtLeast(least) => write!(f, "at least {least:.1}"),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; medians, {} warm events in each process", self.name, self.events)?;
        let head =
            ["starts", "init ms", "first ms", "both ms", "event ms", "CPU µs", "memory MB", "binary MB", "zip MB"];
        writeln!(f, "{:<30}{}", "", head.map(|name| format!("{name:>11}")).concat())?;
        for row in &self.figures {
            let cell =
                |value: Option<f64>| value.map_or_else(|| format!("{:>11}", "-"), |value| format!("{value:>11.2}"));
            let cells = [
                Some(row.init_ms),
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
            writeln!(f, "{} is {} of the bare one in init and first answer", row.of, row.init_and_first)?;
            writeln!(f, "{} is {} of the bare one in CPU time of a warm event", row.of, row.event_cpu)?;
        }
        Ok(())
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} × [{:.2}, {:.2}]", self.median, self.low, self.high)
    }
}
