//! The texts of `languages/*/pages.json`, at build: each language has the same ones, and scripts and pages get them in
//! place of their names.

use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fs;
use std::io::Error;
use std::path::Path;

/// The language that has every text.
pub const FIRST: &str = "en";
/// The texts with this prefix are those of the pages of mailed links, which `auth` serves.
const OF_LINKS: &str = "link_";
/// The text with the name of the language.
const OWN_NAME: &str = "language_name";
/// The plural forms that languages have (CLDR).
const FORMS: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];

/// The texts of a language.
pub struct Texts {
    /// Its tag, such as `de`: the name of its folder.
    pub lang: String,
    texts: Map<String, Value>,
}

fn failed(text: impl Into<String>) -> Error {
    Error::other(text.into())
}

/// The texts of all languages in `folder`, sorted, each with those of the first one.
pub fn read_languages(folder: &Path) -> Result<Vec<Texts>, Error> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let languages: Vec<Texts> = names.into_iter().map(|lang| read(folder, lang)).collect::<Result<_, _>>()?;
    let first = languages.iter().find(|texts| texts.lang == FIRST);
    let first = first.ok_or_else(|| failed(format!("there is no languages/{FIRST}")))?;
    for texts in &languages {
        texts.check_against(first)?;
    }
    Ok(languages)
}

fn read(folder: &Path, lang: String) -> Result<Texts, Error> {
    let file = folder.join(&lang).join("pages.json");
    let text = fs::read_to_string(&file).map_err(|error| failed(format!("{}: {error}", file.display())))?;
    let texts = serde_json::from_str(&text).map_err(|error| failed(format!("languages/{lang}/pages.json: {error}")))?;
    Ok(Texts { lang, texts })
}

impl Texts {
    fn check_against(&self, first: &Self) -> Result<(), Error> {
        let wrong = |name: &str, what: &str| failed(format!("languages/{}/pages.json: {name} {what}", self.lang));
        if let Some(unknown) = self.texts.keys().find(|name| !first.texts.contains_key(*name)) {
            return Err(wrong(unknown, &format!("is no text of {FIRST}")));
        }
        for (name, expected) in &first.texts {
            let value = self.texts.get(name).ok_or_else(|| wrong(name, "is missing"))?;
            if value.is_object() != expected.is_object() {
                return Err(wrong(name, &format!("has plural forms, or none, unlike in {FIRST}")));
            }
            let expected = placeholders(expected.get("other").unwrap_or(expected));
            for (form, text) in forms(value) {
                if text.as_str().is_none_or(|text| text.trim().is_empty()) {
                    return Err(wrong(name, "is empty, or no text"));
                }
                if !FORMS.contains(&form) || value.is_object() && value.get("other").is_none() {
                    return Err(wrong(name, "has an unknown plural form, or lacks \"other\""));
                }
                let found = placeholders(text);
                // "a month" needs no number.
                let may_lack = |missing: &&String| form != "other" && *missing == "count";
                if !found.is_subset(&expected) || !expected.difference(&found).all(|missing| may_lack(&missing)) {
                    return Err(wrong(name, &format!("has other placeholders than in {FIRST}")));
                }
            }
        }
        Ok(())
    }

    /// The name of the language in itself.
    #[cfg_attr(test, expect(dead_code, reason = "the build calls it"))]
    pub fn own_name(&self) -> Option<&str> {
        self.texts.get(OWN_NAME)?.as_str()
    }

    /// The script `code` with each text in place of `t.` and its name, which `used` gets.
    pub fn write_into_script(&self, path: &str, code: &str, used: &mut BTreeSet<String>) -> Result<String, Error> {
        let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let mut written = String::with_capacity(code.len());
        let mut rest = code;
        while let Some(at) = rest.find("t.") {
            let (before, after) = (&rest[..at], &rest[at + 2..]);
            let name = &after[..after.find(|c| !is_of_name(c)).unwrap_or(after.len())];
            written.push_str(before);
            rest = &after[name.len()..];
            let is_text = !written.ends_with(|c: char| c.is_alphanumeric() || "_$.'\"".contains(c));
            if !is_text || name.is_empty() {
                written.push_str("t.");
                written.push_str(name);
                continue;
            }
            match self.get(path, name, used)? {
                forms @ Value::Object(_) => written.push_str(&format!("({forms})")),
                text => written.push_str(&text.to_string()),
            }
        }
        written.push_str(rest);
        Ok(written)
    }

    /// The page with each text in place of `{{t.name}}`, and the tag of the language in place of `{{lang}}`.
    pub fn write_into_page(&self, path: &str, page: &str, used: &mut BTreeSet<String>) -> Result<String, Error> {
        let page = page.replace("{{lang}}", &self.lang);
        let mut parts = page.split("{{t.");
        let mut written = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, after) = part.split_once("}}").ok_or_else(|| failed(format!("{path}: a brace is missing")))?;
            let text = self.get(path, name, used)?.as_str().unwrap_or_default();
            written.push_str(&escape(text));
            written.push_str(after);
        }
        Ok(written)
    }

    fn get(&self, path: &str, name: &str, used: &mut BTreeSet<String>) -> Result<&Value, Error> {
        used.insert(name.to_owned());
        let found = self.texts.get(name).filter(|_| !name.starts_with(OF_LINKS));
        found.ok_or_else(|| failed(format!("{path}: languages/{FIRST}/pages.json has no text {name}")))
    }

    /// Fails for a text that no script or page has.
    pub fn check_use(&self, used: &BTreeSet<String>) -> Result<(), Error> {
        let is_used = |name: &String| used.contains(name) || name.starts_with(OF_LINKS) || name == OWN_NAME;
        match self.texts.keys().find(|name| !is_used(name)) {
            Some(name) => Err(failed(format!("languages/{}/pages.json: no page has the text {name}", self.lang))),
            None => Ok(()),
        }
    }
}

