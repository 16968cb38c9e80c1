//! Payments: one for each invoice that asks for money.

use super::money::Currency;
use crate::{PaymentId, SubscriptionId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Stripe's statuses of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    /// Not asked for yet.
    Draft,
    /// Asked for.
    Open,
    /// Paid.
    Paid,
    /// Given up.
    Uncollectible,
    /// Taken back.
    Void,
}

/// An invoice as Stripe has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Stripe's id.
    pub stripe_id: String,
    /// The id of the payment that it makes: the same for the same invoice, sorted by its time.
    pub payment_id: PaymentId,
    /// The subscription that it is for, by Stripe's id.
    pub stripe_subscription_id: Option<String>,
    /// Where it is in its life.
    pub status: InvoiceStatus,
    /// What it asks for, in minor units.
    pub amount_due_cents: i64,
    /// What was paid of it.
    pub amount_paid_cents: i64,
    /// In this currency.
    pub currency: Currency,
    /// Whether payment was tried.
    pub attempted: bool,
    /// Stripe's page of it.
    pub invoice_url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Where a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The money came.
    Succeeded,
    /// It did not, so far.
    Failed,
    /// All of it went back.
    Refunded,
}

/// A payment as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// Stripe's invoice.
    pub stripe_invoice_id: String,
    /// The subscription that it is for; `None` for one that is not ours.
    pub subscription_id: Option<SubscriptionId>,
    /// The amount, in minor units.
    pub amount_cents: i64,
    /// What went back of it.
    pub refunded_cents: i64,
    /// In this currency.
    pub currency: Currency,
    /// Where it is.
    pub status: PaymentStatus,
    /// Stripe's page of the invoice.
    pub invoice_url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// When the invoice was made.
    pub created_at: Timestamp,
}

impl Payment {
    /// The payment of `invoice` for `subscription`, as it follows on `known`. An invoice of 0 makes none, nor does one
    /// that nobody has tried to pay.
    #[must_use]
    pub fn of(invoice: &Invoice, subscription: Option<SubscriptionId>, known: Option<&Self>) -> Option<Self> {
        let refunded_cents = known.map_or(0, |payment| payment.refunded_cents);
        let (amount_cents, status) = match invoice.status {
            InvoiceStatus::Paid if refunded_cents >= invoice.amount_paid_cents => {
                (invoice.amount_paid_cents, PaymentStatus::Refunded)
            }
            InvoiceStatus::Paid => (invoice.amount_paid_cents, PaymentStatus::Succeeded),
            InvoiceStatus::Open | InvoiceStatus::Uncollectible if invoice.attempted => {
                (invoice.amount_due_cents, PaymentStatus::Failed)
            }
            // Taken back after it was tried: what stood there stands.
            InvoiceStatus::Draft | InvoiceStatus::Open | InvoiceStatus::Uncollectible | InvoiceStatus::Void => {
                return known.cloned();
            }
        };
        (amount_cents > 0).then(|| Self {
            id: invoice.payment_id,
            stripe_invoice_id: invoice.stripe_id.clone(),
            subscription_id: subscription,
            amount_cents,
            refunded_cents,
            currency: invoice.currency,
            status,
            invoice_url: invoice.invoice_url.clone(),
            description: invoice.description.clone(),
            created_at: invoice.created_at,
        })
    }

    /// The same after `cents` of it in all went back.
    #[must_use]
    pub fn refunded(mut self, cents: i64) -> Self {
        self.refunded_cents = cents.min(self.amount_cents);
        if self.refunded_cents == self.amount_cents {
            self.status = PaymentStatus::Refunded;
        }
        self
    }
}
