//! The mail `password_changed`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, templates};
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

impl MailTemplate for PasswordChanged {
    templates!("password_changed", "password_changed.txt", "password_changed.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.password_changed_subject
    }

    fn link(&self, context: &Context<'_>) -> String {
        context.account_page("")
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
