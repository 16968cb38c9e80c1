//! Randomness: from the operating system, by the library that also does TLS. Nothing else generates any.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// `N` unpredictable bytes.
///
/// # Panics
/// When the operating system has no randomness: then nothing safe can be done.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[allow(clippy::expect_used)]
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
