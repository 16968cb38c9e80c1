//! The mail `verify`.

use crate::content::Part::{Code, Text};
use crate::content::{Button, Content};
#[cfg(test)]
use crate::kind::sample;
use crate::kind::{MailKind, OneTime, Secret};
use crate::page::{Context, Page};
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

impl MailKind for Verify {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        let (subject, title, text, note) = match self.is_change {
            false => (t.verify_subject, t.verify_title, t.verify_text, t.verify_note),
            true => (t.verify_change_subject, t.verify_change_title, t.verify_change_text, t.verify_change_note),
        };
        let mut after = vec![Text(t.code), Code];
        if !self.unlinks.is_empty() {
            after.push(Text(t.verify_unlinks));
        }
        let link = format!("{}?token={}", context.verify_page_url, context.token);
        let button = Some(Button { label: t.verify_button, link });
        Content { subject, title, body: vec![Text(text)], button, after, note: Some(note) }
    }

    fn show(&self, page: &mut Page<'_>, t: &Texts) {
        page.username = unlinkable(&self.username);
        page.set("providers", list(t, &self.unlinks));
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
