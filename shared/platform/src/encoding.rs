//! Bytes as text, and comparisons in constant time.

use aws_lc_rs::digest;

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether both are equal, in a time that depends only on the lengths.
#[must_use]
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// Ten bytes that are derived from `text`: the part of an id that is otherwise random.
#[must_use]
pub fn ten_bytes(text: &str) -> [u8; 10] {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&digest.as_ref()[..10]);
    bytes
}

/// A name for `text` that does not reveal it: half of its SHA-256, in hex.
#[must_use]
pub fn fingerprint(text: &str) -> String {
    hex(&digest::digest(&digest::SHA256, text.as_bytes()).as_ref()[..16])
}
