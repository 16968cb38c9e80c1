//! Selects the roots of AWS's own services from Mozilla's list and writes them as PEM, which the SDKs' client reads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;
use std::fs;
use std::io::Error;
use std::path::PathBuf;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// As they are named on <https://www.amazontrust.com/repository/>.
const NAMES: [&str; 5] = [
    "Amazon Root CA 1",
    "Amazon Root CA 2",
    "Amazon Root CA 3",
    "Amazon Root CA 4",
    "Starfield Services Root Certificate Authority - G2",
];

fn main() -> Result<(), Error> {
    println!("cargo::rerun-if-changed=build.rs");
    let mut pem = String::new();
    for name in NAMES {
        let has_name = |der: &&[u8]| der.windows(name.len()).any(|window| window == name.as_bytes());
        let found: Vec<_> = TLS_SERVER_ROOT_CERTS.iter().map(AsRef::<[u8]>::as_ref).filter(has_name).collect();
        let [certificate] = found[..] else {
            return Err(Error::other(format!("{} certificates are named {name}", found.len())));
        };
        let text = STANDARD.encode(certificate);
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in text.as_bytes().chunks(64) {
            writeln!(pem, "{}", String::from_utf8_lossy(line)).map_err(Error::other)?;
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    let out = std::env::var_os("OUT_DIR").ok_or_else(|| Error::other("OUT_DIR"))?;
    fs::write(PathBuf::from(out).join("amazon_roots.pem"), pem)
}
