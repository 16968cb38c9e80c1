//! Access tokens (RFC 9068) and refresh tokens: created and verified here, stored nowhere.

use crate::TokenAlgorithm;
use crate::generation::{Generation, PUBLISHED_BEFORE, VERIFIES_AFTER, signing_index};
use crate::sealed::SealingKey;
use crate::signing::{PublicKey, SigningKey};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tollgate_domain::session::Lifetimes;
use tollgate_domain::{SessionId, UserId};
use tollgate_platform::{Secret, hex, random_bytes};

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

/// A token that is refused. The reason stays here: a caller learns nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid token")]
pub struct InvalidTokenError;

/// The largest difference between the clocks of two machines, in seconds; the contract allows 60.
const LEEWAY_SECONDS: u64 = 30;
const TYPE: &str = "at+jwt";

/// The keys of all generations, for signing and verifying.
pub struct AuthKeys(pub(crate) Vec<AuthKey>);

pub(crate) struct AuthKey {
    since: Timestamp,
    es256: SigningKey,
    eddsa: SigningKey,
    refresh: SealingKey,
    pub(crate) device: SealingKey,
    pub(crate) registered: SealingKey,
    pub(crate) state: SealingKey,
}

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
    pub(crate) fn new(generations: Vec<Generation>) -> Self {
        Self(generations.iter().map(AuthKey::new).collect())
    }

    pub(crate) fn current(&self, now: Timestamp) -> &AuthKey {
        let since: Vec<_> = self.0.iter().map(|key| key.since).collect();
        &self.0[signing_index(&since, now)]
    }

    /// The access keys to publish at `now`, with those that will sign next.
    fn published(&self, now: Timestamp) -> impl Iterator<Item = &AuthKey> {
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

    /// Creates number `n` of `session`'s refresh tokens: `kid.user.session.n.nonce.MAC`. The same arguments give the
    /// same token while the key is the same.
    #[must_use]
    pub fn refresh_token(
        &self,
        user: &UserId,
        session: &SessionId,
        n: u64,
        nonce: &Nonce,
        now: Timestamp,
    ) -> Secret<String> {
        let text = format!("{}.{}.{n}.{}", user.bare(), session.bare(), nonce.0.expose());
        self.current(now).refresh.seal(&text)
    }

    /// Parses and verifies a refresh token. An invalid MAC costs no call.
    ///
    /// # Errors
    /// When it was not created here.
    pub fn read_refresh_token(&self, token: &str) -> Result<RefreshToken, InvalidTokenError> {
        let text = self.0.iter().find_map(|key| key.refresh.open(token)).ok_or(InvalidTokenError)?;
        let [user, session, n, nonce] = text.split('.').collect::<Vec<_>>()[..] else { return Err(InvalidTokenError) };
        Ok(RefreshToken {
            user_id: UserId::from_bare(user).map_err(|_| InvalidTokenError)?,
            session_id: SessionId::from_bare(session).map_err(|_| InvalidTokenError)?,
            n: n.parse().map_err(|_| InvalidTokenError)?,
            nonce: Nonce(Secret::new(nonce.to_owned())),
        })
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

    fn signing_key(&self, algorithm: TokenAlgorithm) -> &SigningKey {
        match algorithm {
            TokenAlgorithm::Es256 => &self.es256,
            TokenAlgorithm::EdDsa => &self.eddsa,
        }
    }

    fn signing_keys(&self) -> [&SigningKey; 2] {
        TokenAlgorithm::ALL.map(|algorithm| self.signing_key(algorithm))
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

fn verify_access<'a>(
    token: &str,
    issuer: &str,
    audience: &str,
    now: Timestamp,
    key_of: impl Fn(&str) -> Option<&'a PublicKey>,
) -> Result<AccessClaims, InvalidTokenError> {
    let (message, signature) = token.rsplit_once('.').ok_or(InvalidTokenError)?;
    let (header, claims) = message.split_once('.').ok_or(InvalidTokenError)?;
    let header: Value = decode_json(header)?;
    let header = header.as_object().ok_or(InvalidTokenError)?;
    // Only fields that we write: a header with other instructions (jku, jwk, x5u, crit, zip …) is not ours.
    if header.keys().any(|name| !matches!(name.as_str(), "alg" | "typ" | "kid")) {
        return Err(InvalidTokenError);
    }
    let text = |name| header.get(name).and_then(Value::as_str).ok_or(InvalidTokenError);
    if !text("typ")?.eq_ignore_ascii_case(TYPE) {
        return Err(InvalidTokenError);
    }
    // The key determines its algorithm; a header with another one is refused.
    let key = key_of(text("kid")?).ok_or(InvalidTokenError)?;
    if text("alg")? != key.algorithm.name() || !key.verifies(message, signature) {
        return Err(InvalidTokenError);
    }
    let claims: AccessClaims = serde_json::from_value(decode_json(claims)?).map_err(|_| InvalidTokenError)?;
    let now = u64::try_from(now.as_second()).map_err(|_| InvalidTokenError)?;
    let in_time = claims.exp.saturating_add(LEEWAY_SECONDS) > now
        && claims.nbf.is_none_or(|nbf| nbf <= now + LEEWAY_SECONDS)
        && claims.iat <= now + LEEWAY_SECONDS;
    if in_time && claims.iss == issuer && claims.aud == audience { Ok(claims) } else { Err(InvalidTokenError) }
}

fn decode_json(part: &str) -> Result<Value, InvalidTokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidTokenError)?;
    serde_json::from_slice(&bytes).map_err(|_| InvalidTokenError)
}

