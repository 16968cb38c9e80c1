//! The mail `subscription_confirmed`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::{Context, Page};
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

impl MailKind for SubscriptionConfirmed {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.subscription_confirmed_subject,
            title: t.subscription_confirmed_title,
            body: vec![Text(t.subscription_confirmed_text), Text(t.manage_advice)],
            button: Some(Button { label: t.manage_button, link: context.account_page("/billing") }),
            ..Content::default()
        }
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
