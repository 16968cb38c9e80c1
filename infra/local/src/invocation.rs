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
    progress: Arc<Progress>,
}

/// The calls of a run so far.
#[derive(Default)]
struct Progress {
    begun: AtomicU32,
    under_way: AtomicU32,
    /// The depth of the deepest call that has ended.
    deepest: AtomicU32,
}

/// When a call was made, among the calls of its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Before all others.
    First,
    /// After all that had begun before it had ended.
    Following,
    /// At the same time as another.
    Concurrent,
}

/// A current call of a run.
pub(crate) struct CurrentCall {
    /// Of a call to a table: one more than that of the deepest call of the same run that had ended when it began, so 1
    /// for a call that follows no other. Concurrent calls have the same depth. Of another call 0.
    pub depth: u32,
    /// Counts the calls of the run.
    number: u32,
    began_alone: bool,
    progress: Arc<Progress>,
}

impl CurrentCall {
    /// The order as far as it is known: later calls may begin before this one ends.
    pub fn order(&self) -> Order {
        match self.began_alone && self.progress.begun.load(Ordering::Relaxed) == self.number {
            false => Order::Concurrent,
            true if self.number == 1 => Order::First,
            true => Order::Following,
        }
    }
}

impl Drop for CurrentCall {
    fn drop(&mut self) {
        self.progress.deepest.fetch_max(self.depth, Ordering::Relaxed);
        self.progress.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Invocation {
    fn begin() -> Self {
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed), stopped: Arc::default(), progress: Arc::default() }
    }

    /// The run of this code; `None` while the stack starts.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Begins a call, to a table or to another service.
    pub fn begin_call(&self, is_to_table: bool) -> CurrentCall {
        let progress = Arc::clone(&self.progress);
        CurrentCall {
            depth: if is_to_table { progress.deepest.load(Ordering::Relaxed) + 1 } else { 0 },
            number: progress.begun.fetch_add(1, Ordering::Relaxed) + 1,
            began_alone: progress.under_way.fetch_add(1, Ordering::Relaxed) == 0,
            progress,
        }
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
    fn a_call_is_deeper_than_those_that_ended_before_it_began() {
        let run = Invocation::begin();
        let (one, two) = (run.begin_call(true), run.begin_call(true));
        assert_eq!((one.depth, two.depth), (1, 1), "at the same time");
        drop(one);
        let three = run.begin_call(true);
        drop(two);
        assert_eq!((three.depth, run.begin_call(true).depth), (2, 2));
        drop(three);
        assert_eq!((run.begin_call(false).depth, run.begin_call(true).depth), (0, 3));
        assert_eq!(Invocation::begin().begin_call(true).depth, 1, "another run");
    }

    #[test]
    fn a_call_is_first_or_follows_the_others_or_is_made_at_the_same_time() {
        let run = Invocation::begin();
        assert_eq!(run.begin_call(false).order(), Order::First);
        assert_eq!(run.begin_call(true).order(), Order::Following);
        let one = run.begin_call(true);
        assert_eq!(one.order(), Order::Following);
        let two = run.begin_call(true);
        assert_eq!((one.order(), two.order()), (Order::Concurrent, Order::Concurrent));
        drop(one);
        assert_eq!(two.order(), Order::Concurrent);
        drop(two);
        assert_eq!(run.begin_call(false).order(), Order::Following);
        assert_eq!(Invocation::begin().begin_call(true).order(), Order::First, "another run");
    }
}
