//! The mail `downgrade_scheduled`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, templates};
use crate::texts::Texts;
use crate::values::day;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A change to a lower plan, or a shorter period, waits for the end of the period.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DowngradeScheduled {
    /// The address.
    pub to: String,
    /// The future plan's name.
    pub plan: String,
    /// The time of the change.
    pub at: Timestamp,
}

impl MailTemplate for DowngradeScheduled {
    templates!("downgrade_scheduled", "downgrade_scheduled.txt", "downgrade_scheduled.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.downgrade_scheduled_subject
    }

    fn link(&self, context: &Context<'_>) -> String {
        context.account_page("/billing")
    }

    fn show(&self, page: &mut Page<'_>, t: &Texts) {
        page.set_plan(&self.plan);
        page.at = day(t, &self.at);
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![Self { to: sample::to(), plan: sample::plan(), at: sample::AT }]
    }
}
