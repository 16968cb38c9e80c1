//! The mail `plan_changed`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::{Context, Page};
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

impl MailKind for PlanChanged {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.plan_changed_subject,
            title: t.plan_changed_title,
            body: vec![Text(t.plan_changed_text), Text(t.plan_changed_advice)],
            button: Some(Button { label: t.manage_button, link: context.account_page("/billing") }),
            ..Content::default()
        }
    }

    fn show(&self, page: &mut Page<'_>, _: &Texts) {
        page.set_plan(&self.plan);
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![Self { to: sample::to(), plan: sample::plan() }]
    }
}
