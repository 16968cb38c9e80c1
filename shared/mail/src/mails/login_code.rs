//! The mail `login_code`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, OneTime, Secret, templates};
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

impl MailTemplate for LoginCode {
    templates!("login_code", "login_code.txt", "login_code.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.login_code_subject
    }

    fn link(&self, context: &Context<'_>) -> String {
        context.account_page("")
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
