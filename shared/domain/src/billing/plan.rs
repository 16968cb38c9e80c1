//! Plans: their prices and what they give.

use super::money::Currency;
use crate::PlanId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// How long one payment lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BillingPeriod {
    /// A month of the calendar.
    Month,
    /// A year of the calendar.
    Year,
}

impl BillingPeriod {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// The features of a plan: an object of at most 1 KiB of JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Features(pub Map<String, Value>);

/// The largest features object, in bytes of JSON.
pub const MAX_FEATURES_BYTES: usize = 1024;

impl Features {
    /// Whether it is small enough for every gate.
    #[must_use]
    pub fn fits(&self) -> bool {
        serde_json::to_string(&self.0).is_ok_and(|text| text.len() <= MAX_FEATURES_BYTES)
    }

    /// Whether DynamoDB can store it: depth, names of fields, numbers.
    #[must_use]
    pub fn can_be_stored(&self) -> bool {
        fields_can_be_stored(&self.0, MAX_FEATURES_DEPTH)
    }
}

/// The largest depth of features, counting objects and arrays. DynamoDB allows 32 levels, and an entry of the audit
/// trail holds features two levels down.
pub const MAX_FEATURES_DEPTH: usize = 28;

fn fields_can_be_stored(fields: &Map<String, Value>, depth: usize) -> bool {
    depth > 0 && fields.iter().all(|(name, value)| !name.is_empty() && value_can_be_stored(value, depth - 1))
}

fn value_can_be_stored(value: &Value, depth: usize) -> bool {
    match value {
        Value::Object(fields) => fields_can_be_stored(fields, depth),
        Value::Array(entries) => depth > 0 && entries.iter().all(|entry| value_can_be_stored(entry, depth - 1)),
        Value::Number(number) => number_can_be_stored(&number.to_string()),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// Whether a number of JSON is one of DynamoDB: at most 38 digits, zero or from 1E-130 to 9.99E+125 without its sign.
fn number_can_be_stored(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole.trim_start_matches(['-', '+']), fraction].concat();
    let significant = digits.trim_start_matches('0');
    let leading_zeros = digits.len() - significant.len();
    if significant.is_empty() {
        return true;
    }
    let places = i64::try_from(digits.len() - fraction.len()).unwrap_or(i64::MAX);
    let zeros = i64::try_from(leading_zeros).unwrap_or(i64::MAX);
    // The exponent of the first digit that is not 0.
    let power = exponent.parse::<i64>().map(|exponent| exponent.saturating_add(places - zeros - 1));
    significant.trim_end_matches('0').len() <= 38 && power.is_ok_and(|power| (-130..=125).contains(&power))
}

/// The code of a plan, for programs: 1–64 of `a–z 0–9 _ -`. A code is never reused, not even after its plan is
/// archived.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PlanCode(String);

/// Not the code of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to 64 of a-z, 0-9, dashes and underscores")]
pub struct InvalidPlanCodeError;

impl PlanCode {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PlanCode {
    type Err = InvalidPlanCodeError;

    fn from_str(text: &str) -> Result<Self, InvalidPlanCodeError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(plain);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidPlanCodeError) }
    }
}

impl fmt::Display for PlanCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PlanCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PlanCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The terms of a price: a change of any of them creates a new price at Stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The amount for one period, in minor units; 0 is a free plan.
    pub price_cents: i64,
    /// The currency.
    pub currency: Currency,
    /// The length of the period.
    pub billing_period: BillingPeriod,
}

/// A stored plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Its id; also the id of its product at Stripe.
    pub id: PlanId,
    /// Its code.
    pub code: PlanCode,
    /// Its name, 1–200 characters.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// Its price.
    #[serde(flatten)]
    pub terms: Terms,
    /// Its tier, 0–1000.
    pub tier: u32,
    /// The days of the trial of a new subscriber, 0–730.
    pub trial_days: u32,
    /// Its features.
    pub features: Features,
    /// Whether it is for sale.
    pub is_active: bool,
    /// Stripe's product; `None` for a free plan.
    pub stripe_product_id: Option<String>,
    /// Stripe's price for new subscribers.
    pub stripe_price_id: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl Plan {
    /// Whether it is free.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        self.terms.price_cents == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_code_has_1_to_64_lower_case_letters_digits_dashes_underscores() {
        let longest = "x".repeat(64);
        for good in ["a", "pro", "team_2-year", longest.as_str()] {
            let code: PlanCode = good.parse().unwrap();
            assert_eq!((code.as_str(), code.to_string().as_str(), format!("{code:?}").as_str()), (good, good, good));
            assert_eq!(serde_json::from_str::<PlanCode>(&format!("\"{good}\"")).unwrap(), code);
        }
        let too_long = "x".repeat(65);
        for bad in ["", "Pro", "a b", "é", "a.b", too_long.as_str()] {
            assert_eq!(bad.parse::<PlanCode>(), Err(InvalidPlanCodeError), "{bad:?}");
            assert!(serde_json::from_str::<PlanCode>(&format!("\"{bad}\"")).is_err());
        }
    }

    // A19
    #[test]
    fn features_accept_only_values_that_dynamodb_can_store() {
        let of = |text: &str| serde_json::from_str::<Features>(text).unwrap().can_be_stored();
        let deep = |levels: usize, open: &str, close: &str| {
            format!(r#"{{"a":{}1{}}}"#, open.repeat(levels - 1), close.repeat(levels - 1))
        };
        for (open, close) in [(r#"{"a":"#, "}"), ("[", "]")] {
            assert!(of(&deep(MAX_FEATURES_DEPTH, open, close)));
            assert!(!of(&deep(MAX_FEATURES_DEPTH + 1, open, close)) && !of(&deep(31, open, close)));
        }
        for good in ["0", "-0.0", "1e125", "9.99e125", "-1.5e-130", "18446744073709551615", "0.1", "1e22"] {
            assert!(of(&format!(r#"{{"a":{good}}}"#)), "{good}");
        }
        for bad in ["1e126", "-1e200", "1e-131", "1.5e308", "5e-324"] {
            assert!(!of(&format!(r#"{{"a":[{bad}]}}"#)), "{bad}");
        }
        assert!(!number_can_be_stored(&"1".repeat(39)) && number_can_be_stored(&format!("1{}", "0".repeat(60))));
        assert!(!of(r#"{"":1}"#) && !of(r#"{"a":{"":1}}"#) && !of(r#"{"a":[{"":1}]}"#));
        assert!(of(r#"{"a":"","b":[],"c":{}}"#));
    }

    #[test]
    fn features_fit_into_a_kibibyte_of_json() {
        let of = |length: usize| Features(Map::from_iter([("a".to_owned(), Value::from("x".repeat(length)))]));
        // `{"a":"…"}` has 8 bytes around the text.
        assert!(of(MAX_FEATURES_BYTES - 8).fits());
        assert!(!of(MAX_FEATURES_BYTES - 7).fits());
    }
}
