//! Stripe's signature of a webhook: `t=<seconds>,v1=<hex>[,v1=<hex>…]`, each `v1` an HMAC-SHA256 of `t.body` under the
//! endpoint's secret (https://docs.stripe.com/webhooks#verify-manually). Other schemes are ignored.

use aws_lc_rs::hmac;
use jiff::Timestamp;
use tollgate_platform::Secret;

/// How old a signature may be, in seconds.
const TOLERANCE_SECONDS: i64 = 300;

/// The signature is not Stripe's, or too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignatureError;

/// Whether `body` came from Stripe within the last five minutes.
pub fn check(body: &[u8], signature: &str, secret: &Secret<String>, now: Timestamp) -> Result<(), SignatureError> {
    let mut at = None;
    let mut given = Vec::new();
    for part in signature.split(',') {
        match part.trim().split_once('=') {
            Some(("t", text)) if at.is_none() => at = Some(text),
            Some(("t", _)) => return Err(SignatureError),
            Some(("v1", text)) => given.extend(unhex(text)),
            _ => {}
        }
    }
    let at = at.ok_or(SignatureError)?;
    let seconds: i64 = at.parse().map_err(|_| SignatureError)?;
    if body.is_empty() || now.as_second().saturating_sub(seconds) > TOLERANCE_SECONDS {
        return Err(SignatureError);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let signed = [at.as_bytes(), b".", body].concat();
    // Compared in constant time.
    let good = given.iter().any(|tag| hmac::verify(&key, &signed, tag).is_ok());
    if good { Ok(()) } else { Err(SignatureError) }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn tag(secret: &str, at: &str, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &[at.as_bytes(), b".", body].concat());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn is_valid(signature: &str) -> bool {
        check(BODY, signature, &secret("whsec_1"), now()).is_ok()
    }

    // S26
    #[test]
    fn a_signature_is_valid_for_its_bytes_its_secret_and_five_minutes() {
        let signed = |age: i64| {
            let at = (now().as_second() - age).to_string();
            format!("t={at},v1={}", tag("whsec_1", &at, BODY))
        };
        assert!(is_valid(&signed(0)) && is_valid(&signed(300)));
        assert!(!is_valid(&signed(301)), "too old");
        let at = now().as_second().to_string();
        let good = tag("whsec_1", &at, BODY);
        for (signature, what) in [
            (String::new(), "none"),
            (format!("t={at}"), "no tag"),
            (format!("v1={good}"), "no time"),
            (format!("t={at},t={at},v1={good}"), "two times"),
            (format!("t={at},v0={good}"), "another scheme"),
            (format!("t={at},v1="), "an empty tag"),
            (format!("t={at},v1={}", &good[..32]), "half a tag"),
            (format!("t={at},v1={}", tag("", &at, BODY)), "the empty secret"),
            (format!("t={at},v1={}", tag("whsec_2", &at, BODY)), "another secret"),
            (format!("t={at},v1={}", tag("whsec_1", &at, b"{}")), "other bytes"),
            (format!("t=1,v1={good}"), "another time"),
            ("t=x,v1=zz".to_owned(), "nonsense"),
        ] {
            assert!(!is_valid(&signature), "{what}");
        }
        assert!(check(b"", &format!("t={at},v1={}", tag("whsec_1", &at, b"")), &secret("whsec_1"), now()).is_err());
    }

    // S26
    #[test]
    fn one_valid_signature_of_several_is_enough() {
        let at = now().as_second().to_string();
        let (old, good) = (tag("whsec_0", &at, BODY), tag("whsec_1", &at, BODY));
        assert!(is_valid(&format!("t={at},v1={old},v0={old},v1={good}")));
        assert!(is_valid(&format!("t={at}, v1={good}, v1={old}")));
        assert!(!is_valid(&format!("t={at},v1={old},v1={old}")));
    }
}