/// The plural forms of a text, or the text itself.
fn forms(value: &Value) -> Vec<(&str, &Value)> {
    match value {
        Value::Object(forms) => forms.iter().map(|(form, text)| (form.as_str(), text)).collect(),
        text => vec![("other", text)],
    }
}

/// The names between braces.
fn placeholders(text: &Value) -> BTreeSet<String> {
    let text = text.as_str().unwrap_or_default();
    text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect()
}

/// `text` escaped for an HTML element.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn texts(lang: &str, texts: Value) -> Texts {
        let Value::Object(texts) = texts else { panic!("{texts}") };
        Texts { lang: lang.to_owned(), texts }
    }

    #[test]
    fn a_language_with_other_texts_than_english_fails_the_build() {
        let first =
            texts("en", json!({"hello": "Hello {name}", "days": {"one": "{count} day", "other": "{count} days"}}));
        let days = json!({"one": "ein Tag", "other": "{count} Tage"});
        let right = json!({"hello": "Hallo {name}", "days": days});
        assert!(texts("de", right.clone()).check_against(&first).is_ok());
        for (name, value, expected) in [
            ("hello", Value::Null, "hello is empty, or no text"),
            ("hello", json!("  "), "hello is empty, or no text"),
            ("hello", json!("Hallo"), "hello has other placeholders than in en"),
            ("hello", json!("Hallo {nome}"), "hello has other placeholders than in en"),
            ("hello", json!({"other": "Hallo {name}"}), "hello has plural forms, or none, unlike in en"),
            ("days", json!("Tage"), "days has plural forms, or none, unlike in en"),
            ("days", json!({"other": "Tage"}), "days has other placeholders than in en"),
            ("days", json!({"one": "{count} Tag"}), "days has an unknown plural form, or lacks \"other\""),
            (
                "days",
                json!({"some": "{count} Tag", "other": "{count} Tage"}),
                "days has an unknown plural form, or lacks \"other\"",
            ),
            ("bye", json!("Tschüss"), "bye is no text of en"),
        ] {
            let mut wrong = right.clone();
            wrong[name] = value;
            let error = texts("de", wrong).check_against(&first).unwrap_err().to_string();
            assert_eq!(error, format!("languages/de/pages.json: {expected}"));
        }
        let mut wrong = right;
        wrong.as_object_mut().unwrap().remove("days");
        let error = texts("de", wrong).check_against(&first).unwrap_err().to_string();
        assert_eq!(error, "languages/de/pages.json: days is missing");
    }

    #[test]
    fn scripts_and_pages_get_the_text_in_place_of_its_name() {
        let own = texts(
            "de",
            json!({"hello": "\"Hallo\" & tschüss", "days": {"other": "Tage"}, "link_x": "x", "unused": "x"}),
        );
        let mut used = BTreeSet::new();
        let script = "f(t.hello, `${t.days}`); it.hello; x.t.hello; \"t.hello\"; // isn't. t.";
        let written = own.write_into_script("a.js", script, &mut used).unwrap();
        let text = r#""\"Hallo\" & tschüss""#;
        let expected =
            format!("f({text}, `${{({{\"other\":\"Tage\"}})}}`); it.hello; x.t.hello; \"t.hello\"; // isn't. t.");
        assert_eq!(written, expected);
        let page = own.write_into_page("a.html", "<p lang=\"{{lang}}\">{{t.hello}}</p>", &mut used).unwrap();
        assert_eq!(page, "<p lang=\"de\">&quot;Hallo&quot; &amp; tschüss</p>");
        for unknown in ["t.nothing", "t.link_x"] {
            let error = own.write_into_script("a.js", unknown, &mut BTreeSet::new()).unwrap_err().to_string();
            let name = unknown.trim_start_matches("t.");
            assert_eq!(error, format!("a.js: languages/en/pages.json has no text {name}"));
        }
        let error = own.check_use(&used).unwrap_err().to_string();
        assert_eq!(error, "languages/de/pages.json: no page has the text unused");
    }

    #[test]
    fn each_language_is_translated() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../languages");
        let languages = read_languages(&folder).unwrap();
        let first = languages.iter().find(|texts| texts.lang == FIRST).unwrap();
        for texts in languages.iter().filter(|texts| texts.lang != FIRST) {
            for (name, text) in &texts.texts {
                let is_word = !text.to_string().contains(' ') || name == "feature_value";
                assert!(is_word || *text != first.texts[name], "{}: {name} is English", texts.lang);
            }
        }
        let tags: Vec<_> = languages.iter().map(|texts| texts.lang.as_str()).collect();
        for wanted in ["en", "de", "fr", "es", "ja"] {
            assert!(tags.contains(&wanted), "{wanted}");
        }
    }
}
