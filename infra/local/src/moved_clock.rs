//! A clock that was moved ahead: each page of the stack shows it, and this module decides whether the clock can be
//! reset. Verifiers with another clock refuse the tokens of a moved clock.

use crate::clock::LocalClock;
use crate::documents::{DatabaseError, each_page};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use dynoxide::Database;
use http::header;
use jiff::Timestamp;
use serde_json::Value;
use tollgate_domain::UserId;
use tollgate_store::schema::TABLES;

/// The largest page that is rewritten, in bytes.
const MAX_PAGE_BYTES: usize = 16 * 1024 * 1024;
/// The table of statistics: its rows of a moved clock are overwritten.
const COUNTED: &str = "system";

/// How far ahead, for people: `2 days 3 hours`. `None` for a clock that was not moved.
#[must_use]
pub fn ahead(clock: &LocalClock) -> Option<String> {
    let seconds = clock.offset().as_secs();
    let parts = [
        ("day", seconds / 86_400),
        ("hour", seconds / 3600 % 24),
        ("minute", seconds / 60 % 60),
        ("second", seconds % 60),
    ];
    let said: Vec<_> = parts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}{}", if count == 1 { "" } else { "s" }))
        .take(2)
        .collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// Adds to every page how far the clock is ahead.
pub async fn show(State(clock): State<LocalClock>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let is_page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let Some(ahead) = ahead(&clock).filter(|_| is_page) else { return response };
    let (mut parts, body) = response.into_parts();
    let text = match to_bytes(body, MAX_PAGE_BYTES).await {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            tracing::error!(%error, "a page could not be read");
            String::new()
        }
    };
    let notice = format!(
        "\n<aside class=\"clock\" aria-label=\"Clock\">This stack's clock is {ahead} ahead of this machine's: \
         its tokens are not valid elsewhere yet. <a href=\"/_local#clock\">Clock</a></aside>"
    );
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(at_the_head_of_the_body(text, &notice)))
}

/// Inserts `notice` after the opening tag of the body.
fn at_the_head_of_the_body(mut page: String, notice: &str) -> String {
    let tag = page.find("<body");
    if let Some(end) = tag.and_then(|start| page[start..].find('>').map(|length| start + length + 1)) {
        page.insert_str(end, notice);
    }
    page
}

/// Whether a stored item was made after the machine's own time, by the moved clock, or has ended by it: then a reset
/// would break the order of events that the data rely on.
///
/// # Errors
/// When a table cannot be read.
pub fn is_relied_on(database: &Database, clock: &LocalClock) -> Result<bool, DatabaseError> {
    let now = clock.now();
    let own = now.saturating_sub(clock.offset()).unwrap_or(Timestamp::MIN);
    let mut is_found = false;
    for table in TABLES.iter().filter(|table| table.name != COUNTED) {
        each_page(database, table.name, |items| {
            is_found = is_found || items.iter().any(|item| has_time_between(item, own, now));
            Ok::<_, DatabaseError>(())
        })?;
        if is_found {
            break;
        }
    }
    Ok(is_found)
}

/// Whether a time in `value` is after `from` and not after `to`.
fn has_time_between(value: &Value, from: Timestamp, to: Timestamp) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| has_time_between(item, from, to)),
        Value::Object(fields) => fields.iter().any(|(name, field)| {
            has_time_between(&Value::String(name.clone()), from, to) || has_time_between(field, from, to)
        }),
        Value::String(text) => times(text).into_iter().any(|time| from < time && time <= to),
        _ => false,
    }
}

/// The times that a text may contain: a date and time, that of an id, seconds or milliseconds since 1970.
fn times(text: &str) -> Vec<Timestamp> {
    let number = text.parse::<i64>().ok();
    let id = text.rsplit(['_', '#']).next().and_then(|bare| UserId::from_bare(bare).ok());
    let found = [
        text.parse::<Timestamp>().ok(),
        id.map(|id| id.made_at()),
        number.and_then(|seconds| Timestamp::from_second(seconds).ok()),
        number.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
    ];
    found.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use serde_json::json;

    // E2
    #[test]
    fn the_advance_of_a_clock_is_described_in_words() {
        let clock = LocalClock::frozen(Timestamp::UNIX_EPOCH);
        assert_eq!(ahead(&clock), None);
        for (seconds, said) in [(1, "1 second"), (60, "1 minute 1 second"), (86_400 * 30, "30 days 1 minute")] {
            clock.advance(SignedDuration::from_secs(seconds));
            assert_eq!(ahead(&clock).as_deref(), Some(said));
        }
    }

    // E2
    #[test]
    fn a_time_is_found_in_every_form_that_the_tables_use() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let id = |seconds| UserId::new(at(seconds), [7; 10]);
        let found = |value: Value| has_time_between(&value, at(0), at(100));
        for seconds in [1, 100] {
            assert!(found(json!({"pk": {"S": format!("USER#{}", id(seconds))}})));
            assert!(found(json!({"sessions": {"M": {id(seconds).to_string().replace("usr", "ses"): {"S": "x"}}}})));
            assert!(found(json!({"at": {"S": at(seconds).to_string()}})));
            assert!(found(json!({"list": {"L": [{"N": at(seconds).as_second().to_string()}]}})));
            assert!(found(json!({"N": at(seconds).as_millisecond().to_string()})));
        }
        for seconds in [-1, 0, 101] {
            assert!(!found(json!({"id": {"S": id(seconds).to_string()}, "at": {"S": at(seconds).to_string()}})));
            assert!(!found(json!({"N": at(seconds).as_second().to_string()})));
        }
        assert!(!found(json!({"N": "1900", "S": "ann@example.com", "B": true})));
    }
}
