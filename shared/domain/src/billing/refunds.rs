//! What was paid for each subscription, and what of it is refunded when the subscription ends.

use super::changes::{ChargeRefund, EndReason, Ending, InvoiceRefund};
use super::payment::{Charge, Invoice, InvoiceStatus, Payment, PaymentStatus};
use super::state::{Account, RefundOnDeletion, Rules, StripeState};
use super::subscription::{DuplicateRefund, Subscription};
use crate::gate::Closing;
use jiff::{SignedDuration, Timestamp};

/// The longest time between an invoice and the start of its period. A period is at least a month.
const INVOICED_BEFORE: SignedDuration = SignedDuration::from_hours(1);

/// The stored payments and Stripe's invoices and charges.
pub(super) struct Money<'a> {
    pub account: &'a Account,
    pub stripe_state: &'a StripeState,
    pub rules: Rules,
    /// The payments that are new or changed.
    pub changed: &'a [Payment],
}

impl Money<'_> {
    /// The current payment of an invoice.
    fn payment(&self, invoice: &Invoice) -> Option<&Payment> {
        let mut all = self.changed.iter().chain(&self.account.payments);
        all.find(|payment| payment.stripe_invoice_id == invoice.stripe_id)
    }

    fn invoices<'a>(&'a self, subscription: &'a Subscription) -> impl Iterator<Item = &'a Invoice> {
        self.stripe_state.invoices.iter().filter(|invoice| invoice.is_for(subscription))
    }

    /// Sets since when a subscription is unpaid, and whether a debit for it is in progress. An invoice that was left
    /// open before the last paid one does not count.
    pub(super) fn mark_unpaid(&self, subscription: &mut Subscription) {
        (subscription.unpaid_since, subscription.payment_processing) = (None, false);
        if subscription.status.is_ended() {
            return;
        }
        let own = |payment: &&Payment| payment.subscription_id == Some(subscription.id) && payment.status.is_paid();
        let stored = self.account.payments.iter().chain(self.changed).filter(own).map(|payment| payment.created_at);
        let stripe_state =
            self.invoices(subscription).filter(|i| i.status == InvoiceStatus::Paid).map(|i| i.created_at);
        let last_paid = stored.chain(stripe_state).max();
        let open: Vec<_> = self
            .invoices(subscription)
            .filter(|i| i.status == InvoiceStatus::Open && last_paid.is_none_or(|paid| i.created_at >= paid))
            .map(|invoice| (invoice, self.payment(invoice)))
            .collect();
        let refused_at = |(invoice, payment): &(&Invoice, Option<&Payment>)| match payment {
            Some(payment) => payment.failed_at,
            None => invoice.due_at,
        };
        let unpaid_since = open.iter().filter_map(refused_at).min();
        let is_processing = |payment: &Payment| payment.status == PaymentStatus::Processing;
        let payment_processing = open.iter().any(|(_, payment)| payment.is_some_and(is_processing));
        (subscription.unpaid_since, subscription.payment_processing) = (unpaid_since, payment_processing);
    }

    /// Whether a payment for a subscription succeeded since the last fetch, for example of an invoice that was open
    /// when it ended.
    pub(super) fn is_paid_anew(&self, subscription: &Subscription) -> bool {
        let status_before = |payment: &Payment| {
            self.account.payments.iter().find(|previous| previous.id == payment.id).map(|p| p.status)
        };
        let mut of_it = self.changed.iter().filter(|payment| payment.subscription_id == Some(subscription.id));
        of_it.any(|payment| {
            payment.status == PaymentStatus::Succeeded && status_before(payment) != Some(PaymentStatus::Succeeded)
        })
    }

    /// The refundable charges of a paid invoice, if any. Refunded, disputed and external payments, and refunds that
    /// Stripe refused, are excluded.
    fn refundable(&self, invoice: &Invoice) -> Option<InvoiceRefund> {
        if self.payment(invoice).is_some_and(|payment| payment.is_refund_refused) {
            return None;
        }
        let refundable = invoice.charges(&self.stripe_state.charges).filter(|charge| charge.is_refundable());
        let whole = |charge: &Charge| ChargeRefund { stripe_id: charge.stripe_id.clone(), amount_cents: None };
        let charges: Vec<_> = refundable.map(whole).collect();
        (!charges.is_empty()).then(|| InvoiceRefund { stripe_invoice_id: invoice.stripe_id.clone(), charges })
    }

    fn is_late(&self, invoice: &Invoice) -> bool {
        self.payment(invoice).is_some_and(|payment| payment.is_late)
    }

    /// The payments for a duplicate to refund: those of its last period, those since the start of the remaining
    /// subscription, and late ones.
    fn paid_for(&self, subscription: &Subscription, stays_since: Option<Timestamp>) -> Vec<InvoiceRefund> {
        let last_period = subscription.current_period_start.saturating_sub(INVOICED_BEFORE).unwrap_or(Timestamp::MIN);
        let since = stays_since.map_or(last_period, |since| since.min(last_period));
        let paid = self.invoices(subscription).filter(|invoice| invoice.status == InvoiceStatus::Paid);
        paid.filter(|i| i.created_at >= since || self.is_late(i)).filter_map(|i| self.refundable(i)).collect()
    }

    /// The refund for a user who deleted the account: late payments and, by setting, the unused share of the last
    /// period. The share counts from the end of the subscription, so that each computation gives the same amount.
    fn refund_on_deletion(&self, subscription: &Subscription) -> Vec<InvoiceRefund> {
        let last_period = subscription.current_period_start.saturating_sub(INVOICED_BEFORE).unwrap_or(Timestamp::MIN);
        let refundable = |invoice: &Invoice| {
            if self.is_late(invoice) {
                return self.refundable(invoice);
            }
            let is_unused = self.rules.refund_on_deletion == RefundOnDeletion::Unused;
            let is_last = invoice.status == InvoiceStatus::Paid && invoice.created_at >= last_period;
            let ended_at = subscription.ends_at.filter(|_| subscription.status.is_ended())?;
            let mut refundable = self.refundable(invoice).filter(|_| is_unused && is_last)?;
            refundable.charges.retain_mut(|refundable| {
                let charge = self.stripe_state.charges.iter().find(|charge| charge.stripe_id == refundable.stripe_id);
                let unused = charge.map_or(0, |charge| unused_cents(charge, subscription, ended_at));
                refundable.amount_cents = Some(unused);
                unused > 0
            });
            (!refundable.charges.is_empty()).then_some(refundable)
        };
        self.invoices(subscription).filter_map(refundable).collect()
    }

    /// What to end and to refund at Stripe.
    pub(super) fn endings(&self, all: &[Subscription], stays_since: Option<Timestamp>) -> Vec<Ending> {
        // A deleted customer has no subscription to end and no payment to refund.
        if self.stripe_state.is_customer_gone {
            return Vec::new();
        }
        let ending = |subscription: &Subscription| {
            let stripe_id = subscription.stripe_id.clone();
            let schedule = subscription.schedule.as_ref().map(|schedule| schedule.stripe_id.clone());
            let can_end = !subscription.is_end_refused;
            match subscription.duplicate_refund {
                Some(DuplicateRefund::Pending) => {
                    let reason = match self.account.closing {
                        _ if subscription.trial_refused => EndReason::TrialRefused,
                        Some(Closing::Deleted) => EndReason::AccountDeleted,
                        _ => EndReason::Second,
                    };
                    let is_deleted = reason == EndReason::AccountDeleted;
                    let paid = match is_deleted {
                        true => self.refund_on_deletion(subscription),
                        false => self.paid_for(subscription, stays_since),
                    };
                    let is_live = can_end && !subscription.status.is_ended();
                    let is_unused = self.rules.refund_on_deletion == RefundOnDeletion::Unused;
                    let is_refund_pending = is_live && is_deleted && is_unused;
                    return Some(Ending::Now { reason, stripe_id, schedule, is_live, paid, is_refund_pending });
                }
                Some(DuplicateRefund::Done) => return None,
                None => {}
            }
            let late = self.invoices(subscription).filter(|invoice| self.is_late(invoice));
            let paid: Vec<_> = late.filter_map(|invoice| self.refundable(invoice)).collect();
            if !paid.is_empty() {
                return Some(Ending::Refund { stripe_id, paid });
            }
            let closed = self.account.closing == Some(Closing::Deactivated);
            let must_end = closed && can_end && subscription.is_held() && subscription.will_renew();
            must_end.then_some(Ending::AtPeriodEnd { stripe_id, schedule })
        };
        all.iter().filter_map(ending).collect()
    }
}

