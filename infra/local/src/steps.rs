//! The functions' calls to the tables one at a time, in an order that a test gives.

use crate::invocation::Invocation;
use tokio::sync::{mpsc, oneshot};

/// Where a call stands.
#[derive(Debug)]
pub enum Step {
    /// It waits to be let go.
    Waits {
        /// The function's run that makes it.
        invocation: u64,
        /// Its operation.
        operation: String,
        /// Lets it go.
        go: oneshot::Sender<()>,
    },
    /// It is over.
    Over {
        /// The function's run that made it.
        invocation: u64,
    },
}

/// Says that the call is over, however it ends.
pub(crate) struct Turn {
    steps: mpsc::UnboundedSender<Step>,
    invocation: u64,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _nobody_listens = self.steps.send(Step::Over { invocation: self.invocation });
    }
}

/// Waits until this call is let go. Without anybody who steps, and outside of a function's run, nothing waits.
pub(crate) async fn turn(steps: Option<mpsc::UnboundedSender<Step>>, operation: &str) -> Option<Turn> {
    let (steps, invocation) = (steps?, Invocation::current()?.number);
    let (go, gone) = oneshot::channel();
    steps.send(Step::Waits { invocation, operation: operation.to_owned(), go }).ok()?;
    let _let_go_or_nobody_steps_any_more = gone.await;
    Some(Turn { steps, invocation })
}
