//! The mail `reset`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, OneTime, Secret, templates};
use crate::texts::Texts;
use crate::values::unlinkable;
use serde::{Deserialize, Serialize};
use tollgate_domain::onetime::Purpose;

/// Sets a new password: a link.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// The address.
    pub to: String,
    /// The user name of the account.
    pub username: String,
    /// The source of the link.
    pub otp: OneTime,
}

impl MailTemplate for Reset {
    templates!("reset", "reset.txt", "reset.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.reset_subject
    }

    fn link(&self, context: &Context<'_>) -> String {
        format!("{}?token={}", context.reset_page_url, context.token)
    }

    fn show(&self, page: &mut Page<'_>, _: &Texts) {
        page.username = unlinkable(&self.username);
    }

    fn secret(&self) -> Option<Secret<'_>> {
        Some(Secret::OneTime(Purpose::Reset, &self.otp))
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![Self { to: sample::to(), username: sample::username(), otp: sample::otp() }]
    }
}
