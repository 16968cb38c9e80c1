//! The `registered` cookie: an account was registered in this browser. It does not reveal which account, nor whether
//! there is one (S6): user and password version are only in the MAC, so it is compared with the account of the mailed
//! code or link.

use crate::auth_keys::AuthKeys;
use jiff::Timestamp;
use tollgate_domain::UserId;
use tollgate_platform::Secret;

/// How long the browser of a registration is recognised, in seconds.
pub const REGISTERED_SECONDS: i64 = 86_400;

fn hidden(user: &UserId, password_version: u64) -> String {
    format!("{}.{password_version}", user.bare())
}

impl AuthKeys {
    /// The cookie of the browser that registered `user` at `now`, with the password of this version: `kid.end.MAC`.
    #[must_use]
    pub fn registered_cookie(&self, user: &UserId, password_version: u64, now: Timestamp) -> Secret<String> {
        let end = now.as_second() + REGISTERED_SECONDS;
        self.current(now).registered.seal_for(&end.to_string(), &hidden(user, password_version))
    }

    /// Whether `cookie` is that of the browser that registered `user` with the password of this version, less than a
    /// day ago.
    #[must_use]
    pub fn is_registered_cookie(&self, cookie: &str, user: &UserId, password_version: u64, now: Timestamp) -> bool {
        let hidden = hidden(user, password_version);
        let end = self.0.iter().find_map(|key| key.registered.open_for(cookie, &hidden));
        end.and_then(|end| end.parse().ok()).is_some_and(|end: i64| now.as_second() < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;
    use crate::generation::parse_generations;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    // E8, S6, S12
    #[test]
    fn a_registered_cookie_is_valid_for_one_user_and_a_day() {
        let keys = AuthKeys::new(parse_generations("q7Zt0vLx2mKc9RdW4yHb8sNf6uPj1gAe").unwrap());
        let user = |n| UserId::new(at(0), [n; 10]);
        let cookie = keys.registered_cookie(&user(1), 1, at(0)).expose().clone();
        let is_of = |cookie: &str, n, version, time| keys.is_registered_cookie(cookie, &user(n), version, time);
        assert!(is_of(&cookie, 1, 1, at(0)) && is_of(&cookie, 1, 1, at(86_399)));
        assert!(!is_of(&cookie, 1, 1, at(86_400)) && !is_of(&cookie, 2, 1, at(0)) && !is_of(&cookie, 1, 2, at(0)));
        assert!(!cookie.contains(&user(1).bare()));
        assert_eq!(cookie.len(), keys.registered_cookie(&user(2), 7, at(1)).expose().len());
        for place in 0..cookie.len() - 1 {
            let mut text = cookie.clone().into_bytes();
            text[place] = if text[place] == b'0' { b'1' } else { b'0' };
            assert!(!is_of(&String::from_utf8(text).unwrap(), 1, 1, at(0)), "{place}");
        }
        let device = keys.device_cookie(&Device::new(user(1), 1), at(0));
        assert!(!is_of(device.expose(), 1, 1, at(0)) && keys.read_device_cookie(&cookie).is_none());
    }
}
