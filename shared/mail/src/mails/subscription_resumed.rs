//! The mail `subscription_resumed`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::{Context, Page};
use crate::texts::Texts;
use serde::{Deserialize, Serialize};

/// A cancellation or a scheduled downgrade was undone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionResumed {
    /// The address.
    pub to: String,
    /// The plan's name.
    pub plan: String,
}

impl MailKind for SubscriptionResumed {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.subscription_resumed_subject,
            title: t.subscription_resumed_title,
            body: vec![Text(t.subscription_resumed_text), Text(t.manage_advice)],
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
