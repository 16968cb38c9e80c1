//! The key ring. Every key is derived by HKDF from one of two random strings, `auth` and `codes`, by purpose and
//! generation; rotation appends a string. Secrets Manager holds them; a warm function goes on with what it has when that
//! is down (R17).

use crate::codes::Codes;
use crate::env::ConfigError;
use crate::tokens::AuthKeys;
use crate::{Clock, Env, Secret};
use aws_config::SdkConfig;
use aws_lc_rs::hkdf;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::sync::{Arc, RwLock};

/// A key is published this long before it signs.
pub const PUBLISHED_BEFORE: SignedDuration = SignedDuration::from_mins(15);
/// An access key verifies this long after it stopped signing.
pub const VERIFIES_AFTER: SignedDuration = SignedDuration::from_mins(30);
/// How old the secrets in memory may be.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(5);
/// The least length of a secret, in characters (S16).
const MIN_CHARS: usize = 32;

/// One string of a secret, and since when it is there.
pub struct Generation {
    value: Secret<String>,
    /// When it was appended.
    pub since: Timestamp,
}

impl Generation {
    /// `N` bytes of key for `purpose`.
    pub(crate) fn derive<const N: usize>(&self, purpose: &str) -> [u8; N] {
        struct Length(usize);
        impl hkdf::KeyType for Length {
            fn len(&self) -> usize {
                self.0
            }
        }
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, b"tollgate").extract(self.value.expose().as_bytes());
        let mut bytes = [0; N];
        let info = [purpose.as_bytes()];
        // HKDF gives up to 255 × 32 bytes; every N here is 64 at most.
        #[allow(clippy::expect_used)]
        key.expand(&info, Length(N)).and_then(|okm| okm.fill(&mut bytes)).expect("a short key");
        bytes
    }
}

/// A secret that will not do, with what is wrong; never its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// It is not there.
    #[error("at least 32 random characters, but it is empty")]
    Empty,
    /// It is short.
    #[error("at least 32 random characters, but it is shorter")]
    Short,
    /// It is one that stands in an example somewhere.
    #[error("at least 32 random characters, but it is a sample")]
    Sample,
    /// It starts like JSON and is none.
    #[error("a plain string, or JSON of the form {{\"keys\":[{{\"value\":…,\"since\":…}}]}}")]
    Malformed,
}

/// Reads the text of a secret: one plain string, or `{"keys":[{"value","since"}]}` with the oldest first.
///
/// # Errors
/// When any string in it will not do (S16).
pub fn parse_generations(text: &str) -> Result<Vec<Generation>, BadSecret> {
    #[derive(Deserialize)]
    struct Keys {
        keys: Vec<Key>,
    }
    #[derive(Deserialize)]
    struct Key {
        value: Secret<String>,
        since: Timestamp,
    }
    let keys = if text.trim_start().starts_with('{') {
        let parsed: Keys = serde_json::from_str(text).map_err(|_| BadSecret::Malformed)?;
        parsed.keys.into_iter().map(|key| Generation { value: key.value, since: key.since }).collect()
    } else {
        vec![Generation { value: Secret::new(text.trim().to_owned()), since: Timestamp::UNIX_EPOCH }]
    };
    if keys.is_empty() {
        return Err(BadSecret::Empty);
    }
    for key in &keys {
        check_secret(key.value.expose())?;
    }
    Ok(keys)
}

/// Whether `value` may be a secret (S16).
///
/// # Errors
/// When it is empty, short, or looks like one from an example.
pub fn check_secret(value: &str) -> Result<(), BadSecret> {
    if value.is_empty() {
        return Err(BadSecret::Empty);
    }
    if value.chars().count() < MIN_CHARS {
        return Err(BadSecret::Short);
    }
    let lower = value.to_lowercase();
    let samples = [
        "change-me",
        "changeme",
        "change_me",
        "example",
        "your-secret",
        "your_secret",
        "placeholder",
        "0123456789abcdef",
    ];
    let mut distinct: Vec<_> = lower.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if samples.iter().any(|sample| lower.contains(sample)) || distinct.len() < 8 {
        return Err(BadSecret::Sample);
    }
    Ok(())
}

