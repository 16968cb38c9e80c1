//! The mail `provider_linked`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::{Context, Page};
use crate::texts::Texts;
use crate::values::{time, unlinkable};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A provider's sign-in was linked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderLinked {
    /// The address.
    pub to: String,
    /// The user name of the account.
    pub username: String,
    /// The provider's display name.
    pub provider: String,
    /// The time of the link.
    pub at: Timestamp,
}

impl MailKind for ProviderLinked {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.provider_linked_subject,
            title: t.provider_linked_title,
            body: vec![Text(t.provider_linked_text), Text(t.provider_linked_advice)],
            button: Some(Button { label: t.provider_linked_button, link: context.account_page("/methods") }),
            ..Content::default()
        }
    }

    fn show(&self, page: &mut Page<'_>, t: &Texts) {
        page.username = unlinkable(&self.username);
        page.at = time(t, &self.at);
        page.set("provider", &self.provider);
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![Self { to: sample::to(), username: sample::username(), provider: "GitHub".into(), at: sample::AT }]
    }
}
