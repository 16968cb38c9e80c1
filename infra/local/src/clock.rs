//! The clock of the whole stack: the machine's own with an offset, or a frozen one. Time moves only on request. A sleep
//! ends when its time has passed on the machine's clock or on this one; a test can exclude the machine's clock, so that
//! the speed of the machine does not matter.

use crate::invocation::Invocation;
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_async::time::TimeSource;
use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tollgate_platform::Clock;

/// The clock that every part of the stack reads.
#[derive(Clone)]
pub struct LocalClock(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Notified of each move.
    moves: watch::Sender<u64>,
}

struct State {
    frozen_at: Option<Timestamp>,
    /// Whether a sleep is also over when its time has passed on the machine's clock.
    is_timed: bool,
    offset: SignedDuration,
    /// The current sleeps; one that is no longer in the list has been ended.
    sleeps: Vec<Sleeping>,
    next_sleep: u64,
}

/// A current sleep.
struct Sleeping {
    number: u64,
    end: Timestamp,
    /// The run of a function that sleeps, if it is one.
    run: Option<u64>,
}

/// The current run of a function.
fn current_run() -> Option<u64> {
    Invocation::current().map(|run| run.number)
}

impl LocalClock {
    /// The machine's clock.
    #[must_use]
    pub fn running() -> Self {
        Self::with(None, true)
    }

    /// A clock that is frozen at `at` until it is moved.
    #[must_use]
    pub fn frozen(at: Timestamp) -> Self {
        Self::with(Some(at), true)
    }

    /// The same, and no sleep ends before it is moved, however slow the machine is: nothing times out.
    #[must_use]
    pub fn still(at: Timestamp) -> Self {
        Self::with(Some(at), false)
    }

    fn with(frozen_at: Option<Timestamp>, is_timed: bool) -> Self {
        let state = State { frozen_at, is_timed, offset: SignedDuration::ZERO, sleeps: Vec::new(), next_sleep: 0 };
        Self(Arc::new(Shared { state: Mutex::new(state), moves: watch::channel(0).0 }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.state().now()
    }

    /// How far it is ahead of its start, to be stored with the data.
    #[must_use]
    pub fn offset(&self) -> SignedDuration {
        self.state().offset
    }

    /// Moves it ahead; sleeps that end before the new time are over.
    pub fn advance(&self, by: SignedDuration) {
        {
            let mut state = self.state();
            state.offset = state.offset.saturating_add(by);
            let now = state.now();
            state.sleeps.retain(|sleep| sleep.end > now);
        }
        self.0.moves.send_modify(|moves| *moves += 1);
    }

    /// Takes back every move.
    pub fn go_back(&self) {
        self.state().offset = SignedDuration::ZERO;
        self.0.moves.send_modify(|moves| *moves += 1);
    }

    /// Ends the next sleep of the current run of a function without moving the clock, so that a call without an answer
    /// times out at once, and no call of another run with it. Only on a frozen clock.
    pub fn end_next_sleep(&self) {
        {
            let mut state = self.state();
            let run = current_run();
            let of_run = state.sleeps.iter().filter(|sleep| sleep.run == run);
            let next = of_run.min_by_key(|sleep| sleep.end).map(|sleep| sleep.number);
            if state.frozen_at.is_none() || next.is_none() {
                return;
            }
            state.sleeps.retain(|sleep| Some(sleep.number) != next);
        }
        self.0.moves.send_modify(|moves| *moves += 1);
    }

    /// Whether it is frozen.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.state().frozen_at.is_some()
    }

    /// Sleeps for `duration` of this clock's time or the machine's, whichever is over first.
    pub async fn sleep_for(self, duration: Duration) {
        let mut moves = self.0.moves.subscribe();
        let (number, is_timed) = {
            let mut state = self.state();
            let end = state.now().saturating_add(duration).unwrap_or(Timestamp::MAX);
            state.next_sleep += 1;
            let number = state.next_sleep;
            state.sleeps.push(Sleeping { number, end, run: current_run() });
            (number, state.is_timed)
        };
        let _over = SleepGuard { clock: &self, number };
        let ended = async {
            while self.state().sleeps.iter().any(|sleep| sleep.number == number) {
                if moves.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = tokio::time::sleep(duration), if is_timed => {}
            () = ended => {}
        }
    }

    /// The same clock as the functions know it.
    #[must_use]
    pub fn platform(&self) -> Clock {
        let clock = self.clone();
        Clock::from_fn(move || clock.now())
    }
}

/// Removes a sleep from the list, also when it is cancelled.
struct SleepGuard<'a> {
    clock: &'a LocalClock,
    number: u64,
}

impl Drop for SleepGuard<'_> {
    fn drop(&mut self) {
        self.clock.state().sleeps.retain(|sleep| sleep.number != self.number);
    }
}

