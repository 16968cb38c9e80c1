//! The mail `refunded`.

use crate::money::money;
use crate::page::{Context, Page};
#[cfg(test)]
use crate::template::sample;
use crate::template::{MailTemplate, templates};
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

impl MailTemplate for Refunded {
    templates!("refunded", "refunded.txt", "refunded.html");

    fn subject(&self, t: &Texts) -> &'static str {
        t.refunded_subject
    }

    fn link(&self, context: &Context<'_>) -> String {
        context.account_page("/billing")
    }

    fn show(&self, page: &mut Page<'_>, t: &Texts) {
        page.set_plan(&self.plan);
        if let Some(Amount { amount_cents, currency }) = &self.amount {
            page.amount = money(*amount_cents, currency, t);
        }
        page.reason = match self.reason {
            Some(RefundReason::SecondSubscription) => t.refund_second_subscription,
            Some(RefundReason::AccountDeleted) => t.refund_account_deleted,
            Some(RefundReason::PaidAfterEnd) => t.refund_paid_after_end,
            None => "",
        };
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        let amount = Amount { amount_cents: 1900, currency: "usd".into() };
        let sample = |amount, reason| Self { to: sample::to(), plan: sample::plan(), amount, reason };
        vec![sample(None, None), sample(Some(amount), Some(RefundReason::PaidAfterEnd))]
    }
}
