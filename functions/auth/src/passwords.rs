//! Argon2id, off the async threads and bounded in number (S4).

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;
use tollgate_domain::password::Password;
use tollgate_http::ApiError;
use tollgate_platform::random_bytes;

/// The parameters of Argon2id for new hashes, with one lane. No setting changes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    memory_kib: u32,
    passes: u32,
}

impl PasswordCost {
    /// OWASP's first recommendation: 19 MiB, two passes.
    pub const OWASP: Self = Self { memory_kib: 19 * 1024, passes: 2 };
    /// The lowest that Argon2 allows, for tests: it protects no password.
    pub const LOWEST: Self = Self { memory_kib: Params::MIN_M_COST, passes: Params::MIN_T_COST };

    fn params(self) -> Result<Params, ApiError> {
        Params::new(self.memory_kib, self.passes, LANES, None).map_err(internal)
    }

    fn is_reached_by(self, params: &Params) -> bool {
        params.m_cost() >= self.memory_kib && params.t_cost() >= self.passes && params.p_cost() >= LANES
    }

    /// A hash that no password matches: unknown addresses are compared with it at the same cost (S6).
    fn placeholder(self) -> String {
        let Self { memory_kib, passes } = self;
        let (salt, output) = ("A".repeat(22), "A".repeat(43));
        format!("$argon2id$v=19$m={memory_kib},t={passes},p={LANES}${salt}${output}")
    }
}

const LANES: u32 = 1;
/// The number of concurrent hashes: each takes a core and its memory.
const AT_ONCE: usize = 2;

/// Computes and compares hashes.
#[derive(Clone)]
pub struct Hasher {
    cost: PasswordCost,
    places: Arc<Semaphore>,
    /// The working memory of finished hashes, which the next ones reuse: fresh memory takes half as much time again.
    spare: Arc<Mutex<Vec<Vec<Block>>>>,
}

/// The result of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordComparison {
    /// Another password.
    Wrong,
    /// That password.
    Right,
    /// That password, but the hash has older parameters.
    RightButWeak,
}

impl Hasher {
    pub fn new(cost: PasswordCost) -> Self {
        Self { cost, places: Arc::new(Semaphore::new(AT_ONCE)), spare: Arc::default() }
    }

    /// The PHC string of `password`, with a salt of its own.
    pub async fn hash(&self, password: &Password) -> Result<String, ApiError> {
        let (hasher, password) = (self.clone(), password.clone());
        self.off_thread(move || {
            let params = hasher.cost.params()?;
            let salt = random_bytes::<16>();
            let output = hasher.compute(password.expose(), &salt, &params, Params::DEFAULT_OUTPUT_LEN)?;
            let hash = PasswordHash {
                algorithm: Algorithm::Argon2id.ident(),
                version: Some(Version::V0x13.into()),
                params: ParamsString::try_from(&params).map_err(internal)?,
                salt: Some(Salt::new(&salt).map_err(internal)?),
                hash: Some(output),
            };
            Ok(hash.to_string())
        })
        .await
    }

    /// Compares `password` with `hash`; without a hash it takes the same time and returns wrong.
    pub async fn verify(&self, password: &Password, hash: Option<&str>) -> Result<PasswordComparison, ApiError> {
        if password.is_too_long() {
            return Ok(PasswordComparison::Wrong); // no stored hash has this form
        }
        let (hasher, password, is_known) = (self.clone(), password.clone(), hash.is_some());
        let hash = hash.map_or_else(|| self.cost.placeholder(), str::to_owned);
        self.off_thread(move || {
            let hash = PasswordHash::new(&hash).map_err(internal)?;
            let (Some(salt), Some(right)) = (hash.salt, hash.hash) else {
                return Err(internal("without salt or output"));
            };
            if hash.algorithm != Algorithm::Argon2id.ident() || hash.version != Some(Version::V0x13.into()) {
                return Err(internal("of another algorithm"));
            }
            let params = Params::try_from(&hash).map_err(internal)?;
            let output = hasher.compute(password.expose(), &salt, &params, right.len())?;
            // `Output` compares in constant time.
            Ok(match output == right && is_known {
                false => PasswordComparison::Wrong,
                true if hasher.cost.is_reached_by(&params) => PasswordComparison::Right,
                true => PasswordComparison::RightButWeak,
            })
        })
        .await
    }

