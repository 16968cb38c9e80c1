//! The service credentials, cached for a minute, so that a request of a service costs no read of its own.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, PoisonError, RwLock};
use tollgate_domain::service::ServiceCredential;
use tollgate_http::ApiError;
use tollgate_store::roles::Auth;
use tollgate_store::{Store, StoredService};

/// How long they are cached: a deleted one is refused afterwards.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(1);

type Held = Option<(Timestamp, Arc<Vec<StoredService>>)>;

/// The service credentials as of the last read.
#[derive(Clone, Default)]
pub struct HeldServices(Arc<RwLock<Held>>);

impl HeldServices {
    /// Clears the cache, so that the next request reads them again.
    pub fn forget(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub fn held(&self, now: Timestamp) -> Option<Arc<Vec<StoredService>>> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        held.filter(|(read_at, _)| now.duration_since(*read_at).abs() < MAX_AGE).map(|(_, services)| services)
    }

    pub async fn read(&self, store: &Store<Auth>, now: Timestamp) -> Result<Arc<Vec<StoredService>>, ApiError> {
        let services = Arc::new(store.services().await?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&services)));
        Ok(services)
    }

    /// Records that a service was used today. The request does not depend on it.
    pub async fn record_use(&self, store: &Store<Auth>, service: &ServiceCredential, now: Timestamp) {
        let today = now.to_zoned(TimeZone::UTC).date();
        if service.last_used_on.is_some_and(|day| day >= today) {
            return;
        }
        match store.use_service(&service.id, today).await {
            Ok(()) => self.forget(),
            Err(error) => {
                tracing::warn!(service = %service.id, cause = %error, "the use of a service was not recorded")
            }
        }
    }
}
