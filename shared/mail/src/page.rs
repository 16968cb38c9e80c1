//! The values that a template can show, and the texts of a language filled with them.

use crate::brand::Brand;

/// The values of the templates, `page` in each of them. The build reads the names of the fields in this file.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    pub brand: &'a Brand,
    pub app_name: &'a str,
    pub app_url: &'a str,
    pub subject: &'a str,
    pub username: &'a str,
    pub link: &'a str,
    pub code: &'a str,
    pub at: &'a str,
    pub provider: &'a str,
    pub plan: &'a str,
    pub full_plan: &'a str,
    pub amount: &'a str,
    pub reason: &'a str,
    /// The providers that are unlinked, in words; empty for none.
    pub unlinks: &'a str,
    pub is_change: bool,
}

impl<'a> Page<'a> {
    /// The value of a placeholder; `None` for a name that is none.
    fn value(&self, name: &str) -> Option<&'a str> {
        Some(match name {
            "product" => self.app_name,
            "username" => self.username,
            "at" => self.at,
            "provider" => self.provider,
            "providers" => self.unlinks,
            "plan" => self.plan,
            "full_plan" => self.full_plan,
            "amount" => self.amount,
            "support" => &self.brand.support_email,
            _ => return None,
        })
    }

    /// `text` with its placeholders filled in, plain.
    pub fn fill(&self, text: &str) -> String {
        fill(text, str::to_owned, |name| Some(self.value(name)?.to_owned()))
    }

    /// The same as HTML: what the mail is about is emphasised, and the address of support is a link.
    pub fn marked(&self, text: &str) -> String {
        fill(text, escape, |name| {
            let value = escape(self.value(name)?);
            Some(match name {
                "plan" | "username" => format!("<strong>{value}</strong>"),
                "support" => format!("<a href=\"mailto:{value}\" class=\"ink\" style=\"color:#1f2328\">{value}</a>"),
                _ => value,
            })
        })
    }
}

/// `text` with `value` in place of each `{name}`, and `other` of what stands between. A brace that begins no known name
/// stays.
pub fn fill(text: &str, other: impl Fn(&str) -> String, value: impl Fn(&str) -> Option<String>) -> String {
    let mut parts = text.split('{');
    let mut filled = other(parts.next().unwrap_or_default());
    for part in parts {
        match part.split_once('}').and_then(|(name, rest)| Some((value(name)?, rest))) {
            Some((value, rest)) => {
                filled.push_str(&value);
                filled.push_str(&other(rest));
            }
            None => filled.push_str(&other(&format!("{{{part}"))),
        }
    }
    filled
}

/// `text` as the text of an HTML element, as the templates escape it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("&#34;"),
            '&' => escaped.push_str("&#38;"),
            '\'' => escaped.push_str("&#39;"),
            '<' => escaped.push_str("&#60;"),
            '>' => escaped.push_str("&#62;"),
            c => escaped.push(c),
        }
    }
    escaped
}
