//! The mail `subscription_confirmed`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, templates};
use crate::texts::Texts;
use crate::values::day;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A subscription began.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionConfirmed {
    /// The address.
    pub to: String,
    /// The plan's name.
    pub plan: String,
    /// The end of the first period.
    pub until: Timestamp,
}

impl MailTemplate for SubscriptionConfirmed {
    templates!("subscription_confirmed", "subscription_confirmed.txt", "subscription_confirmed.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.subscription_confirmed_subject
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
