//! The mail `payment_failed`.

use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, templates};
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

impl MailTemplate for PaymentFailed {
    templates!("payment_failed", "payment_failed.txt", "payment_failed.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.payment_failed_subject
    }

    fn link(&self, context: &Context<'_>) -> String {
        self.invoice_url.clone().unwrap_or_else(|| context.account_page("/billing"))
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
