//! The options of the command.

use clap::Parser;
use std::path::PathBuf;

/// What the functions cost to start and to run, beside a bare function of the same profile.
#[derive(Parser)]
#[command(name = "bench", version)]
pub struct Options {
    /// Where the binaries are; else where this one is.
    #[arg(long)]
    pub folder: Option<PathBuf>,
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
