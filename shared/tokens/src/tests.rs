//! Tests of access tokens and refresh tokens together.

use crate::TokenAlgorithm::{EdDsa, Es256};
use crate::access::{PublicKeys, decode_json};
use crate::auth_keys::{AuthKeys, InvalidTokenError};
use crate::claims::{AccessClaims, Subject, new_claims};
use crate::generation::parse_generations;
use crate::refresh::Nonce;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tollgate_domain::session::Lifetimes;
use tollgate_domain::{SessionId, UserId};

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
fn a_list_instead_of_an_object_is_refused() {
    let keys = keys();
    let good = keys.sign_access(&claims(), Es256, now()).unwrap();
    let [header, payload, _] = <[&str; 3]>::try_from(good.expose().split('.').collect::<Vec<_>>()).unwrap();
    // The values in the order of the fields.
    let values = |part: &str, names: &[&str]| {
        let object: Value = decode_json(part).unwrap();
        let list = names.iter().map(|name| object.get(name).cloned().unwrap_or_default()).collect::<Vec<_>>();
        URL_SAFE_NO_PAD.encode(Value::from(list).to_string())
    };
    let list_of_header = values(header, &["alg", "typ", "kid"]);
    let claims = ["iss", "aud", "sub", "exp", "iat", "nbf", "jti", "sid", "tier", "is_admin", "features", "amr"];
    let list_of_claims = values(payload, &[&claims[..], &["auth_time"]].concat());
    let signing = keys.current(now()).signing_key(Es256);
    let signed = |header: &str, payload: &str| {
        let message = format!("{header}.{payload}");
        format!("{message}.{}", signing.sign(&message).unwrap())
    };
    let verify = |token: &str| keys.verify_access(token, ISSUER, ISSUER, now());
    assert!(verify(&signed(header, payload)).is_ok());
    assert_eq!(verify(&signed(&list_of_header, payload)), Err(InvalidTokenError));
    assert_eq!(verify(&signed(header, &list_of_claims)), Err(InvalidTokenError));
}

// S15
#[test]
fn of_a_token_that_was_verified_only_the_signature_is_remembered() {
    let keys = keys();
    let published = PublicKeys::parse(&keys.jwks(now()).to_string());
    for algorithm in [Es256, EdDsa] {
        let token = keys.sign_access(&claims(), algorithm, now()).unwrap();
        let token = token.expose();
        let verify = |token: &str, issuer: &str, audience: &str, now| {
            let [own, other] = [
                keys.verify_access(token, issuer, audience, now),
                published.verify_access(token, issuer, audience, now),
            ];
            assert_eq!(own, other);
            own.is_ok()
        };
        assert!(verify(token, ISSUER, ISSUER, now()) && verify(token, ISSUER, ISSUER, now()));
        assert!(!verify(token, ISSUER, ISSUER, at(900 + 60)), "it has expired");
        assert!(!verify(token, "https://other.example", ISSUER, now()) && !verify(token, ISSUER, "another", now()));
        // Each of its characters changed.
        for place in (0..token.len()).filter(|place| token.as_bytes()[*place] != b'.') {
            let changed = if token.as_bytes()[place] == b'A' { "Q" } else { "A" };
            let mut forged = token.to_owned();
            forged.replace_range(place..=place, changed);
            assert!(!verify(&forged, ISSUER, ISSUER, now()), "{forged}");
        }
        // Another key set has verified nothing.
        let other = AuthKeys::new(parse_generations("2mKc9RdW4yHb8sNf6uPj1gAeq7Zt0vLx").unwrap());
        assert!(other.verify_access(token, ISSUER, ISSUER, now()).is_err());
        assert!(verify(token, ISSUER, ISSUER, now()));
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
