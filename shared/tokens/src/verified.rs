//! The signatures that a key has verified. An access token is sent with each request for 15 minutes, and verifying it
//! costs as much as a third of a call to DynamoDB (D-213).

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// How many are kept. The oldest one makes room for a new one.
const MOST: usize = 64;

type Hash = [u8; SHA256_OUTPUT_LEN];

/// Hashes of signed messages, each with its signature. They are kept with the key: without it none of them is valid.
#[derive(Default)]
pub(crate) struct VerifiedSignatures(Mutex<VecDeque<Hash>>);

impl VerifiedSignatures {
    /// Whether exactly this signature of this message was verified before, otherwise what `verify` says.
    pub(crate) fn knows_or(&self, message: &str, signature: &str, verify: impl FnOnce() -> bool) -> bool {
        let mut hash = Context::new(&SHA256);
        hash.update(&message.len().to_be_bytes());
        hash.update(message.as_bytes());
        hash.update(signature.as_bytes());
        let Ok(hash) = Hash::try_from(hash.finish().as_ref()) else { return verify() };
        if self.with(|kept| kept.contains(&hash)) {
            return true;
        }
        let is_valid = verify();
        if is_valid {
            self.with(|kept| {
                kept.truncate(MOST - 1);
                kept.push_front(hash);
            });
        }
        is_valid
    }

    fn with<T>(&self, action: impl FnOnce(&mut VecDeque<Hash>) -> T) -> T {
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn only_the_same_valid_signature_of_the_same_message_is_known() {
        let (verified, asked) = (VerifiedSignatures::default(), Cell::new(0));
        let verify = |message: &str, signature: &str| {
            verified.knows_or(message, signature, || {
                asked.set(asked.get() + 1);
                (message, signature) == ("header.claims", "good")
            })
        };
        // An invalid one is never known, also after it was refused.
        for (message, signature, is_valid, times) in [
            ("header.claims", "bad", false, 1),
            ("header.claims", "bad", false, 2),
            ("header.claims", "good", true, 3),
            ("header.claims", "good", true, 3),
            ("header.claims", "bad", false, 4),
            ("header.claims", "", false, 5),
            ("header.others", "good", false, 6),
            ("header", "claims.good", false, 7),
            ("header.claims.good", "", false, 8),
            ("header.claims", "good", true, 8),
        ] {
            assert_eq!((verify(message, signature), asked.get()), (is_valid, times), "{message} {signature}");
        }
    }

    #[test]
    fn the_oldest_is_verified_again_once_there_are_too_many() {
        let (verified, asked) = (VerifiedSignatures::default(), Cell::new(0));
        let verify = |n: usize| {
            verified.knows_or(&n.to_string(), "good", || {
                asked.set(asked.get() + 1);
                true
            })
        };
        assert!((0..=MOST).all(verify));
        assert!((1..=MOST).all(verify) && asked.get() == MOST + 1, "{} were verified", asked.get());
        assert!(verify(0) && asked.get() == MOST + 2);
        assert_eq!(verified.with(|kept| kept.len()), MOST);
    }
}
