//! The strings from which keys are derived: the format of a secret, its valid strings, and which of them signs.

use aws_lc_rs::hkdf;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use tollgate_platform::{Secret, constant_time_eq};

/// How long a key is published before it signs.
pub const PUBLISHED_BEFORE: SignedDuration = SignedDuration::from_mins(15);
/// How long an access key verifies after it stopped signing.
pub const VERIFIES_AFTER: SignedDuration = SignedDuration::from_mins(30);
/// The smallest length of a secret, in characters (S16).
const MIN_CHARS: usize = 32;

/// One string of a secret, with its time.
pub struct Generation {
    value: Secret<String>,
    /// When it was appended.
    pub since: Timestamp,
}

impl Generation {
    /// Whether its string is `text`, in a time that depends only on the lengths.
    pub(crate) fn is(&self, text: &[u8]) -> bool {
        constant_time_eq(self.value.expose().as_bytes(), text)
    }

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
        // HKDF outputs up to 255 × 32 bytes; every N here is 64 at most.
        #[allow(clippy::expect_used)]
        key.expand(&info, Length(N)).and_then(|okm| okm.fill(&mut bytes)).expect("a short key");
        bytes
    }
}

/// An invalid secret, with the reason; never its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecretError {
    /// It is empty.
    #[error("at least 32 random characters, but it is empty")]
    Empty,
    /// It is too short.
    #[error("at least 32 random characters, but it is shorter")]
    Short,
    /// It is from an example.
    #[error("at least 32 random characters, but it is a sample")]
    Sample,
    /// It starts like JSON and is not valid.
    #[error("a plain string, or JSON of the form {{\"keys\":[{{\"value\":…,\"since\":…}}]}}")]
    Malformed,
}

/// Parses the text of a secret: one plain string, or `{"keys":[{"value","since"}]}` with the oldest first.
///
/// # Errors
/// When any string in it is not valid (S16).
pub fn parse_generations(text: &str) -> Result<Vec<Generation>, InvalidSecretError> {
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
        let parsed: Keys = serde_json::from_str(text).map_err(|_| InvalidSecretError::Malformed)?;
        parsed.keys.into_iter().map(|key| Generation { value: key.value, since: key.since }).collect()
    } else {
        vec![Generation { value: Secret::new(text.trim().to_owned()), since: Timestamp::UNIX_EPOCH }]
    };
    if keys.is_empty() {
        return Err(InvalidSecretError::Empty);
    }
    for key in &keys {
        check_secret(key.value.expose())?;
    }
    Ok(keys)
}

/// The text of a secret with a new string at its end, dated `now`, as a rotation writes it. Tokens of the earlier
/// strings stay valid.
///
/// # Errors
/// When `text` or `value` is not valid.
pub fn appended(text: &str, value: &Secret<String>, now: Timestamp) -> Result<Secret<String>, InvalidSecretError> {
    check_secret(value.expose())?;
    let mut keys = parse_generations(text)?;
    keys.push(Generation { value: value.clone(), since: now });
    let keys: Vec<_> = keys.iter().map(|key| json!({"value": key.value.expose(), "since": key.since})).collect();
    Ok(Secret::new(json!({"keys": keys}).to_string()))
}

/// Whether `value` is a valid secret (S16).
///
/// # Errors
/// When it is empty, short, or looks like one from an example.
pub fn check_secret(value: &str) -> Result<(), InvalidSecretError> {
    if value.is_empty() {
        return Err(InvalidSecretError::Empty);
    }
    if value.chars().count() < MIN_CHARS {
        return Err(InvalidSecretError::Short);
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
        return Err(InvalidSecretError::Sample);
    }
    Ok(())
}

/// The generation that signs at `now`: the newest that has been published long enough, else the oldest.
pub(crate) fn signing_index(since: &[Timestamp], now: Timestamp) -> usize {
    since.iter().rposition(|since| now.duration_since(*since) >= PUBLISHED_BEFORE).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "q7Zt0vLx2mKc9RdW4yHb8sNf6uPj1gAe";

    // S16
    #[test]
    fn a_missing_short_or_sample_secret_is_refused() {
        assert!(check_secret(GOOD).is_ok());
        assert_eq!(check_secret(""), Err(InvalidSecretError::Empty));
        assert_eq!(check_secret(&GOOD[..31]), Err(InvalidSecretError::Short));
        for sample in [
            "change-me-change-me-change-me-change-me",
            &"a".repeat(64),
            "0123456789abcdef0123456789abcdef",
            "your-secret-key-goes-here-please-0",
        ] {
            assert_eq!(check_secret(sample), Err(InvalidSecretError::Sample), "{sample}");
        }
        assert_eq!(parse_generations("{\"keys\":[]}").err(), Some(InvalidSecretError::Empty));
        assert_eq!(parse_generations("{nonsense").err(), Some(InvalidSecretError::Malformed));
    }

    // R17
    #[test]
    fn a_rotation_appends_a_generation_and_keeps_the_others() {
        let at = |s| Timestamp::from_second(s).unwrap();
        let value = |n: u8| Secret::new(format!("{GOOD}{n}"));
        let once = appended(GOOD, &value(1), at(1000)).unwrap();
        let twice = appended(once.expose(), &value(2), at(2000)).unwrap();
        let keys = parse_generations(twice.expose()).unwrap();
        let found: Vec<_> = keys.iter().map(|key| (key.value.expose().clone(), key.since)).collect();
        let wanted = [(GOOD.to_owned(), at(0)), (format!("{GOOD}1"), at(1000)), (format!("{GOOD}2"), at(2000))];
        assert_eq!(found, wanted);
        assert!(appended("unset", &value(1), at(1000)).is_err(), "no secret is there");
        assert!(appended(GOOD, &Secret::new("short".to_owned()), at(1000)).is_err());
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
    fn a_new_key_signs_only_after_it_was_published_for_15_minutes() {
        let since = [Timestamp::UNIX_EPOCH, Timestamp::from_second(10_000).unwrap()];
        let at = |s| Timestamp::from_second(s).unwrap();
        assert_eq!(signing_index(&since, at(10_000 + 899)), 0);
        assert_eq!(signing_index(&since, at(10_000 + 900)), 1);
        assert_eq!(signing_index(&since[1..], at(10_000)), 0, "a lone new key signs at once");
    }
}
