//! The keys of the secret `auth`: of each generation those that sign access tokens, and those that seal refresh tokens,
//! cookies and OAuth states.

use crate::TokenAlgorithm;
use crate::generation::{Generation, PUBLISHED_BEFORE, VERIFIES_AFTER, signing_index};
use crate::sealed::SealingKey;
use crate::signing::SigningKey;
use jiff::Timestamp;
use serde_json::{Value, json};

/// A token that is refused. The reason stays here: a caller learns nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid token")]
pub struct InvalidTokenError;

/// The keys of all generations, for signing and verifying.
pub struct AuthKeys(pub(crate) Vec<AuthKey>);

pub(crate) struct AuthKey {
    since: Timestamp,
    es256: SigningKey,
    eddsa: SigningKey,
    pub(crate) refresh: SealingKey,
    pub(crate) device: SealingKey,
    pub(crate) registered: SealingKey,
    pub(crate) state: SealingKey,
}

impl AuthKeys {
    pub(crate) fn new(generations: Vec<Generation>) -> Self {
        Self(generations.iter().map(AuthKey::new).collect())
    }

    pub(crate) fn current(&self, now: Timestamp) -> &AuthKey {
        let since: Vec<_> = self.0.iter().map(|key| key.since).collect();
        &self.0[signing_index(&since, now)]
    }

    /// The access keys to publish at `now`, with those that will sign next.
    pub(crate) fn published(&self, now: Timestamp) -> impl Iterator<Item = &AuthKey> {
        let since: Vec<_> = self.0.iter().map(|key| key.since).collect();
        let current = signing_index(&since, now);
        self.0.iter().enumerate().filter_map(move |(index, key)| {
            let stopped_at = since.get(index + 1).map(|next| *next + PUBLISHED_BEFORE);
            let verifies = stopped_at.is_none_or(|stopped| now.duration_since(stopped) <= VERIFIES_AFTER);
            (index >= current || verifies).then_some(key)
        })
    }

    /// Since when the newest key is in use: of two published sets the one with the newer key stays.
    #[must_use]
    pub fn newest(&self) -> Timestamp {
        self.0.iter().map(|key| key.since).max().unwrap_or(Timestamp::MIN)
    }

    /// The JSON Web Key Set at `now` (RFC 7517): of each generation the keys of all algorithms, so that another
    /// algorithm may sign at any time.
    #[must_use]
    pub fn jwks(&self, now: Timestamp) -> Value {
        let keys = self.published(now).flat_map(AuthKey::signing_keys);
        json!({"keys": keys.map(|key| key.public.jwk()).collect::<Vec<_>>()})
    }
}

impl AuthKey {
    fn new(generation: &Generation) -> Self {
        Self {
            since: generation.since,
            es256: SigningKey::derive(generation, TokenAlgorithm::Es256),
            eddsa: SigningKey::derive(generation, TokenAlgorithm::EdDsa),
            refresh: SealingKey::new(generation, "refresh id", "refresh"),
            device: SealingKey::new(generation, "device id", "device"),
            registered: SealingKey::new(generation, "registered id", "registered"),
            state: SealingKey::new(generation, "oauth state id", "oauth state"),
        }
    }

    pub(crate) fn signing_key(&self, algorithm: TokenAlgorithm) -> &SigningKey {
        match algorithm {
            TokenAlgorithm::Es256 => &self.es256,
            TokenAlgorithm::EdDsa => &self.eddsa,
        }
    }

    pub(crate) fn signing_keys(&self) -> [&SigningKey; 2] {
        TokenAlgorithm::ALL.map(|algorithm| self.signing_key(algorithm))
    }
}
