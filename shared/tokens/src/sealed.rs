//! Short texts that a client carries and cannot change: `kid.text.MAC`. Refresh tokens, device cookies and OAuth states
//! have this form.

use crate::generation::Generation;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tollgate_platform::{Secret, constant_time_eq, hex};

/// The key of one kind of text and one generation, and its name.
pub(crate) struct SealingKey {
    kid: String,
    pub key: hmac::Key,
}

impl SealingKey {
    /// `name` and `purpose` are those of the key derivation.
    pub fn new(generation: &Generation, name: &str, purpose: &str) -> Self {
        Self {
            kid: hex(&generation.derive::<4>(name)),
            key: hmac::Key::new(hmac::HMAC_SHA256, &generation.derive::<32>(purpose)),
        }
    }

    /// `text` with the key's name before it and its MAC after it.
    pub fn seal(&self, text: &str) -> Secret<String> {
        let signed = format!("{}.{text}", self.kid);
        let mac = hmac::sign(&self.key, signed.as_bytes());
        Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac)))
    }

    /// The same for the holder of `hidden`, which contains no space and cannot be derived from the result.
    pub fn seal_for(&self, text: &str, hidden: &str) -> Secret<String> {
        let signed = format!("{}.{text}", self.kid);
        let mac = hmac::sign(&self.key, format!("{signed} {hidden}").as_bytes());
        Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac)))
    }

    /// The content of `sealed`, if this key sealed it.
    pub fn open<'t>(&self, sealed: &'t str) -> Option<&'t str> {
        self.open_with(sealed, |signed| hmac::sign(&self.key, signed.as_bytes()))
    }

    /// The content of `sealed`, if this key sealed it for the holder of `hidden`.
    pub fn open_for<'t>(&self, sealed: &'t str, hidden: &str) -> Option<&'t str> {
        self.open_with(sealed, |signed| hmac::sign(&self.key, format!("{signed} {hidden}").as_bytes()))
    }

    fn open_with<'t>(&self, sealed: &'t str, sign: impl FnOnce(&str) -> hmac::Tag) -> Option<&'t str> {
        let (signed, mac) = sealed.rsplit_once('.')?;
        let (kid, text) = signed.split_once('.')?;
        if kid != self.kid {
            return None;
        }
        let right = sign(signed);
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        constant_time_eq(right.as_ref(), &mac).then_some(text)
    }
}
