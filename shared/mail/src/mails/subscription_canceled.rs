//! The mail `subscription_canceled`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::{Context, Page};
use crate::texts::Texts;
use crate::values::day;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A subscription will not renew.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionCanceled {
    /// The address.
    pub to: String,
    /// The plan's name.
    pub plan: String,
    /// When access ends.
    pub until: Timestamp,
}

impl MailKind for SubscriptionCanceled {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.subscription_canceled_subject,
            title: t.subscription_canceled_title,
            body: vec![Text(t.subscription_canceled_text), Text(t.subscription_canceled_advice)],
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
