//! Compresses all files under `web/` and writes a table of them, so that serving a page is a look-up. The modules of
//! the account pages become one script, those of the dashboard another, so that a first visit makes few requests. The
//! brand of `brand/` is written into the pages. The account pages and their script exist in each language of `languages/`.

#[path = "build/texts.rs"]
mod texts;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Error;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use zopfli::{Format, Options};

/// The first module of the English pages, and the script that is built from it and all its imports.
const BUNDLES: [(&str, &str); 2] = [("dashboard/main.js", "dashboard/bundle.js"), ("docs/docs.js", "docs/bundle.js")];
/// The first module of the account pages.
const ACCOUNT: &str = "account/main.js";
/// The pages that exist in each language.
const PAGES: [&str; 2] = ["account/index", "account/not-found"];
/// The style of the dashboard, and the files that it is built from, in their order.
const STYLE: (&str, [&str; 3]) =
    ("dashboard/bundle.css", ["dashboard/dashboard.css", "dashboard/charts.css", "dashboard/records.css"]);
/// The OpenAPI document.
const DOCUMENT: &str = "openapi.json";
/// What is made of it for a deployment without billing.
const WITHOUT_BILLING: &str = "openapi-without-billing.json";
/// The path of the brand's logo.
const LOGO: &str = "account/logo.svg";

/// The content of each file by its path below `web/`.
type Files = BTreeMap<String, String>;

fn main() -> Result<(), Error> {
    for path in ["build/texts.rs", "web", "../../languages"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let web = root.join("web");
    let out = PathBuf::from(variable("OUT_DIR")?);
    let mut files = Files::new();
    read_all(&web, &web, &mut files)?;
    write_brand(&root.join("../../brand"), &mut files)?;
    write_without_billing(&mut files)?;
    let languages = write_languages(&root.join("../../languages"), &mut files)?;
    fs::write(out.join("languages.rs"), format!("&{languages:?}"))?;
    for (entry, bundle) in BUNDLES {
        let script = bundle_of(entry, &files)?;
        files.insert(bundle.to_owned(), script);
    }
    let (style, parts) = STYLE;
    let parts: Option<Vec<_>> = parts.iter().map(|path| files.get(*path).map(String::as_str)).collect();
    let parts = parts.ok_or_else(|| Error::other(format!("a file of {style} is missing")))?;
    files.insert(style.to_owned(), parts.concat());
    for (_, style) in files.iter_mut().filter(|(path, _)| path.ends_with(".css")) {
        *style = code_lines(style).fold(String::new(), |all, line| all + line + "\n");
    }
    name_versions(&mut files);
    // The smallest files take the longest: only what is deployed is worth it.
    let mut options = Options::default();
    if variable("PROFILE")? != "release" {
        options.iteration_count = NonZeroU64::MIN;
    }
    let mut table = String::from("&[\n");
    for (index, (path, content)) in files.iter().enumerate() {
        // Copied, because the build folder may outlive the checkout.
        let plain = out.join(index.to_string());
        fs::write(&plain, content)?;
        let packed = out.join(format!("{index}.gz"));
        zopfli::compress(options, Format::Gzip, content.as_bytes(), fs::File::create(&packed)?)?;
        let (kind, etag) = (content_type(path)?, version(content));
        writeln!(
            table,
            "Asset {{ path: {path:?}, content_type: {kind:?}, etag: {etag:?}, plain: include_bytes!({plain:?}), gzip: include_bytes!({packed:?}) }},",
        )
        .map_err(Error::other)?;
    }
    table.push(']');
    fs::write(out.join("assets.rs"), table)
}

/// Writes the values of `brand.json` where files name them, such as `{{brand.name}}`; `{{brand.json}}` is the whole
/// file.
fn write_brand(folder: &Path, files: &mut Files) -> Result<(), Error> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let brand: Value = serde_json::from_str(&fs::read_to_string(folder.join("brand.json"))?)?;
    let logo = brand["logo"].as_str().ok_or_else(|| Error::other("brand.json names no logo"))?;
    if !logo.ends_with(".svg") {
        return Err(Error::other(format!("brand.json: the logo is {logo}, and must be an .svg")));
    }
    files.insert(LOGO.to_owned(), fs::read_to_string(folder.join(logo))?);
    for (path, content) in files.iter_mut() {
        let mut written = String::new();
        let mut rest = content.as_str();
        while let Some((before, after)) = rest.split_once("{{brand.") {
            let unknown = || Error::other(format!("{path}: brand.json has nothing for {{{{brand.{after:.20}"));
            let (name, after) = after.split_once("}}").ok_or_else(unknown)?;
            let value = match name {
                "json" => brand.to_string(),
                _ => brand
                    .pointer(&format!("/{}", name.replace('.', "/")))
                    .and_then(Value::as_str)
                    .ok_or_else(unknown)?
                    .to_owned(),
            };
            written.push_str(before);
            written.push_str(&if path.ends_with(".html") { texts::escape(&value) } else { value });
            rest = after;
        }
        written.push_str(rest);
        *content = written;
    }
    Ok(())
}

