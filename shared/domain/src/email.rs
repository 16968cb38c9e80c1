//! Addresses, made canonical once (S14).

use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// An address that can be mailed to: as its owner typed it, and the key under which it is one account.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    address: String,
    key: String,
}

/// Not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
pub struct InvalidEmail;

const MAX_CHARS: usize = 254; // RFC 5321, 4.5.3.1.3

impl Email {
    /// Trims outer white space, applies NFKC, wants exactly one `@`, an IDNA domain with a dot-separated name, at most
    /// 254 characters and nothing that could make it two addresses or a header.
    ///
    /// # Errors
    /// For everything else.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let text: String = text.trim().nfkc().collect();
        let (local, domain) = text.split_once('@').ok_or(InvalidEmail)?;
        let forbidden =
            |c: char| c.is_whitespace() || c.is_control() || ",;:<>()[]\\\"@".contains(c) || is_invisible(c);
        if local.is_empty() || local.chars().any(forbidden) || domain.chars().any(forbidden) {
            return Err(InvalidEmail);
        }
        if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
            return Err(InvalidEmail);
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidEmail)?;
        let labels_fit = domain.split('.').all(|label| !label.is_empty() && label.len() <= 63);
        let top_level_is_a_name =
            domain.rsplit('.').next().is_some_and(|tld| tld.bytes().any(|b| b.is_ascii_alphabetic()));
        if !domain.contains('.') || !labels_fit || !top_level_is_a_name {
            return Err(InvalidEmail);
        }
        let address = format!("{local}@{domain}");
        if address.chars().count() > MAX_CHARS || local.len() > 64 {
            return Err(InvalidEmail);
        }
        // Folding case may leave NFKC; the key is stable under a second pass.
        let key = address.to_lowercase().nfkc().collect();
        Ok(Self { address, key })
    }

    /// Where mail goes: the domain in ASCII, the local part's case as it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The one spelling by which it is looked up.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Characters that show nothing and would let two addresses look alike.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{00ad}')
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)") // an address is never logged (S28)
    }
}

impl serde::Serialize for Email {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.address)
    }
}

impl<'de> serde::Deserialize<'de> for Email {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // S14
    #[test]
    fn spellings_of_one_address_share_a_key_and_mail_keeps_the_case_of_the_local_part() {
        let first = Email::parse(" Ann@Example.COM ").unwrap();
        assert_eq!(first.as_str(), "Ann@example.com");
        for spelling in ["ann@example.com", "ANN@EXAMPLE.com", "\tａｎｎ@example.com\n", "ann@ｅxample.com"] {
            assert_eq!(Email::parse(spelling).unwrap().key(), first.key(), "{spelling:?}");
        }
        assert_eq!(Email::parse("ä@bücher.example").unwrap().as_str(), "ä@xn--bcher-kva.example");
    }

    // S14
    #[test]
    fn what_could_be_two_addresses_or_a_header_is_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        let bad = [
            "",
            "ann",
            "@example.com",
            "ann@",
            "ann@@example.com",
            "a@b@example.com",
            "ann@localhost",
            "ann@exa mple.com",
            "a nn@example.com",
            "ann@example.com,bob@example.com",
            "ann@example.com\nbcc: bob@example.com",
            "ann@example..com",
            "ann@.example.com",
            "\"a\"@example.com",
            "<ann@example.com>",
            "ann\u{200b}@example.com",
            "ann@127.0.0.1",
            "ann@[127.0.0.1]",
            ".ann@example.com",
            "a..b@example.com",
            "ann＠＠example.com",
            &long,
        ];
        for text in bad {
            assert_eq!(Email::parse(text), Err(InvalidEmail), "{text:?}");
        }
    }

    #[test]
    fn the_key_of_a_key_is_itself() {
        for text in ["İstanbul@example.com", "ǅ@example.com", "STRASSE@example.com", "ſ@example.com"] {
            let key = Email::parse(text).unwrap().key().to_owned();
            assert_eq!(Email::parse(&key).unwrap().key(), key);
        }
    }

    // S28
    #[test]
    fn the_debug_form_shows_no_address() {
        assert!(!format!("{:?}", Email::parse("ann@example.com").unwrap()).contains("ann"));
    }
}
