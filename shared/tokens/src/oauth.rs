//! The secrets of a flow: `state`, the PKCE verifier and the nonce. All three are derived from the row's id, so that a
//! dump of the table is of no use (S19, S21).

use crate::auth_keys::AuthKeys;
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use tollgate_platform::{Secret, hex, random_bytes};

/// A flow: one sign-in at a provider.
pub struct Flow {
    /// The id of its row, 128 random bits.
    pub id: String,
    /// The `state` parameter.
    pub state: Secret<String>,
    /// RFC 7636's `code_verifier`.
    pub verifier: Secret<String>,
    /// OpenID Connect's `nonce`.
    pub nonce: Secret<String>,
}

/// The secret that binds a flow to a browser: the value of its cookie, shared by its tabs.
pub struct BrowserSecret(Secret<String>);

impl BrowserSecret {
    /// A new one, of 256 random bits.
    #[must_use]
    pub fn draw() -> Self {
        Self(Secret::new(URL_SAFE_NO_PAD.encode(random_bytes::<32>())))
    }

    /// The secret in a cookie; `None` for one that was not created here.
    #[must_use]
    pub fn of_cookie(value: &Secret<String>) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(value.expose()).ok()?;
        (bytes.len() == 32).then(|| Self(value.clone()))
    }

    /// The value of the cookie.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Its hash in the flow's row.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(digest::digest(&digest::SHA256, self.0.expose().as_bytes()).as_ref())
    }
}

impl AuthKeys {
    /// A new flow.
    #[must_use]
    pub fn new_flow(&self, now: Timestamp) -> Flow {
        let id = hex(&random_bytes::<16>());
        let state = self.current(now).state.seal(&id);
        self.flow(state, id, &self.current(now).state.key)
    }

    /// The flow of a `state`; `None` for one that was not created here.
    #[must_use]
    pub fn read_flow(&self, state: &str) -> Option<Flow> {
        let (key, id) = self.0.iter().find_map(|key| Some((key, key.state.open(state)?)))?;
        Some(self.flow(Secret::new(state.to_owned()), id.to_owned(), &key.state.key))
    }

    fn flow(&self, state: Secret<String>, id: String, key: &hmac::Key) -> Flow {
        let derived = |what: &str| {
            let mac = hmac::sign(key, format!("{what}\n{id}").as_bytes());
            Secret::new(URL_SAFE_NO_PAD.encode(mac))
        };
        Flow { state, verifier: derived("verifier"), nonce: derived("nonce"), id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::parse_generations;

    // S21
    #[test]
    fn a_state_returns_its_verifier_and_nonce_and_a_changed_one_nothing() {
        let keys = AuthKeys::new(parse_generations("q7Zt0vLx2mKc9RdW4yHb8sNf6uPj1gAe").unwrap());
        let [one, two] = [keys.new_flow(Timestamp::UNIX_EPOCH), keys.new_flow(Timestamp::UNIX_EPOCH)];
        let again = keys.read_flow(one.state.expose()).unwrap();
        assert_eq!((again.id, again.verifier.expose()), (one.id.clone(), one.verifier.expose()));
        assert!(one.verifier.expose() != two.verifier.expose() && one.verifier.expose() != one.nonce.expose());
        assert!(one.verifier.expose().len() >= 43, "RFC 7636, 4.1");
        assert!(keys.read_flow(&one.state.expose().replace(&one.id, &two.id)).is_none());
    }

    #[test]
    fn only_a_secret_of_the_right_size_binds_a_browser() {
        let drawn = BrowserSecret::draw();
        let read = BrowserSecret::of_cookie(&Secret::new(drawn.expose().to_owned())).unwrap();
        assert_eq!(read.hash(), drawn.hash());
        for bad in ["", "short", "*"] {
            assert!(BrowserSecret::of_cookie(&Secret::new(bad.to_owned())).is_none());
        }
    }
}
