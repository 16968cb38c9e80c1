//! EventBridge's schedules: each calls its function when it is due by the clock, once however far the clock was moved,
//! or on request.

use crate::clock::LocalClock;
use crate::documents::{DatabaseError, Documents};
use crate::functions::Function;
use crate::invocation::invoke;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A schedule.
#[derive(Clone)]
pub struct Schedule {
    /// Its name, which its event contains.
    pub name: &'static str,
    /// Its interval.
    pub minutes: i64,
    /// What it calls.
    pub function: Function,
}

/// The schedule that counts the statistics.
pub const ROLLUP: &str = "rollup";
const KIND: &str = "schedule";
const POLL_INTERVAL: Duration = Duration::from_secs(60);

/// The schedules of the deployment.
#[derive(Clone)]
pub struct Schedules {
    all: Arc<[Schedule]>,
    /// The sweeper without faults: the count for the dev console.
    counter: Function,
    documents: Documents,
    clock: LocalClock,
    /// One run at a time.
    running: Arc<tokio::sync::Mutex<()>>,
    /// Held while the statistics are counted: a second reader waits for them.
    counting: Arc<tokio::sync::Mutex<()>>,
    /// Whether the statistics must be counted before they are read again.
    is_count_due: Arc<AtomicBool>,
}

/// Where the statistics are read.
const STATISTICS: &str = "/admin/stats";

impl Schedules {
    /// The intervals begin at the first start.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn new(
        all: impl IntoIterator<Item = Schedule>,
        counter: Function,
        documents: Documents,
        clock: LocalClock,
    ) -> Result<Self, DatabaseError> {
        let all: Arc<[Schedule]> = all.into_iter().collect();
        for Schedule { name, .. } in all.iter() {
            if documents.get::<Timestamp>(KIND, name)?.is_none() {
                documents.put(KIND, name, &clock.now())?;
            }
        }
        let is_count_due = Arc::new(AtomicBool::new(true));
        Ok(Self { all, counter, documents, clock, running: Arc::default(), counting: Arc::default(), is_count_due })
    }

    /// Each of them.
    #[must_use]
    pub fn all(&self) -> &[Schedule] {
        &self.all
    }

    /// Runs the schedules for as long as the stack runs. On a frozen clock they run when the dev console moves it.
    pub async fn keep(self) {
        while !self.clock.is_frozen() {
            self.clock.clone().sleep_for(POLL_INTERVAL).await;
            self.catch_up().await;
        }
    }

    /// Restarts the interval of each schedule now.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn begin_anew(&self) -> Result<(), DatabaseError> {
        self.all.iter().try_for_each(|schedule| self.documents.put(KIND, schedule.name, &self.clock.now()))
    }

    /// When a schedule last ran, or when its first interval began.
    ///
    /// # Errors
    /// When the document store does not answer.
    pub fn last_run(&self, name: &str) -> Result<Option<Timestamp>, DatabaseError> {
        self.documents.get(KIND, name)
    }

    /// Runs each schedule that fell due since its last run, once.
    pub async fn catch_up(&self) {
        for Schedule { name, minutes, .. } in self.all.iter() {
            let last = self.documents.get::<Timestamp>(KIND, name).ok().flatten().unwrap_or(Timestamp::MIN);
            if self.clock.now().duration_since(last) >= SignedDuration::from_mins(*minutes)
                && let Err(error) = self.run(name).await
            {
                tracing::error!(schedule = name, error, "the schedule failed");
            }
        }
    }

    /// Marks the statistics as out of date.
    pub fn count_before_next_read(&self) {
        self.is_count_due.store(true, Ordering::Relaxed);
    }

    /// `admin` with up-to-date statistics, whatever faults are active for the functions. A request for other data does
    /// not wait for the count.
    pub fn count_for(&self, admin: Function) -> Function {
        let schedules = self.clone();
        Arc::new(move |event| {
            let (schedules, admin) = (schedules.clone(), Arc::clone(&admin));
            Box::pin(async move {
                if event["rawPath"] == STATISTICS {
                    let _alone = schedules.counting.lock().await;
                    if schedules.is_count_due.swap(false, Ordering::Relaxed) {
                        schedules.count().await?;
                    }
                }
                admin(event).await
            })
        })
    }

    async fn count(&self) -> Result<Value, String> {
        let answer = invoke((self.counter)(json!({"schedule": ROLLUP}))).await;
        answer.unwrap_or_else(|| Err("the function ended without an answer".to_owned()))
    }

    /// Runs one now.
    ///
    /// # Errors
    /// The error of the function.
    pub async fn run(&self, name: &str) -> Result<Value, String> {
        let _alone = self.running.lock().await;
        self.documents.put(KIND, name, &self.clock.now()).map_err(|error| error.to_string())?;
        let schedule = self.all.iter().find(|schedule| schedule.name == name);
        let schedule = schedule.ok_or_else(|| format!("no schedule is called {name}"))?;
        let answer = invoke((schedule.function)(json!({"schedule": name}))).await;
        answer.unwrap_or_else(|| Err("the function ended without an answer".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    // E16
    #[tokio::test]
    async fn the_statistics_are_counted_for_their_first_reader() {
        let counts = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&counts);
        let counter: Function = Arc::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { Ok(Value::Null) })
        });
        let echo: Function = Arc::new(|event| Box::pin(async { Ok(event) }));
        let clock = LocalClock::frozen(Timestamp::UNIX_EPOCH);
        let schedules = Schedules::new([], counter, Documents::memory(), clock).unwrap();
        let admin = schedules.count_for(echo);
        let expected = [("/admin/users", 0), (STATISTICS, 1), (STATISTICS, 1)];
        for (path, expected) in expected {
            assert_eq!(admin(json!({"rawPath": path})).await.unwrap()["rawPath"], path);
            assert_eq!(counts.load(Ordering::Relaxed), expected, "{path}");
        }
        (0..3).for_each(|_| schedules.count_before_next_read());
        assert_eq!(counts.load(Ordering::Relaxed), 1, "no request reads them");
        admin(json!({"rawPath": STATISTICS})).await.unwrap();
        assert_eq!(counts.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_second_reader_waits_until_the_statistics_are_counted() {
        let is_counted = Arc::new(AtomicBool::new(false));
        let counted = Arc::clone(&is_counted);
        let counter: Function = Arc::new(move |_| {
            let counted = Arc::clone(&counted);
            Box::pin(async move {
                tokio::task::yield_now().await;
                counted.store(true, Ordering::Relaxed);
                Ok(Value::Null)
            })
        });
        let read: Function = Arc::new(move |_| {
            let is_counted = is_counted.load(Ordering::Relaxed);
            Box::pin(async move { Ok(json!(is_counted)) })
        });
        let clock = LocalClock::frozen(Timestamp::UNIX_EPOCH);
        let schedules = Schedules::new([], counter, Documents::memory(), clock).unwrap();
        let admin = schedules.count_for(read);
        let request = || admin(json!({"rawPath": STATISTICS}));
        let (first, second) = tokio::join!(request(), request());
        assert_eq!((first.unwrap(), second.unwrap()), (json!(true), json!(true)));
    }
}
