//! E-mail addresses, made canonical once (S14).

use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// An address that can be mailed to: as its owner typed it, and its key, which identifies the account.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    address: String,
    key: String,
}

/// Not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
pub struct InvalidEmailError;

const MAX_CHARS: usize = 254; // RFC 5321, 4.5.3.1.3

impl Email {
    /// Trims white space and invisible characters around it, applies NFKC, and requires exactly one `@`, a local part
    /// of ASCII (SES delivers to no other), an IDNA domain with a dot, at most 254 characters, and no characters that
    /// could make it two addresses or a header.
    ///
    /// # Errors
    /// For any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidEmailError> {
        let text: String = text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c)).nfkc().collect();
        let (local, domain) = text.split_once('@').ok_or(InvalidEmailError)?;
        let forbidden =
            |c: char| c.is_whitespace() || c.is_control() || ",;:<>()[]\\\"@".contains(c) || is_invisible(c);
        if local.is_empty() || !local.is_ascii() || local.chars().any(forbidden) || domain.chars().any(forbidden) {
            return Err(InvalidEmailError);
        }
        if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
            return Err(InvalidEmailError);
        }
        // No label is empty or longer than 63, the whole is not longer than 253, and all are letters, digits and
        // hyphens. Two hyphens in the third and fourth place are allowed, because registries have sold many such names.
        let domain =
            Uts46::new().to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify);
        let domain = domain.map_err(|_| InvalidEmailError)?;
        let top_level_is_a_name =
            domain.rsplit('.').next().is_some_and(|tld| tld.bytes().any(|b| b.is_ascii_alphabetic()));
        if !domain.contains('.') || !top_level_is_a_name {
            return Err(InvalidEmailError);
        }
        let address = format!("{local}@{domain}");
        if address.chars().count() > MAX_CHARS || local.len() > 64 {
            return Err(InvalidEmailError);
        }
        // Case folding may leave NFKC; the key does not change when it is computed again.
        let key = address.to_lowercase().nfkc().collect();
        Ok(Self { address, key })
    }

    /// The address for mail: the domain in ASCII, the local part in its original case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The key by which it is looked up.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// The prefix of keys of addresses and user names that a search for `text` finds; for a whole address its key.
#[must_use]
pub fn search_key(text: &str) -> String {
    match Email::parse(text) {
        Ok(email) => email.key,
        Err(InvalidEmailError) => text.trim().nfkc().collect::<String>().to_lowercase(),
    }
}

/// The prefix of domains that a search for `text` finds; for a whole name its form in ASCII. `None` where no domain can
/// have it.
#[must_use]
pub fn domain_search_key(text: &str) -> Option<String> {
    let name = match text.is_ascii() {
        true => text.to_ascii_lowercase(),
        false => Uts46::new()
            .to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
            .ok()?
            .into_owned(),
    };
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    name.bytes().all(is_part).then_some(name)
}

