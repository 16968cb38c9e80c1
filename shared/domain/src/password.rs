//! The accepted passwords (S1, S3). The auth function hashes them.

use crate::{Email, Secret, Username};
use serde::{Deserialize, Deserializer};
use std::collections::HashSet;
use std::sync::LazyLock;
use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroize;

/// A password in the form that is counted, hashed and compared: Unicode's NFC, since keyboards send one text in several
/// forms (RFC 8265, 4.2). Nothing else is changed.
#[derive(Clone)]
pub struct Password(Secret<String>);

impl Password {
    /// The password that was typed as `text`.
    #[must_use]
    pub fn new(text: Secret<String>) -> Self {
        if is_nfc(text.expose()) { Self(text) } else { Self(Secret::new(text.expose().nfc().collect())) }
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Whether it is longer than any password of an account.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        self.expose().chars().count() > MAX_CHARS
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Secret::deserialize(deserializer).map(Self::new)
    }
}

/// The rules of a deployment.
#[derive(Debug, Clone, Copy)]
pub struct PasswordPolicy {
    /// The smallest number of characters (code points).
    pub min_chars: usize,
}

/// The largest number of characters (code points) that is hashed.
pub const MAX_CHARS: usize = 1024;

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPasswordError {
    /// Below the smallest length.
    #[error("The password must have at least {0} characters.")]
    TooShort(usize),
    /// Over [`MAX_CHARS`].
    #[error("The password must have at most 1024 characters.")]
    TooLong,
    /// On the list of common and breached ones.
    #[error("This password is among the most used ones and would be guessed first. Choose another.")]
    Common,
    /// It consists of the user's own name or address.
    #[error("The password must not be made of your own name or address. Choose another.")]
    Personal,
}

impl PasswordPolicy {
    /// Checks `password` for the owner of `email` and `username`. Any character will do and there are no composition
    /// rules; the password is never trimmed, cut or changed in case.
    ///
    /// # Errors
    /// The first violated rule; the lengths are checked before any computation.
    pub fn check(&self, password: &Password, email: &Email, username: &Username) -> Result<(), WeakPasswordError> {
        self.check_beside(password, Some(email), Some(username))
    }

    /// The same where address or name may be invalid: then they are ignored.
    ///
    /// # Errors
    /// As [`PasswordPolicy::check`].
    pub fn check_beside(
        &self,
        password: &Password,
        email: Option<&Email>,
        username: Option<&Username>,
    ) -> Result<(), WeakPasswordError> {
        let chars = password.expose().chars().count();
        if chars < self.min_chars {
            return Err(WeakPasswordError::TooShort(self.min_chars));
        }
        if password.is_too_long() {
            return Err(WeakPasswordError::TooLong);
        }
        let mut lower_case = password.expose().to_lowercase();
        let checked = check_lists(&lower_case, email, username);
        lower_case.zeroize();
        checked
    }
}

/// Common and breached passwords, words and names of 8 characters and more, in lower case: the frequency lists of zxcvbn
/// 3.1.1 (MIT licence).
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// The shortest word of the user that counts: shorter ones occur in half of all passwords.
const MIN_OWN_CHARS: usize = 3;
/// The number of characters in addition to the user's own words that makes a password acceptable.
const OWN_ENOUGH_CHARS: usize = 4;

