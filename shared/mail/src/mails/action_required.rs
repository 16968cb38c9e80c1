//! The mail `action_required`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::{Context, Page};
use crate::texts::Texts;
use serde::{Deserialize, Serialize};

/// A payment that the bank asks the customer to confirm.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionRequired {
    /// The address.
    pub to: String,
    /// The plan's name.
    pub plan: String,
    /// Stripe's page for the confirmation.
    pub invoice_url: Option<String>,
}

impl MailKind for ActionRequired {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.action_required_subject,
            title: t.action_required_title,
            body: vec![Text(t.action_required_text)],
            button: Some(Button {
                label: t.action_required_button,
                link: self.invoice_url.clone().unwrap_or_else(|| context.account_page("/billing")),
            }),
            ..Content::default()
        }
    }

    fn show(&self, page: &mut Page<'_>, _: &Texts) {
        page.set_plan(&self.plan);
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![Self { to: sample::to(), plan: sample::plan(), invoice_url: sample::invoice_url() }]
    }
}
