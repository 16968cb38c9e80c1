//! Discounts: the reductions of a subscription's price by Stripe's coupons.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The stored value of one percent.
const UNITS_PER_PERCENT: u32 = 10_000;

/// A percentage from 0 to 100, in ten-thousandths of a percent. In JSON it is a number: `12.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u32);

impl Percent {
    /// `None` outside of 0 to 100. More than four decimals are rounded.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // the range is checked before
    pub fn new(percent: f64) -> Option<Self> {
        (0.0..=100.0).contains(&percent).then(|| Self((percent * f64::from(UNITS_PER_PERCENT)).round() as u32))
    }

    fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(UNITS_PER_PERCENT)
    }

    /// This percentage of an amount, rounded half up to a whole minor unit.
    fn of(self, amount_cents: i64) -> i64 {
        let whole = i128::from(UNITS_PER_PERCENT) * 100;
        let product = i128::from(amount_cents) * i128::from(self.0);
        i64::try_from((2 * product + whole).div_euclid(2 * whole)).unwrap_or(amount_cents)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let percent = f64::deserialize(deserializer)?;
        Self::new(percent).ok_or_else(|| serde::de::Error::custom("a percentage is from 0 to 100"))
    }
}

/// A discount on a subscription or on one of its items: a percentage or an amount, until a time or for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    /// The reduction of the price, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_off: Option<Percent>,
    /// The reduction, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_off_cents: Option<i64>,
    /// When it ends; `None` for one that does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

/// An item of a subscription before all discounts.
#[derive(Debug, Clone, Copy)]
pub struct Gross<'a> {
    /// The price of a period with its quantity, in minor units.
    pub amount_cents: i64,
    /// The discounts on this item only.
    pub discounts: &'a [Discount],
}

/// The cost of an item for a period, and its largest discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    /// After all discounts, in minor units.
    pub amount_cents: i64,
    /// The largest of the discounts.
    pub discount: Option<Discount>,
}

/// The cost of each of `items` for a period. As at Stripe, the discounts of an item come first, then those of the
/// subscription, each on the amount that the earlier ones have left; a fixed amount is shared among the items in
/// proportion to what is left of each.
///
/// Source: <https://docs.stripe.com/billing/subscriptions/coupons>.
#[must_use]
pub fn net(items: &[Gross<'_>], of_subscription: &[Discount]) -> Vec<Net> {
    let mut amounts: Vec<i64> = items.iter().map(|item| item.amount_cents).collect();
    let mut most: Vec<(i64, Option<Discount>)> = vec![(0, None); items.len()];
    let mut take = |amounts: &mut [i64], places: std::ops::Range<usize>, discount: &Discount| {
        let lefts = amounts.get(places.clone()).unwrap_or_default().to_vec();
        for (place, off) in places.zip(shares(&lefts, discount)) {
            if let (Some(amount), Some(most)) = (amounts.get_mut(place), most.get_mut(place)) {
                *amount -= off;
                if off > most.0 {
                    *most = (off, Some(*discount));
                }
            }
        }
    };
    for (place, item) in items.iter().enumerate() {
        for discount in item.discounts {
            take(&mut amounts, place..place + 1, discount);
        }
    }
    for discount in of_subscription {
        take(&mut amounts, 0..items.len(), discount);
    }
    let net = |(amount_cents, (_, discount))| Net { amount_cents, discount };
    amounts.into_iter().zip(most).map(net).collect()
}

/// The reduction of each of these amounts by a discount.
fn shares(lefts: &[i64], discount: &Discount) -> Vec<i64> {
    let lefts: Vec<i64> = lefts.iter().map(|remaining| (*remaining).max(0)).collect();
    if let Some(percent) = discount.percent_off {
        return lefts.into_iter().map(|remaining| percent.of(remaining)).collect();
    }
    let mut rest: i64 = lefts.iter().sum();
    let mut off = discount.amount_off_cents.unwrap_or_default().clamp(0, rest);
    let share = |remaining: i64| {
        let share = if rest > 0 { i128::from(off) * i128::from(remaining) / i128::from(rest) } else { 0 };
        let share = i64::try_from(share).unwrap_or_default();
        (off, rest) = (off - share, rest - remaining);
        share
    };
    lefts.into_iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(percent: f64) -> Discount {
        Discount { percent_off: Percent::new(percent), amount_off_cents: None, ends_at: None }
    }

    fn amount(cents: i64) -> Discount {
        Discount { percent_off: None, amount_off_cents: Some(cents), ends_at: None }
    }

    // A9
    #[test]
    fn discounts_apply_one_after_another_and_the_largest_is_named() {
        let one = |cents, of_item: &[Discount], of_all: &[Discount]| {
            let net = net(&[Gross { amount_cents: cents, discounts: of_item }], of_all);
            (net[0].amount_cents, net[0].discount)
        };
        assert_eq!(one(1900, &[], &[]), (1900, None));
        assert_eq!(one(1900, &[], &[percent(10.0)]), (1710, Some(percent(10.0))));
        assert_eq!(one(1900, &[percent(33.333)], &[]), (1267, Some(percent(33.333))));
        assert_eq!(one(1900, &[amount(300)], &[percent(50.0)]), (800, Some(percent(50.0))));
        assert_eq!(one(1900, &[percent(50.0)], &[amount(300)]), (650, Some(percent(50.0))));
        assert_eq!(one(1900, &[], &[amount(5000)]), (0, Some(amount(5000))));
        assert_eq!(one(1900, &[amount(5000)], &[percent(10.0)]), (0, Some(amount(5000))));
        assert_eq!(one(0, &[], &[percent(10.0)]), (0, None));
        assert_eq!(one(1900, &[], &[percent(100.0), amount(1)]), (0, Some(percent(100.0))));
    }

    // A9
    #[test]
    fn a_fixed_amount_is_shared_among_all_items() {
        let items = |cents: [i64; 3]| cents.map(|amount_cents| Gross { amount_cents, discounts: &[] });
        let amounts =
            |cents, off| net(&items(cents), &[amount(off)]).iter().map(|net| net.amount_cents).collect::<Vec<_>>();
        assert_eq!(amounts([1000, 2000, 3000], 600), [900, 1800, 2700]);
        assert_eq!(amounts([1, 1, 1], 2), [1, 0, 0]);
        assert_eq!(amounts([0, 500, 0], 600), [0, 0, 0]);
        for off in [0, 1, 7, 599, 6000, 7000] {
            let remaining: i64 = amounts([1000, 2000, 3000], off).iter().sum();
            assert_eq!(remaining, 6000 - off.min(6000), "{off}");
        }
    }

    #[test]
    fn a_percentage_is_a_number_from_0_to_100() {
        for (text, is_good) in
            [("12.5", true), ("0", true), ("100", true), ("100.5", false), ("-1", false), ("\"5\"", false)]
        {
            let read = serde_json::from_str::<Percent>(text);
            assert_eq!(read.is_ok(), is_good, "{text}");
            if let Ok(percent) = read {
                assert_eq!(serde_json::to_value(percent).unwrap().as_f64(), text.parse().ok());
            }
        }
        assert_eq!(Percent::new(f64::NAN), None);
    }
}
