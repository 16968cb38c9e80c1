//! The features of the plan of price 0, which apply to each user without access. They are read again after a minute.

use crate::GuardError;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use std::sync::{Arc, PoisonError, RwLock};
use tollgate_store::Store;

/// How long they are held.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(1);

/// The features, and when they were read.
#[derive(Default)]
pub(crate) struct FreePlan(RwLock<Option<(Timestamp, Arc<Map<String, Value>>)>>);

impl FreePlan {
    /// The features; none where there is no such plan.
    pub(crate) async fn features(&self, store: &Store, now: Timestamp) -> Result<Arc<Map<String, Value>>, GuardError> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((read_at, features)) = held
            && now.duration_since(read_at).abs() < MAX_AGE
        {
            return Ok(features);
        }
        let features = Arc::new(store.free_features().await?.unwrap_or_default());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&features)));
        Ok(features)
    }
}
