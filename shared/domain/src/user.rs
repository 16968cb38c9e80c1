//! Users, as the contract shows them.

use crate::{Email, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How an account came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// By address and password.
    Local,
    /// By a Google account.
    Google,
    /// By a GitHub account.
    Github,
}

/// The `User` of the contract.
#[derive(Debug, Clone, Serialize)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Where mail goes.
    pub email: Email,
    /// The public name.
    pub username: Username,
    /// How the account came to be.
    pub provider: Provider,
    /// Whether the owner of the address has shown to be the owner of the account.
    pub email_verified: bool,
    /// Whether it may sign in.
    pub is_active: bool,
    /// Whether it may use the admin API.
    pub is_admin: bool,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// A user name: 3–40 of `A–Z a–z 0–9 . _ -`, unique without regard to case.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Username(String);

/// Not a user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user name has 3 to 40 letters, digits, dots, dashes or underscores")]
pub struct InvalidUsername;

impl Username {
    /// # Errors
    /// When it is too short, too long or holds another character.
    pub fn parse(text: &str) -> Result<Self, InvalidUsername> {
        let fits = (3..=40).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidUsername) }
    }

    /// As it was chosen.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The one spelling by which it is looked up.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Username(…)")
    }
}

impl<'de> Deserialize<'de> for Username {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_has_3_to_40_plain_characters() {
        let longest = "x".repeat(40);
        for good in ["abc", "A.b_c-9", longest.as_str()] {
            assert_eq!(Username::parse(good).unwrap().key(), good.to_lowercase());
        }
        let too_long = "x".repeat(41);
        for bad in ["", "ab", "a b", "äbc", "a@b", "abc ", "a/b", "<b>", too_long.as_str()] {
            assert_eq!(Username::parse(bad), Err(InvalidUsername), "{bad:?}");
        }
    }
}
