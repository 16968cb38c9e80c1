//! The language of a reader, by what the browser asks for.

/// The language that `accept_language` (RFC 9110, 12.5.4) asks for and `find` knows, the most wanted first.
pub fn preferred<T>(accept_language: &str, find: impl Fn(&str) -> Option<T>) -> Option<T> {
    let mut wanted: Vec<(f32, &str)> = accept_language
        .split(',')
        .filter_map(|entry| {
            let (tag, weight) = entry.split_once(';').unwrap_or((entry, "q=1"));
            let weight: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?;
            (weight > 0.0).then_some((weight, tag.trim()))
        })
        .collect();
    wanted.sort_by(|one, other| other.0.total_cmp(&one.0));
    wanted.into_iter().find_map(|(_, tag)| find(tag))
}

/// The language of a tag, without its region: `de` of `de-CH`.
#[must_use]
pub fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or_default()
}
