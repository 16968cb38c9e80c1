//! Refresh tokens: `kid.user.session.n.nonce.MAC`. The row of the session decides which number is the current one.

use crate::auth_keys::{AuthKeys, InvalidTokenError};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use tollgate_domain::{SessionId, UserId};
use tollgate_platform::{Secret, hex, random_bytes};

/// A refresh token that was created here. Its session's row decides whether it is still valid.
pub struct RefreshToken {
    /// The user.
    pub user_id: UserId,
    /// Its session.
    pub session_id: SessionId,
    /// Its number in the rotation.
    pub n: u64,
    /// The session's own randomness.
    pub nonce: Nonce,
}

/// 128 random bits, generated at sign-in, the same for the whole life of the session; only a hash of it is stored.
pub struct Nonce(Secret<String>);

impl Nonce {
    /// A new one.
    #[must_use]
    pub fn draw() -> Self {
        Self(Secret::new(URL_SAFE_NO_PAD.encode(random_bytes::<16>())))
    }

    /// The hash in the session's row.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(digest::digest(&digest::SHA256, self.0.expose().as_bytes()).as_ref())
    }
}

impl AuthKeys {
    /// Creates number `n` of `session`'s refresh tokens: `kid.user.session.n.nonce.MAC`. The same arguments give the
    /// same token while the key is the same.
    #[must_use]
    pub fn refresh_token(
        &self,
        user: &UserId,
        session: &SessionId,
        n: u64,
        nonce: &Nonce,
        now: Timestamp,
    ) -> Secret<String> {
        let text = format!("{}.{}.{n}.{}", user.bare(), session.bare(), nonce.0.expose());
        self.current(now).refresh.seal(&text)
    }

    /// Parses and verifies a refresh token. An invalid MAC costs no call.
    ///
    /// # Errors
    /// When it was not created here.
    pub fn read_refresh_token(&self, token: &str) -> Result<RefreshToken, InvalidTokenError> {
        let text = self.0.iter().find_map(|key| key.refresh.open(token)).ok_or(InvalidTokenError)?;
        let [user, session, n, nonce] = text.split('.').collect::<Vec<_>>()[..] else { return Err(InvalidTokenError) };
        Ok(RefreshToken {
            user_id: UserId::from_bare(user).map_err(|_| InvalidTokenError)?,
            session_id: SessionId::from_bare(session).map_err(|_| InvalidTokenError)?,
            n: n.parse().map_err(|_| InvalidTokenError)?,
            nonce: Nonce(Secret::new(nonce.to_owned())),
        })
    }
}
