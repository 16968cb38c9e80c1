//! The question before a change in production.

use crate::arguments::Write;
use crate::outcome::Failure;
use crate::target::Target;
use std::io::{BufRead, IsTerminal, Write as _};

/// The stage in which a change is confirmed.
const PRODUCTION: &str = "prod";

/// Asks for the stage's name before a change in `prod`. Without a terminal it does not ask, and nothing is changed.
///
/// # Errors
/// When the change is not confirmed.
pub fn confirm(target: &Target, write: Write, what: &str) -> Result<(), Failure> {
    if target.stage != PRODUCTION || write.yes || write.dry_run {
        return Ok(());
    }
    let (stdin, mut stderr) = (std::io::stdin(), std::io::stderr());
    if !stdin.is_terminal() {
        let message = format!("{what} in {PRODUCTION} is confirmed at a terminal, or by --yes");
        return Err(Failure::refused("not_confirmed", message));
    }
    let _closed = write!(stderr, "{what}. Type the name of the stage to continue: ").and_then(|()| stderr.flush());
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    if read.is_ok() && line.trim() == target.stage {
        return Ok(());
    }
    Err(Failure::refused("not_confirmed", "The name of the stage was not typed: nothing is changed"))
}
