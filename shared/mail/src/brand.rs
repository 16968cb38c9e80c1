//! The brand of the product, from `brand/brand.json`: what mails show beside their own text. The pages read the same file.

use serde::Deserialize;
use std::sync::LazyLock;

const FILE: &str = include_str!("../../../brand/brand.json");

// A file that is not valid fails the test below. Mails are sent nevertheless.
static BRAND: LazyLock<Brand> = LazyLock::new(|| serde_json::from_str(FILE).unwrap_or_default());

/// Name, colours and links of the product. An empty text means "not set", and is not shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Brand {
    /// The product's name, where `APP_NAME` is not set.
    pub name: String,
    /// The colour of buttons.
    pub accent: Accent,
    /// Where users get help.
    pub support_email: String,
    /// The terms of service.
    pub terms_url: String,
    /// The privacy policy.
    pub privacy_url: String,
    /// The company and its address, on one line.
    pub postal_address: String,
    /// Further text at the end of each mail.
    pub footer: String,
}

/// A colour, as `#rrggbb`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Accent {
    /// On a light background, under white text.
    pub light: String,
    /// On a dark background, under dark text.
    pub dark: String,
}

/// The brand of this build.
#[must_use]
pub fn brand() -> &'static Brand {
    &BRAND
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_domain::Email;

    /// The relative luminance of a colour (WCAG 2).
    fn luminance(colour: &str) -> f64 {
        assert!(colour.starts_with('#') && colour.len() == 7, "{colour}");
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn brand_json_is_valid() {
        let brand: Brand = serde_json::from_str(FILE).unwrap();
        assert_eq!(&brand, super::brand());
        assert!(!brand.name.trim().is_empty(), "a product has a name");
        for text in [&brand.name, &brand.postal_address, &brand.footer] {
            assert!(!text.chars().any(char::is_control), "one line: {text:?}");
        }
        for url in [&brand.terms_url, &brand.privacy_url] {
            assert!(url.is_empty() || url.starts_with("https://"), "{url}");
        }
        assert!(brand.support_email.is_empty() || Email::parse(&brand.support_email).is_ok());
    }

    #[test]
    fn the_text_of_a_button_is_readable_on_the_accent() {
        let Accent { light, dark } = &brand().accent;
        assert!(contrast(light, "#ffffff") >= 4.5, "{light} under white text");
        assert!(contrast(dark, "#0c1f14") >= 4.5, "{dark} under dark text");
    }
}