/// The amount of a charge to refund for the unused time of the period when the subscription ended.
fn unused_cents(charge: &Charge, subscription: &Subscription, ended_at: Timestamp) -> i64 {
    let seconds = |from: Timestamp, to: Timestamp| i128::from(to.duration_since(from).as_secs().max(0));
    let length = seconds(subscription.current_period_start, subscription.current_period_end).max(1);
    let remaining = seconds(ended_at, subscription.current_period_end).min(length);
    let share = i64::try_from(i128::from(charge.paid_cents) * remaining / length).unwrap_or_default();
    share - charge.refunded_cents
}

impl Invoice {
    pub(super) fn is_for(&self, subscription: &Subscription) -> bool {
        self.stripe_subscription_id.as_deref() == Some(subscription.stripe_id.as_str())
    }

    /// Whether it was paid after the subscription had ended although it was due before: then it gives no access.
    pub(super) fn is_late_for(&self, subscription: &Subscription) -> bool {
        let has_ended = subscription.plan_id.is_some() && subscription.status.is_ended();
        let Some(ended_at) = subscription.ends_at.filter(|_| has_ended) else { return false };
        self.status == InvoiceStatus::Paid
            && self.created_at < ended_at
            && self.paid_at.is_some_and(|paid_at| paid_at > ended_at)
    }
}
