//! Access tokens (RFC 9068): signed here, and verified with the keys of the secret or with the published ones.

use crate::TokenAlgorithm;
use crate::auth_keys::{AuthKey, AuthKeys, InvalidTokenError};
use crate::claims::AccessClaims;
use crate::signing::{PublicKey, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tollgate_platform::Secret;

/// The largest difference between the clocks of two machines, in seconds; the contract allows 60.
const LEEWAY_SECONDS: u64 = 30;
const TYPE: &str = "at+jwt";

/// The public keys of access tokens, as `auth` publishes them: all other functions verify with them.
pub struct PublicKeys(Vec<PublicKey>);

impl PublicKeys {
    /// From a JSON Web Key Set; keys of other kinds are left out.
    #[must_use]
    pub fn parse(jwks: &str) -> Self {
        let set: Value = serde_json::from_str(jwks).unwrap_or_default();
        Self(set["keys"].as_array().into_iter().flatten().filter_map(PublicKey::of_jwk).collect())
    }

    /// Whether it contains the key that `token` names.
    #[must_use]
    pub fn know(&self, token: &str) -> bool {
        let header: Option<Value> = token.split('.').next().and_then(|header| decode_json(header).ok());
        header.is_some_and(|header| self.0.iter().any(|key| header["kid"] == key.kid.as_str()))
    }

    /// Verifies an access token, as [`AuthKeys::verify_access`] does.
    ///
    /// # Errors
    /// When it is not valid.
    pub fn verify_access(
        &self,
        token: &str,
        issuer: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<AccessClaims, InvalidTokenError> {
        verify_access(token, issuer, audience, now, |kid| self.0.iter().find(|key| key.kid == kid))
    }
}

impl AuthKeys {
    /// Signs `claims`.
    ///
    /// # Errors
    /// When the library cannot sign.
    pub fn sign_access(
        &self,
        claims: &AccessClaims,
        algorithm: TokenAlgorithm,
        now: Timestamp,
    ) -> Result<Secret<String>, InvalidTokenError> {
        let key = self.current(now).signing_key(algorithm);
        let header = json!({"alg": algorithm.name(), "typ": TYPE, "kid": key.public.kid});
        sign(key, &header, claims)
    }

    /// Signs exactly this header and these claims, to test refusals: with the key that its `kid` names, otherwise with
    /// the current one of its algorithm. A missing `kid` is filled in.
    ///
    /// # Errors
    /// When the library cannot sign.
    pub fn sign_raw(
        &self,
        mut header: Value,
        claims: &Value,
        now: Timestamp,
    ) -> Result<Secret<String>, InvalidTokenError> {
        let named = |key: &&SigningKey| header["kid"] == key.public.kid.as_str();
        let algorithm = header["alg"].as_str().and_then(|alg| alg.parse().ok()).unwrap_or_default();
        let key = self.published(now).flat_map(AuthKey::signing_keys).find(named);
        let key = key.unwrap_or_else(|| self.current(now).signing_key(algorithm));
        if let Some(header) = header.as_object_mut() {
            header.entry("kid").or_insert_with(|| key.public.kid.clone().into());
        }
        sign(key, &header, claims)
    }

    /// Verifies an access token (S15): signature by a published key that its `kid` names, in the algorithm of that key,
    /// type, issuer, audience, times by `now`. The gate decides whether its session is live.
    ///
    /// # Errors
    /// When it is not valid.
    pub fn verify_access(
        &self,
        token: &str,
        issuer: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<AccessClaims, InvalidTokenError> {
        verify_access(token, issuer, audience, now, |kid| {
            self.published(now).flat_map(AuthKey::signing_keys).map(|key| &key.public).find(|key| key.kid == kid)
        })
    }
}

/// The header, the claims and their signature.
fn sign(key: &SigningKey, header: &Value, claims: &impl Serialize) -> Result<Secret<String>, InvalidTokenError> {
    let part = |json: String| URL_SAFE_NO_PAD.encode(json);
    let claims = serde_json::to_string(claims).map_err(|_| InvalidTokenError)?;
    let message = format!("{}.{}", part(header.to_string()), part(claims));
    let signature = key.sign(&message).ok_or(InvalidTokenError)?;
    Ok(Secret::new(format!("{message}.{signature}")))
}

/// The only fields that we write: a header with other instructions (jku, jwk, x5u, crit, zip …) is not ours.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

fn verify_access<'a>(
    token: &str,
    issuer: &str,
    audience: &str,
    now: Timestamp,
    key_of: impl Fn(&str) -> Option<&'a PublicKey>,
) -> Result<AccessClaims, InvalidTokenError> {
    let (message, signature) = token.rsplit_once('.').ok_or(InvalidTokenError)?;
    let (header, claims) = message.split_once('.').ok_or(InvalidTokenError)?;
    let header: Header = decode_json(header)?;
    if !header.typ.eq_ignore_ascii_case(TYPE) {
        return Err(InvalidTokenError);
    }
    // The key determines its algorithm; a header with another one is refused.
    let key = key_of(&header.kid).ok_or(InvalidTokenError)?;
    if header.alg != key.algorithm.name() || !key.verifies(message, signature) {
        return Err(InvalidTokenError);
    }
    let claims: AccessClaims = decode_json(claims)?;
    let now = u64::try_from(now.as_second()).map_err(|_| InvalidTokenError)?;
    let in_time = claims.exp.saturating_add(LEEWAY_SECONDS) > now
        && claims.nbf.is_none_or(|nbf| nbf <= now + LEEWAY_SECONDS)
        && claims.iat <= now + LEEWAY_SECONDS;
    if in_time && claims.iss == issuer && claims.aud == audience { Ok(claims) } else { Err(InvalidTokenError) }
}

/// An object of JSON, base64url. A list is refused, from which serde would read a struct as well.
pub(crate) fn decode_json<T: DeserializeOwned>(part: &str) -> Result<T, InvalidTokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidTokenError)?;
    if !bytes.starts_with(b"{") {
        return Err(InvalidTokenError);
    }
    serde_json::from_slice(&bytes).map_err(|_| InvalidTokenError)
}
