//! Which password will do (S1, S3). How it is hashed is the auth function's business.

use crate::{Email, Secret, Username};
use zxcvbn::matching::patterns::MatchPattern;

/// The rules of a deployment.
#[derive(Debug, Clone, Copy)]
pub struct PasswordPolicy {
    /// The least number of characters (code points).
    pub min_chars: usize,
}

/// The largest number of characters (code points) that is hashed.
pub const MAX_CHARS: usize = 1024;

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Under the least length.
    #[error("The password must have at least {0} characters.")]
    TooShort(usize),
    /// Over [`MAX_CHARS`].
    #[error("The password must have at most 1024 characters.")]
    TooLong,
    /// On the list of common and breached ones.
    #[error("This password is among the most used ones and would be guessed first. Choose another.")]
    Common,
    /// Made of the user's own name or address.
    #[error("The password must not be made of your own name or address. Choose another.")]
    Personal,
}

impl PasswordPolicy {
    /// Judges `password` for the owner of `email` and `username`. Any character will do and there are no composition
    /// rules; the password is never trimmed, cut or changed in case.
    ///
    /// # Errors
    /// With the first rule that it breaks; the lengths are looked at before anything is computed.
    pub fn check(&self, password: &Secret<String>, email: &Email, username: &Username) -> Result<(), WeakPassword> {
        let chars = password.expose().chars().count();
        if chars < self.min_chars {
            return Err(WeakPassword::TooShort(self.min_chars));
        }
        if chars > MAX_CHARS {
            return Err(WeakPassword::TooLong);
        }
        check_lists(&password.expose().to_lowercase(), email, username)
    }
}

/// The shortest word of a person's own that counts: shorter ones stand in half of all passwords.
const MIN_OWN_CHARS: usize = 3;
/// So many characters beside the person's own words make a password of its own.
const OWN_ENOUGH_CHARS: usize = 4;

fn check_lists(password: &str, email: &Email, username: &Username) -> Result<(), WeakPassword> {
    let name = username.key();
    let mut own: Vec<&str> = vec![email.key(), &name];
    own.extend(email.key().split('@'));
    own.extend(email.key().split(['@', '.', '_', '-', '+']).chain(name.split(['.', '_', '-'])));
    own.retain(|word| word.chars().count() >= MIN_OWN_CHARS);
    own.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let rest = own.iter().fold(password.to_owned(), |rest, word| rest.replace(word, ""));
    if rest.len() < password.len() && rest.chars().count() < OWN_ENOUGH_CHARS {
        return Err(WeakPassword::Personal);
    }
    // zxcvbn looks at the first 100 characters; what is longer than that is on no list. Its lists: passwords, words, names.
    let found = zxcvbn::zxcvbn(password, &[]);
    let is_listed = match found.sequence() {
        [only] => matches!(only.pattern, MatchPattern::Dictionary(_)) && only.j + 1 == password.chars().count(),
        _ => false,
    };
    if is_listed { Err(WeakPassword::Common) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str) -> Result<(), WeakPassword> {
        let email = Email::parse("ann.lee@widgets.example").unwrap();
        let username = Username::parse("annabel").unwrap();
        PasswordPolicy { min_chars: 8 }.check(&Secret::new(password.to_owned()), &email, &username)
    }

    // S1
    #[test]
    fn lengths_are_counted_in_code_points_at_both_ends() {
        assert_eq!(check("kq7 vz2"), Err(WeakPassword::TooShort(8)));
        assert_eq!(check("éüñ€漢字🙂"), Err(WeakPassword::TooShort(8)));
        assert_eq!(check("éüñ€漢字🙂ß"), Ok(()));
        assert_eq!(check(&"ǂ".repeat(1024)), Ok(()));
        assert_eq!(check(&"ǂ".repeat(1025)), Err(WeakPassword::TooLong));
    }

    // S1
    #[test]
    fn spaces_unicode_and_long_passphrases_are_taken_without_composition_rules() {
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
            assert_eq!(check(bad), Err(WeakPassword::Common), "{bad}");
        }
    }

    // S3
    #[test]
    fn a_password_made_of_ones_own_name_or_address_is_refused_and_one_that_merely_holds_it_is_not() {
        for bad in ["ann.lee@widgets.example", "Annabel!7", "annabel-9", "WIDGETS12", "annabelannabel", "kq7annabel"] {
            assert_eq!(check(bad), Err(WeakPassword::Personal), "{bad}");
        }
        for good in ["annabel rides 40 camels", "kq7zannabel"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    // S3
    #[test]
    fn a_short_password_is_personal_only_where_a_word_of_ones_own_stands_in_it() {
        let (email, username) = (Email::parse("ann@widgets.example").unwrap(), Username::parse("annabel").unwrap());
        let check = |password: &str| {
            PasswordPolicy { min_chars: 3 }.check(&Secret::new(password.to_owned()), &email, &username)
        };
        assert_eq!(check("kq7"), Ok(()));
        assert_eq!(check("ann"), Err(WeakPassword::Personal), "a word of three characters counts");
    }
}
