//! Compresses everything under `web/` and writes a table of it, so that serving a page is a look-up.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Error, Write as _};
use std::path::{Path, PathBuf};

fn main() -> Result<(), Error> {
    println!("cargo::rerun-if-changed=web");
    let web = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("web");
    let out = PathBuf::from(variable("OUT_DIR")?);
    let mut files = Vec::new();
    list(&web, &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for (index, file) in files.iter().enumerate() {
        let content = fs::read(file)?;
        // Copied: the folder of what is built may outlive the checkout that it was built from.
        let plain = out.join(index.to_string());
        fs::write(&plain, &content)?;
        let packed = out.join(format!("{index}.gz"));
        let mut encoder = GzEncoder::new(fs::File::create(&packed)?, Compression::best());
        encoder.write_all(&content)?;
        encoder.finish()?;
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        let path = file.strip_prefix(&web).map_err(Error::other)?.to_string_lossy().replace('\\', "/");
        let kind = content_type(file)?;
        writeln!(
            table,
            "Asset {{ path: {path:?}, content_type: {kind:?}, etag: \"{:016x}\", plain: include_bytes!({:?}), gzip: include_bytes!({:?}) }},",
            hasher.finish(),
            plain,
            packed
        )
        .map_err(Error::other)?;
    }
    table.push(']');
    fs::write(out.join("assets.rs"), table)
}

fn variable(name: &str) -> Result<std::ffi::OsString, Error> {
    std::env::var_os(name).ok_or_else(|| Error::other(name.to_owned()))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { list(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

fn content_type(file: &Path) -> Result<&'static str, Error> {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => Ok("text/html; charset=utf-8"),
        Some("css") => Ok("text/css; charset=utf-8"),
        Some("js") => Ok("text/javascript; charset=utf-8"),
        Some("json") => Ok("application/json"),
        Some("svg") => Ok("image/svg+xml"),
        _ => Err(Error::other(format!("no content type for {}", file.display()))),
    }
}
