//! The mail `subscription_canceled`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, templates};
use crate::texts::Texts;
use crate::values::day;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A subscription will not renew.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionCanceled {
    /// The address.
    pub to: String,
    /// The plan's name.
    pub plan: String,
    /// When access ends.
    pub until: Timestamp,
}

impl MailTemplate for SubscriptionCanceled {
    templates!("subscription_canceled", "subscription_canceled.txt", "subscription_canceled.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.subscription_canceled_subject
    }

    fn link(&self, context: &Context<'_>) -> String {
        context.account_page("/billing")
    }

    fn show(&self, page: &mut Page<'_>, t: &Texts) {
        page.set_plan(&self.plan);
        page.at = day(t, &self.until);
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![Self { to: sample::to(), plan: sample::plan(), until: sample::AT }]
    }
}
