//! Amounts for people: "1,900.00 USD".

use crate::texts::Texts;

/// The currencies without a smaller unit at Stripe, whose amounts these are. ISK and UGX have none either, but Stripe
/// counts them in hundredths nevertheless (<https://docs.stripe.com/currencies#special-cases>).
const WHOLE: [&str; 15] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];

/// The currencies that are counted in thousandths.
const THOUSANDTHS: [&str; 7] = ["bhd", "iqd", "jod", "kwd", "lyd", "omr", "tnd"];

/// `amount_cents` minor units of `currency`, a lower-case code of ISO 4217, as the language writes it.
pub fn money(amount_cents: i64, currency: &str, t: &Texts) -> String {
    let decimals = match currency {
        code if WHOLE.contains(&code) => 0,
        code if THOUSANDTHS.contains(&code) => 3,
        _ => 2,
    };
    let sign = if amount_cents < 0 { "-" } else { "" };
    let digits = format!("{:0>1$}", amount_cents.unsigned_abs(), decimals + 1);
    let (whole, part) = digits.split_at(digits.len() - decimals);
    let point = if part.is_empty() { "" } else { t.decimal_point };
    format!("{sign}{}{point}{part} {}", grouped(whole, t.group_separator), currency.to_uppercase())
}

/// With a separator before every three digits.
fn grouped(digits: &str, separator: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push_str(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_as_many_decimals_as_its_currency() {
        for (amount_cents, currency, text) in [
            (1900, "usd", "19.00 USD"),
            (5, "eur", "0.05 EUR"),
            (0, "usd", "0.00 USD"),
            (99_999_999, "usd", "999,999.99 USD"),
            (-123_456, "usd", "-1,234.56 USD"),
            (1900, "jpy", "1,900 JPY"),
            (0, "krw", "0 KRW"),
            (100_000, "krw", "100,000 KRW"),
            (-7, "jpy", "-7 JPY"),
            (12_340, "kwd", "12.340 KWD"),
            (5, "bhd", "0.005 BHD"),
            (50_000, "isk", "500.00 ISK"),
            (50_000, "ugx", "500.00 UGX"),
            (i64::MIN, "jpy", "-9,223,372,036,854,775,808 JPY"),
        ] {
            assert_eq!(money(amount_cents, currency, Texts::of(None)), text);
        }
    }

    #[test]
    fn every_listed_currency_is_one_that_a_plan_can_have() {
        for code in WHOLE.iter().chain(&THOUSANDTHS) {
            assert!(code.parse::<tollgate_domain::billing::money::Currency>().is_ok(), "{code}");
        }
    }
}
