//! Access tokens (RFC 9068) and refresh tokens: made and judged here, stored nowhere.

use crate::encoding::hex;
use crate::generation::{Generation, PUBLISHED_BEFORE, VERIFIES_AFTER, signing_index};
use crate::sealed::SealingKey;
use crate::{Secret, random_bytes};
use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tollgate_domain::session::Lifetimes;
use tollgate_domain::{SessionId, UserId};

/// What an access token says. `tier` and `is_admin` are for a team's own services; here the gate decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// `APP_URL` of who issued it.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// Whose it is.
    pub sub: UserId,
    /// Its end, in seconds since 1970.
    pub exp: u64,
    /// When it was issued.
    pub iat: u64,
    /// Before this it is not good yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// Its own id.
    pub jti: String,
    /// The session that it belongs to.
    pub sid: SessionId,
    /// The user's tier when it was issued.
    pub tier: u32,
    /// Whether the user was an admin when it was issued.
    pub is_admin: bool,
}

/// A token that is refused. Why stays here: a caller learns nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid token")]
pub struct BadToken;

/// How far the clocks of two machines may differ, in seconds; the contract allows 60.
const LEEWAY_SECONDS: u64 = 30;
const TYPE: &str = "at+jwt";

/// The keys of all generations, for signing and for judging.
pub struct AuthKeys(pub(crate) Vec<AuthKey>);

pub(crate) struct AuthKey {
    since: Timestamp,
    /// RFC 7638-like: a hash of the public key.
    kid: String,
    signing: EncodingKey,
    verifying: PublicKey,
    refresh: SealingKey,
    pub(crate) device: SealingKey,
    pub(crate) registered: SealingKey,
    pub(crate) state: SealingKey,
}

/// The public keys of access tokens, as `auth` publishes them: what every other function judges by.
pub struct PublicKeys(Vec<(String, PublicKey)>);

impl PublicKeys {
    /// From a JSON Web Key Set; keys of another kind than ours are left out.
    #[must_use]
    pub fn parse(jwks: &str) -> Self {
        let set: Value = serde_json::from_str(jwks).unwrap_or_default();
        let key = |jwk: &Value| {
            let (kid, x) = (jwk["kid"].as_str()?, jwk["x"].as_str()?);
            let key = DecodingKey::from_ed_components(x).ok().filter(|_| jwk["crv"] == "Ed25519")?;
            Some((kid.to_owned(), PublicKey { key, x: x.to_owned() }))
        };
        Self(set["keys"].as_array().into_iter().flatten().filter_map(key).collect())
    }

    /// Whether the key that `token` names is among them.
    #[must_use]
    pub fn know(&self, token: &str) -> bool {
        let header: Option<Value> = token.split('.').next().and_then(|header| decode_json(header).ok());
        header.is_some_and(|header| self.0.iter().any(|(kid, _)| header["kid"] == kid.as_str()))
    }

    /// Judges an access token, as [`AuthKeys::verify_access`] does.
    ///
    /// # Errors
    /// When anything is wrong with it.
    pub fn verify_access(
        &self,
        token: &str,
        issuer: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<AccessClaims, BadToken> {
        verify_access(token, issuer, audience, now, |kid| {
            self.0.iter().find(|(known, _)| known == kid).map(|(_, key)| key.clone())
        })
    }
}

/// A public key by which access tokens are judged.
#[derive(Clone)]
pub struct PublicKey {
    key: DecodingKey,
    /// The 32 bytes, base64url.
    x: String,
}

impl AuthKeys {
    pub(crate) fn new(generations: Vec<Generation>) -> Self {
        Self(generations.iter().map(AuthKey::new).collect())
    }

    pub(crate) fn current(&self, now: Timestamp) -> &AuthKey {
        let since: Vec<_> = self.0.iter().map(|key| key.since).collect();
        &self.0[signing_index(&since, now)]
    }

    /// The access keys to publish at `now`, those that will sign next among them.
    fn published(&self, now: Timestamp) -> impl Iterator<Item = &AuthKey> {
        let since: Vec<_> = self.0.iter().map(|key| key.since).collect();
        let current = signing_index(&since, now);
        self.0.iter().enumerate().filter_map(move |(index, key)| {
            let stopped_at = since.get(index + 1).map(|next| *next + PUBLISHED_BEFORE);
            let verifies = stopped_at.is_none_or(|stopped| now.duration_since(stopped) <= VERIFIES_AFTER);
            (index >= current || verifies).then_some(key)
        })
    }

