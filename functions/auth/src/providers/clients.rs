//! The clients of both providers, with what is cached of them.

use jiff::Timestamp;
use jsonwebtoken::jwk::JwkSet;
use std::sync::{Arc, Mutex};
use tollgate_platform::Outbound;

/// The clients of both providers, and their cached keys.
#[derive(Clone)]
pub struct ProviderClients {
    /// The client of Google.
    pub google: Outbound,
    /// The client of GitHub.
    pub github: Outbound,
    /// Google's public keys.
    pub(crate) google_keys: Arc<Mutex<HeldKeys>>,
}

impl ProviderClients {
    /// Nothing is cached yet.
    #[must_use]
    pub fn new(google: Outbound, github: Outbound) -> Self {
        Self { google, github, google_keys: Arc::default() }
    }
}

/// Google's keys, and when they were read.
#[derive(Default)]
pub struct HeldKeys(pub Option<(Timestamp, JwkSet)>);
