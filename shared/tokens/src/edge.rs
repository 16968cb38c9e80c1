//! The secret `edge`: the operator's own proxy sends it with each request, and only then its header with the client's
//! address is used.

use crate::generation::Generation;

/// The values of the secret: more than one while the proxy's configuration changes from an old one to a new one.
pub struct EdgeKeys(Vec<Generation>);

impl EdgeKeys {
    pub(crate) fn new(generations: Vec<Generation>) -> Self {
        Self(generations)
    }

    /// Whether `text` is one of the values. The time depends only on the lengths.
    #[must_use]
    pub fn accept(&self, text: &[u8]) -> bool {
        self.0.iter().fold(false, |accepted, generation| accepted | generation.is(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::parse_generations;

    // D6, S8
    #[test]
    fn every_value_of_the_secret_is_accepted_and_nothing_else() {
        let (old, new) = ("q7Zt0vLx2mKc9RdW4yHb8sNf6uPj1gAe", "eAg1jPu6fNs8bHy4WdR9cKm2xLv0tZ7q");
        let both = format!(
            r#"{{"keys":[{{"value":"{old}","since":"2026-01-01T00:00:00Z"}},{{"value":"{new}","since":"2026-02-01T00:00:00Z"}}]}}"#
        );
        let keys = EdgeKeys::new(parse_generations(&both).unwrap());
        assert!(keys.accept(old.as_bytes()) && keys.accept(new.as_bytes()));
        let (shorter, longer, joined) = (&old[..31], format!("{old}x"), format!("{old},{new}"));
        for text in ["", shorter, &longer, &joined, &old.to_lowercase(), &both] {
            assert!(!keys.accept(text.as_bytes()), "{text}");
        }
    }
}
