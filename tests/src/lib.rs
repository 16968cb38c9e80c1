//! The test kit of the whole system: a stack for each test and a user (`app`), a population of paying users
//! (`population`), a browser for sign-ins at providers, the log of everything, and the enumerations: crash points
//! (`crashes`), interleavings (`races`) and random sequences (`model`). The tests are in `system/`; the binary
//! `enumerate` runs the enumerations in full.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // a test that cannot go on fails there

use std::any::Any;
use tokio::task::JoinError;

pub mod app;
pub mod browser;
pub mod crashes;
pub mod denials;
pub mod events;
pub mod guards;
pub mod journey;
pub mod logs;
pub mod model;
pub mod operations;
pub mod population;
pub mod races;
pub mod request;
pub mod roles;
pub mod size;
pub mod stripe;
pub mod template;

/// Runs `work` on a runtime of its own, so that no task of its stack outlives it.
pub async fn apart<W: Future>(work: impl FnOnce() -> W + Send + 'static) -> Result<W::Output, JoinError>
where
    W::Output: Send + 'static,
{
    tokio::task::spawn_blocking(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work())
    })
    .await
}

/// The message of a panicked task.
pub fn panic_text(panic: JoinError) -> String {
    text_of(panic.into_panic())
}

/// The message of a panic.
fn text_of(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => other.downcast::<&str>().map_or_else(|_| "panicked".to_owned(), |text| (*text).to_owned()),
    }
}
