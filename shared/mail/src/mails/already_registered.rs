//! The mail `already_registered`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::Context;
use crate::texts::Texts;
use serde::{Deserialize, Serialize};

/// An address with an account was registered again, or requested as a new address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlreadyRegistered {
    /// The address.
    pub to: String,
}

impl MailKind for AlreadyRegistered {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.already_registered_subject,
            title: t.already_registered_title,
            body: vec![Text(t.already_registered_text), Text(t.already_registered_advice)],
            button: Some(Button { label: t.already_registered_button, link: context.account_page("") }),
            note: Some(t.already_registered_note),
            ..Content::default()
        }
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![Self { to: sample::to() }]
    }
}
