//! The mail `provider_linked`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, templates};
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

impl MailTemplate for ProviderLinked {
    templates!("provider_linked", "provider_linked.txt", "provider_linked.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.provider_linked_subject
    }

    fn link(&self, context: &Context<'_>) -> String {
        context.account_page("/methods")
    }

    fn show(&self, page: &mut Page<'_>, t: &Texts) {
        page.username = unlinkable(&self.username);
        page.at = time(t, &self.at);
        page.provider.clone_from(&self.provider);
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![Self { to: sample::to(), username: sample::username(), provider: "GitHub".into(), at: sample::AT }]
    }
}