/// A refresh token that was created here. Its session's row decides whether it is still valid.
pub struct RefreshToken {
    /// The user.
    pub user_id: UserId,
    /// Its session.
    pub session_id: SessionId,
    /// Its number in the rotation.
    pub n: u64,
    /// The session's own randomness.
    pub nonce: Nonce,
}

/// 128 random bits, generated at sign-in, the same for the whole life of the session; only a hash of it is stored.
pub struct Nonce(Secret<String>);

impl Nonce {
    /// A new one.
    #[must_use]
    pub fn draw() -> Self {
        Self(Secret::new(URL_SAFE_NO_PAD.encode(random_bytes::<16>())))
    }

    /// The hash in the session's row.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(digest::digest(&digest::SHA256, self.0.expose().as_bytes()).as_ref())
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TokenAlgorithm::{EdDsa, Es256};
    use crate::generation::parse_generations;
    use aws_lc_rs::hmac;

    const ISSUER: &str = "https://app.example";

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn keys() -> AuthKeys {
        AuthKeys::new(parse_generations("q7Zt0vLx2mKc9RdW4yHb8sNf6uPj1gAe").unwrap())
    }

    fn claims() -> AccessClaims {
        let lifetimes = Lifetimes { access_seconds: 900, idle_seconds: 1, absolute_seconds: 1 };
        let subject = Subject {
            user: UserId::new(now(), [1; 10]),
            session: SessionId::new(now(), [2; 10]),
            tier: 0,
            is_admin: false,
            features: Map::new(),
            amr: vec!["pwd".to_owned()],
            signed_in_at: now(),
        };
        new_claims((ISSUER, ISSUER), subject, now(), &lifetimes)
    }

    fn verify(token: &str, now: Timestamp) -> Result<AccessClaims, InvalidTokenError> {
        keys().verify_access(token, ISSUER, ISSUER, now)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(now().as_second() + seconds).unwrap()
    }

    #[test]
    fn the_public_keys_verify_the_same_tokens_as_the_secret() {
        let token = keys().sign_access(&claims(), Es256, now()).unwrap();
        let published = PublicKeys::parse(&keys().jwks(now()).to_string());
        assert!(published.know(token.expose()));
        assert_eq!(published.verify_access(token.expose(), ISSUER, ISSUER, now()), Ok(claims_of(token.expose())));
        assert_eq!(published.verify_access(token.expose(), ISSUER, "another", now()), Err(InvalidTokenError));
        let other = AuthKeys::new(parse_generations("2mKc9RdW4yHb8sNf6uPj1gAeq7Zt0vLx").unwrap());
        let foreign = PublicKeys::parse(&other.jwks(now()).to_string());
        assert!(!foreign.know(token.expose()));
        assert_eq!(foreign.verify_access(token.expose(), ISSUER, ISSUER, now()), Err(InvalidTokenError));
        assert!(!PublicKeys::parse("nonsense").know(token.expose()) && !published.know("nonsense"));
    }

    fn claims_of(token: &str) -> AccessClaims {
        verify(token, now()).unwrap()
    }

    #[test]
    fn a_token_is_valid_until_its_end_with_the_leeway() {
        let token = keys().sign_access(&claims(), Es256, now()).unwrap();
        assert_eq!(
            verify(token.expose(), now()),
            Ok(claims()).map(|c: AccessClaims| AccessClaims { jti: verify(token.expose(), now()).unwrap().jti, ..c })
        );
        assert!(verify(token.expose(), at(900 + 29)).is_ok());
        assert!(verify(token.expose(), at(900 + 60)).is_err());
    }

