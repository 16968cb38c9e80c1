//! The mail `login_code`.

use crate::content::Content;
use crate::content::Part::{Code, Text};
#[cfg(test)]
use crate::kind::sample;
use crate::kind::{MailKind, OneTime, Secret};
use crate::page::{Context, Page};
use crate::texts::Texts;
use crate::values::unlinkable;
use serde::{Deserialize, Serialize};
use tollgate_domain::onetime::Purpose;

/// Signs in: a code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginCode {
    /// The address.
    pub to: String,
    /// The user name of the account.
    pub username: String,
    /// The source of the code.
    pub otp: OneTime,
}

impl MailKind for LoginCode {
    fn content(&self, _: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.login_code_subject,
            title: t.login_code_title,
            body: vec![Text(t.login_code_text), Code],
            note: Some(t.login_code_note),
            ..Content::default()
        }
    }

    fn show(&self, page: &mut Page<'_>, _: &Texts) {
        page.username = unlinkable(&self.username);
    }

    fn secret(&self) -> Option<Secret<'_>> {
        Some(Secret::OneTime(Purpose::LoginCode, &self.otp))
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![Self { to: sample::to(), username: sample::username(), otp: sample::otp() }]
    }
}