    /// Since when the newest key is there: of two sets that are published the one with the newer key stays.
    #[must_use]
    pub fn newest(&self) -> Timestamp {
        self.0.iter().map(|key| key.since).max().unwrap_or(Timestamp::MIN)
    }

    /// The JSON Web Key Set at `now` (RFC 7517, RFC 8037).
    #[must_use]
    pub fn jwks(&self, now: Timestamp) -> Value {
        let jwk = |key: &AuthKey| json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.kid, "x": key.verifying.x});
        json!({"keys": self.published(now).map(jwk).collect::<Vec<_>>()})
    }

    /// Signs `claims`.
    ///
    /// # Errors
    /// When the library cannot sign.
    pub fn sign_access(&self, claims: &AccessClaims, now: Timestamp) -> Result<Secret<String>, BadToken> {
        let key = self.current(now);
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(key.kid.clone());
        jsonwebtoken::encode(&header, claims, &key.signing).map(Secret::new).map_err(|_| BadToken)
    }

    /// Signs exactly this header and these claims, to test what is refused. `kid` is filled in where it is missing.
    ///
    /// # Errors
    /// When the library cannot sign.
    pub fn sign_raw(&self, mut header: Value, claims: &Value, now: Timestamp) -> Result<Secret<String>, BadToken> {
        let key = self.current(now);
        if let Some(header) = header.as_object_mut() {
            header.entry("kid").or_insert_with(|| key.kid.clone().into());
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key.signing, Algorithm::EdDSA);
        Ok(Secret::new(format!("{message}.{}", signature.map_err(|_| BadToken)?)))
    }

    /// Judges an access token (S15): signature by a published key that its `kid` names, type, issuer, audience, times by
    /// `now`. Whether its session lives is the gate's to say.
    ///
    /// # Errors
    /// When anything is wrong with it.
    pub fn verify_access(
        &self,
        token: &str,
        issuer: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<AccessClaims, BadToken> {
        verify_access(token, issuer, audience, now, |kid| {
            self.published(now).find(|key| key.kid == kid).map(|key| key.verifying.clone())
        })
    }

    /// Mints number `n` of `session`'s refresh tokens: `kid.user.session.n.nonce.MAC`. The same arguments give the same
    /// token while the key is the same.
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

    /// Reads a refresh token. One with a false MAC costs no call.
    ///
    /// # Errors
    /// When it was not made here.
    pub fn read_refresh_token(&self, token: &str) -> Result<RefreshToken, BadToken> {
        let text = self.0.iter().find_map(|key| key.refresh.open(token)).ok_or(BadToken)?;
        let [user, session, n, nonce] = text.split('.').collect::<Vec<_>>()[..] else { return Err(BadToken) };
        Ok(RefreshToken {
            user_id: UserId::from_bare(user).map_err(|_| BadToken)?,
            session_id: SessionId::from_bare(session).map_err(|_| BadToken)?,
            n: n.parse().map_err(|_| BadToken)?,
            nonce: Nonce(Secret::new(nonce.to_owned())),
        })
    }
}

impl AuthKey {
    fn new(generation: &Generation) -> Self {
        let seed = Secret::new(generation.derive::<32>("access").to_vec());
        #[allow(clippy::expect_used)] // any 32 bytes are an Ed25519 seed
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("32 bytes");
        #[allow(clippy::expect_used)] // writing a key that was just made cannot fail
        let pkcs8 = pair.to_pkcs8().expect("a key");
        let verifying = PublicKey::of(&pair);
        Self {
            since: generation.since,
            kid: hex(&digest::digest(&digest::SHA256, verifying.x.as_bytes()).as_ref()[..8]),
            signing: EncodingKey::from_ed_der(pkcs8.as_ref()),
            verifying,
            refresh: SealingKey::new(generation, "refresh id", "refresh"),
            device: SealingKey::new(generation, "device id", "device"),
            registered: SealingKey::new(generation, "registered id", "registered"),
            state: SealingKey::new(generation, "oauth state id", "oauth state"),
        }
    }
}

impl PublicKey {
    fn of(pair: &Ed25519KeyPair) -> Self {
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        #[allow(clippy::expect_used)] // base64url, as it was just written
        let key = DecodingKey::from_ed_components(&x).expect("base64url");
        Self { key, x }
    }
}

