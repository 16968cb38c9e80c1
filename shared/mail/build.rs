//! Writes the texts of each language of `languages/` as constants, checks the templates of `brand/mails/`, and lists them.

#[path = "build/overlay.rs"]
mod overlay;

use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::fs;
use std::io::Error;
use std::path::{Path, PathBuf};

/// The language that has every text, and that a mail is in when the reader's is not known.
const FIRST: &str = "en";

fn main() -> Result<(), Error> {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").ok_or_else(|| failed("no CARGO_MANIFEST_DIR"))?);
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or_else(|| failed("no OUT_DIR"))?);
    for path in ["build/overlay.rs", "../../languages", "../../brand", "src/mails", "src/page.rs"] {
        // Cargo takes a path that does not exist for changed, and would build everything again each time.
        if !root.join(path).exists() {
            return Err(failed(format!("{path} is missing")));
        }
        println!("cargo::rerun-if-changed={path}");
    }
    let texts = write_texts(&root.join("../../languages"), &out)?;
    let own = overlay::check_templates(&root, &root.join("../../brand/mails"), &texts)?;
    let names: Vec<_> = own.iter().map(|name| format!("{name:?}")).collect();
    fs::write(out.join("own_templates.rs"), format!("own_templates! {{ {} }}\n", names.join(", ")))
}

fn failed(text: impl Into<String>) -> Error {
    Error::other(text.into())
}

/// Writes the struct of the texts and one constant for each language; returns the names of the texts.
fn write_texts(folder: &Path, out: &Path) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let first = read(folder, FIRST)?;
    let mut code = String::from("/// The texts of a language.\n#[derive(Debug)]\npub struct Texts {\n");
    code.push_str("/// The language, as BCP 47 has it.\npub lang: &'static str,\n");
    for (name, value) in &first {
        let kind = if value.is_array() { "[&'static str; 12]" } else { "&'static str" };
        writeln!(code, "/// `{name}` of `languages/*/mails.json`.\npub {name}: {kind},").map_err(Error::other)?;
    }
    code.push_str("}\n/// All languages.\npub static LANGUAGES: &[Texts] = &[\n");
    for language in &names {
        let texts = read(folder, language)?;
        let file = format!("languages/{language}/mails.json");
        if let Some(unknown) = texts.keys().find(|name| !first.contains_key(*name)) {
            return Err(failed(format!("{file}: {unknown} is no text of {FIRST}")));
        }
        writeln!(code, "Texts {{ lang: {language:?},").map_err(Error::other)?;
        for (name, wanted) in &first {
            let value = texts.get(name).ok_or_else(|| failed(format!("{file}: {name} is missing")))?;
            if placeholders(value) != placeholders(wanted) {
                return Err(failed(format!("{file}: {name} has other placeholders than in {FIRST}")));
            }
            writeln!(code, "{name}: {value},").map_err(Error::other)?;
        }
        code.push_str("},\n");
    }
    code.push_str("];\n");
    let all: Vec<String> = first.keys().cloned().chain(["lang".to_owned()]).collect();
    writeln!(code, "#[cfg(test)]\npub const TEXTS: &[&str] = &{all:?};").map_err(Error::other)?;
    fs::write(out.join("texts.rs"), code)?;
    Ok(all)
}

fn read(folder: &Path, language: &str) -> Result<Map<String, Value>, Error> {
    let file = folder.join(language).join("mails.json");
    let text = fs::read_to_string(&file).map_err(|error| failed(format!("{}: {error}", file.display())))?;
    serde_json::from_str(&text).map_err(|error| failed(format!("languages/{language}/mails.json: {error}")))
}

/// The names between braces, sorted.
fn placeholders(value: &Value) -> Vec<String> {
    let text = value.as_str().unwrap_or_default();
    let mut names: Vec<_> =
        text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect();
    names.sort();
    names.dedup();
    names
}
