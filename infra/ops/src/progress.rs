//! How far a command is, on stderr: a bar at a terminal, otherwise lines.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::Cell;
use std::io::{IsTerminal, Write};

/// Prints a line on stderr.
pub fn say(line: &str) {
    let _closed = writeln!(std::io::stderr(), "{line}");
}

pub struct Bar {
    name: String,
    bar: Option<ProgressBar>,
    last: Cell<(i64, i64)>,
}

impl Bar {
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(name.clone());
            bar
        });
        Self { name, bar, last: Cell::new((0, 0)) }
    }

    /// Shows that `done` of `total` are done.
    pub fn set(&self, done: i64, of: i64) {
        match &self.bar {
            Some(bar) => {
                bar.set_length(u64::try_from(of).unwrap_or_default());
                bar.set_position(u64::try_from(done).unwrap_or_default());
            }
            None if self.last.replace((done, of)) != (done, of) => say(&format!("{}: {done} of {of}", self.name)),
            None => {}
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
