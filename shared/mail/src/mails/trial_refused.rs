//! The mail `trial_refused`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, templates};
use crate::texts::Texts;
use serde::{Deserialize, Serialize};

/// A subscription was cancelled because its address or its card had a trial before.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialRefused {
    /// The address.
    pub to: String,
    /// The plan's name.
    pub plan: String,
}

impl MailTemplate for TrialRefused {
    templates!("trial_refused", "trial_refused.txt", "trial_refused.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.trial_refused_subject
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
