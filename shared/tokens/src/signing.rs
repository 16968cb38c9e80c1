//! The keys that sign access tokens: each generation has one for ES256 and one for EdDSA, and both are published.

use crate::generation::{Generation, PUBLISHED_BEFORE};
use crate::verified::VerifiedSignatures;
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    ParsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::str::FromStr;
use tollgate_platform::{Secret, hex};

/// The algorithm that signs access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenAlgorithm {
    /// ECDSA on P-256 with SHA-256 (RFC 7518), which every library and gateway supports.
    #[default]
    Es256,
    /// Ed25519 (RFC 8037).
    EdDsa,
}

impl TokenAlgorithm {
    /// All algorithms.
    pub const ALL: [Self; 2] = [Self::Es256, Self::EdDsa];

    /// Its name in a token's header and in a key set.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm that signs at `now`, where keys of ES256 are published since `es256_since`: like any key they sign
    /// a quarter of an hour later, and until then EdDSA does, which every version has published.
    #[must_use]
    pub fn once_published(self, es256_since: Timestamp, now: Timestamp) -> Self {
        match self {
            Self::Es256 if now.duration_since(es256_since) < PUBLISHED_BEFORE => Self::EdDsa,
            wanted => wanted,
        }
    }
}

/// Not the name of an algorithm that signs access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("ES256 or EdDSA")]
pub struct UnknownAlgorithmError;

impl FromStr for TokenAlgorithm {
    type Err = UnknownAlgorithmError;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithmError> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == text).ok_or(UnknownAlgorithmError)
    }
}

/// A private key with its public key.
pub(crate) struct SigningKey {
    pair: Pair,
    pub(crate) public: PublicKey,
}

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    pub(crate) fn derive(generation: &Generation, algorithm: TokenAlgorithm) -> Self {
        match algorithm {
            TokenAlgorithm::Es256 => {
                let candidates = (0_u8..=u8::MAX).map(|n| generation.derive::<32>(&format!("access es256 {n}")));
                #[allow(clippy::expect_used)] // one of 2^32 strings is not a scalar
                let pair = p256_pair(candidates).expect("one of 256 strings is a scalar");
                #[allow(clippy::expect_used)] // the library made it
                let public = PublicKey::of_p256(pair.public_key().as_ref()).expect("a point");
                Self { pair: Pair::P256(pair), public }
            }
            TokenAlgorithm::EdDsa => {
                let seed = Secret::new(generation.derive::<32>("access").to_vec());
                #[allow(clippy::expect_used)] // any 32 bytes are an Ed25519 seed
                let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("32 bytes");
                #[allow(clippy::expect_used)] // the library made it
                let public = PublicKey::of_ed25519(pair.public_key().as_ref()).expect("a point");
                Self { pair: Pair::Ed25519(pair), public }
            }
        }
    }

    /// The signature of `message`, base64url; `None` when the library cannot sign.
    pub(crate) fn sign(&self, message: &str) -> Option<String> {
        let message = message.as_bytes();
        Some(match &self.pair {
            Pair::P256(pair) => URL_SAFE_NO_PAD.encode(pair.sign(&SystemRandom::new(), message).ok()?),
            Pair::Ed25519(pair) => URL_SAFE_NO_PAD.encode(pair.sign(message)),
        })
    }
}

/// The pair of the first candidate that is a P-256 scalar: not zero, and less than the order of the curve.
fn p256_pair(mut candidates: impl Iterator<Item = [u8; 32]>) -> Option<EcdsaKeyPair> {
    candidates.find_map(|candidate| {
        let scalar = Secret::new(candidate.to_vec());
        let private = PrivateKey::from_private_key(&ECDH_P256, scalar.expose()).ok()?;
        let public = private.compute_public_key().ok()?;
        let signing = &ECDSA_P256_SHA256_FIXED_SIGNING;
        EcdsaKeyPair::from_private_key_and_public_key(signing, scalar.expose(), public.as_ref()).ok()
    })
}

