//! The mail `email_changed`.

use crate::content::{Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::{Context, Page};
use crate::texts::Texts;
use crate::values::{time, unlinkable};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The address of the account was changed: a notice to the old one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailChanged {
    /// The old address.
    pub to: String,
    /// The user name of the account.
    pub username: String,
    /// The time of the change.
    pub at: Timestamp,
}

impl MailKind for EmailChanged {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        let advice =
            if context.brand.support_email.is_empty() { t.email_changed_reply } else { t.email_changed_contact };
        Content {
            subject: t.email_changed_subject,
            title: t.email_changed_title,
            body: vec![Text(t.email_changed_text), Text(advice)],
            ..Content::default()
        }
    }

    fn show(&self, page: &mut Page<'_>, t: &Texts) {
        page.username = unlinkable(&self.username);
        page.at = time(t, &self.at);
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![Self { to: sample::to(), username: sample::username(), at: sample::AT }]
    }
}
