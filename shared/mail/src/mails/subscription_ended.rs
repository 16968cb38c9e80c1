//! The mail `subscription_ended`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, templates};
use crate::texts::Texts;
use serde::{Deserialize, Serialize};

/// A subscription ended.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionEnded {
    /// The address.
    pub to: String,
    /// The plan's name.
    pub plan: String,
}

impl MailTemplate for SubscriptionEnded {
    templates!("subscription_ended", "subscription_ended.txt", "subscription_ended.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.subscription_ended_subject
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
