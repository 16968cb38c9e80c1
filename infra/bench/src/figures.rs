//! Medians, ratios with their interval, and limits.

use crate::error::BenchError;
use crate::measure::{ColdStart, sizes};
use crate::sandbox::Function;
use serde::Serialize;
use std::time::Duration;

/// The figures of one function.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// The function, and its event.
    pub of: String,
    /// The number of cold starts; times are their medians.
    pub cold_starts: usize,
    /// From the start of the process to its first request for an event.
    pub init_ms: f64,
    /// CPU time until that request.
    pub init_cpu_ms: f64,
    /// The time of the first answer.
    pub first_ms: Option<f64>,
    /// Both times together.
    pub init_and_first_ms: Option<f64>,
    /// The time of a warm event.
    pub event_ms: Option<f64>,
    /// CPU time of a warm event.
    pub event_cpu_us: Option<f64>,
    /// The highest memory of any of its processes.
    pub peak_memory_mb: f64,
    /// The size of the binary.
    pub binary_mb: f64,
    /// The size of a zip file with it.
    pub zip_mb: f64,
}

/// A figure divided by the same figure of another function.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ratio {
    /// The median over the pairs.
    pub median: f64,
    /// The lower end of the 95 % interval of the median.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// A function compared with another one.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The function.
    pub of: String,
    /// The other one.
    pub with: Other,
    /// The ratio of init.
    pub init: Ratio,
    /// The ratio of its CPU time.
    pub init_cpu: Ratio,
    /// The ratio of init and first answer together.
    pub init_and_first: Ratio,
    /// The ratio of the CPU time of a warm event.
    pub event_cpu: Ratio,
}

/// What a function is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Other {
    /// The function that makes the same calls and does nothing else.
    Bare,
    /// The same function of an earlier version.
    Earlier,
}

/// A figure with its upper or lower limit.
#[derive(Debug, Serialize)]
pub struct Limit {
    /// The name of the figure.
    pub what: String,
    /// The measured value.
    pub found: f64,
    /// The limit.
    #[serde(flatten)]
    pub bound: Bound,
}

/// The kind of a limit.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The figure must not be higher.
    AtMost(f64),
    /// The figure must not be lower.
    AtLeast(f64),
}

impl Limit {
    /// An upper limit.
    pub fn at_most(what: impl Into<String>, found: f64, most: f64) -> Self {
        Self { what: what.into(), found, bound: Bound::AtMost(most) }
    }

    /// A lower limit.
    pub fn at_least(what: impl Into<String>, found: f64, least: f64) -> Self {
        Self { what: what.into(), found, bound: Bound::AtLeast(least) }
    }

    /// Whether the limit holds.
    pub fn holds(&self) -> bool {
        match self.bound {
            Bound::AtMost(most) => self.found <= most,
            Bound::AtLeast(least) => self.found >= least,
        }
    }
}

impl Figures {
    /// The figures of these cold starts; `has_events` says whether events were measured too.
    ///
    /// # Errors
    /// When the binary cannot be read.
    pub fn of(of: &str, function: &Function, starts: &[ColdStart], has_events: bool) -> Result<Self, BenchError> {
        let (binary, zip) = sizes(&function.path)?;
        let of_events = |figure: fn(&ColdStart) -> f64| has_events.then(|| median(starts.iter().map(figure)));
        let mb = |bytes: u64| bytes as f64 / 1e6;
        Ok(Self {
            of: of.to_owned(),
            cold_starts: starts.len(),
            init_ms: median(starts.iter().map(|start| ms(start.init))),
            init_cpu_ms: median(starts.iter().map(|start| ms(start.init_cpu))),
            first_ms: of_events(|start| ms(start.first)),
            init_and_first_ms: of_events(|start| ms(start.init + start.first)),
            event_ms: of_events(|start| ms(start.event)),
            event_cpu_us: of_events(|start| ms(start.event_cpu) * 1e3),
            peak_memory_mb: mb(starts.iter().map(|start| start.peak_bytes).max().unwrap_or_default()),
            binary_mb: mb(binary),
            zip_mb: mb(zip),
        })
    }
}

impl Comparison {
    /// The ratio over pairs of cold starts.
    pub fn of(of: &str, with: Other, ours: &[ColdStart], other: &[ColdStart]) -> Self {
        let ratio = |figure: fn(&ColdStart) -> f64| {
            Ratio::of(ours.iter().zip(other).map(|(ours, other)| figure(ours) / figure(other)).collect())
        };
        Self {
            of: of.to_owned(),
            with,
            init: ratio(|start| ms(start.init)),
            init_cpu: ratio(|start| ms(start.init_cpu)),
            init_and_first: ratio(|start| ms(start.init + start.first)),
            event_cpu: ratio(|start| ms(start.event_cpu)),
        }
    }
}

impl Ratio {
    /// The median, and the two ranks between which the true median lies in 95 of 100 runs (normal approximation of the
    /// binomial distribution). This makes no assumption about the distribution of the values.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let n = values.len();
        let beyond = ((n as f64 - 1.96 * (n as f64).sqrt()) / 2.0).max(0.0) as usize;
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self { median: median(values.iter().copied()), low: at(beyond), high: at(n.saturating_sub(1 + beyond)) }
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The value in the middle.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle) {
        None => f64::NAN,
        Some(value) if values.len() % 2 == 1 => *value,
        Some(value) => f64::midpoint(values[middle - 1], *value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_inside_its_interval() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
        let ratio = Ratio::of((1..=20).map(f64::from).collect());
        assert_eq!((ratio.low, ratio.median, ratio.high), (6.0, 10.5, 15.0));
        let few = Ratio::of(vec![2.0, 1.0, 3.0]);
        assert_eq!((few.low, few.median, few.high), (1.0, 2.0, 3.0), "of a few values: all of them");
    }

    #[test]
    fn a_limit_holds_up_to_itself() {
        let most = |found| Limit::at_most("zip", found, 6.0);
        assert!(most(6.0).holds() && !most(6.1).holds());
        let least = |found| Limit::at_least("rate", found, 0.2);
        assert!(least(0.2).holds() && !least(0.1).holds() && !least(f64::NAN).holds());
    }
}
