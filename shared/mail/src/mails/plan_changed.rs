//! The mail `plan_changed`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, templates};
use crate::texts::Texts;
use serde::{Deserialize, Serialize};

/// A subscription was changed to another plan.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanChanged {
    /// The address.
    pub to: String,
    /// The new plan's name.
    pub plan: String,
}

impl MailTemplate for PlanChanged {
    templates!("plan_changed", "plan_changed.txt", "plan_changed.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.plan_changed_subject
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
