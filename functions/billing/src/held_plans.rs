//! The plans as this process read them last: a list that many read and few change. What is bought is decided by the table,
//! never by this.

use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollgate_domain::billing::Plan;
use tollgate_store::{Store, StoreError};

/// So long they are shown without being read again: a change of another process is seen after that.
const MAX_AGE: SignedDuration = SignedDuration::from_secs(30);

/// The held plans.
#[derive(Clone, Default)]
pub struct HeldPlans(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    read: Option<(Timestamp, Arc<[Plan]>)>,
    /// How often this process began or ended a change: what was read in between may be either state.
    version: u64,
}

impl HeldPlans {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All plans, archived ones too, as they were at most [`MAX_AGE`] ago.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn recent(&self, store: &Store, now: Timestamp) -> Result<Arc<[Plan]>, StoreError> {
        let held = self.held().read.clone();
        match held.filter(|(at, _)| now.duration_since(*at).abs() < MAX_AGE) {
            Some((_, plans)) => Ok(plans),
            None => self.current(store, now).await,
        }
    }

    /// All plans, archived ones too, as they are now.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn current(&self, store: &Store, now: Timestamp) -> Result<Arc<[Plan]>, StoreError> {
        let version = self.held().version;
        let plans: Arc<[Plan]> = store.catalogue().await?.plans.into();
        let mut held = self.held();
        if held.version == version {
            held.read = Some((now, Arc::clone(&plans)));
        }
        Ok(plans)
    }

    /// Begins a change of this process: until its end nothing is held, however it ends.
    #[must_use]
    pub fn change(&self) -> PlansChange {
        self.forget();
        PlansChange(self.clone())
    }

    fn forget(&self) {
        let mut held = self.held();
        held.version += 1;
        held.read = None;
    }
}

/// A change of the plans that is under way.
pub struct PlansChange(HeldPlans);

impl Drop for PlansChange {
    fn drop(&mut self) {
        self.0.forget();
    }
}