fn verify_access(
    token: &str,
    issuer: &str,
    audience: &str,
    now: Timestamp,
    key_of: impl Fn(&str) -> Option<PublicKey>,
) -> Result<AccessClaims, BadToken> {
    let (message, signature) = token.rsplit_once('.').ok_or(BadToken)?;
    let (header, claims) = message.split_once('.').ok_or(BadToken)?;
    let header: Value = decode_json(header)?;
    let header = header.as_object().ok_or(BadToken)?;
    // Nothing but what we write: a header that wants more of us (jku, jwk, x5u, crit, zip …) is not ours.
    if header.keys().any(|name| !matches!(name.as_str(), "alg" | "typ" | "kid")) {
        return Err(BadToken);
    }
    let text = |name| header.get(name).and_then(Value::as_str).ok_or(BadToken);
    if text("alg")? != "EdDSA" || !text("typ")?.eq_ignore_ascii_case(TYPE) {
        return Err(BadToken);
    }
    let key = key_of(text("kid")?).ok_or(BadToken)?;
    let holds = jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.key, Algorithm::EdDSA);
    if !holds.unwrap_or(false) {
        return Err(BadToken);
    }
    let claims: AccessClaims = serde_json::from_value(decode_json(claims)?).map_err(|_| BadToken)?;
    let now = u64::try_from(now.as_second()).map_err(|_| BadToken)?;
    let in_time = claims.exp.saturating_add(LEEWAY_SECONDS) > now
        && claims.nbf.is_none_or(|nbf| nbf <= now + LEEWAY_SECONDS)
        && claims.iat <= now + LEEWAY_SECONDS;
    if in_time && claims.iss == issuer && claims.aud == audience { Ok(claims) } else { Err(BadToken) }
}

fn decode_json(part: &str) -> Result<Value, BadToken> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| BadToken)?;
    serde_json::from_slice(&bytes).map_err(|_| BadToken)
}

/// A refresh token that was made here. Whether it is still good, its session's row says.
pub struct RefreshToken {
    /// Whose it is.
    pub user_id: UserId,
    /// The session that it belongs to.
    pub session_id: SessionId,
    /// Its place in the rotation.
    pub n: u64,
    /// The session's own randomness.
    pub nonce: Nonce,
}

/// 128 random bits, drawn at sign-in, the same for the session's whole life; only a hash of it is stored.
pub struct Nonce(Secret<String>);

impl Nonce {
    /// A new one.
    #[must_use]
    pub fn draw() -> Self {
        Self(Secret::new(URL_SAFE_NO_PAD.encode(random_bytes::<16>())))
    }

    /// What the session's row keeps of it.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(digest::digest(&digest::SHA256, self.0.expose().as_bytes()).as_ref())
    }
}

