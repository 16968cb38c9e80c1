//! The mail `trial_ending`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::{Context, Page};
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

impl MailKind for TrialEnding {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.trial_ending_subject,
            title: t.trial_ending_title,
            body: vec![Text(t.trial_ending_text), Text(t.trial_ending_advice)],
            button: Some(Button { label: t.manage_button, link: context.account_page("/billing") }),
            ..Content::default()
        }
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