    fn compute(&self, password: &str, salt: &[u8], params: &Params, bytes: usize) -> Result<Output, ApiError> {
        let mut memory = self.spare().pop().unwrap_or_default();
        memory.resize(params.block_count().max(memory.len()), Block::default());
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let mut output = [0; Output::MAX_LENGTH];
        let output = output.get_mut(..bytes).ok_or_else(|| internal("too long an output"))?;
        let done = argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, &mut memory);
        self.spare().push(memory);
        done.map_err(internal)?;
        Output::new(output).map_err(internal)
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let _place = self.places.acquire().await.map_err(internal)?;
        tokio::task::spawn_blocking(work).await.map_err(internal)?
    }
}

fn internal(error: impl std::fmt::Display) -> ApiError {
    ApiError::Internal(format!("password hash: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::PasswordHasher;
    use tollgate_domain::Secret;

    fn secret(text: &str) -> Password {
        Password::new(Secret::new(text.to_owned()))
    }

    // S2
    #[tokio::test]
    async fn passwords_with_equal_first_72_bytes_are_different() {
        let hasher = Hasher::new(PasswordCost::OWASP);
        let long = "x".repeat(72);
        let hash = hasher.hash(&secret(&format!("{long}a"))).await.unwrap();
        assert_eq!(hasher.verify(&secret(&format!("{long}b")), Some(&hash)).await.unwrap(), PasswordComparison::Wrong);
        assert_eq!(hasher.verify(&secret(&long), Some(&hash)).await.unwrap(), PasswordComparison::Wrong);
        assert_eq!(hasher.verify(&secret(&format!("{long}a")), Some(&hash)).await.unwrap(), PasswordComparison::Right);
    }

    // S4
    #[tokio::test]
    async fn a_hash_is_argon2id_with_its_own_salt_and_old_parameters_are_detected() {
        let hasher = Hasher::new(PasswordCost::OWASP);
        let [one, two] = [hasher.hash(&secret("same")).await.unwrap(), hasher.hash(&secret("same")).await.unwrap()];
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, two);
        let old = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(4096, 1, 1, None).unwrap());
        let old = old.hash_password_with_salt(b"same", &[7; 16]).unwrap().to_string();
        assert_eq!(hasher.verify(&secret("same"), Some(&old)).await.unwrap(), PasswordComparison::RightButWeak);
    }

    // S6
    #[tokio::test]
    async fn no_password_matches_the_placeholder_hash() {
        let hasher = Hasher::new(PasswordCost::OWASP);
        assert_eq!(hasher.verify(&secret(""), None).await.unwrap(), PasswordComparison::Wrong);
        assert_eq!(hasher.spare()[0].len(), 19 * 1024, "the same amount of memory was used");
        let account = hasher.hash(&secret("of an account")).await.unwrap();
        let [placeholder, account] = [PasswordCost::OWASP.placeholder(), account]
            .map(|hash| Params::try_from(&PasswordHash::new(&hash).unwrap()).unwrap());
        assert_eq!(placeholder, account, "it costs what the hash of an account costs");
    }

    // S1
    #[tokio::test]
    async fn spaces_case_and_unicode_of_a_password_are_significant() {
        let hasher = Hasher::new(PasswordCost::OWASP);
        let hash = hasher.hash(&secret(" Pässwörter 🙂 ")).await.unwrap();
        for other in ["Pässwörter 🙂", " pässwörter 🙂 ", " Pässwo\u{308}rte\u{301}r 🙂 "] {
            assert_eq!(hasher.verify(&secret(other), Some(&hash)).await.unwrap(), PasswordComparison::Wrong, "{other}");
        }
    }
}
