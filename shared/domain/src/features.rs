//! The features of a plan: switches, and limits of monthly uses.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Map, Value};
use std::fmt;

/// The object among the features that holds the monthly limits, by name.
const LIMITS: &str = "limits";

/// Whether `features` switch `name` on: only `true` does.
#[must_use]
pub fn grants(features: &Map<String, Value>, name: &str) -> bool {
    features.get(name) == Some(&Value::Bool(true))
}

/// The monthly limit of `name` in `features`: a positive integer in the object `limits`. A limit that is missing, zero,
/// negative or not an integer allows no use.
#[must_use]
pub fn monthly_limit(features: &Map<String, Value>, name: &str) -> u64 {
    features.get(LIMITS).and_then(|limits| limits.get(name)).and_then(Value::as_u64).unwrap_or(0)
}

/// A calendar month in UTC, the period in which uses are counted. As text: `2026-03`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month(jiff::civil::Date);

impl Month {
    /// The month of `now`.
    #[must_use]
    pub fn of(now: Timestamp) -> Self {
        Self(now.to_zoned(TimeZone::UTC).date().first_of_month())
    }

    /// The start of the next month.
    #[must_use]
    pub fn ends_at(self) -> Timestamp {
        let next = self.0.checked_add(1.month()).and_then(|next| next.to_zoned(TimeZone::UTC));
        next.map_or(Timestamp::MAX, |next| next.timestamp())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_switch_is_on_only_where_its_value_is_true() {
        assert!(grants(&features(r#"{"exports": true}"#), "exports"));
        for off in ["false", "null", "1", "\"true\"", "\"yes\"", "[]", "[true]", "{}", "{\"exports\": true}"] {
            assert!(!grants(&features(&format!("{{\"exports\": {off}}}")), "exports"), "{off}");
        }
        assert!(!grants(&features("{}"), "exports"), "a missing one is off");
        assert!(!grants(&features(r#"{"Exports": true}"#), "exports"), "another name");
    }

    #[test]
    fn a_limit_is_a_positive_integer_and_everything_else_gives_no_use() {
        let limit =
            |value: &str| monthly_limit(&features(&format!("{{\"limits\": {{\"exports\": {value}}}}}")), "exports");
        assert_eq!([limit("1"), limit("100"), limit("18446744073709551615")], [1, 100, u64::MAX]);
        let bad =
            ["0", "-1", "-0.0", "1.5", "100.0", "1e30", "18446744073709551616", "null", "true", "\"5\"", "[5]", "{}"];
        assert_eq!(bad.map(limit), [0; 12]);
        for none in
            ["{}", r#"{"limits": null}"#, r#"{"limits": []}"#, r#"{"limits": 5}"#, r#"{"limits": {"imports": 5}}"#]
        {
            assert_eq!(monthly_limit(&features(none), "exports"), 0, "{none}");
        }
        assert_eq!(monthly_limit(&features(r#"{"exports": 5}"#), "exports"), 0, "a limit is among the limits");
    }

    #[test]
    fn a_month_ends_with_its_last_moment_in_utc() {
        for (now, month, ends_at) in [
            ("2026-03-01T00:00:00Z", "2026-03", "2026-04-01T00:00:00Z"),
            ("2026-03-31T23:59:59.999Z", "2026-03", "2026-04-01T00:00:00Z"),
            ("2026-04-01T00:00:00Z", "2026-04", "2026-05-01T00:00:00Z"),
            ("2024-02-29T12:00:00Z", "2024-02", "2024-03-01T00:00:00Z"),
            ("2026-12-31T23:00:00Z", "2026-12", "2027-01-01T00:00:00Z"),
        ] {
            let found = Month::of(now.parse().unwrap());
            assert_eq!((found.to_string().as_str(), found.ends_at().to_string().as_str()), (month, ends_at), "{now}");
        }
        assert!(Month::of(Timestamp::MAX).ends_at() >= Month::of(Timestamp::MIN).ends_at());
    }
}
