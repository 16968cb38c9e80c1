//! The mail `verify`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, OneTime, Secret, templates};
use crate::texts::Texts;
use crate::values::{list, unlinkable};
use serde::{Deserialize, Serialize};
use tollgate_domain::onetime::Purpose;

/// Verifies the address of a new account, or the new address of an account: a link and a code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verify {
    /// The address.
    pub to: String,
    /// The user name of the account.
    pub username: String,
    /// The source of link and code.
    pub otp: OneTime,
    /// Whether it is the new address of an account.
    #[serde(default)]
    pub is_change: bool,
    /// The names of the providers that are unlinked by the change.
    #[serde(default)]
    pub unlinks: Vec<String>,
}

impl MailTemplate for Verify {
    templates!("verify", "verify.txt", "verify.html");

    fn subject(&self, t: &Texts) -> &'static str {
        if self.is_change { t.verify_change_subject } else { t.verify_subject }
    }

    fn link(&self, context: &Context<'_>) -> String {
        format!("{}?token={}", context.verify_page_url, context.token)
    }

    fn show(&self, page: &mut Page<'_>, t: &Texts) {
        page.username = unlinkable(&self.username);
        page.unlinks = list(t, &self.unlinks);
        page.is_change = self.is_change;
    }

    fn secret(&self) -> Option<Secret<'_>> {
        let purpose = if self.is_change { Purpose::ChangeEmail } else { Purpose::Verify };
        Some(Secret::OneTime(purpose, &self.otp))
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        let sample = |is_change, unlinks| Self {
            to: sample::to(),
            username: sample::username(),
            otp: sample::otp(),
            is_change,
            unlinks,
        };
        vec![sample(false, Vec::new()), sample(true, vec!["Google".into(), "GitHub".into()])]
    }
}
