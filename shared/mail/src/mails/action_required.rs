//! The mail `action_required`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, templates};
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

impl MailTemplate for ActionRequired {
    templates!("action_required", "action_required.txt", "action_required.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.action_required_subject
    }

    fn link(&self, context: &Context<'_>) -> String {
        self.invoice_url.clone().unwrap_or_else(|| context.account_page("/billing"))
    }

    fn show(&self, page: &mut Page<'_>, _: &Texts) {
        page.set_plan(&self.plan);
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![Self { to: sample::to(), plan: sample::plan(), invoice_url: sample::invoice_url() }]
    }
}
