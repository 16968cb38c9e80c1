//! The mail `email_change_requested`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, templates};
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

impl MailTemplate for EmailChangeRequested {
    templates!("email_change_requested", "email_change_requested.txt", "email_change_requested.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.email_change_requested_subject
    }

    fn link(&self, context: &Context<'_>) -> String {
        context.account_page("/sessions")
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
