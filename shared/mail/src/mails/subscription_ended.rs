//! The mail `subscription_ended`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::{Context, Page};
use crate::texts::Texts;
use serde::{Deserialize, Serialize};

/// A subscription ended.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionEnded {
    /// The address.
    pub to: String,
    /// The plan's name.
    pub plan: String,
}

impl MailKind for SubscriptionEnded {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        Content {
            subject: t.subscription_ended_subject,
            title: t.subscription_ended_title,
            body: vec![Text(t.subscription_ended_text), Text(t.subscription_ended_advice)],
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
