//! The setup of a guard, and the methods that its extractors use.

use crate::{ActiveUser, FreePlan, Guard, GuardError, PublishedKeys, TokenKeys};
use aws_types::SdkConfig;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::sync::Arc;
use tollgate_platform::{Clock, ConfigError, Env};
use tollgate_store::Store;
use tollgate_store::roles::Guarding;

/// The time of a request, for a server that uses one time for all parts of a request. Without it the guards use their
/// clock.
#[derive(Debug, Clone, Copy)]
pub struct RequestTime(pub Timestamp);

impl Guard {
    /// Tokens of `issuer` for `audience`, verified by `keys`; gates and quotas of `store`.
    #[must_use]
    pub fn new(keys: TokenKeys, store: Store<Guarding>, issuer: Arc<str>, audience: Arc<str>, clock: Clock) -> Self {
        let upgrade_url = format!("{issuer}/account/billing").into();
        let free_plan = FreePlan::new(store.narrow());
        Self { keys, store, issuer, audience, clock, upgrade_url, free_plan }
    }

    /// The guard of your own function: it verifies tokens with the keys that Tollgate publishes, and has no secret.
    /// Create it once and clone it, because it caches its reads.
    ///
    /// # Errors
    /// With the name of the first variable that is missing or wrong.
    pub fn from_env(env: &Env, sdk: &SdkConfig, clock: Clock) -> Result<Self, ConfigError> {
        env.required("APP_URL", "the public address of Tollgate")?;
        let issuer = env.address("APP_URL", String::new)?;
        let audience = env.get("TOKEN_AUDIENCE").unwrap_or(&issuer).into();
        let upgrade_url = env.address("UPGRADE_URL", || format!("{issuer}/account/billing"))?.into();
        let store: Store<Guarding> =
            Store::new(sdk, env.required("TABLE_PREFIX", "what the names of the tables start with")?);
        let keys = TokenKeys::Published(PublishedKeys::new(store.narrow()));
        Ok(Self { upgrade_url, ..Self::new(keys, store, issuer.into(), audience, clock) })
    }

    /// The time of this request.
    pub(crate) fn now(&self, parts: &Parts) -> Timestamp {
        parts.extensions.get::<RequestTime>().map_or_else(|| self.clock.now(), |time| time.0)
    }

    /// Where a user gets another plan.
    pub(crate) fn upgrade_url(&self) -> Arc<str> {
        Arc::clone(&self.upgrade_url)
    }

    /// The features that apply to a user at `now`: those of the user's plan, without access those of the plan of price 0.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn features(&self, user: &ActiveUser, now: Timestamp) -> Result<Map<String, Value>, GuardError> {
        self.free_plan.features_of(&user.gate, now).await
    }
}