/// Writes the account pages and their script in each language, and the texts of English into the modules; returns the
/// tags of the languages.
fn write_languages(folder: &Path, files: &mut Files) -> Result<Vec<String>, Error> {
    let languages = texts::read_languages(folder)?;
    let names = languages.iter().map(|texts| (texts.lang.clone(), Value::from(texts.own_name()))).collect::<Value>();
    for script in files.values_mut() {
        *script = script.replace("{{languages}}", &names.to_string());
    }
    let sources = files.clone();
    for texts in &languages {
        let mut used = BTreeSet::new();
        for page in PAGES {
            let path = format!("{page}.html");
            let text = sources.get(&path).ok_or_else(|| Error::other(format!("there is no {path}")))?;
            let text = texts.write_into_page(&path, text, &mut used)?;
            files.remove(&path);
            files.insert(format!("{page}.{}.html", texts.lang), text);
        }
        let mut scripts = Files::new();
        for (path, script) in sources.iter().filter(|(path, _)| path.ends_with(".js")) {
            scripts.insert(path.clone(), texts.write_into_script(path, script, &mut used)?);
        }
        texts.check_use(&used)?;
        files.insert(format!("account/bundle.{}.js", texts.lang), bundle_of(ACCOUNT, &scripts)?);
        if texts.lang == texts::FIRST {
            files.append(&mut scripts);
        }
    }
    Ok(languages.into_iter().map(|texts| texts.lang).collect())
}

/// The OpenAPI document without the paths of billing, for a deployment that leaves it out.
fn write_without_billing(files: &mut Files) -> Result<(), Error> {
    let document = files.get(DOCUMENT).ok_or_else(|| Error::other(format!("there is no {DOCUMENT}")))?;
    let mut document: Value = serde_json::from_str(document)?;
    let paths = document["paths"].as_object_mut().ok_or_else(|| Error::other(format!("{DOCUMENT} has no paths")))?;
    paths.retain(|path, _| !path.starts_with("/billing/"));
    files.insert(WITHOUT_BILLING.to_owned(), document.to_string());
    Ok(())
}

fn version(content: &str) -> String {
    let mut hasher = DefaultHasher::new();
    content.as_bytes().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Adds the version of each script, style and picture to its address in a page: a file at such an address never
/// changes.
fn name_versions(files: &mut Files) {
    let addresses: Vec<_> = files
        .iter()
        .filter(|(path, _)| !path.ends_with(".html"))
        .map(|(path, content)| (format!("\"/{path}\""), format!("\"/{path}?v={}\"", version(content))))
        .collect();
    for (_, page) in files.iter_mut().filter(|(path, _)| path.ends_with(".html")) {
        for (plain, versioned) in &addresses {
            // A link to the document is not loaded.
            if !plain.contains(".json") {
                *page = page.replace(plain, versioned);
            }
        }
    }
}

/// One script with the module at `entry` and all its imports.
fn bundle_of(entry: &str, files: &Files) -> Result<String, Error> {
    let mut bundle = Bundle { files, names: BTreeMap::new(), script: String::new() };
    let (code, exports) = bundle.code_of(entry)?;
    if exports.is_empty() { Ok(bundle.script + &code) } else { Err(Error::other(format!("{entry} exports something"))) }
}

struct Bundle<'a> {
    files: &'a Files,
    /// The constant that holds a module's exports; `None` while its own imports are read.
    names: BTreeMap<String, Option<String>>,
    script: String,
}