/// Which generation signs at `now`: the newest that has been published long enough, else the oldest.
pub(crate) fn signing_index(since: &[Timestamp], now: Timestamp) -> usize {
    since.iter().rposition(|since| now.duration_since(*since) >= PUBLISHED_BEFORE).unwrap_or(0)
}

/// Why there are no keys to work with.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// Secrets Manager did not answer, and nothing is held.
    #[error("secret {0} could not be read: {1}")]
    Unavailable(&'static str, String),
    /// The secret will not do. The name is that of the variable that names it.
    #[error("{0}: expected {1}")]
    Unusable(&'static str, BadSecret),
}

/// The keys of this function, kept fresh.
pub struct KeySource {
    client: aws_sdk_secretsmanager::Client,
    clock: Clock,
    auth: Option<Cached<AuthKeys>>,
    codes: Option<Cached<Codes>>,
}

struct Cached<T> {
    variable: &'static str,
    secret_id: String,
    held: RwLock<Option<(Timestamp, Arc<T>)>>,
}

/// The names of the secrets that a function may read.
#[derive(Debug, Clone, Default)]
pub struct SecretIds {
    /// `AUTH_SECRET_ID`.
    pub auth: Option<String>,
    /// `CODES_SECRET_ID`.
    pub codes: Option<String>,
}

impl SecretIds {
    /// Both, from `AUTH_SECRET_ID` and `CODES_SECRET_ID`.
    ///
    /// # Errors
    /// When one is not set.
    pub fn both(env: &Env) -> Result<Self, ConfigError> {
        let auth = env.required("AUTH_SECRET_ID", "the name of the secret `auth`")?.to_owned();
        Ok(Self { auth: Some(auth), ..Self::codes(env)? })
    }

    /// `CODES_SECRET_ID` alone.
    ///
    /// # Errors
    /// When it is not set.
    pub fn codes(env: &Env) -> Result<Self, ConfigError> {
        let codes = env.required("CODES_SECRET_ID", "the name of the secret `codes`")?.to_owned();
        Ok(Self { auth: None, codes: Some(codes) })
    }
}

impl KeySource {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(ids: SecretIds, sdk: &SdkConfig, clock: Clock) -> Self {
        let client = aws_sdk_secretsmanager::Client::new(sdk);
        Self {
            client,
            clock,
            auth: ids.auth.map(|id| Cached::new("AUTH_SECRET_ID", id)),
            codes: ids.codes.map(|id| Cached::new("CODES_SECRET_ID", id)),
        }
    }

    /// Reads what is not held yet. What cannot be had now is asked for again at the call that needs it.
    pub async fn warm(&self) {
        if self.auth.is_some() {
            let _logged = self.auth().await;
        }
        if self.codes.is_some() {
            let _logged = self.codes().await;
        }
    }

    /// The keys of access and refresh tokens.
    ///
    /// # Errors
    /// When none are held and none can be read.
    pub async fn auth(&self) -> Result<Arc<AuthKeys>, KeyError> {
        self.read(self.auth.as_ref(), "AUTH_SECRET_ID", AuthKeys::new).await
    }

    /// The keys of mailed codes and links.
    ///
    /// # Errors
    /// When none are held and none can be read.
    pub async fn codes(&self) -> Result<Arc<Codes>, KeyError> {
        self.read(self.codes.as_ref(), "CODES_SECRET_ID", Codes::new).await
    }

    async fn read<T>(
        &self,
        cached: Option<&Cached<T>>,
        variable: &'static str,
        build: impl Fn(Vec<Generation>) -> T,
    ) -> Result<Arc<T>, KeyError> {
        let cached =
            cached.ok_or_else(|| KeyError::Unavailable(variable, "this function has no such secret".into()))?;
        let now = self.clock.now();
        let held = cached.held();
        if let Some((read_at, keys)) = &held
            && now.duration_since(*read_at).abs() < MAX_AGE
        {
            return Ok(Arc::clone(keys));
        }
        let read = match self.fetch(cached.variable, &cached.secret_id).await {
            Ok(generations) => Arc::new(build(generations)),
            Err(error) => {
                tracing::error!(variable = cached.variable, error = %error, held = held.is_some(), "secret not read");
                // A warm function goes on; it asks again after the next MAX_AGE.
                held.map(|(_, keys)| keys).ok_or(error)?
            }
        };
        cached.hold(now, &read);
        Ok(read)
    }

    async fn fetch(&self, variable: &'static str, secret_id: &str) -> Result<Vec<Generation>, KeyError> {
        let answer = self.client.get_secret_value().secret_id(secret_id).send().await;
        let answer = answer.map_err(|error| {
            KeyError::Unavailable(variable, aws_smithy_types::error::display::DisplayErrorContext(error).to_string())
        })?;
        let text = Secret::new(answer.secret_string.unwrap_or_default());
        parse_generations(text.expose()).map_err(|bad| KeyError::Unusable(variable, bad))
    }
}

impl<T> Cached<T> {
    fn new(variable: &'static str, secret_id: String) -> Self {
        Self { variable, secret_id, held: RwLock::new(None) }
    }

    fn held(&self) -> Option<(Timestamp, Arc<T>)> {
        self.held.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn hold(&self, now: Timestamp, keys: &Arc<T>) {
        *self.held.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((now, Arc::clone(keys)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "q7Zt0vLx2mKc9RdW4yHb8sNf6uPj1gAe";

    // S16
    #[test]
    fn a_missing_short_or_sample_secret_is_refused() {
        assert!(check_secret(GOOD).is_ok());
        assert_eq!(check_secret(""), Err(BadSecret::Empty));
        assert_eq!(check_secret(&GOOD[..31]), Err(BadSecret::Short));
        for sample in [
            "change-me-change-me-change-me-change-me",
            &"a".repeat(64),
            "0123456789abcdef0123456789abcdef",
            "your-secret-key-goes-here-please-0",
        ] {
            assert_eq!(check_secret(sample), Err(BadSecret::Sample), "{sample}");
        }
        assert_eq!(parse_generations("{\"keys\":[]}").err(), Some(BadSecret::Empty));
        assert_eq!(parse_generations("{nonsense").err(), Some(BadSecret::Malformed));
    }

    #[test]
    fn each_purpose_and_each_generation_has_its_own_key() {
        let other = format!(
            "{{\"keys\":[{{\"value\":\"{GOOD}\",\"since\":\"2026-01-01T00:00:00Z\"}},{{\"value\":\"{GOOD}x\",\"since\":\"2026-02-01T00:00:00Z\"}}]}}"
        );
        let keys = parse_generations(&other).unwrap();
        assert_ne!(keys[0].derive::<32>("a"), keys[0].derive::<32>("b"));
        assert_ne!(keys[0].derive::<32>("a"), keys[1].derive::<32>("a"));
        assert_eq!(keys[0].derive::<32>("a"), parse_generations(GOOD).unwrap()[0].derive::<32>("a"));
    }

    // R17
    #[test]
    fn a_new_key_signs_only_after_it_has_been_published_for_a_quarter_of_an_hour() {
        let since = [Timestamp::UNIX_EPOCH, Timestamp::from_second(10_000).unwrap()];
        let at = |s| Timestamp::from_second(s).unwrap();
        assert_eq!(signing_index(&since, at(10_000 + 899)), 0);
        assert_eq!(signing_index(&since, at(10_000 + 900)), 1);
        assert_eq!(signing_index(&since[1..], at(10_000)), 0, "a lone new key signs at once");
    }
}
