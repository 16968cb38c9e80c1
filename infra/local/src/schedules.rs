//! EventBridge's schedules: each calls the sweeper when it falls due by the clock, once however far that was moved, or when
//! somebody asks.

use crate::clock::LocalClock;
use crate::drawer::{Drawer, DrawerError};
use crate::functions::Function;
use crate::invocation::invoke;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Each schedule and how often it comes, in minutes; the template says the same.
pub const SCHEDULES: &[(&str, i64)] = &[
    ("expiry", 60),
    ("reconcile", 24 * 60),
    ("reminders", 6 * 60),
    ("outbox", 60),
    ("accounts", 6 * 60),
    (ROLLUP, 30),
];
/// The schedule that counts the statistics.
const ROLLUP: &str = "rollup";
const KIND: &str = "schedule";
const LOOKS_EVERY: Duration = Duration::from_secs(60);

/// The schedules of the deployment.
#[derive(Clone)]
pub struct Schedules {
    sweeper: Function,
    /// The same beyond the reach of any fault: what counts for the desk.
    counter: Function,
    drawer: Drawer,
    clock: LocalClock,
    /// One run at a time.
    running: Arc<tokio::sync::Mutex<()>>,
}

impl Schedules {
    /// Each counts from the first start on.
    ///
    /// # Errors
    /// When the drawer does not answer.
    pub fn new(sweeper: Function, counter: Function, drawer: Drawer, clock: LocalClock) -> Result<Self, DrawerError> {
        for (name, _) in SCHEDULES {
            if drawer.get::<Timestamp>(KIND, name)?.is_none() {
                drawer.put(KIND, name, &clock.now())?;
            }
        }
        Ok(Self { sweeper, counter, drawer, clock, running: Arc::default() })
    }

    /// Keeps to the schedules for as long as the stack runs. On a clock that stands still they run when the desk moves it.
    pub async fn keep(self) {
        while !self.clock.is_frozen() {
            self.clock.clone().sleep_for(LOOKS_EVERY).await;
            self.catch_up().await;
        }
    }

    /// Runs each schedule that fell due since its last run, once.
    pub async fn catch_up(&self) {
        for (name, minutes) in SCHEDULES {
            let last = self.drawer.get::<Timestamp>(KIND, name).ok().flatten().unwrap_or(Timestamp::MIN);
            if self.clock.now().duration_since(last) >= SignedDuration::from_mins(*minutes)
                && let Err(error) = self.run(name).await
            {
                tracing::error!(schedule = name, error, "the sweeper failed");
            }
        }
    }

    /// Brings the statistics up to date, whatever fails for the functions.
    ///
    /// # Errors
    /// With what the function failed with.
    pub async fn count(&self) -> Result<Value, String> {
        let answer = invoke((self.counter)(json!({"schedule": ROLLUP}))).await;
        answer.unwrap_or_else(|| Err("the function ended without an answer".to_owned()))
    }

    /// Runs one now.
    ///
    /// # Errors
    /// With what the function failed with.
    pub async fn run(&self, name: &str) -> Result<Value, String> {
        let _alone = self.running.lock().await;
        self.drawer.put(KIND, name, &self.clock.now()).map_err(|error| error.to_string())?;
        let answer = invoke((self.sweeper)(json!({"schedule": name}))).await;
        answer.unwrap_or_else(|| Err("the function ended without an answer".to_owned()))
    }
}
