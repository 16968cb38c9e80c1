//! One run of a function, as Lambda makes it: it ends with an answer, by a panic, or because its process stops.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use tokio::sync::Notify;

tokio::task_local! {
    static CURRENT: Invocation;
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// The current run.
#[derive(Clone)]
pub(crate) struct Invocation {
    /// Counts the runs of this process.
    pub number: u64,
    stopped: Arc<Notify>,
    deepest: Arc<AtomicU32>,
}

/// A current call to a table with its depth: one more than that of the deepest call of the same run that had ended when
/// it began. Concurrent calls have the same depth.
pub(crate) struct RoundTrip {
    /// 1 for a call that follows no other.
    pub depth: u32,
    deepest: Arc<AtomicU32>,
}

impl Drop for RoundTrip {
    fn drop(&mut self) {
        self.deepest.fetch_max(self.depth, Ordering::Relaxed);
    }
}

impl Invocation {
    fn begin() -> Self {
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed), stopped: Arc::default(), deepest: Arc::default() }
    }

    /// The run of this code; `None` while the stack starts.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Begins a call to a table.
    pub fn begin_round_trip(&self) -> RoundTrip {
        let deepest = Arc::clone(&self.deepest);
        RoundTrip { depth: deepest.load(Ordering::Relaxed) + 1, deepest }
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
    let invocation = Invocation::begin();
    let stopped = Arc::clone(&invocation.stopped);
    let run = CURRENT.scope(invocation, async move {
        tokio::select! {
            output = work => Some(output),
            () = stopped.notified() => None,
        }
    });
    tokio::spawn(run).await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_is_deeper_than_those_that_ended_before_it_began() {
        let run = Invocation::begin();
        let (one, two) = (run.begin_round_trip(), run.begin_round_trip());
        assert_eq!((one.depth, two.depth), (1, 1), "at the same time");
        drop(one);
        let three = run.begin_round_trip();
        drop(two);
        assert_eq!((three.depth, run.begin_round_trip().depth), (2, 2));
        drop(three);
        assert_eq!(run.begin_round_trip().depth, 3);
        assert_eq!(Invocation::begin().begin_round_trip().depth, 1, "another run");
    }
}
