//! The secret of a service credential: `tgs_ID_RANDOM`. The prefix lets secret scanners recognise it, the id names its
//! credential. Only its hash is stored: with 256 random bits no slow hash is needed.

use aws_lc_rs::digest;
use tollgate_domain::ServiceId;
use tollgate_platform::{Secret, constant_time_eq, hex, random_bytes};

const PREFIX: &str = "tgs_";
/// The random part, in hex digits.
const RANDOM_CHARS: usize = 64;

/// A secret as a service sends it. Its hash decides whether it is valid.
pub struct ServiceSecret {
    /// The credential that it claims to belong to.
    pub id: ServiceId,
    text: Secret<String>,
}

impl ServiceSecret {
    /// A new secret of the credential `id`.
    #[must_use]
    pub fn draw(id: ServiceId) -> Self {
        let text = Secret::new(format!("{PREFIX}{}_{}", id.bare(), hex(&random_bytes::<32>())));
        Self { id, text }
    }

    /// Parses one; `None` for a text of another form.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (id, random) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is_hex = random.len() == RANDOM_CHARS && random.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = ServiceId::from_bare(id).ok().filter(|_| is_hex)?;
        Some(Self { id, text: Secret::new(text.to_owned()) })
    }

    /// The text that is shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The hash that is stored.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(digest::digest(&digest::SHA256, self.text.expose().as_bytes()).as_ref())
    }

    /// Whether `hash` is its stored hash, in a time that depends only on the lengths.
    #[must_use]
    pub fn matches(&self, hash: &str) -> bool {
        constant_time_eq(self.hash().as_bytes(), hash.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    // S19
    #[test]
    fn a_secret_reads_back_and_matches_only_its_own_hash() {
        let id = ServiceId::new(Timestamp::UNIX_EPOCH, [7; 10]);
        let drawn = ServiceSecret::draw(id);
        let read = ServiceSecret::read(drawn.expose()).unwrap();
        assert!(read.id == id && read.matches(&drawn.hash()));
        assert!(!read.matches(&ServiceSecret::draw(id).hash()) && !read.matches(""));
        assert!(!drawn.hash().contains(&drawn.expose()[37..]), "the hash is not the secret");
    }

    #[test]
    fn a_text_of_another_form_is_not_a_secret() {
        let good = ServiceSecret::draw(ServiceId::new(Timestamp::UNIX_EPOCH, [7; 10]));
        let good = good.expose();
        assert!(ServiceSecret::read(good).is_some());
        for bad in ["", "tgs_", &good[1..], &good[..good.len() - 1], &good.replace("tgs_", "tg_"), &format!("{good}0")]
        {
            assert!(ServiceSecret::read(bad).is_none(), "{bad}");
        }
        assert!(ServiceSecret::read(&good.to_uppercase()).is_none());
    }
}
