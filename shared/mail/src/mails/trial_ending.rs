//! The mail `trial_ending`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, templates};
use crate::texts::Texts;
use crate::values::day;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A trial ends soon.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialEnding {
    /// The address.
    pub to: String,
    /// The plan's name.
    pub plan: String,
    /// When it ends.
    pub at: Timestamp,
}

impl MailTemplate for TrialEnding {
    templates!("trial_ending", "trial_ending.txt", "trial_ending.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.trial_ending_subject
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
