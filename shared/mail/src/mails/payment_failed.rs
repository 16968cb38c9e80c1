//! The mail `payment_failed`.

use crate::content::{Button, Content, Part::Text};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::page::{Context, Page};
use crate::texts::Texts;
use crate::values::day;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A payment failed, and can still be made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentFailed {
    /// The address.
    pub to: String,
    /// The plan's name.
    pub plan: String,
    /// Stripe's payment page.
    pub invoice_url: Option<String>,
    /// When access ends, in a reminder.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Whether it was for a change to that plan, which waits for it.
    #[serde(default)]
    pub is_change: bool,
}

impl MailKind for PaymentFailed {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        let body = match self.until {
            _ if self.is_change => vec![Text(t.payment_failed_change), Text(t.payment_failed_change_advice)],
            None => vec![Text(t.payment_failed_retry), Text(t.payment_failed_advice)],
            Some(_) => vec![Text(t.payment_failed_open), Text(t.payment_failed_advice)],
        };
        Content {
            subject: t.payment_failed_subject,
            title: t.payment_failed_title,
            body,
            button: Some(Button {
                label: t.payment_failed_button,
                link: self.invoice_url.clone().unwrap_or_else(|| context.account_page("/billing")),
            }),
            ..Content::default()
        }
    }

    fn show(&self, page: &mut Page<'_>, t: &Texts) {
        page.set_plan(&self.plan);
        page.at = self.until.map_or_else(String::new, |until| day(t, &until));
        page.is_change = self.is_change;
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        let sample = |invoice_url, until, is_change| Self {
            to: sample::to(),
            plan: sample::plan(),
            invoice_url,
            until,
            is_change,
        };
        vec![sample(sample::invoice_url(), None, true), sample(None, Some(sample::AT), false)]
    }
}
