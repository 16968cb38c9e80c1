//! Periods on the calendar.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// `count` intervals after `anchor`: of months and years the same day of the month, or the month's last.
pub fn after(anchor: i64, interval: &str, count: i64) -> i64 {
    let start = Timestamp::from_second(anchor).unwrap_or(Timestamp::MIN).to_zoned(TimeZone::UTC);
    let span = match interval {
        "day" => Span::new().try_days(count),
        "week" => Span::new().try_weeks(count),
        "year" => Span::new().try_years(count),
        _ => Span::new().try_months(count),
    };
    let end = span.and_then(|span| start.checked_add(span));
    end.map_or(anchor, |end| end.timestamp().as_second())
}
