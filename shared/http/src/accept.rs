//! Content negotiation: a page or JSON (RFC 9110, 12.5.1), and the language (12.5.4).

use crate::cookies::CookieJar;
use crate::header::header_text;
use http::{HeaderMap, header};

/// The kinds of JSON that this service answers with.
const JSON: [&str; 2] = ["application/json", "application/problem+json"];

/// Whether the caller accepts HTML and prefers it to JSON, as browsers do.
#[must_use]
pub fn prefers_html(headers: &HeaderMap) -> bool {
    let accept = header_text(headers, header::ACCEPT).to_ascii_lowercase();
    let json = JSON.iter().map(|kind| quality(&accept, kind)).fold(0.0, f32::max);
    quality(&accept, "text/html") > json
}

/// The cookie with the language that was chosen on the account pages, which set it.
const LANGUAGE: &str = "language";

/// The languages that the caller asks for, as `accept-language` lists them. One that was chosen on the account pages comes
/// first.
#[must_use]
pub fn requested_languages(headers: &HeaderMap) -> String {
    let chosen = CookieJar::of(headers).plain_values(LANGUAGE);
    let accepted = header_text(headers, header::ACCEPT_LANGUAGE).into_owned();
    chosen.into_iter().chain([accepted]).collect::<Vec<_>>().join(",")
}

/// The quality of `kind`, from 0 to 1, by the most specific entry.
fn quality(accept: &str, kind: &str) -> f32 {
    let (family, _) = kind.split_once('/').unwrap_or_default();
    let entries = accept.split(',').filter_map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let name = parts.next()?;
        let closeness = [kind, &format!("{family}/*"), "*/*"].into_iter().rev().position(|range| range == name)?;
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |text| text.trim().parse().ok());
        Some((closeness, quality.unwrap_or(0.0)))
    });
    entries.max_by(|one, two| one.0.cmp(&two.0)).map_or(0.0, |(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    // E14
    #[test]
    fn html_is_preferred_where_it_is_asked_for_above_json() {
        for (accept, is_preferred) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("text/html", true),
            ("TEXT/HTML;level=1", true),
            ("application/json;q=0.4, text/html; q=0.5", true),
            ("text/*, */*;q=0.1", true),
            ("", false),
            ("*/*", false),
            ("application/json", false),
            ("application/problem+json, text/html;q=0.9", false),
            ("text/html;q=0, */*;q=0.1", false),
            ("text/html;q=x", false),
            ("text/html, application/json", false),
            ("image/avif,text/css", false),
            (";,;q=", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(prefers_html(&headers), is_preferred, "{accept}");
        }
        assert!(!prefers_html(&HeaderMap::new()));
    }
}
