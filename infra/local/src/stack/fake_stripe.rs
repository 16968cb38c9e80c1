//! The fake Stripe of a stack.

use crate::clock::LocalClock;
use crate::documents::{DatabaseError, Documents};
use crate::environment::{STRIPE_KEY, STRIPE_WEBHOOK_URL};
use crate::error::StartError;
use crate::fakes::Fakes;
use crate::webhooks::Webhooks;
use aws_config::SdkConfig;
use serde_json::Value;
use tollgate_fake_stripe::{Records, Settings};
use tollgate_platform::{Env, Secret};

/// The Stripe fake, unless there is a key for Stripe itself.
pub(super) fn stripe(
    fakes: &Fakes,
    documents: (Documents, Records),
    (public_url, origin): (&str, &str),
    clock: &LocalClock,
    sdk: &SdkConfig,
    env: &Env,
) -> Result<Option<Webhooks>, StartError> {
    if env.is_present(STRIPE_KEY) {
        return Ok(None);
    }
    let secret = |name| Ok::<_, DatabaseError>(fakes.secret(name)?.unwrap_or_default());
    let settings = Settings {
        base_url: format!("{public_url}/_stripe"),
        secret_key: secret("stripe")?,
        webhook_secret: secret("stripe-webhook")?,
        webhook_url: env
            .get(STRIPE_WEBHOOK_URL)
            .map_or_else(|| format!("{origin}/billing/stripe/webhook"), str::to_owned),
    };
    let signed_with = Secret::new(settings.webhook_secret.clone());
    let opened = Webhooks::open(documents, settings, clock.clone(), sdk);
    let opened = opened.map_err(|error| StartError::Failed(error.to_string()))?;
    let (name, value) = tollgate_stripe::secret_metadata(&signed_with);
    let metadata = serde_json::Map::from_iter([(name.to_owned(), Value::from(value))]);
    opened.stripe().ensure_endpoint(tollgate_stripe::WEBHOOK_EVENTS, metadata);
    Ok(Some(opened))
}
