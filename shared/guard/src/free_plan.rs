//! The features that every user has: those of the plan of price 0, cached between reads.

use crate::GuardError;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use std::sync::{Arc, PoisonError, RwLock};
use tollgate_domain::gate::Gate;
use tollgate_store::roles::Verifying;
use tollgate_store::{FreeFeatures, Store};

/// How long they are cached: a change reaches new tokens within minutes.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(5);

type Held = Option<(Timestamp, Arc<Map<String, Value>>)>;

/// The features of the plan of price 0.
#[derive(Clone)]
pub struct FreePlan {
    store: Store<Verifying>,
    held: Arc<RwLock<Held>>,
}

impl FreePlan {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(store: Store<Verifying>) -> Self {
        Self { store, held: Arc::default() }
    }

    /// The features that the user of `gate` has at `now`: those of the user's plan, without access those of the plan of
    /// price 0.
    ///
    /// # Errors
    /// When the tables do not answer and nothing was read before.
    pub async fn features_of(&self, gate: &Gate, now: Timestamp) -> Result<Map<String, Value>, GuardError> {
        match gate.present_features(now) {
            Some(features) => Ok(features.clone()),
            None => Ok(self.features(now).await?.as_ref().clone()),
        }
    }

    /// Caches features that were read at `now`.
    pub fn hold(&self, features: Map<String, Value>, now: Timestamp) -> Arc<Map<String, Value>> {
        let features = Arc::new(features);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&features)));
        features
    }

    async fn features(&self, now: Timestamp) -> Result<Arc<Map<String, Value>>, GuardError> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner).clone();
        let held = match held {
            Some((read_at, features)) if now.duration_since(read_at).abs() < MAX_AGE => return Ok(features),
            held => held.map(|(_, features)| features),
        };
        match (self.store.look_up(&FreeFeatures).await, held) {
            (Ok(features), _) => Ok(self.hold(features, now)),
            (Err(error), Some(held)) => {
                tracing::warn!(cause = %error, "the features of the plan of price 0 were not read again");
                Ok(held)
            }
            (Err(error), None) => Err(error.into()),
        }
    }
}
