//! `redrive`: moves dead letters back, one queue after another.

use crate::arguments::{Queue, Write};
use crate::confirm::confirm;
use crate::outcome::{Exit, Failure, Outcome};
use crate::progress::Bar;
use crate::redrive::{DEAD_LETTERS, Progress, count, redrive};
use crate::target::Target;
use crate::trail::record;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How often the command asks for the progress of a move.
const PAUSE: Duration = Duration::from_secs(2);
/// The same on one machine, where a move only progresses when its state is requested.
const LOCAL_PAUSE: Duration = Duration::from_millis(5);

pub async fn run(target: &Target, write: Write, only: Option<Queue>) -> Result<Outcome, Failure> {
    confirm(target, write, "Moving dead letters back")?;
    let client = target.queues();
    let pause = if target.local.is_some() { LOCAL_PAUSE } else { PAUSE };
    let chosen: Vec<_> = DEAD_LETTERS.iter().filter(|(name, _)| only.is_none_or(|one| one.name() == *name)).collect();
    let mut waiting = Map::new();
    for (name, dead) in &chosen {
        waiting.insert((*name).to_owned(), json!(count(&client, &target.name_of(dead)).await?));
    }
    if write.dry_run {
        let text: Vec<_> = waiting.iter().map(|(name, count)| format!("{name}: {count} dead letters")).collect();
        return Ok(Outcome::done(text.join("\n"), json!({"dry_run": true, "dead_letters": waiting})));
    }
    record(target, "redrive", json!({"dead_letters": waiting})).await?;
    let (mut moved, mut text) = (Map::new(), Vec::new());
    for (name, dead) in chosen {
        let dead = target.name_of(dead);
        let bar = Bar::new(&dead);
        let done = redrive(&client, &dead, pause, |Progress { moved, of }| bar.set(moved, of)).await;
        let done = done.map_err(|error| {
            let failure = Failure::from(error);
            // The queues before this one are done.
            if moved.is_empty() { failure } else { Failure { exit: Exit::Partly, ..failure } }
        })?;
        drop(bar);
        match done {
            None => text.push(format!("{dead}: no dead letters")),
            Some(count) => {
                moved.insert((*name).to_owned(), json!(count));
                text.push(format!("{dead}: {count} messages are back in their queue"));
            }
        }
    }
    let exit = if moved.is_empty() { Exit::NothingToDo } else { Exit::Done };
    Ok(Outcome { exit, text: text.join("\n"), result: json!({"moved": Value::from(moved)}) })
}
