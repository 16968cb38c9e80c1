//! The plans as this process last read them: the list is read often and changes rarely. Purchases are decided by the
//! table, never by this.

use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollgate_domain::billing::Plan;
use tollgate_store::roles::Billing;
use tollgate_store::{Store, StoreError};

/// How long they are shown without another read: afterwards a change by another process is visible.
const MAX_AGE: SignedDuration = SignedDuration::from_secs(30);

/// The cached plans.
#[derive(Clone, Default)]
pub struct HeldPlans(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    read: Option<(Timestamp, Arc<[Plan]>)>,
    /// How often this process started or ended a change: a read in between may return either state.
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
    pub async fn recent(&self, store: &Store<Billing>, now: Timestamp) -> Result<Arc<[Plan]>, StoreError> {
        let held = self.held().read.clone();
        match held.filter(|(at, _)| now.duration_since(*at).abs() < MAX_AGE) {
            Some((_, plans)) => Ok(plans),
            None => self.current(store, now).await,
        }
    }

    /// All plans, archived ones too, by a new read.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn current(&self, store: &Store<Billing>, now: Timestamp) -> Result<Arc<[Plan]>, StoreError> {
        let version = self.held().version;
        let plans: Arc<[Plan]> = store.catalogue().await?.plans.into();
        let mut held = self.held();
        if held.version == version {
            held.read = Some((now, Arc::clone(&plans)));
        }
        Ok(plans)
    }

    /// Starts a change by this process: until its end nothing is cached, however it ends.
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

/// A running change of the plans.
pub struct PlansChange(HeldPlans);

impl Drop for PlansChange {
    fn drop(&mut self) {
        self.0.forget();
    }
}
