//! The keys that verify access tokens: `auth` has its own, every other function reads those that `auth` publishes.

use crate::GuardError;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, PoisonError, RwLock};
use tollgate_store::roles::Verifying;
use tollgate_store::{CurrentKeySet, Store};
use tollgate_tokens::access::PublicKeys;
use tollgate_tokens::claims::AccessClaims;
use tollgate_tokens::keys::KeySource;

/// How long the published keys are cached: a removed key is invalid afterwards.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(5);
/// For an unknown key they are read again no sooner than after this time.
const MIN_AGE: SignedDuration = SignedDuration::from_mins(1);

/// The keys of access tokens.
#[derive(Clone)]
pub enum TokenKeys {
    /// The function's own secret.
    Own(Arc<KeySource>),
    /// The keys that `auth` has published.
    Published(Arc<PublishedKeys>),
}

/// The published keys as of the last read.
pub struct PublishedKeys {
    store: Store<Verifying>,
    held: RwLock<Option<(Timestamp, Arc<PublicKeys>)>>,
}

impl PublishedKeys {
    /// None is read yet.
    #[must_use]
    pub fn new(store: Store<Verifying>) -> Arc<Self> {
        Arc::new(Self { store, held: RwLock::new(None) })
    }

    async fn keys_for(&self, token: &str, now: Timestamp) -> Result<Arc<PublicKeys>, GuardError> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((read_at, keys)) = held {
            let age = now.duration_since(read_at).abs();
            if age < MIN_AGE || (age < MAX_AGE && keys.know(token)) {
                return Ok(keys);
            }
        }
        let jwks = self.store.look_up(&CurrentKeySet).await?;
        let jwks = jwks.ok_or_else(|| GuardError::Unavailable("no public key is published yet".into()))?;
        let keys = Arc::new(PublicKeys::parse(&jwks.jwks));
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&keys)));
        Ok(keys)
    }
}

impl TokenKeys {
    /// Verifies an access token.
    ///
    /// # Errors
    /// `unauthenticated` for one that is not valid; `unavailable` when there are no keys to verify it.
    pub async fn verify(
        &self,
        token: &str,
        issuer: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<AccessClaims, GuardError> {
        let verified = match self {
            Self::Own(keys) => keys.auth().await?.verify_access(token, issuer, audience, now),
            Self::Published(keys) => keys.keys_for(token, now).await?.verify_access(token, issuer, audience, now),
        };
        verified.map_err(|_| GuardError::Unauthenticated)
    }
}
