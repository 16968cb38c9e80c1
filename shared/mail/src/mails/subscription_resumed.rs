//! The mail `subscription_resumed`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, templates};
use crate::texts::Texts;
use serde::{Deserialize, Serialize};

/// A cancellation or a scheduled downgrade was undone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionResumed {
    /// The address.
    pub to: String,
    /// The plan's name.
    pub plan: String,
}

impl MailTemplate for SubscriptionResumed {
    templates!("subscription_resumed", "subscription_resumed.txt", "subscription_resumed.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.subscription_resumed_subject
    }

    fn link(&self, context: &Context<'_>) -> String {
        context.account_page("/billing")
    }

    fn show(&self, page: &mut Page<'_>, _: &Texts) {
        page.set_plan(&self.plan);
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![Self { to: sample::to(), plan: sample::plan() }]
    }
}