/// The claims of a new access token.
#[must_use]
pub fn new_claims(
    origin: (&str, &str),
    user: UserId,
    session: SessionId,
    rights: (u32, bool),
    now: Timestamp,
    lifetimes: &Lifetimes,
) -> AccessClaims {
    let iat = u64::try_from(now.as_second()).unwrap_or_default();
    AccessClaims {
        iss: origin.0.to_owned(),
        aud: origin.1.to_owned(),
        sub: user,
        exp: iat + u64::from(lifetimes.access_seconds),
        iat,
        nbf: None,
        jti: hex(&random_bytes::<16>()),
        sid: session,
        tier: rights.0,
        is_admin: rights.1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::parse_generations;

    const ISSUER: &str = "https://app.example";

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn keys() -> AuthKeys {
        AuthKeys::new(parse_generations("q7Zt0vLx2mKc9RdW4yHb8sNf6uPj1gAe").unwrap())
    }

    fn claims() -> AccessClaims {
        let lifetimes = Lifetimes { access_seconds: 900, idle_seconds: 1, absolute_seconds: 1 };
        let (user, session) = (UserId::new(now(), [1; 10]), SessionId::new(now(), [2; 10]));
        new_claims((ISSUER, ISSUER), user, session, (0, false), now(), &lifetimes)
    }

    fn verify(token: &str, now: Timestamp) -> Result<AccessClaims, BadToken> {
        keys().verify_access(token, ISSUER, ISSUER, now)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(now().as_second() + seconds).unwrap()
    }

    #[test]
    fn the_public_keys_verify_the_same_tokens_as_the_secret() {
        let token = keys().sign_access(&claims(), now()).unwrap();
        let published = PublicKeys::parse(&keys().jwks(now()).to_string());
        assert!(published.know(token.expose()));
        assert_eq!(published.verify_access(token.expose(), ISSUER, ISSUER, now()), Ok(claims_of(token.expose())));
        assert_eq!(published.verify_access(token.expose(), ISSUER, "another", now()), Err(BadToken));
        let other = AuthKeys::new(parse_generations("2mKc9RdW4yHb8sNf6uPj1gAeq7Zt0vLx").unwrap());
        let foreign = PublicKeys::parse(&other.jwks(now()).to_string());
        assert!(!foreign.know(token.expose()));
        assert_eq!(foreign.verify_access(token.expose(), ISSUER, ISSUER, now()), Err(BadToken));
        assert!(!PublicKeys::parse("nonsense").know(token.expose()) && !published.know("nonsense"));
    }

    fn claims_of(token: &str) -> AccessClaims {
        verify(token, now()).unwrap()
    }

    #[test]
    fn a_token_is_good_until_it_ends_give_or_take_the_leeway() {
        let token = keys().sign_access(&claims(), now()).unwrap();
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
        let good = json!({"alg": "EdDSA", "typ": "at+jwt"});
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
            assert_eq!(verify(signed(&header).expose(), now()), Err(BadToken), "{header}");
        }
    }

    // S15
    #[test]
    fn every_wrong_claim_is_refused() {
        let good = serde_json::to_value(claims()).unwrap();
        let header = json!({"alg": "EdDSA", "typ": "at+jwt"});
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
            assert_eq!(verify(token.expose(), now()), Err(BadToken), "{name}: {}", claims[name]);
            if claims.as_object_mut().unwrap().remove(name).is_some() && name != "nbf" {
                let token = keys().sign_raw(header.clone(), &claims, now()).unwrap();
                assert_eq!(verify(token.expose(), now()), Err(BadToken), "without {name}");
            }
        }
    }

    // S15
    #[test]
    fn a_token_without_a_true_signature_is_refused() {
        let good = keys().sign_access(&claims(), now()).unwrap();
        let (message, signature) = good.expose().rsplit_once('.').unwrap();
        let other = AuthKeys::new(parse_generations("another-33-characters-long-string!!").unwrap());
        let foreign = other.sign_access(&claims(), now()).unwrap();
        for bad in [
            format!("{message}."),
            message.to_owned(),
            format!("{message}.{}", signature.replace(&signature[..4], "AAAA")),
            String::new(),
            "..".to_owned(),
            foreign.expose().clone(),
            format!("{message}.{}", foreign.expose().rsplit_once('.').unwrap().1),
        ] {
            assert_eq!(verify(&bad, now()), Err(BadToken), "{bad}");
        }
    }

    // S12
    #[test]
    fn a_refresh_token_is_no_access_token_and_the_reverse() {
        let (keys, nonce) = (keys(), Nonce::draw());
        let refresh = keys.refresh_token(&claims().sub, &claims().sid, 3, &nonce, now());
        let access = keys.sign_access(&claims(), now()).unwrap();
        assert!(verify(refresh.expose(), now()).is_err() && keys.read_refresh_token(access.expose()).is_err());
        let read = keys.read_refresh_token(refresh.expose()).unwrap();
        assert_eq!(
            (read.user_id, read.session_id, read.n, read.nonce.hash()),
            (claims().sub, claims().sid, 3, nonce.hash())
        );
    }

    // S18
    #[test]
    fn every_changed_character_of_a_refresh_token_makes_it_false() {
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
    fn a_rotation_refuses_no_token_that_was_good() {
        let old = "q7Zt0vLx2mKc9RdW4yHb8sNf6uPj1gAe";
        let since = at(0);
        let both = format!(
            "{{\"keys\":[{{\"value\":\"{old}\",\"since\":\"1970-01-01T00:00:00Z\"}},{{\"value\":\"{old}2\",\"since\":\"{since}\"}}]}}"
        );
        let rotated = AuthKeys::new(parse_generations(&both).unwrap());
        let kids = |now| rotated.jwks(now)["keys"].as_array().unwrap().len();
        assert_eq!(
            [kids(at(0)), kids(at(900 + 1800)), kids(at(900 + 1801))],
            [2, 2, 1],
            "published before, verifying after"
        );
        let before = keys().sign_access(&claims(), now()).unwrap();
        assert!(rotated.verify_access(before.expose(), ISSUER, ISSUER, at(900)).is_ok());
        let late = AccessClaims { exp: claims().exp + 899, iat: claims().iat + 899, ..claims() };
        let last = rotated.sign_access(&late, at(899)).unwrap();
        assert!(rotated.verify_access(last.expose(), ISSUER, ISSUER, at(899 + 899)).is_ok());
        let first = rotated.sign_access(&late, at(900)).unwrap();
        assert!(keys().verify_access(first.expose(), ISSUER, ISSUER, at(900)).is_err(), "the new key signs it");
    }
}
