//! The mail `email_change_requested`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::{Context, Page};
use crate::texts::Texts;
use crate::values::{time, unlinkable};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A new address was requested for the account: a notice to the current one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailChangeRequested {
    /// The current address.
    pub to: String,
    /// The user name of the account.
    pub username: String,
    /// When.
    pub at: Timestamp,
}

impl MailKind for EmailChangeRequested {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.email_change_requested_subject,
            title: t.email_change_requested_title,
            body: vec![Text(t.email_change_requested_text), Text(t.email_change_requested_advice)],
            button: Some(Button { label: t.email_change_requested_button, link: context.account_page("/sessions") }),
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
