//! The texts of mails in each language, from the folders of `languages/`.

use tollgate_domain::language::{preferred, primary};

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

/// The language of a reader of whom none is known.
const FIRST: &str = "en";

impl Texts {
    /// The texts of `locale`, such as `de` or `de-CH`; English where there are none.
    #[must_use]
    pub fn of(locale: Option<&str>) -> &'static Self {
        let found = locale.and_then(known).or_else(|| known(FIRST));
        // The build fails without English.
        found.unwrap_or(&LANGUAGES[0])
    }
}

/// The texts of a language tag: its first part counts.
fn known(tag: &str) -> Option<&'static Texts> {
    LANGUAGES.iter().find(|texts| texts.lang.eq_ignore_ascii_case(primary(tag)))
}

/// The language of `accept-language` (RFC 9110, 12.5.4) that mails have, the most wanted first.
#[must_use]
pub fn language_of(accept_language: &str) -> Option<&'static str> {
    preferred(accept_language, known).map(|texts| texts.lang)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, Value};
    use std::collections::BTreeSet;
    use std::path::Path;

    fn read(language: &str) -> Map<String, Value> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../languages").join(language).join("mails.json");
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    }

    fn placeholders(text: &Value) -> BTreeSet<String> {
        let text = text.as_str().unwrap_or_default();
        text.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0.to_owned()).collect()
    }

    #[test]
    fn each_language_has_each_text_with_the_same_placeholders() {
        let first = read(FIRST);
        for texts in LANGUAGES {
            let own = read(texts.lang);
            assert_eq!(own.keys().collect::<Vec<_>>(), first.keys().collect::<Vec<_>>(), "{}", texts.lang);
            for (name, text) in &own {
                let is_same = placeholders(text) == placeholders(&first[name]);
                assert!(is_same, "{}: {name}: {text}", texts.lang);
                let is_empty = text.as_str().is_some_and(|text| text.trim().is_empty()) && name != "group_separator";
                assert!(!is_empty, "{}: {name} is empty", texts.lang);
                let is_translated = texts.lang == FIRST || text != &first[name] || !text.to_string().contains(' ');
                assert!(is_translated || name == "day" || name == "time", "{}: {name} is English", texts.lang);
            }
        }
        let languages: Vec<_> = LANGUAGES.iter().map(|texts| texts.lang).collect();
        for wanted in ["en", "de", "fr", "es", "ja"] {
            assert!(languages.contains(&wanted), "{wanted}");
        }
    }

    #[test]
    fn the_most_wanted_language_that_mails_have_is_chosen() {
        for (header, language) in [
            ("de-CH,de;q=0.9,en;q=0.8", Some("de")),
            ("nl, fr;q=0.5, es;q=0.7", Some("es")),
            ("ja", Some("ja")),
            ("EN-us", Some("en")),
            ("de;q=0, fr", Some("fr")),
            ("*", None),
            ("nl,pt", None),
            ("", None),
            (";;;,de;q=x,\u{fffd}", None),
        ] {
            assert_eq!(language_of(header), language, "{header}");
        }
        for (locale, language) in [(Some("fr-CA"), "fr"), (Some("nl"), "en"), (None, "en"), (Some(""), "en")] {
            assert_eq!(Texts::of(locale).lang, language);
        }
    }
}
