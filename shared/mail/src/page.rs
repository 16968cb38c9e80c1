//! The values that a template can show, and the texts of a language with their placeholders filled in.

use crate::brand::Brand;

/// The surroundings of a mail: where it is sent from, and the secrets in it.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The colours and links of the product.
    pub brand: &'a Brand,
    /// The language of the reader, if it is known.
    pub locale: Option<&'a str>,
    /// The product's name: `APP_NAME`, or that of the brand.
    pub app_name: &'a str,
    /// This service's public address.
    pub app_url: &'a str,
    /// The page that a verification link leads to.
    pub verify_page_url: &'a str,
    /// The page that a reset link leads to.
    pub reset_page_url: &'a str,
    /// The link's token, for the mails that contain one.
    pub token: &'a str,
    /// The code, for the mails that contain one.
    pub code: &'a str,
}

impl Context<'_> {
    /// The address of an account page, such as `/billing`.
    pub fn account_page(&self, path: &str) -> String {
        format!("{}/account{path}", self.app_url)
    }
}

/// The values of the templates, `page` in each of them. The build reads the names of the fields in this file.
#[allow(dead_code, reason = "a template of `brand/mails` may be the only one that asks for a value")]
pub struct Page<'a> {
    pub brand: &'a Brand,
    pub app_name: &'a str,
    pub app_url: &'a str,
    pub subject: String,
    pub username: String,
    pub link: String,
    pub code: &'a str,
    pub at: String,
    pub plan: String,
    pub full_plan: String,
    pub amount: String,
    pub is_change: bool,
    /// The values that no other mail has, by name.
    own: Vec<(&'static str, String)>,
}

impl<'a> Page<'a> {
    /// The page of a mail without values of its own.
    pub const fn new(context: &Context<'a>, link: String) -> Self {
        Self {
            brand: context.brand,
            app_name: context.app_name,
            app_url: context.app_url,
            subject: String::new(),
            username: String::new(),
            link,
            code: context.code,
            at: String::new(),
            plan: String::new(),
            full_plan: String::new(),
            amount: String::new(),
            is_change: false,
            own: Vec::new(),
        }
    }

    /// Sets the plan: "Pro" and "Tollgate Pro", also where the plan itself is called "Tollgate Pro".
    pub fn set_plan(&mut self, plan: &str) {
        let has_name = format!(" {plan} ").contains(&format!(" {} ", self.app_name));
        self.full_plan = if has_name { plan.to_owned() } else { format!("{} {plan}", self.app_name) };
        plan.clone_into(&mut self.plan);
    }

    /// Sets a value that no other mail has: `{name}` in its texts.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.own.push((name, value.into()));
    }

    /// The value of a placeholder; `None` for a name that is none.
    fn value(&self, name: &str) -> Option<&str> {
        Some(match name {
            "product" => self.app_name,
            "username" => &self.username,
            "at" => &self.at,
            "plan" => &self.plan,
            "full_plan" => &self.full_plan,
            "amount" => &self.amount,
            "support" => &self.brand.support_email,
            _ => return self.own.iter().find(|own| own.0 == name).map(|own| own.1.as_str()),
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