/// A public key that verifies access tokens of one algorithm.
pub(crate) struct PublicKey {
    pub(crate) algorithm: TokenAlgorithm,
    /// Like RFC 7638: a hash of the public key.
    pub(crate) kid: String,
    /// The coordinates, base64url; Ed25519 has one.
    x: String,
    y: Option<String>,
    /// For the library, which verifies with the same key many times.
    parsed: ParsedPublicKey,
    verified: VerifiedSignatures,
}

/// The length of a coordinate, in bytes.
const COORDINATE: usize = 32;

impl PublicKey {
    /// `None` when the library refuses it.
    fn of_ed25519(bytes: &[u8]) -> Option<Self> {
        let x = URL_SAFE_NO_PAD.encode(bytes);
        let parsed = ParsedPublicKey::new(&ED25519, bytes).ok()?;
        Some(Self {
            algorithm: TokenAlgorithm::EdDsa,
            kid: kid_of(&x),
            x,
            y: None,
            parsed,
            verified: VerifiedSignatures::default(),
        })
    }

    /// From an uncompressed point: `04`, x, y. `None` when it is not on the curve.
    fn of_p256(bytes: &[u8]) -> Option<Self> {
        let (x, y) = bytes[1..].split_at(COORDINATE);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let kid = kid_of(&format!("{x}.{y}"));
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes).ok()?;
        let verified = VerifiedSignatures::default();
        Some(Self { algorithm: TokenAlgorithm::Es256, kid, x, y: Some(y), parsed, verified })
    }

    /// From a JSON Web Key; `None` for one of another kind, or whose parts contradict each other.
    pub(crate) fn of_jwk(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk[name].as_str();
        let coordinate =
            |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok().filter(|bytes| bytes.len() == COORDINATE);
        let key = match (text("kty")?, text("crv")?) {
            ("OKP", "Ed25519") => Self::of_ed25519(&coordinate("x")?)?,
            ("EC", "P-256") => Self::of_p256(&[&[4][..], &coordinate("x")?, &coordinate("y")?].concat())?,
            _ => return None,
        };
        let is_its_own = text("alg").is_none_or(|alg| alg == key.algorithm.name());
        let kid = text("kid")?.to_owned();
        is_its_own.then_some(Self { kid, ..key })
    }

    /// As a JSON Web Key (RFC 7517, RFC 7518, RFC 8037).
    pub(crate) fn jwk(&self) -> Value {
        let (kty, crv) = match self.algorithm {
            TokenAlgorithm::Es256 => ("EC", "P-256"),
            TokenAlgorithm::EdDsa => ("OKP", "Ed25519"),
        };
        let mut jwk = json!({
            "kty": kty, "crv": crv, "use": "sig", "alg": self.algorithm.name(), "kid": self.kid, "x": self.x,
        });
        if let Some(y) = &self.y {
            jwk["y"] = json!(y);
        }
        jwk
    }

    /// Whether `signature`, base64url, is valid for `message`.
    pub(crate) fn verifies(&self, message: &str, signature: &str) -> bool {
        self.verified.knows_or(message, signature, || {
            let signature = URL_SAFE_NO_PAD.decode(signature);
            signature.is_ok_and(|signature| self.parsed.verify_sig(message.as_bytes(), &signature).is_ok())
        })
    }
}

