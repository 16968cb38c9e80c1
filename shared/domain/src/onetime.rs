//! One-time secrets: links and codes that are mailed (S10–S12). They are derived, not stored (see the design).

use crate::{Email, SessionId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The purpose of a link or a code. It is refused for any other purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Verifies the address of a new account.
    Verify,
    /// Sets a new password.
    Reset,
    /// Signs in.
    LoginCode,
    /// Verifies the new address of an account.
    ChangeEmail,
}

impl Purpose {
    /// Its name in keys and derivations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
            Self::LoginCode => "login_code",
            Self::ChangeEmail => "change_email",
        }
    }
}

/// The number of wrong attempts that end a code.
pub const MAX_TRIES: u32 = 5;

/// The row behind a link and, where the purpose has one, its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneTimeRow {
    /// Sorted by time, with 128 random bits; the secrets are derived from it.
    pub id: String,
    /// Their purpose.
    pub purpose: Purpose,
    /// The user.
    pub user_id: UserId,
    /// The id of the key from which they are derived.
    pub generation: String,
    /// The address of the account when they were created.
    pub email_key: String,
    /// The address that they were mailed to, if it differs: the requested one.
    #[serde(default)]
    pub new_email: Option<Email>,
    /// The session that requested another address: the change is pending only while it is live.
    #[serde(default)]
    pub session_id: Option<SessionId>,
    /// The password version of the account when they were created.
    pub password_version: u64,
    /// When the link ends.
    pub expires_at: Timestamp,
    /// When the code ends.
    pub code_expires_at: Timestamp,
    /// The attempts at the code so far.
    #[serde(default)]
    pub tries: u32,
    /// When it was used up.
    #[serde(default)]
    pub used_at: Option<Timestamp>,
}

/// Why a link or a code is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OneTimeError {
    /// Unknown, used up, blocked, or created for another state of the account.
    #[error("invalid or used up")]
    Invalid,
    /// The link has expired.
    #[error("expired")]
    Expired,
}

impl OneTimeRow {
    /// Whether its link is valid for an account with this address and password version at `now`.
    ///
    /// # Errors
    /// [`OneTimeError::Invalid`] takes precedence over [`OneTimeError::Expired`].
    pub fn check_link(&self, email_key: &str, password_version: u64, now: Timestamp) -> Result<(), OneTimeError> {
        let same_account = self.email_key == email_key && self.password_version == password_version;
        if !same_account || self.used_at.is_some() {
            return Err(OneTimeError::Invalid);
        }
        if now < self.expires_at { Ok(()) } else { Err(OneTimeError::Expired) }
    }

    /// Whether an attempt at its code may count at `now`; the store counts it under the same conditions.
    #[must_use]
    pub fn takes_tries(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && self.tries < MAX_TRIES && now < self.code_expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn row() -> OneTimeRow {
        OneTimeRow {
            id: "x".into(),
            purpose: Purpose::Reset,
            user_id: UserId::new(at(0), [0; 10]),
            generation: "g".into(),
            email_key: "ann@example.com".into(),
            new_email: None,
            session_id: None,
            password_version: 3,
            expires_at: at(3600),
            code_expires_at: at(900),
            tries: 0,
            used_at: None,
        }
    }

    #[test]
    fn a_purpose_has_one_name_in_keys_and_in_rows() {
        for (purpose, name) in [
            (Purpose::Verify, "verify"),
            (Purpose::Reset, "reset"),
            (Purpose::LoginCode, "login_code"),
            (Purpose::ChangeEmail, "change_email"),
        ] {
            assert_eq!(purpose.as_str(), name);
            assert_eq!(serde_json::to_value(purpose).unwrap(), name);
        }
    }

    // S10
    #[test]
    fn a_link_is_valid_until_its_last_second_for_the_unchanged_account() {
        assert_eq!(row().check_link("ann@example.com", 3, at(3599)), Ok(()));
        assert_eq!(row().check_link("ann@example.com", 3, at(3600)), Err(OneTimeError::Expired));
        assert_eq!(row().check_link("new@example.com", 3, at(0)), Err(OneTimeError::Invalid));
        assert_eq!(row().check_link("ann@example.com", 4, at(0)), Err(OneTimeError::Invalid));
        let used = OneTimeRow { used_at: Some(at(1)), ..row() };
        assert_eq!(used.check_link("ann@example.com", 3, at(9_999)), Err(OneTimeError::Invalid));
    }

    // S11
    #[test]
    fn the_fifth_wrong_attempt_invalidates_a_code() {
        assert!(OneTimeRow { tries: 4, ..row() }.takes_tries(at(0)));
        assert!(!OneTimeRow { tries: 5, ..row() }.takes_tries(at(0)));
        assert!(!row().takes_tries(at(900)), "S10: a code is valid for 15 minutes");
        assert!(!OneTimeRow { used_at: Some(at(0)), ..row() }.takes_tries(at(1)));
    }
}
