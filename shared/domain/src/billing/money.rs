//! Money: whole minor units (`…_cents`, also where a currency's minor unit is not a cent) with a currency.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The active codes of ISO 4217 for which there is money (no metals, no test codes), in lower case as Stripe writes them.
const CODES: &str = "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp byn bzd \
    cad cdf chf clp cny cop crc cup cve czk djf dkk dop dzd egp ern etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd hkd \
    hnl htg huf idr ils inr iqd irr isk jmd jod jpy kes kgs khr kmf kpw krw kwd kyd kzt lak lbp lkr lrd lsl lyd mad mdl \
    mga mkd mmk mnt mop mru mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd \
    rub rwf sar sbd scr sdg sek sgd shp sle sos srd ssp stn svc syp szl thb tjs tmt tnd top try ttd twd tzs uah ugx usd \
    uyu uzs ves vnd vuv wst xaf xcd xof xpf yer zar zmw zwg";

/// The largest amount that a plan may cost, in minor units.
pub const MAX_PRICE_CENTS: i64 = 99_999_999;

/// A currency by its lower-case code: one of ISO 4217 where it is parsed, as a plan needs; any three letters where
/// Stripe or a row of a table names it. Payments count in every currency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// Not the lower-case code of a currency, or not one of ISO 4217 where only those count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a lower-case ISO 4217 code")]
pub struct UnknownCurrencyError;

impl Currency {
    /// The currency that Stripe names, in this list or not: Stripe's own list differs, and it grows.
    ///
    /// # Errors
    /// When it is not three lower-case letters.
    pub fn from_stripe(text: &str) -> Result<Self, UnknownCurrencyError> {
        let code = text.as_bytes().try_into().ok();
        code.filter(|code: &[u8; 3]| code.iter().all(u8::is_ascii_lowercase)).map(Self).ok_or(UnknownCurrencyError)
    }

    /// The divisor of amounts that Stripe requires: 10 for currencies with three decimals, 100 for those with two
    /// decimals that are charged in whole units (<https://docs.stripe.com/currencies>).
    #[must_use]
    pub fn step(&self) -> i64 {
        match self.as_str() {
            "bhd" | "iqd" | "jod" | "kwd" | "lyd" | "omr" | "tnd" => 10,
            "isk" | "ugx" => 100,
            _ => 1,
        }
    }

    /// Its code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Three ASCII letters: no other text is possible.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrencyError;

    fn from_str(text: &str) -> Result<Self, UnknownCurrencyError> {
        if CODES.split(' ').any(|code| code == text) { Self::from_stripe(text) } else { Err(UnknownCurrencyError) }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_stripe(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_a_lower_case_code_of_iso_4217() {
        for code in CODES.split(' ') {
            let currency: Currency = code.parse().unwrap();
            assert_eq!((currency.to_string().as_str(), format!("{currency:?}").as_str()), (code, code));
            assert_eq!(serde_json::from_str::<Currency>(&format!("\"{code}\"")).unwrap(), currency);
            assert_eq!(serde_json::to_value(currency).unwrap(), code);
        }
        for other in ["", "us", "USD", "usdt", "xau", "usd ", "eur usd"] {
            assert_eq!(other.parse::<Currency>(), Err(UnknownCurrencyError), "{other:?}");
        }
    }

    #[test]
    fn stripes_currency_is_any_three_letters_and_survives_the_tables() {
        for code in ["kwd", "bhd", "ghs", "hrk", "zzz"] {
            let currency = Currency::from_stripe(code).unwrap();
            assert_eq!(currency.as_str(), code);
            let row = serde_json::to_value(currency).unwrap();
            assert_eq!(serde_json::from_value::<Currency>(row).unwrap(), currency);
        }
        for other in ["", "us", "USD", "usdt", "us1", "€"] {
            assert_eq!(Currency::from_stripe(other), Err(UnknownCurrencyError), "{other:?}");
        }
    }
}
