//! The `authorizer` function: a Lambda authorizer for the HTTP API of an adopter's own product (payload format 2.0,
//! simple responses). It reads only the gate, so an ended session is refused as soon as no cached answer is left.

use aws_config::SdkConfig;
use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_guard::{FreePlan, GuardError, PublishedKeys, TokenKeys};
use tollgate_platform::{Clock, ConfigError, Env};
use tollgate_store::Store;
use tollgate_store::roles::Authorizer;

/// The settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    /// The issuer of tokens: `APP_URL`.
    pub issuer: Arc<str>,
    /// The audience of tokens.
    pub audience: Arc<str>,
    /// The prefix of table names.
    pub table_prefix: String,
}

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        env.required("APP_URL", "the public address of the service")?;
        let app_url = env.address("APP_URL", String::new)?;
        Ok(Self {
            audience: env.get("TOKEN_AUDIENCE").unwrap_or(&app_url).into(),
            issuer: app_url.into(),
            table_prefix: env.required("TABLE_PREFIX", "what the names of the tables start with")?.to_owned(),
        })
    }
}

/// The state that invocations share.
#[derive(Clone)]
pub struct State {
    keys: TokenKeys,
    store: Store<Authorizer>,
    free_plan: FreePlan,
    config: Config,
    clock: Clock,
}

impl State {
    /// Creates the clients. It makes no call.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock) -> Self {
        let store: Store<Authorizer> = Store::new(sdk, &config.table_prefix);
        Self {
            keys: TokenKeys::Published(PublishedKeys::new(store.narrow())),
            free_plan: FreePlan::new(store.narrow()),
            store,
            config,
            clock,
        }
    }
}

/// The tables do not answer: API Gateway then answers 500, and the client may retry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnavailableError(String);

impl From<GuardError> for UnavailableError {
    fn from(error: GuardError) -> Self {
        let cause = error.cause().unwrap_or(error.public().1).to_owned();
        tracing::error!(cause, "a token was not decided about");
        Self(cause)
    }
}

/// Decides about the token of an authorizer event. An invalid event or token is refused.
///
/// # Errors
/// When the tables do not answer: then the validity of the token is not known.
pub async fn handle(event: Value, state: &State) -> Result<Value, UnavailableError> {
    let refused = json!({"isAuthorized": false});
    let Some(token) = token_of(&event) else { return Ok(refused) };
    let now = state.clock.now();
    let claims = match state.keys.verify(token, &state.config.issuer, &state.config.audience, now).await {
        Ok(claims) => claims,
        Err(GuardError::Unauthenticated) => return Ok(refused),
        Err(error) => return Err(error.into()),
    };
    let gate = state.store.gate(&claims.sub).await.map_err(GuardError::from)?;
    let Some(gate) = gate.filter(|gate| gate.admits(&claims.sid, now)) else { return Ok(refused) };
    let features = Value::Object(state.free_plan.features_of(&gate, now).await?);
    Ok(json!({"isAuthorized": true, "context": {
        "sub": claims.sub,
        "sid": claims.sid,
        "tier": gate.present_tier(now),
        "is_admin": gate.is_admin,
        "features": features.to_string(),
    }}))
}

/// The bearer token of an event. API Gateway caches an answer by the identity sources, so the token is read from the
/// single source; only if none is configured, and nothing is cached, from the header.
fn token_of(event: &Value) -> Option<&str> {
    let text = match &event["identitySource"] {
        Value::Null => event["headers"]["authorization"].as_str()?,
        Value::Array(sources) => match sources.as_slice() {
            [only] => only.as_str()?,
            _ => return None,
        },
        _ => return None,
    };
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_the_one_identity_source_or_else_the_header() {
        let headers = json!({"authorization": "Bearer of-the-header"});
        for (event, token) in [
            (json!({"identitySource": ["Bearer x.y.z"]}), Some("x.y.z")),
            (json!({"identitySource": ["bearer x"], "headers": headers}), Some("x")),
            (json!({"headers": headers}), Some("of-the-header")),
            (json!({"identitySource": null, "headers": headers}), Some("of-the-header")),
            (json!({"identitySource": [], "headers": headers}), None),
            (json!({"identitySource": ["a key"], "headers": headers}), None),
            (json!({"identitySource": ["Bearer x", "Bearer y"], "headers": headers}), None),
            (json!({"identitySource": ["Bearer x", "a key"], "headers": headers}), None),
            (json!({"identitySource": "Bearer x", "headers": headers}), None),
            (json!({"identitySource": [["Bearer x"]]}), None),
            (json!({"identitySource": ["Basic eDp5"]}), None),
            (json!({"headers": {"Authorization": ["Bearer x"]}}), None),
            (json!({"identitySource": ["Bearer"]}), None),
            (json!({}), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(token_of(&event), token, "{event}");
        }
    }
}
