//! Users in the form of the contract.

use crate::{Email, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// How an account was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// With an address and a password.
    Local,
    /// By a Google account.
    Google,
    /// By a GitHub account.
    Github,
}

impl Provider {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Google => "google",
            Self::Github => "github",
        }
    }
}

/// An external identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityProvider {
    /// Google, by OpenID Connect.
    Google,
    /// GitHub, by OAuth 2.0 and its API.
    Github,
}

impl IdentityProvider {
    /// All providers.
    pub const ALL: [Self; 2] = [Self::Google, Self::Github];

    /// Its name in paths, keys and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Github => "github",
        }
    }

    /// Its display name.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Google => "Google",
            Self::Github => "GitHub",
        }
    }
}

impl FromStr for IdentityProvider {
    type Err = UnknownProviderError;

    fn from_str(text: &str) -> Result<Self, UnknownProviderError> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == text).ok_or(UnknownProviderError)
    }
}

/// Not the name of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a provider")]
pub struct UnknownProviderError;

impl From<IdentityProvider> for Provider {
    fn from(provider: IdentityProvider) -> Self {
        match provider {
            IdentityProvider::Google => Self::Google,
            IdentityProvider::Github => Self::Github,
        }
    }
}

/// The `User` of the contract.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct User {
    /// Its id.
    #[schema(value_type = String, examples("usr_019ca945f4607c7b9c59379e3f571f07"))]
    pub id: UserId,
    /// The e-mail address.
    #[schema(value_type = String, format = Email)]
    pub email: Email,
    /// The public name.
    #[schema(value_type = String, examples("ann"))]
    pub username: Username,
    /// How the account was created.
    pub provider: Provider,
    /// Whether the e-mail address is verified.
    pub email_verified: bool,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// Whether it may use the admin API.
    pub is_admin: bool,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// The language of pages and mails, such as `de`; `null` for that of the browser, and of English mails.
    #[schema(required = true)]
    pub locale: Option<String>,
}

/// A user name: 3–40 of `A–Z a–z 0–9 . _ -`, unique ignoring case.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Username(String);

/// Not a user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user name has 3 to 40 letters, digits, dots, dashes or underscores")]
pub struct InvalidUsernameError;

impl Username {
    /// # Errors
    /// When it is too short, too long or contains another character.
    pub fn parse(text: &str) -> Result<Self, InvalidUsernameError> {
        let fits = (3..=40).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidUsernameError) }
    }

    /// The user name closest to a provider's name; `suffix` (at most 8 characters) makes it unique.
    #[must_use]
    pub fn near(text: &str, suffix: Option<&str>) -> Self {
        let plain = |c: char| match c {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '_' | '-' => Some(c),
            ' ' => Some('.'),
            _ => None,
        };
        let mut name: String = text.trim().chars().filter_map(plain).take(31).collect();
        if name.len() < 3 {
            name = format!("user{name}");
        }
        Self(suffix.map_or(name.clone(), |suffix| format!("{name}-{suffix}")))
    }

    /// As the user typed it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key by which it is looked up.
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
    use proptest::prelude::*;

    #[test]
    fn a_provider_has_one_name_in_paths_keys_and_answers_and_a_title() {
        for (provider, name, title) in
            [(IdentityProvider::Google, "google", "Google"), (IdentityProvider::Github, "github", "GitHub")]
        {
            assert_eq!((provider.as_str(), provider.title()), (name, title));
            assert_eq!(name.parse(), Ok(provider));
            assert_eq!(serde_json::to_value(provider).unwrap(), name);
            assert_eq!(serde_json::to_value(Provider::from(provider)).unwrap(), name);
        }
        for other in ["", "Google", "local"] {
            assert_eq!(other.parse::<IdentityProvider>(), Err(UnknownProviderError), "{other}");
        }
    }

    #[test]
    fn the_debug_form_shows_no_user_name() {
        assert_eq!(format!("{:?}", Username::parse("ann").unwrap()), "Username(…)");
    }

    #[test]
    fn a_user_name_is_validated_on_deserialisation() {
        assert_eq!(serde_json::from_str::<Username>("\"Ann\"").unwrap().as_str(), "Ann");
        assert!(serde_json::from_str::<Username>("\"a b\"").is_err());
    }

    proptest! {
        #[test]
        fn any_provider_name_gives_a_valid_user_name(text in "\\PC{0,60}", suffix in "[a-f0-9]{8}") {
            for name in [Username::near(&text, None), Username::near(&text, Some(&suffix))] {
                prop_assert!(Username::parse(name.as_str()).is_ok(), "{}", name.as_str());
            }
        }
    }

    #[test]
    fn any_name_of_a_provider_gives_a_user_name() {
        let long = "x".repeat(99);
        for (text, name) in
            [("Ann Lee", "Ann.Lee"), ("Ann", "Ann"), ("", "user"), ("é", "user"), ("ab", "userab"), ("李", "user")]
        {
            assert_eq!(Username::near(text, None).as_str(), name);
        }
        for text in ["Ann Lee", "", "<script>", &long] {
            for suffix in [None, Some("12345678")] {
                assert!(Username::parse(Username::near(text, suffix).as_str()).is_ok(), "{text}");
            }
        }
    }

    #[test]
    fn a_user_name_has_3_to_40_plain_characters() {
        let longest = "x".repeat(40);
        for good in ["abc", "A.b_c-9", longest.as_str()] {
            assert_eq!(Username::parse(good).unwrap().key(), good.to_lowercase());
        }
        let too_long = "x".repeat(41);
        for bad in ["", "ab", "a b", "äbc", "a@b", "abc ", "a/b", "<b>", too_long.as_str()] {
            assert_eq!(Username::parse(bad), Err(InvalidUsernameError), "{bad:?}");
        }
    }
}
