//! The mail `reset`.

use crate::content::{Button, Content, Part::Text};
#[cfg(test)]
use crate::kind::sample;
use crate::kind::{MailKind, OneTime, Secret};
use crate::page::{Context, Page};
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

impl MailKind for Reset {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.reset_subject,
            title: t.reset_title,
            body: vec![Text(t.reset_text), Text(t.reset_advice)],
            button: Some(Button {
                label: t.reset_button,
                link: format!("{}?token={}", context.reset_page_url, context.token),
            }),
            note: Some(t.reset_note),
            ..Content::default()
        }
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
