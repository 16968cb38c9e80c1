//! The mail `refunded`.

use crate::content::Part::{Joined, Text};
use crate::content::{Button, Content};
use crate::kind::MailKind;
#[cfg(test)]
use crate::kind::sample;
use crate::money::money;
use crate::page::{Context, Page};
use crate::texts::Texts;
use serde::{Deserialize, Serialize};

/// A payment was refunded, in part or in full.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refunded {
    /// The address.
    pub to: String,
    /// The plan's name.
    pub plan: String,
    /// The refunded amount; `None` in a message of the previous version: then it is the whole payment.
    #[serde(default)]
    pub amount: Option<Amount>,
    /// The reason of an automatic refund.
    #[serde(default)]
    pub reason: Option<RefundReason>,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// In minor units.
    pub amount_cents: i64,
    /// Its currency: a lower-case code of ISO 4217.
    pub currency: String,
}

/// Why a payment was refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundReason {
    /// The user already had another subscription.
    SecondSubscription,
    /// The account was deleted.
    AccountDeleted,
    /// The payment arrived after the subscription had ended.
    PaidAfterEnd,
}

impl RefundReason {
    const fn text(self, t: &Texts) -> &'static str {
        match self {
            Self::SecondSubscription => t.refund_second_subscription,
            Self::AccountDeleted => t.refund_account_deleted,
            Self::PaidAfterEnd => t.refund_paid_after_end,
        }
    }
}

impl MailKind for Refunded {
    fn content(&self, context: &Context<'_>, t: &Texts) -> Content {
        let text = if self.amount.is_some() { t.refunded_text } else { t.refunded_whole };
        let first = self.reason.map_or(Text(text), |reason| Joined(text, reason.text(t)));
        Content {
            subject: t.refunded_subject,
            title: t.refunded_title,
            body: vec![first, Text(t.refunded_advice)],
            button: Some(Button { label: t.account_button, link: context.account_page("/billing") }),
            ..Content::default()
        }
    }

    fn show(&self, page: &mut Page<'_>, t: &Texts) {
        page.set_plan(&self.plan);
        if let Some(Amount { amount_cents, currency }) = &self.amount {
            page.amount = money(*amount_cents, currency, t);
        }
        page.set("reason", self.reason.map_or("", |reason| reason.text(t)));
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        let amount = Amount { amount_cents: 1900, currency: "usd".into() };
        let sample = |amount, reason| Self { to: sample::to(), plan: sample::plan(), amount, reason };
        vec![sample(None, None), sample(Some(amount), Some(RefundReason::PaidAfterEnd))]
    }
}
