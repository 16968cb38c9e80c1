//! Writes the texts of the pages of mailed links, from `languages/*/pages.json`, as a struct with one value for each language.
//! The build of `pages` checks all texts of these files.

use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::fs;
use std::io::Error;
use std::path::{Path, PathBuf};

/// The language that has every text.
const FIRST: &str = "en";
/// The texts of these pages have this prefix there.
const PREFIX: &str = "link_";

fn main() -> Result<(), Error> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../languages");
    let root = variable("CARGO_MANIFEST_DIR")?;
    let folder = root.join("../../languages");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let first = read(&folder, FIRST)?;
    let fields: Vec<&str> = first.keys().filter_map(|name| name.strip_prefix(PREFIX)).collect();
    let mut code =
        String::from("/// The texts of a language.\n#[derive(Debug)]\npub struct Texts {\npub lang: &'static str,\n");
    for field in &fields {
        writeln!(code, "pub {field}: &'static str,").map_err(Error::other)?;
    }
    code.push_str("}\n/// All languages.\npub static LANGUAGES: &[Texts] = &[\n");
    for lang in &names {
        let texts = read(&folder, lang)?;
        writeln!(code, "Texts {{ lang: {lang:?},").map_err(Error::other)?;
        for field in &fields {
            let text = texts.get(&format!("{PREFIX}{field}")).and_then(Value::as_str);
            let missing = || Error::other(format!("languages/{lang}/pages.json: {PREFIX}{field} is missing"));
            writeln!(code, "{field}: {:?},", text.ok_or_else(missing)?).map_err(Error::other)?;
        }
        code.push_str("},\n");
    }
    code.push_str("];\n");
    fs::write(variable("OUT_DIR")?.join("link_texts.rs"), code)
}

fn variable(name: &str) -> Result<PathBuf, Error> {
    std::env::var_os(name).map(PathBuf::from).ok_or_else(|| Error::other(name.to_owned()))
}

fn read(folder: &Path, lang: &str) -> Result<Map<String, Value>, Error> {
    let file = folder.join(lang).join("pages.json");
    let text = fs::read_to_string(&file).map_err(|error| Error::other(format!("{}: {error}", file.display())))?;
    serde_json::from_str(&text).map_err(|error| Error::other(format!("languages/{lang}/pages.json: {error}")))
}
