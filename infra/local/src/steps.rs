//! Runs the functions' calls to the tables and to Stripe one at a time, in an order that a test chooses.

use crate::invocation::Invocation;
use crate::service::Service;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

/// The state of a call.
#[derive(Debug)]
pub enum Step {
    /// It waits to be released.
    Waits {
        /// The function's run that makes it.
        invocation: u64,
        /// The call.
        call: SteppedCall,
        /// Releases it.
        go: oneshot::Sender<()>,
    },
    /// It has ended.
    Over {
        /// The function's run that made it.
        invocation: u64,
    },
}

/// A call, before it is made.
#[derive(Debug)]
pub struct SteppedCall {
    /// The service.
    pub service: Service,
    /// Its operation, by its name in the API.
    pub operation: String,
    /// Its request, if that is JSON.
    pub request: Value,
}

/// Reports that the call has ended, also when it is cancelled.
pub(crate) struct Turn {
    steps: mpsc::UnboundedSender<Step>,
    invocation: u64,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _nobody_listens = self.steps.send(Step::Over { invocation: self.invocation });
    }
}

/// Waits until this call is released. It returns at once unless a test steps, and outside of a function's run.
pub(crate) async fn turn(
    steps: Option<mpsc::UnboundedSender<Step>>,
    (service, operation): (Service, &str),
    request: Option<&[u8]>,
) -> Option<Turn> {
    let (steps, invocation) = (steps?, Invocation::current()?.number);
    let (go, gone) = oneshot::channel();
    let request = request.and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    let call = SteppedCall { service, operation: operation.to_owned(), request };
    steps.send(Step::Waits { invocation, call, go }).ok()?;
    let _released_or_dropped = gone.await;
    Some(Turn { steps, invocation })
}
