//! The mail `downgrade_scheduled`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::{Context, Page};
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

impl MailKind for DowngradeScheduled {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.downgrade_scheduled_subject,
            title: t.downgrade_scheduled_title,
            body: vec![Text(t.downgrade_scheduled_text), Text(t.downgrade_scheduled_advice)],
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