impl Bundle<'_> {
    /// Adds a module, after its imports, as a constant with its exports.
    fn add(&mut self, path: &str) -> Result<String, Error> {
        match self.names.get(path) {
            Some(Some(name)) => return Ok(name.clone()),
            Some(None) => return Err(Error::other(format!("{path} imports itself"))),
            None => {}
        }
        self.names.insert(path.to_owned(), None);
        let (code, exports) = self.code_of(path)?;
        let name = format!("$module{}", self.names.values().flatten().count());
        let exports = exports.join(", ");
        writeln!(self.script, "const {name} = (() => {{\n{code}return {{ {exports} }};\n}})();")
            .map_err(Error::other)?;
        self.names.insert(path.to_owned(), Some(name.clone()));
        Ok(name)
    }

    /// The code of a module without its imports and exports, and the names that it exports.
    fn code_of(&mut self, path: &str) -> Result<(String, Vec<String>), Error> {
        let text = self.files.get(path).ok_or_else(|| Error::other(format!("there is no {path}")))?;
        let (mut code, mut exports) = (String::new(), Vec::new());
        for line in code_lines(text) {
            let unknown = || Error::other(format!("{path}: the build does not know this form: {line}"));
            let line = if let Some(import) = line.strip_prefix("import ") {
                let (names, from) = import.trim_end_matches(';').split_once(" from ").ok_or_else(unknown)?;
                let module = self.add(&resolve(path, from.trim_matches('"')).ok_or_else(unknown)?)?;
                match names.strip_prefix("* as ") {
                    Some(name) => format!("const {name} = {module};"),
                    None if names.starts_with('{') && names.ends_with('}') && !names.contains(" as ") => {
                        format!("const {names} = {module};")
                    }
                    None => return Err(unknown()),
                }
            } else if let Some(exported) = line.strip_prefix("export ") {
                let declared = ["async function ", "function ", "const ", "class "];
                let rest = declared.iter().find_map(|kind| exported.strip_prefix(kind)).ok_or_else(unknown)?;
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
                let name: String = rest.chars().take_while(|c| is_name(*c)).collect();
                if name.is_empty() {
                    return Err(unknown());
                }
                exports.push(name);
                exported.to_owned()
            } else {
                line.to_owned()
            };
            code.push_str(&line);
            code.push('\n');
        }
        Ok((code, exports))
    }
}

/// The lines of a script or a style without indentation and comment lines, which browsers do not need. Text in
/// backticks is unchanged.
fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    let (mut in_comment, mut in_text) = (false, false);
    text.lines().filter_map(move |line| {
        let was_text = in_text;
        if !in_comment && line.matches('`').count() % 2 == 1 {
            in_text = !in_text;
        }
        if was_text {
            return Some(line);
        }
        let line = line.trim_start();
        let begins = line.starts_with("/*");
        if in_comment || begins {
            let rest = line.split_once("*/").map(|(_, rest)| rest.trim_start());
            in_comment = rest.is_none();
            return rest.filter(|rest| !rest.is_empty());
        }
        (!line.is_empty() && !line.starts_with("//")).then_some(line)
    })
}

/// The path that `from` names in the module at `path`: `./x.js` or `../x.js`, with any number of `../`.
fn resolve(path: &str, from: &str) -> Option<String> {
    let mut folder = Path::new(path).parent()?;
    let mut rest = from.strip_prefix("./").unwrap_or(from);
    while let Some(outer) = rest.strip_prefix("../") {
        (folder, rest) = (folder.parent()?, outer);
    }
    let is_relative = from.starts_with("./") || from.starts_with("../");
    is_relative.then(|| folder.join(rest).to_string_lossy().replace('\\', "/"))
}

fn variable(name: &str) -> Result<std::ffi::OsString, Error> {
    std::env::var_os(name).ok_or_else(|| Error::other(name.to_owned()))
}

fn read_all(web: &Path, folder: &Path, files: &mut Files) -> Result<(), Error> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read_all(web, &path, files)?;
        } else {
            let name = path.strip_prefix(web).map_err(Error::other)?.to_string_lossy().replace('\\', "/");
            files.insert(name, fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

fn content_type(path: &str) -> Result<&'static str, Error> {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => Ok("text/html; charset=utf-8"),
        Some("css") => Ok("text/css; charset=utf-8"),
        Some("js") => Ok("text/javascript; charset=utf-8"),
        Some("json") => Ok("application/json"),
        Some("svg") => Ok("image/svg+xml"),
        _ => Err(Error::other(format!("no content type for {path}"))),
    }
}
