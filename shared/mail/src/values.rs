//! Values as people read them: names, days, moments, lists.

use crate::page::fill;
use crate::texts::Texts;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A user name in a mail. A stranger chooses it, and mail programs turn host names and runs of digits into links: an
/// invisible space (U+200B) splits each part before it is recognised.
pub fn unlinkable(name: &str) -> String {
    let mut shown = String::with_capacity(2 * name.len());
    let mut digits = 0;
    for c in name.chars() {
        digits = if c.is_ascii_digit() { digits + 1 } else { 0 };
        if digits > 2 {
            shown.push('\u{200b}');
            digits = 1;
        }
        shown.push(c);
        if matches!(c, '.' | '-' | '_' | '@' | ':' | '/') {
            shown.push('\u{200b}');
        }
    }
    shown
}

/// A day, as the language writes it.
pub fn day(t: &Texts, at: &Timestamp) -> String {
    let date = at.to_zoned(TimeZone::UTC).date();
    let month = usize::try_from(date.month()).ok().and_then(|month| t.months.get(month.checked_sub(1)?));
    fill(t.day, str::to_owned, |name| match name {
        "day" => Some(date.day().to_string()),
        "month" => month.map(|month| (*month).to_owned()),
        "year" => Some(date.year().to_string()),
        _ => None,
    })
}

/// A moment, as the language writes it.
pub fn time(t: &Texts, at: &Timestamp) -> String {
    fill(t.time, str::to_owned, |name| match name {
        "date" => Some(day(t, at)),
        "time" => Some(at.strftime("%H:%M").to_string()),
        _ => None,
    })
}

/// "Google and GitHub".
pub fn list(t: &Texts, names: &[String]) -> String {
    let mut names = names.iter();
    let Some(first) = names.next() else { return String::new() };
    names.fold(first.clone(), |list, name| {
        fill(t.list_and, str::to_owned, |part| match part {
            "first" => Some(list.clone()),
            "second" => Some(name.clone()),
            _ => None,
        })
    })
}
