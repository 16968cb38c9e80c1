//! The `device` cookie: it identifies a client that signed in to an account before. It grants no access; it gives its
//! holder a bucket of its own, so that strangers' failures do not lock the owner out (S9).

use crate::auth_keys::AuthKeys;
use jiff::Timestamp;
use tollgate_domain::UserId;
use tollgate_platform::{Secret, random_bytes};

/// A client that signed in before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The account.
    pub user_id: UserId,
    /// The account's password version at that time: invalid after a reset.
    pub password_version: u64,
    /// Its own id, of 128 random bits.
    pub id: String,
}

impl Device {
    /// A client that signs in to `user` for the first time.
    #[must_use]
    pub fn new(user_id: UserId, password_version: u64) -> Self {
        Self { user_id, password_version, id: tollgate_platform::hex(&random_bytes::<16>()) }
    }
}

impl AuthKeys {
    /// The cookie of `device`: `kid.user.version.id.MAC`.
    #[must_use]
    pub fn device_cookie(&self, device: &Device, now: Timestamp) -> Secret<String> {
        let text = format!("{}.{}.{}", device.user_id.bare(), device.password_version, device.id);
        self.current(now).device.seal(&text)
    }

    /// Parses the cookie; `None` for one that was not created here. The user id and password version decide whether it
    /// is still valid for an account.
    #[must_use]
    pub fn read_device_cookie(&self, cookie: &str) -> Option<Device> {
        let text = self.0.iter().find_map(|key| key.device.open(cookie))?;
        let [user, version, id] = text.split('.').collect::<Vec<_>>()[..] else { return None };
        Some(Device {
            user_id: UserId::from_bare(user).ok()?,
            password_version: version.parse().ok()?,
            id: id.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::parse_generations;

    // S9
    #[test]
    fn a_device_cookie_reads_back_and_every_changed_character_invalidates_it() {
        let keys = AuthKeys::new(parse_generations("q7Zt0vLx2mKc9RdW4yHb8sNf6uPj1gAe").unwrap());
        let device = Device::new(UserId::new(Timestamp::UNIX_EPOCH, [1; 10]), 3);
        let cookie = keys.device_cookie(&device, Timestamp::UNIX_EPOCH).expose().clone();
        assert_eq!(keys.read_device_cookie(&cookie), Some(device.clone()));
        for at in 0..cookie.len() {
            let mut text = cookie.clone().into_bytes();
            text[at] = if text[at] == b'0' { b'1' } else { b'0' };
            let read = keys.read_device_cookie(&String::from_utf8(text).unwrap());
            assert!(read.is_none_or(|read| read == device), "{at}");
        }
    }
}
