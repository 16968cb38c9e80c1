//! The ledger of trials, without personal data. An address or a card is stored as a hash under a key of the secret
//! `trials`, so that the table alone does not reveal who had a trial. Erasures keep the ledger.

use crate::generation::{Generation, signing_index};
use aws_lc_rs::hmac;
use jiff::Timestamp;
use tollgate_domain::Email;
use tollgate_platform::hex;

/// An address or a card that had a trial.
#[derive(Clone, Copy)]
pub enum TrialMark<'a> {
    /// An address.
    Address(&'a Email),
    /// A card or a bank account, by Stripe's fingerprint of it.
    Card(&'a str),
}

/// The keys of all generations.
pub struct TrialKeys(Vec<(Timestamp, hmac::Key)>);

impl TrialKeys {
    pub(crate) fn new(generations: &[Generation]) -> Self {
        let key = |generation: &Generation| {
            (generation.since, hmac::Key::new(hmac::HMAC_SHA256, &generation.derive::<32>("trials")))
        };
        Self(generations.iter().map(key).collect())
    }

    /// The possible hashes of `mark` in the ledger, one for each generation.
    #[must_use]
    pub fn hashes(&self, mark: TrialMark<'_>) -> Vec<String> {
        self.0.iter().map(|(_, key)| hash(key, mark)).collect()
    }

    /// The hash under which `mark` is recorded at `now`.
    #[must_use]
    pub fn hash(&self, mark: TrialMark<'_>, now: Timestamp) -> String {
        let since: Vec<_> = self.0.iter().map(|(since, _)| *since).collect();
        hash(&self.0[signing_index(&since, now)].1, mark)
    }
}

fn hash(key: &hmac::Key, mark: TrialMark<'_>) -> String {
    let text = match mark {
        TrialMark::Address(address) => format!("address {}", address.as_str()),
        TrialMark::Card(fingerprint) => format!("card {fingerprint}"),
    };
    hex(hmac::sign(key, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::parse_generations;

    fn keys(text: &str) -> TrialKeys {
        TrialKeys::new(&parse_generations(text).unwrap())
    }

    // A13
    #[test]
    fn a_mark_is_found_under_every_key_and_recorded_under_the_current_one() {
        let (old, new) = ("q7Zt0vLx2mKc9RdW4yHb8sNf6uPj1gAe", "eAg1jPu6fNs8bHy4WdR9cKm2xLv0tZ7q");
        let both = format!(
            r#"{{"keys":[{{"value":"{old}","since":"2026-01-01T00:00:00Z"}},{{"value":"{new}","since":"2026-02-01T00:00:00Z"}}]}}"#
        );
        let (first, second) = (keys(old), keys(&both));
        let address = Email::parse("ann@example.com").unwrap();
        for mark in [TrialMark::Address(&address), TrialMark::Card("ann@example.com")] {
            let at = |text: &str| text.parse::<Timestamp>().unwrap();
            let before = first.hash(mark, at("2026-01-15T00:00:00Z"));
            let [under_old, under_new] = &second.hashes(mark)[..] else { panic!("one for each generation") };
            assert_eq!((under_old, first.hashes(mark)), (&before, vec![before.clone()]));
            assert_ne!(under_old, under_new);
            assert_eq!(&second.hash(mark, at("2026-02-01T00:14:00Z")), under_old);
            assert_eq!(&second.hash(mark, at("2026-02-01T00:15:00Z")), under_new);
        }
        assert_ne!(first.hashes(TrialMark::Address(&address)), first.hashes(TrialMark::Card("ann@example.com")));
    }
}