    // S15
    #[test]
    fn every_forged_header_is_refused() {
        let claims = serde_json::to_value(claims()).unwrap();
        let good = json!({"alg": "ES256", "typ": "at+jwt"});
        let signed = |header: &Value| keys().sign_raw(header.clone(), &claims, now()).unwrap();
        assert!(verify(signed(&good).expose(), now()).is_ok());
        for (name, value) in [
            ("alg", json!("none")),
            ("alg", json!("HS256")),
            ("alg", json!("RS256")),
            ("alg", json!(null)),
            ("typ", json!("JWT")),
            ("typ", json!("refresh+jwt")),
            ("typ", json!(null)),
            ("kid", json!("0000000000000000")),
            ("kid", json!(["a"])),
            ("jku", json!("https://evil.example/jwks.json")),
            ("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"})),
            ("x5u", json!("https://evil.example/cert")),
            ("crit", json!(["exp"])),
        ] {
            let mut header = good.clone();
            header[name] = value;
            assert_eq!(verify(signed(&header).expose(), now()), Err(InvalidTokenError), "{header}");
        }
    }

    // S15
    #[test]
    fn every_wrong_claim_is_refused() {
        let good = serde_json::to_value(claims()).unwrap();
        let header = json!({"alg": "ES256", "typ": "at+jwt"});
        for (name, value) in [
            ("iss", json!("https://evil.example")),
            ("iss", json!(null)),
            ("aud", json!("https://evil.example")),
            ("aud", json!([ISSUER])),
            ("exp", json!("1900000000")),
            ("exp", json!(-1)),
            ("exp", json!(null)),
            ("exp", json!(1.5e300)),
            ("exp", json!(0)),
            ("nbf", json!("0")),
            ("nbf", json!(-1)),
            ("nbf", json!(1_900_000_000)),
            ("iat", json!(1_900_000_000)),
            ("sub", json!("ses_00000000000000000000000000000000")),
            ("sid", json!("")),
        ] {
            let mut claims = good.clone();
            claims[name] = value;
            let token = keys().sign_raw(header.clone(), &claims, now()).unwrap();
            assert_eq!(verify(token.expose(), now()), Err(InvalidTokenError), "{name}: {}", claims[name]);
            if claims.as_object_mut().unwrap().remove(name).is_some() && name != "nbf" {
                let token = keys().sign_raw(header.clone(), &claims, now()).unwrap();
                assert_eq!(verify(token.expose(), now()), Err(InvalidTokenError), "without {name}");
            }
        }
    }

    // S15
    #[test]
    fn a_token_without_a_valid_signature_is_refused() {
        let good = keys().sign_access(&claims(), Es256, now()).unwrap();
        let (message, signature) = good.expose().rsplit_once('.').unwrap();
        let other = AuthKeys::new(parse_generations("another-33-characters-long-string!!").unwrap());
        let foreign = other.sign_access(&claims(), Es256, now()).unwrap();
        for bad in [
            format!("{message}."),
            message.to_owned(),
            format!("{message}.{}", signature.replace(&signature[..4], "AAAA")),
            String::new(),
            "..".to_owned(),
            foreign.expose().clone(),
            format!("{message}.{}", foreign.expose().rsplit_once('.').unwrap().1),
        ] {
            assert_eq!(verify(&bad, now()), Err(InvalidTokenError), "{bad}");
        }
    }

    /// A token with this header, signed by `signature_of` the message.
    fn forged(header: &Value, signature_of: impl Fn(&str) -> String) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(&serde_json::to_value(claims()).unwrap()));
        let signature = signature_of(&message);
        format!("{message}.{signature}")
    }

    // S15
    #[test]
    fn a_key_verifies_only_its_own_algorithm() {
        let keys = keys();
        let published = PublicKeys::parse(&keys.jwks(now()).to_string());
        let accepts = |token: &str| {
            let own = keys.verify_access(token, ISSUER, ISSUER, now()).is_ok();
            assert_eq!(published.verify_access(token, ISSUER, ISSUER, now()).is_ok(), own, "{token}");
            own
        };
        for key in [Es256, EdDsa].map(|algorithm| keys.current(now()).signing_key(algorithm)) {
            let jwk = key.public.jwk();
            for alg in ["ES256", "EdDSA", "ES384", "RS256", "HS256", "none", ""] {
                let header = json!({"alg": alg, "typ": "at+jwt", "kid": key.public.kid});
                let is_own = alg == key.public.algorithm.name();
                assert_eq!(accepts(&forged(&header, |message| key.sign(message).unwrap())), is_own, "{header}");
                assert!(!accepts(&forged(&header, |_| String::new())), "{header}");
                // With the public part of the key as the secret of an HMAC.
                for secret in [jwk.to_string(), jwk["x"].as_str().unwrap().to_owned()] {
                    let hmac_key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                    let by_hmac = |message: &str| URL_SAFE_NO_PAD.encode(hmac::sign(&hmac_key, message.as_bytes()));
                    assert!(!accepts(&forged(&header, by_hmac)), "{header}");
                }
            }
        }
    }

    #[test]
    fn a_token_of_either_algorithm_verifies_whichever_signs_now() {
        let keys = keys();
        for algorithm in [Es256, EdDsa] {
            let token = keys.sign_access(&claims(), algorithm, now()).unwrap();
            let header: Value = decode_json(token.expose().split('.').next().unwrap()).unwrap();
            assert_eq!(header["alg"], algorithm.name());
            assert!(verify(token.expose(), now()).is_ok());
        }
    }

    // R18
    #[test]
    fn a_token_of_the_version_before_is_read_without_the_new_claims() {
        let mut old = serde_json::to_value(claims()).unwrap();
        for name in ["features", "amr", "auth_time"] {
            assert!(old.as_object_mut().unwrap().remove(name).is_some());
        }
        let header = json!({"alg": "EdDSA", "typ": "at+jwt"});
        let read = verify(keys().sign_raw(header, &old, now()).unwrap().expose(), now()).unwrap();
        assert_eq!((read.features, read.amr, read.auth_time), (Map::new(), Vec::new(), None));
    }

    // S12
    #[test]
    fn refresh_tokens_and_access_tokens_do_not_replace_each_other() {
        let (keys, nonce) = (keys(), Nonce::draw());
        let refresh = keys.refresh_token(&claims().sub, &claims().sid, 3, &nonce, now());
        let access = keys.sign_access(&claims(), Es256, now()).unwrap();
        assert!(verify(refresh.expose(), now()).is_err() && keys.read_refresh_token(access.expose()).is_err());
        let read = keys.read_refresh_token(refresh.expose()).unwrap();
        assert_eq!(
            (read.user_id, read.session_id, read.n, read.nonce.hash()),
            (claims().sub, claims().sid, 3, nonce.hash())
        );
    }

    // S18
    #[test]
    fn every_changed_character_invalidates_a_refresh_token() {
        let keys = keys();
        let good = keys.refresh_token(&claims().sub, &claims().sid, 12, &Nonce::draw(), now()).expose().clone();
        for position in 0..good.len() - 1 {
            let mut text = good.clone().into_bytes();
            text[position] = if text[position] == b'1' { b'2' } else { b'1' };
            assert!(keys.read_refresh_token(&String::from_utf8(text).unwrap()).is_err(), "{position}");
        }
    }

    // R17
    #[test]
    fn a_rotation_invalidates_no_token() {
        let old = "q7Zt0vLx2mKc9RdW4yHb8sNf6uPj1gAe";
        let since = at(0);
        let both = format!(
            "{{\"keys\":[{{\"value\":\"{old}\",\"since\":\"1970-01-01T00:00:00Z\"}},{{\"value\":\"{old}2\",\"since\":\"{since}\"}}]}}"
        );
        let rotated = AuthKeys::new(parse_generations(&both).unwrap());
        let kids = |now| rotated.jwks(now)["keys"].as_array().unwrap().len();
        assert_eq!(
            [kids(at(0)), kids(at(900 + 1800)), kids(at(900 + 1801))],
            [4, 4, 2],
            "published before, verifying after"
        );
        let before = keys().sign_access(&claims(), Es256, now()).unwrap();
        assert!(rotated.verify_access(before.expose(), ISSUER, ISSUER, at(900)).is_ok());
        let late = AccessClaims { exp: claims().exp + 899, iat: claims().iat + 899, ..claims() };
        let last = rotated.sign_access(&late, Es256, at(899)).unwrap();
        assert!(rotated.verify_access(last.expose(), ISSUER, ISSUER, at(899 + 899)).is_ok());
        let first = rotated.sign_access(&late, Es256, at(900)).unwrap();
        assert!(keys().verify_access(first.expose(), ISSUER, ISSUER, at(900)).is_err(), "the new key signs it");
    }
}
