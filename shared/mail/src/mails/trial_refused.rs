//! The mail `trial_refused`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::{Context, Page};
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

impl MailKind for TrialRefused {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.trial_refused_subject,
            title: t.trial_refused_title,
            body: vec![Text(t.trial_refused_text), Text(t.trial_refused_advice)],
            button: Some(Button { label: t.plans_button, link: context.account_page("/billing") }),
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