impl State {
    fn now(&self) -> Timestamp {
        #[allow(clippy::disallowed_methods)] // the only read of the wall clock in the local stack
        let base = self.frozen_at.unwrap_or_else(Timestamp::now);
        let now = base.saturating_add(self.offset).unwrap_or(Timestamp::MAX);
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now) // as the functions see it
    }
}

impl AsyncSleep for LocalClock {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(self.clone().sleep_for(duration))
    }
}

impl TimeSource for LocalClock {
    fn now(&self) -> SystemTime {
        self.state().now().into()
    }
}

impl fmt::Debug for LocalClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalClock({})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invocation::invoke;
    use std::future::Future;
    use std::task::{Context, Poll, Waker};

    fn is_over(sleep: &mut std::pin::Pin<Box<impl Future<Output = ()>>>) -> bool {
        matches!(sleep.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
    }

    #[tokio::test]
    async fn a_sleep_ends_when_the_clock_is_moved_past_its_end() {
        let clock = LocalClock::frozen(Timestamp::UNIX_EPOCH);
        let mut sleep = Box::pin(clock.clone().sleep_for(Duration::from_secs(3600)));
        assert!(!is_over(&mut sleep));
        clock.advance(SignedDuration::from_secs(3599));
        assert!(!is_over(&mut sleep));
        clock.advance(SignedDuration::from_secs(1));
        assert!(is_over(&mut sleep));
    }

    #[tokio::test]
    async fn the_next_sleep_can_be_ended_while_the_clock_is_frozen() {
        let clock = LocalClock::frozen(Timestamp::UNIX_EPOCH);
        let mut long = Box::pin(clock.clone().sleep_for(Duration::from_secs(60)));
        let mut short = Box::pin(clock.clone().sleep_for(Duration::from_secs(50)));
        assert!(!is_over(&mut long) && !is_over(&mut short));
        clock.end_next_sleep();
        assert!(is_over(&mut short) && !is_over(&mut long));
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
    }

    #[tokio::test]
    async fn a_call_that_hangs_ends_no_sleep_of_another_run() {
        let clock = LocalClock::frozen(Timestamp::UNIX_EPOCH);
        let mut other = Box::pin(clock.clone().sleep_for(Duration::from_secs(50)));
        assert!(!is_over(&mut other));
        let hanging = clock.clone();
        let ended = invoke(async move {
            let mut own = Box::pin(hanging.clone().sleep_for(Duration::from_secs(60)));
            assert!(!is_over(&mut own));
            hanging.end_next_sleep();
            is_over(&mut own)
        });
        assert_eq!((ended.await, is_over(&mut other)), (Some(true), false));
    }

    #[tokio::test]
    async fn on_a_running_clock_no_sleep_is_cut_short() {
        let clock = LocalClock::running();
        let mut sleep = Box::pin(clock.clone().sleep_for(Duration::from_secs(3600)));
        assert!(!is_over(&mut sleep));
        clock.end_next_sleep();
        assert!(!is_over(&mut sleep));
    }
}