/// Invisible characters, which would make two addresses look alike: those of Unicode's property
/// `Default_Ignorable_Code_Point`.
fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
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
    use proptest::prelude::*;

    // S14
    #[test]
    fn spellings_of_an_address_share_a_key_and_mail_keeps_local_part_case() {
        let first = Email::parse(" Ann@Example.COM ").unwrap();
        assert_eq!(first.as_str(), "Ann@example.com");
        for spelling in ["ann@example.com", "ANN@EXAMPLE.com", "\tａｎｎ@example.com\n", "ann@ｅxample.com"] {
            assert_eq!(Email::parse(spelling).unwrap().key(), first.key(), "{spelling:?}");
        }
        assert_eq!(Email::parse("a@bücher.example").unwrap().as_str(), "a@xn--bcher-kva.example");
    }

    #[test]
    fn a_search_for_an_address_or_part_of_it_matches_the_start_of_keys() {
        for text in ["Ａnn", "ANN@", "ann@Exa", "Ann@EXAMPLE.com "] {
            assert!("ann@example.com".starts_with(&search_key(text)), "{text}");
        }
        assert_eq!(search_key("a@bücher.example"), Email::parse("a@bücher.example").unwrap().key());
    }

    // E7
    #[test]
    fn a_search_for_a_domain_or_part_of_it_matches_the_start_of_domains() {
        for (text, key) in [("Example.COM", "example.com"), ("ex", "ex"), ("bücher.example", "xn--bcher-kva.example")]
        {
            assert_eq!(domain_search_key(text).as_deref(), Some(key), "{text}");
        }
        for text in ["ann@example.com", "ann_b", "ex ample", "a+b"] {
            assert_eq!(domain_search_key(text), None, "{text}");
        }
    }

    // S14
    #[test]
    fn ambiguous_addresses_and_header_injections_are_refused() {
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
            "ann@example.com.",
            "ann@exa_mple.com",
            "ann@-example.com",
            &long,
        ];
        for text in bad {
            assert_eq!(Email::parse(text), Err(InvalidEmailError), "{text:?}");
        }
    }

    // S14
    #[test]
    fn every_part_has_its_greatest_length() {
        let local = "a".repeat(64);
        let label = "b".repeat(63);
        let fits = |text: &str| Email::parse(text).is_ok();
        assert!(fits(&format!("{local}@example.com")) && !fits(&format!("{local}a@example.com")));
        assert!(fits(&format!("a@{label}.com")) && !fits(&format!("a@{label}b.com")));
        // 65 for the local part and its @, 128 for two labels, the rest up to 254.
        let whole = |rest: usize| format!("{local}@{label}.{label}.{}.com", "c".repeat(rest));
        assert_eq!(whole(57).len(), 254);
        assert!(fits(&whole(57)));
        for rest in [58, 59, 62] {
            assert!(!fits(&whole(rest)), "{rest}");
        }
    }

    // S14
    #[test]
    fn an_address_is_serialised_as_typed_and_validated_on_reading() {
        let email = Email::parse("Ann@Example.com").unwrap();
        let text = serde_json::to_string(&email).unwrap();
        assert_eq!(text, "\"Ann@example.com\"");
        assert!(serde_json::from_str::<Email>(&text).unwrap() == email);
        assert!(serde_json::from_str::<Email>("\"ann\"").is_err());
    }

    // B4, S14
    #[test]
    fn a_local_part_that_is_not_ascii_is_refused_and_compatible_forms_are_not() {
        for bad in [
            "jörg@example.test",
            "иван@example.test",
            "x\u{3164}@example.test",
            "x\u{115f}y@example.test",
            "ß@a.example",
        ] {
            assert_eq!(Email::parse(bad), Err(InvalidEmailError), "{bad:?}");
        }
        for (typed, address) in [("ａｎｎ＠example.test", "ann@example.test"), ("ﬁ@example.test", "fi@example.test")]
        {
            assert_eq!(Email::parse(typed).unwrap().as_str(), address);
        }
    }

    // B4, S14
    #[test]
    fn an_invisible_character_is_trimmed_around_and_refused_inside() {
        let invisible = "\u{ad}\u{34f}\u{61c}\u{115f}\u{180e}\u{200b}\u{200e}\u{202e}\u{2060}\u{2066}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{e0061}";
        for c in invisible.chars() {
            assert!(is_invisible(c), "{c:?}");
            assert_eq!(
                Email::parse(&format!("{c}ann@example.test {c}")).unwrap().as_str(),
                "ann@example.test",
                "{c:?}"
            );
            for inside in [
                format!("a{c}n@example.test"),
                format!("ann@exa{c}mple.test"),
                format!("ann{c}@example.test"),
                format!("ann@{c}example.test"),
            ] {
                assert_eq!(Email::parse(&inside), Err(InvalidEmailError), "{inside:?}");
            }
        }
    }

    // B4, S14
    #[test]
    fn a_label_may_contain_two_hyphens_but_not_start_or_end_with_one() {
        for good in ["ann@my--shop.example", "ann@ab--cd.example", "ann@a.b--c.example", "ann@xn--bcher-kva.example"] {
            assert_eq!(Email::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "ann@-shop.example",
            "ann@shop-.example",
            "ann@xn--a.example",
            "ann@my--.example",
            "ann@xn--\u{e9}.example",
        ] {
            assert_eq!(Email::parse(bad), Err(InvalidEmailError), "{bad}");
        }
    }

    proptest! {
        // S14
        #[test]
        fn parsing_a_parsed_address_changes_nothing(local in "\\PC{1,20}|[!-~]{1,20}", domain in "[a-zA-Zäßñ0-9-]{1,12}\\.[a-zü]{2,6}") {
            if let Ok(email) = Email::parse(&format!("{local}@{domain}")) {
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
                let key = Email::parse(email.key()).unwrap();
                prop_assert_eq!((key.key(), key.as_str()), (email.key(), email.key()));
                prop_assert_eq!(email.as_str().matches('@').count(), 1);
            }
        }

        // S14
        #[test]
        fn plain_addresses_share_a_key_in_any_case(text in "[a-zA-Z0-9+_-]{1,20}@[a-zA-Z0-9]{1,12}\\.[a-zA-Z]{2,6}") {
            let email = Email::parse(&text).unwrap();
            for spelling in [text.to_uppercase(), text.to_lowercase(), format!("\t{text} ")] {
                let same = Email::parse(&spelling).unwrap();
                prop_assert_eq!(same.key(), email.key());
            }
        }
    }

    #[test]
    fn the_key_of_a_key_is_itself() {
        for text in ["STRASSE@example.com", "a@İstanbul.example", "ſ@example.com", "K@ſ.example"] {
            let key = Email::parse(text).unwrap().key().to_owned();
            assert_eq!(Email::parse(&key).unwrap().key(), key);
        }
    }

    // S28
    #[test]
    fn the_debug_form_shows_no_address() {
        assert_eq!(format!("{:?}", Email::parse("ann@example.com").unwrap()), "Email(…)");
    }
}
