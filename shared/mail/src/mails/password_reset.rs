//! The mail `password_reset`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::{Context, Page};
use crate::texts::Texts;
use crate::values::{time, unlinkable};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The password was reset by a mailed link.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordReset {
    /// The address.
    pub to: String,
    /// The user name of the account.
    pub username: String,
    /// The time of the reset.
    pub at: Timestamp,
}

impl MailKind for PasswordReset {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.password_reset_subject,
            title: t.password_reset_title,
            body: vec![Text(t.password_reset_text), Text(t.password_changed_advice)],
            button: Some(Button { label: t.account_button, link: context.account_page("") }),
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