fn kid_of(text: &str) -> String {
    hex(&digest::digest(&digest::SHA256, text.as_bytes()).as_ref()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::parse_generations;

    const GOOD: &str = "q7Zt0vLx2mKc9RdW4yHb8sNf6uPj1gAe";
    /// The order of P-256 (SEC 2): the smallest number that is not a scalar, big-endian.
    const COMMAND: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];

    fn key(algorithm: TokenAlgorithm) -> SigningKey {
        SigningKey::derive(&parse_generations(GOOD).unwrap()[0], algorithm)
    }

    fn public(pair: &EcdsaKeyPair) -> Vec<u8> {
        pair.public_key().as_ref().to_vec()
    }

    #[test]
    fn a_string_that_is_not_a_scalar_is_skipped_for_the_next_one() {
        let mut last = COMMAND;
        last[31] -= 1;
        let good = [7; 32];
        assert!(p256_pair([[0; 32], COMMAND, [0xff; 32]].into_iter()).is_none());
        assert!(p256_pair([last].into_iter()).is_some(), "the greatest scalar");
        let skipped = p256_pair([[0; 32], COMMAND, [0xff; 32], good, last].into_iter()).unwrap();
        assert_eq!(public(&skipped), public(&p256_pair([good].into_iter()).unwrap()));
    }

    #[test]
    fn a_secret_always_gives_the_same_key_of_each_algorithm() {
        for algorithm in TokenAlgorithm::ALL {
            assert_eq!(key(algorithm).public.jwk(), key(algorithm).public.jwk());
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
        }
        assert_ne!(key(TokenAlgorithm::Es256).public.kid, key(TokenAlgorithm::EdDsa).public.kid);
        for unknown in ["", "es256", "HS256", "none", "RS256"] {
            assert_eq!(unknown.parse::<TokenAlgorithm>(), Err(UnknownAlgorithmError), "{unknown}");
        }
        // Earlier published keys stay published: issued tokens name these keys.
        assert_eq!(key(TokenAlgorithm::EdDsa).public.kid, "eb2f2f6fbc6d5004");
        assert_eq!(key(TokenAlgorithm::Es256).public.kid, "8381d9c5d68d98b1");
    }

    // R17
    #[test]
    fn a_new_algorithm_signs_15_minutes_after_its_keys_are_published() {
        let at = |s| Timestamp::from_second(s).unwrap();
        let signs = |algorithm: TokenAlgorithm, now| algorithm.once_published(at(10_000), at(now));
        assert_eq!(signs(TokenAlgorithm::Es256, 10_000 + 899), TokenAlgorithm::EdDsa);
        assert_eq!(signs(TokenAlgorithm::Es256, 10_000 + 900), TokenAlgorithm::Es256);
        assert_eq!(signs(TokenAlgorithm::EdDsa, 10_000), TokenAlgorithm::EdDsa);
    }

    #[test]
    fn a_signature_verifies_only_with_its_own_key() {
        let keys = TokenAlgorithm::ALL.map(key);
        for signing in &keys {
            let signature = signing.sign("a message").unwrap();
            // Also where one of them has verified it.
            for verifying in keys.iter().chain(&keys) {
                let is_own = signing.public.kid == verifying.public.kid;
                assert_eq!(verifying.public.verifies("a message", &signature), is_own);
            }
            assert!(!signing.public.verifies("another", &signature) && !signing.public.verifies("a message", ""));
        }
    }

    #[test]
    fn a_published_point_that_is_not_on_the_curve_is_left_out() {
        let mut jwk = key(TokenAlgorithm::Es256).public.jwk();
        jwk["y"] = jwk["x"].clone();
        assert!(PublicKey::of_jwk(&jwk).is_none());
    }

    #[test]
    fn a_published_key_reads_back_and_a_contradictory_one_is_left_out() {
        for algorithm in TokenAlgorithm::ALL {
            let own = key(algorithm);
            let jwk = own.public.jwk();
            assert_eq!((&jwk["use"], &jwk["alg"]), (&json!("sig"), &json!(algorithm.name())));
            let read = PublicKey::of_jwk(&jwk).unwrap();
            assert!(read.kid == own.public.kid && read.algorithm == algorithm);
            assert!(read.verifies("a message", &own.sign("a message").unwrap()));
            let other = TokenAlgorithm::ALL.into_iter().find(|other| *other != algorithm).unwrap();
            for (name, value) in [
                ("alg", json!(other.name())),
                ("alg", json!("HS256")),
                ("crv", json!("P-384")),
                ("kty", json!("oct")),
                ("x", json!("AAAA")),
                ("kid", json!(5)),
            ] {
                let mut bad = jwk.clone();
                bad[name] = value;
                assert!(PublicKey::of_jwk(&bad).is_none(), "{bad}");
            }
            // The version before published only this part of a key.
            let mut short = jwk.clone();
            short.as_object_mut().unwrap().remove("alg");
            assert!(PublicKey::of_jwk(&short).is_some());
        }
    }
}