fn check_lists(password: &str, email: Option<&Email>, username: Option<&Username>) -> Result<(), WeakPasswordError> {
    let name = username.map(Username::key).unwrap_or_default();
    let email = email.map(Email::key).unwrap_or_default();
    let mut own: Vec<&str> = vec![email, &name];
    own.extend(email.split('@'));
    own.extend(email.split(['@', '.', '_', '-', '+']).chain(name.split(['.', '_', '-'])));
    own.retain(|word| word.chars().count() >= MIN_OWN_CHARS);
    own.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let rest = own.iter().fold(password.to_owned(), |rest, word| rest.replace(word, ""));
    if rest.len() < password.len() && rest.chars().count() < OWN_ENOUGH_CHARS {
        return Err(WeakPasswordError::Personal);
    }
    // One lookup for any password: with a score, an attacker could choose the CPU time.
    if COMMON.contains(password) { Err(WeakPasswordError::Common) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Password {
        Password::new(Secret::new(text.to_owned()))
    }

    fn check(password: &str) -> Result<(), WeakPasswordError> {
        let email = Email::parse("ann.lee@widgets.example").unwrap();
        let username = Username::parse("annabel").unwrap();
        PasswordPolicy { min_chars: 8 }.check(&typed(password), &email, &username)
    }

    // S1
    #[test]
    fn lengths_are_counted_in_code_points_at_both_ends() {
        assert_eq!(check("kq7 vz2"), Err(WeakPasswordError::TooShort(8)));
        assert_eq!(check("éüñ€漢字🙂"), Err(WeakPasswordError::TooShort(8)));
        assert_eq!(check("éüñ€漢字🙂ß"), Ok(()));
        assert_eq!(check(&"ǂ".repeat(1024)), Ok(()));
        assert_eq!(check(&"ǂ".repeat(1025)), Err(WeakPasswordError::TooLong));
    }

    // S1
    #[test]
    fn spaces_unicode_and_long_passphrases_are_accepted() {
        for good in [
            "correct horse battery staple",
            "        leading spaces",
            "всё-таки пароль",
            "aaaabbbbccccddddeeeeffffgggghhhhiiiijjjjkkkkllllmmmmnnnnoooopppp",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    // S3
    #[test]
    fn common_passwords_are_refused_in_any_case() {
        for bad in ["password", "PassWord", "12345678", "qwertyuiop", "baseball", "trustno1", "iloveyou", "PASSWORD1"] {
            assert_eq!(check(bad), Err(WeakPasswordError::Common), "{bad}");
        }
    }

    // S3
    #[test]
    fn a_password_that_equals_the_name_or_address_is_refused() {
        for bad in ["ann.lee@widgets.example", "Annabel!7", "annabel-9", "WIDGETS12", "annabelannabel", "kq7annabel"] {
            assert_eq!(check(bad), Err(WeakPasswordError::Personal), "{bad}");
        }
        for good in ["annabel rides 40 camels", "kq7zannabel"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    // S3
    #[test]
    fn a_short_password_is_personal_only_if_it_contains_an_own_word() {
        let (email, username) = (Email::parse("ann@widgets.example").unwrap(), Username::parse("annabel").unwrap());
        let check = |password: &str| PasswordPolicy { min_chars: 3 }.check(&typed(password), &email, &username);
        assert_eq!(check("kq7"), Ok(()));
        assert_eq!(check("ann"), Err(WeakPasswordError::Personal), "a word of three characters counts");
    }

    // B5, S1
    #[test]
    fn a_password_is_normalised_to_nfc_and_never_to_nfkc() {
        for (text, kept) in [
            ("cafe\u{301}", "caf\u{e9}"),
            ("s\u{323}\u{307}", "\u{1e69}"),
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
            ("\u{212b}", "\u{c5}"),
            ("\u{fb01} \u{2460} \u{ff21}", "\u{fb01} \u{2460} \u{ff21}"),
            (" A b ", " A b "),
        ] {
            assert_eq!(typed(text).expose(), kept);
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(serde_json::from_str::<Password>(&json).unwrap().expose(), kept);
        }
    }

    // B5, S1
    #[test]
    fn the_characters_of_the_composed_form_are_counted() {
        let decomposed = "e\u{301}".repeat(7);
        assert_eq!(check(&decomposed), Err(WeakPasswordError::TooShort(8)));
        assert_eq!(check(&"e\u{301}".repeat(1024)), Ok(()));
        assert_eq!(check(&"e\u{301}".repeat(1025)), Err(WeakPasswordError::TooLong));
    }

    // B12, S3
    #[test]
    fn the_list_has_ten_thousand_normalised_passwords() {
        assert!(COMMON.len() >= 10_000);
        for word in COMMON.iter() {
            assert!(word.chars().count() >= 8 && typed(&word.to_lowercase()).expose() == *word, "{word}");
        }
    }

    // B12
    #[test]
    fn substitutions_are_checked_with_one_lookup() {
        let classes = ["4@", "8", "({[<", "3", "6", "9", "!1|7", "0", "$5", "+", "%", "2"];
        let all: String = classes.concat();
        // Each of these took 20 to 30 times as long as hashing with a scoring library.
        for text in [all.repeat(5), "4@8({[<369!1|70$5+%2".repeat(5), "@$!".repeat(300), "p@$$w0rd!".repeat(11)] {
            assert_eq!(check(&text), Ok(()), "{text}");
        }
    }
}
