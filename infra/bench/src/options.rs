//! The options of the command.

use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// What the functions cost to start and to run, beside a bare function of the same profile.
    Starts,
    /// How long a warm event takes at each memory size, and its price. Only where it is named: it needs root.
    Memory,
    /// Many subscriptions due at once, swept by a function that is killed on every page.
    Sweep,
    /// The comparison with Stripe at size, in a process of its own.
    Reconcile,
    /// Stripe's events on one core, beside a function that does nothing behind the same gateway.
    Webhooks,
    /// Bodies that a stranger sends to registration and sign-in, beside ordinary ones.
    Inputs,
    /// The local stack with few and with many accounts in it. Only where it is named: it takes some minutes.
    Accounts,
    /// Reports on many users, subscriptions and payments. Only where it is named: it fills the tables first.
    Reports,
}

/// What the system costs to start and to run, and what it holds out.
#[derive(Parser)]
#[command(name = "bench", version)]
pub struct Options {
    /// This part alone; given again, that one too.
    #[arg(long, value_enum)]
    pub part: Vec<Part>,
    /// The subscriptions that are due at once.
    #[arg(long, default_value_t = 10_000, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub people: usize,
    /// The objects at Stripe that are compared.
    #[arg(long, default_value_t = 100_000, value_parser = RangedU64ValueParser::<usize>::new().range(4..))]
    pub objects: usize,
    /// The most accounts in the local stack.
    #[arg(long, default_value_t = 50_000, value_parser = RangedU64ValueParser::<usize>::new().range(100..))]
    pub accounts: usize,
    /// The most users that reports are made on.
    #[arg(long, default_value_t = 100_000, value_parser = RangedU64ValueParser::<usize>::new().range(1_000..))]
    pub users: usize,
    /// Keeps the data of the local stack in this new folder; else in memory.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Where the binaries are; else where this one is.
    #[arg(long)]
    pub folder: Option<PathBuf>,
    /// Of the starts: compares each function also with that of an earlier version, whose binaries are in this folder.
    #[arg(long)]
    pub earlier: Option<PathBuf>,
    /// Of the starts: this function alone; given again, that one too.
    #[arg(long)]
    pub function: Vec<String>,
    /// Cold starts of each binary; those of a pair alternate.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Events that are measured in each process, once it is warm.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    pub events: u32,
    /// Events before those, beside the first one.
    #[arg(long, default_value_t = 30)]
    pub warm_up: u32,
    /// Leaves out the runs with the CPU time of 128 MB, which need root and the control group for CPU.
    #[arg(long)]
    pub full_speed_alone: bool,
    /// Writes every figure to this file.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Appends what the functions log to this file; else it goes nowhere.
    #[arg(long)]
    pub log: Option<PathBuf>,
}

impl Options {
    /// The parts to be run: those that are named, else all but the long ones.
    pub fn parts(&self) -> &[Part] {
        if self.part.is_empty() {
            &[Part::Starts, Part::Sweep, Part::Reconcile, Part::Webhooks, Part::Inputs]
        } else {
            &self.part
        }
    }

    /// Whether the starts include this function.
    pub fn includes(&self, function: &str) -> bool {
        self.function.is_empty() || self.function.iter().any(|included| included == function)
    }
}
