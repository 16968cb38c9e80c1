//! The mail `password_changed`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::{Context, Page};
use crate::texts::Texts;
use crate::values::{time, unlinkable};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The password was changed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordChanged {
    /// The address.
    pub to: String,
    /// The user name of the account.
    pub username: String,
    /// The time of the change.
    pub at: Timestamp,
}

impl MailKind for PasswordChanged {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.password_changed_subject,
            title: t.password_changed_title,
            body: vec![Text(t.password_changed_text), Text(t.password_changed_advice)],
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
