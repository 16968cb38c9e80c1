//! Stripe's checks of currencies, amounts and addresses.

use crate::error::ApiError;

/// The currencies that Stripe accepts (<https://docs.stripe.com/currencies>).
const CURRENCIES: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn \
                          bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd \
                          gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak \
                          lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd \
                          omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std \
                          szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar \
                          zmw";
/// Currencies whose amounts end in one 0.
const THREE_DECIMALS: &str = "bhd jod kwd omr tnd";
/// Currencies whose amounts end in two 0.
const WHOLE_UNITS: &str = "isk ugx";
/// The largest amount.
const LARGEST: i64 = 99_999_999;
/// The smallest charge (<https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>).
const SMALLEST: &[(&str, i64)] = &[
    ("usd", 50),
    ("aed", 200),
    ("aud", 50),
    ("bgn", 100),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17500),
    ("inr", 50),
    ("jpy", 50),
    ("mxn", 1000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("ron", 200),
    ("sek", 300),
    ("sgd", 50),
    ("thb", 1000),
];

fn is_in(list: &str, currency: &str) -> bool {
    list.split_whitespace().any(|known| known == currency)
}

/// A currency that Stripe accepts, in lower case.
pub fn currency(text: &str) -> Result<String, ApiError> {
    let lower = text.to_ascii_lowercase();
    if is_in(CURRENCIES, &lower) {
        return Ok(lower);
    }
    let known = CURRENCIES.split_whitespace().collect::<Vec<_>>().join(", ");
    let message = format!("Invalid currency: {lower}. Stripe currently supports these currencies: {known}");
    Err(ApiError { param: Some("currency".to_owned()), ..ApiError::invalid(message) })
}

/// An amount, in the minor unit of its currency.
pub fn amount(cents: i64, currency: &str, param: &str) -> Result<(), ApiError> {
    let wrong = |message: String| Err(ApiError::invalid(message).code("parameter_invalid_integer", param));
    if cents < 0 {
        return wrong("Invalid Non-Negative Integer".to_owned());
    }
    if cents > LARGEST {
        return wrong(format!("The amount must be no more than {LARGEST}."));
    }
    let step = if is_in(THREE_DECIMALS, currency) {
        10
    } else if is_in(WHOLE_UNITS, currency) {
        100
    } else {
        1
    };
    if cents % step != 0 {
        return wrong(format!("Invalid amount: in {currency} it must be divisible by {step}."));
    }
    Ok(())
}

/// The smallest charge; 0 where Stripe names none.
pub fn smallest_charge(currency: &str) -> i64 {
    SMALLEST.iter().find(|(known, _)| *known == currency).map_or(0, |(_, cents)| *cents)
}

/// The part of an amount that is charged: nothing below the smallest charge.
pub fn charge_of(cents: i64, currency: &str) -> i64 {
    if cents < smallest_charge(currency) { 0 } else { cents.max(0) }
}

/// An e-mail address as Stripe accepts it.
pub fn email(text: &str) -> Result<(), ApiError> {
    let is_good = text.len() <= 512
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>()[],;:\\\"".contains(&byte))
        && text.split_once('@').is_some_and(|(local, domain)| is_local_part(local) && is_domain(domain));
    if is_good {
        return Ok(());
    }
    Err(ApiError::invalid(format!("Invalid email address: {text}")).code("email_invalid", "email"))
}

fn is_local_part(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('.') && !text.ends_with('.') && !text.contains("..")
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(is_letter) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.contains('.') && text.split('.').all(is_label)
}
