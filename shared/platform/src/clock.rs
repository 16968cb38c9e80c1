//! The clock. Nothing else reads the time, so that a test can set it.

use jiff::Timestamp;
use std::sync::Arc;

type Reader = dyn Fn() -> Timestamp + Send + Sync;

/// A source of the current time.
#[derive(Clone)]
pub struct Clock(Arc<Reader>);

impl Clock {
    /// The machine's own clock.
    #[must_use]
    pub fn system() -> Self {
        #[allow(clippy::disallowed_methods)] // the one place that reads the wall clock
        Self::from_fn(Timestamp::now)
    }

    /// A clock that a test or the local stack moves.
    pub fn from_fn(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The current time, in whole milliseconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = (self.0)();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}
