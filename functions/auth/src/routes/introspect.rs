//! `POST /introspect` (RFC 7662): whether an access token is valid now, for services that cannot wait until it expires.

use crate::service_clients::ServiceClient;
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tollgate_domain::gate::Gate;
use tollgate_domain::{Secret, SessionId, UserId};
use tollgate_http::{ApiError, FormBody, GuardError, RequestContext, TokenKeys};
use tollgate_tokens::claims::AccessClaims;
use utoipa::ToSchema;

/// The token to check.
#[derive(Deserialize, ToSchema)]
pub struct Introspect {
    /// An access token.
    #[schema(value_type = String)]
    token: Secret<String>,
    /// Has no effect: there is one kind of token.
    #[serde(default)]
    #[expect(dead_code, reason = "part of RFC 7662, and documented")]
    token_type_hint: Option<String>,
}

/// The state of a token.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Introspection {
    /// It is valid now.
    Active(Box<ActiveToken>),
    /// It is not valid, for any reason.
    Inactive(InactiveToken),
}

/// A token that is valid now. Tier and features are the current ones, not those of its claims.
#[derive(Serialize, ToSchema)]
pub struct ActiveToken {
    /// Always `true`.
    active: bool,
    /// Always `Bearer`.
    token_type: &'static str,
    /// The user.
    #[schema(value_type = String)]
    sub: UserId,
    /// The session.
    #[schema(value_type = String)]
    sid: SessionId,
    iss: String,
    aud: String,
    /// In seconds since 1970, as the next ones.
    exp: u64,
    iat: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<u64>,
    /// How the user signed in: `pwd`, `otp`, or `fed` for a provider.
    amr: Vec<String>,
    /// The tier of the user's plan now, 0 without access.
    tier: u32,
    /// The features of the user's plan now, without access those of the plan of price 0.
    #[schema(value_type = Object)]
    features: Map<String, Value>,
    /// Whether the user is an admin now.
    is_admin: bool,
}

/// A token that is not valid, without further members.
#[derive(Serialize, ToSchema)]
pub struct InactiveToken {
    /// Always `false`.
    active: bool,
}

const INACTIVE: Introspection = Introspection::Inactive(InactiveToken { active: false });

/// Whether an access token is valid now (RFC 7662), for services with a credential: HTTP Basic with its id and secret, or
/// the secret as a bearer token. Sign-out, a disabled account and a change of plan count at once.
#[utoipa::path(
    post, path = "/introspect", tag = "Service", security(("service" = [])),
    request_body(content = Introspect, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Introspection))
)]
pub async fn introspect(
    Shared(state): Shared<State>,
    context: RequestContext,
    _: ServiceClient,
    FormBody(body): FormBody<Introspect>,
) -> Result<Json<Introspection>, ApiError> {
    let (config, now) = (&state.config, context.now);
    let keys = TokenKeys::Own(state.keys.clone());
    let claims = match keys.verify(body.token.expose(), &config.app_url, &config.audience, now).await {
        Ok(claims) => claims,
        Err(GuardError::Unauthenticated) => return Ok(Json(INACTIVE)),
        Err(error) => return Err(error.into()),
    };
    let gate = state.store.gate(&claims.sub).await?;
    let Some(gate) = gate.filter(|gate| gate.admits(&claims.sid, now)) else { return Ok(Json(INACTIVE)) };
    let features = state.guard.free_plan.features_of(&gate, now).await?;
    Ok(Json(Introspection::Active(Box::new(ActiveToken::of(claims, &gate, features, now)))))
}

impl ActiveToken {
    /// What the token says, and what the gate says now.
    fn of(claims: AccessClaims, gate: &Gate, features: Map<String, Value>, now: Timestamp) -> Self {
        Self {
            active: true,
            token_type: "Bearer",
            tier: gate.present_tier(now),
            features,
            is_admin: gate.is_admin,
            sub: claims.sub,
            sid: claims.sid,
            iss: claims.iss,
            aud: claims.aud,
            exp: claims.exp,
            iat: claims.iat,
            auth_time: claims.auth_time,
            amr: claims.amr,
        }
    }
}
