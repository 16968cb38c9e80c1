//! The claims of access tokens (RFC 9068).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tollgate_domain::session::Lifetimes;
use tollgate_domain::{SessionId, UserId};
use tollgate_platform::{hex, random_bytes};

/// The claims of an access token. `tier` and `is_admin` are for an adopter's own services; here the gate decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The issuer: `APP_URL`.
    pub iss: String,
    /// The audience.
    pub aud: String,
    /// The user.
    pub sub: UserId,
    /// Its end, in seconds since 1970.
    pub exp: u64,
    /// When it was issued.
    pub iat: u64,
    /// The time before which it is not valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// Its own id.
    pub jti: String,
    /// Its session.
    pub sid: SessionId,
    /// The user's tier when it was issued.
    pub tier: u32,
    /// Whether the user was an admin when it was issued.
    pub is_admin: bool,
    /// The features of the user's plan when it was issued.
    #[serde(default)]
    pub features: Map<String, Value>,
    /// How the user signed in (RFC 8176, and `fed` for a provider); empty for a session of a version that did not
    /// record it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// When the user signed in, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<u64>,
}

/// The subject of a new access token, and its other claims.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The tier of the user's plan now.
    pub tier: u32,
    /// Whether the user is an admin now.
    pub is_admin: bool,
    /// The features of the user's plan.
    pub features: Map<String, Value>,
    /// How the user signed in.
    pub amr: Vec<String>,
    /// When the user signed in.
    pub signed_in_at: Timestamp,
}

/// The claims of a new access token of this issuer for this audience.
#[must_use]
pub fn new_claims(
    (issuer, audience): (&str, &str),
    subject: Subject,
    now: Timestamp,
    lifetimes: &Lifetimes,
) -> AccessClaims {
    let iat = seconds(now);
    AccessClaims {
        iss: issuer.to_owned(),
        aud: audience.to_owned(),
        sub: subject.user,
        exp: iat + u64::from(lifetimes.access_seconds),
        iat,
        nbf: None,
        jti: hex(&random_bytes::<16>()),
        sid: subject.session,
        tier: subject.tier,
        is_admin: subject.is_admin,
        features: subject.features,
        amr: subject.amr,
        auth_time: Some(seconds(subject.signed_in_at)),
    }
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_second()).unwrap_or_default()
}
