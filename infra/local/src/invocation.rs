//! One run of a function, as Lambda makes it: it ends with an answer, by a panic, or because its process stops.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

tokio::task_local! {
    static CURRENT: Invocation;
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// The run that a call is made in.
#[derive(Clone)]
pub(crate) struct Invocation {
    /// Counts the runs of this process.
    pub number: u64,
    stopped: Arc<Notify>,
}

impl Invocation {
    /// The one that this code runs in; `None` while the stack starts.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Aborts the run.
    pub async fn stop(self) {
        self.stopped.notify_one();
        std::future::pending().await
    }
}

/// Runs `work` as one invocation; `None` when it panicked or its process stopped.
pub(crate) async fn invoke<W>(work: W) -> Option<W::Output>
where
    W: Future<Output: Send> + Send + 'static,
{
    let invocation = Invocation { number: NEXT.fetch_add(1, Ordering::Relaxed), stopped: Arc::default() };
    let stopped = Arc::clone(&invocation.stopped);
    let run = CURRENT.scope(invocation, async move {
        tokio::select! {
            output = work => Some(output),
            () = stopped.notified() => None,
        }
    });
    tokio::spawn(run).await.ok().flatten()
}
