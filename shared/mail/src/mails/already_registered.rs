//! The mail `already_registered`.

use crate::page::Context;
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, templates};
use crate::texts::Texts;
use serde::{Deserialize, Serialize};

/// An address with an account was registered again, or requested as a new address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlreadyRegistered {
    /// The address.
    pub to: String,
}

impl MailTemplate for AlreadyRegistered {
    templates!("already_registered", "already_registered.txt", "already_registered.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.already_registered_subject
    }

    fn link(&self, context: &Context<'_>) -> String {
        context.account_page("")
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![Self { to: sample::to() }]
    }
}
