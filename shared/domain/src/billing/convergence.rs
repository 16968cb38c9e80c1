//! Convergence as a pure function: stored state and Stripe's state in, changes out. An event is only a hint; the
//! function uses only the state.

use super::access::{Access, Grace};
use super::customer::Customer;
use super::payment::{Charge, ChargeStatus, Dispute, Invoice, InvoiceStatus, Payment, PaymentStatus};
use super::plan::Plan;
use super::subscription::{DuplicateRefund, Schedule, Status, StripeSubscription, Subscription};
use crate::PlanId;
use crate::gate::Closing;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The stored billing state of a user.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The customer, whose version orders the writes.
    pub customer: Customer,
    /// All subscriptions, ended ones too.
    pub subscriptions: Vec<Subscription>,
    /// All payments.
    pub payments: Vec<Payment>,
    /// How the account was closed, if it was.
    pub closing: Option<Closing>,
    /// The access in the gate.
    pub access: Access,
}

/// Stripe's state of a customer, fetched after the version was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StripeState {
    /// All readable subscriptions. The stored state of others is unchanged.
    pub subscriptions: Vec<StripeSubscription>,
    /// The invoices, all open ones among them.
    pub invoices: Vec<Invoice>,
    /// The charges of these or earlier invoices.
    pub charges: Vec<Charge>,
    /// Duplicate subscriptions, by Stripe's id, that were ended and whose known payments were refunded.
    pub ended_duplicates: Vec<String>,
    /// Subscriptions, by Stripe's id, whose end Stripe permanently refused.
    pub refused_ends: Vec<String>,
    /// Invoices, by Stripe's id, whose refund Stripe permanently refused.
    pub refused_refunds: Vec<String>,
    /// Subscriptions, by Stripe's id, whose trial is refused: the address or the card had one before.
    pub refused_trials: Vec<String>,
    /// Whether the customer was deleted at Stripe.
    pub is_customer_gone: bool,
}

impl StripeState {
    /// The subscriptions of `account` to a plan whose trial is seen for the first time.
    pub fn new_trials<'a>(
        &'a self,
        account: &'a Account,
        catalogue: &'a Catalogue,
    ) -> impl Iterator<Item = &'a StripeSubscription> {
        let is_stored =
            |id: &str| account.subscriptions.iter().any(|stored| stored.stripe_id == id && stored.had_trial);
        self.subscriptions.iter().filter(move |found| {
            found.subscription.had_trial
                && !is_stored(&found.subscription.stripe_id)
                && found.items.iter().any(|item| catalogue.prices.contains_key(&item.stripe_price_id))
        })
    }

    /// The state of a deleted customer: all live subscriptions have ended.
    #[must_use]
    pub fn customer_deleted(account: &Account) -> Self {
        let ended = |stored: &Subscription| Subscription { status: Status::Canceled, ..stored.clone() };
        Self {
            subscriptions: (account.subscriptions.iter())
                .filter(|stored| !stored.status.is_ended())
                .map(|stored| ended(stored).into())
                .collect(),
            is_customer_gone: true,
            ..Self::default()
        }
    }

    /// Whether a list of the latest objects is not sufficient for `account`, so that all objects must be fetched: for
    /// the result of an earlier debit or dispute, or a charge of an earlier invoice.
    #[must_use]
    pub fn is_undecided(&self, account: &Account) -> bool {
        let own = |payment: &Payment| {
            let intents = payment.payment_intents.clone();
            self.charges.iter().filter(move |charge| intents.contains(&charge.payment_intent))
        };
        let is_unsaid = |payment: &Payment| match payment.status {
            PaymentStatus::Processing => {
                !own(payment).any(|charge| matches!(charge.status, ChargeStatus::Pending | ChargeStatus::Succeeded))
            }
            PaymentStatus::Failed => {
                own(payment).any(|charge| charge.status == ChargeStatus::Succeeded)
                    && !self.invoices.iter().any(|invoice| invoice.stripe_id == payment.stripe_invoice_id)
            }
            _ if payment.is_disputed => !payment.is_dispute_lost,
            _ => own(payment).any(|charge| charge.dispute == Some(Dispute::Unread)),
        };
        account.payments.iter().any(is_unsaid)
    }
}

/// The plans and their current and former prices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    /// All plans, archived ones too.
    pub plans: Vec<Plan>,
    /// The plan of each of Stripe's prices.
    pub prices: BTreeMap<String, PlanId>,
}

/// A subscription that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// The stored one; `None` for a new one.
    pub before: Option<Subscription>,
    /// The new state.
    pub after: Subscription,
}

/// What is to be refunded of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceRefund {
    /// Stripe's invoice.
    pub stripe_invoice_id: String,
    /// Stripe's charges to refund. A payment outside Stripe has none.
    pub charges: Vec<ChargeRefund>,
}

/// A charge to refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRefund {
    /// Stripe's id.
    pub stripe_id: String,
    /// The amount, in minor units; `None` for the whole rest.
    pub amount_cents: Option<i64>,
}

/// The refund of the last paid period when the user deletes the account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RefundOnDeletion {
    /// Nothing.
    #[default]
    Nothing,
    /// The share of the unused time.
    Unused,
}

/// Why a subscription ends at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The user has another one.
    Second,
    /// The user deleted the account.
    AccountDeleted,
    /// The address or the card had a trial before.
    TrialRefused,
}

/// The settings of the convergence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// How long access continues after a failed payment.
    pub grace: Grace,
    /// The refund for a user who deletes the account.
    pub refund_on_deletion: RefundOnDeletion,
}

/// A change to make at Stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Ends at once with a refund.
    Now {
        /// The reason.
        reason: EndReason,
        /// Stripe's id.
        stripe_id: String,
        /// Stripe's id of the schedule that manages it and must be released first.
        schedule: Option<String>,
        /// Whether it must still be cancelled.
        is_live: bool,
        /// The payments to refund.
        paid: Vec<InvoiceRefund>,
        /// Whether the refund is known only after the end: the next fetch determines it.
        is_refund_pending: bool,
    },
    /// Refunds payments for an old invoice that were made after the subscription had ended.
    Refund {
        /// Stripe's id of the subscription.
        stripe_id: String,
        /// Those invoices.
        paid: Vec<InvoiceRefund>,
    },
    /// Ends at period end, for a user who closed the account.
    AtPeriodEnd {
        /// Stripe's id.
        stripe_id: String,
        /// Stripe's id of the schedule that manages it and must be released first.
        schedule: Option<String>,
    },
}

/// The changes to write in one transaction, on condition of the expected version of the customer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Subscriptions that are new or changed.
    pub subscriptions: Vec<Changed>,
    /// Payments that are new or changed.
    pub payments: Vec<Payment>,
    /// The new access in the gate, if it changes.
    pub access: Option<Access>,
    /// Whether a first trial was found.
    pub first_trial: bool,
    /// Whether the customer was deleted at Stripe.
    pub customer_is_gone: bool,
    /// What to do at Stripe after the write.
    pub endings: Vec<Ending>,
}

impl Changes {
    /// Whether the local state equals Stripe's.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.subscriptions.is_empty()
            && self.payments.is_empty()
            && self.access.is_none()
            && !self.first_trial
            && !self.customer_is_gone
    }

    /// The subscriptions of `account` once this is written.
    #[must_use]
    pub fn subscriptions_after(self, account: Account) -> Vec<Subscription> {
        let mut all = account.subscriptions;
        for Changed { after, .. } in self.subscriptions {
            match all.iter_mut().find(|stored| stored.id == after.id) {
                Some(stored) => *stored = after,
                None => all.push(after),
            }
        }
        all
    }

    /// Keeps at most `most` subscriptions and payments and returns whether these are all. The next fetch gives the
    /// rest, and then the endings and the deletion of the customer.
    pub fn keep_first(&mut self, most: usize) -> bool {
        let is_all = self.subscriptions.len() <= most && self.payments.len() <= most;
        if !is_all {
            self.subscriptions.truncate(most);
            self.payments.truncate(most);
            self.endings.clear();
            self.customer_is_gone = false;
        }
        is_all
    }
}

/// The changes that bring `account` to `stripe_state`.
#[must_use]
pub fn converge(
    account: &Account,
    stripe_state: &StripeState,
    catalogue: &Catalogue,
    rules: Rules,
    now: Timestamp,
) -> Changes {
    let grace = rules.grace;
    let mut all = account.subscriptions.clone();
    for subscription in &stripe_state.subscriptions {
        apply(&mut all, subscription, catalogue);
    }
    let payments = payments(account, stripe_state, &all, catalogue, now);
    let money = Money { account, stripe_state, rules, changed: &payments };
    for subscription in &mut all {
        if stripe_state.subscriptions.iter().any(|found| found.subscription.stripe_id == subscription.stripe_id) {
            money.mark_unpaid(subscription);
        }
        subscription.is_end_refused |= stripe_state.refused_ends.contains(&subscription.stripe_id);
        if stripe_state.refused_trials.contains(&subscription.stripe_id) {
            (subscription.duplicate_refund, subscription.trial_refused) = (Some(DuplicateRefund::Pending), true);
        }
    }
    let stays_since = mark_duplicates(&mut all, account.closing, grace, now);
    for subscription in all.iter_mut().filter(|subscription| subscription.duplicate_refund.is_some()) {
        // A payment since then is refunded as well, also where the others were just refunded.
        if money.is_paid_anew(subscription) {
            subscription.duplicate_refund = Some(DuplicateRefund::Pending);
        } else if stripe_state.ended_duplicates.contains(&subscription.stripe_id) {
            subscription.duplicate_refund = Some(DuplicateRefund::Done);
        }
    }
    let subscriptions: Vec<_> = all.iter().filter_map(|after| changed(account, after)).collect();
    let access = Access::of(&all, &catalogue.plans, grace, now);
    Changes {
        endings: money.endings(&all, stays_since),
        access: (access != account.access).then_some(access),
        customer_is_gone: stripe_state.is_customer_gone && account.customer.stripe_customer_id.is_some(),
        first_trial: !account.customer.had_trial && all.iter().any(|subscription| subscription.had_trial),
        subscriptions,
        payments,
    }
}

/// The access of the stored subscriptions by the current plans.
#[must_use]
pub fn recompute_access(account: &Account, catalogue: &Catalogue, grace: Grace, now: Timestamp) -> Changes {
    let access = Access::of(&account.subscriptions, &catalogue.plans, grace, now);
    Changes { access: (access != account.access).then_some(access), ..Changes::default() }
}

/// Replaces the stored subscription by Stripe's. An ended one stays ended, and an unknown status keeps the stored one.
fn apply(all: &mut Vec<Subscription>, found: &StripeSubscription, catalogue: &Catalogue) {
    let stripe_state = found.resolve(|price| catalogue.prices.contains_key(price));
    let plan_id = catalogue.prices.get(&stripe_state.stripe_price_id).copied();
    let mut after = Subscription {
        plan_id,
        schedule: stripe_state.schedule.clone().map(|schedule| {
            let next = schedule.next_price_id.as_ref().and_then(|price| catalogue.prices.get(price)).copied();
            Schedule { next_plan_id: next.filter(|next| Some(*next) != plan_id), ..schedule }
        }),
        ..stripe_state.clone()
    };
    match all.iter_mut().find(|previous| previous.stripe_id == stripe_state.stripe_id) {
        Some(previous) if previous.status.is_ended() && !stripe_state.status.is_ended() => {}
        Some(previous) => {
            if !found.is_status_known {
                after.status = previous.status;
            }
            after.duplicate_refund = previous.duplicate_refund;
            after.trial_refused = previous.trial_refused;
            after.is_end_refused = previous.is_end_refused;
            after.had_trial |= previous.had_trial;
            *previous = after;
        }
        None => all.push(after),
    }
}

/// Marks duplicates: of several live subscriptions all but the oldest paid one, else the oldest with access, else the
/// oldest; and all subscriptions of a user who deleted the account. Returns the start of the remaining one.
fn mark_duplicates(
    all: &mut [Subscription],
    closing: Option<Closing>,
    grace: Grace,
    now: Timestamp,
) -> Option<Timestamp> {
    let stored = match closing {
        Some(Closing::Deleted) => None,
        _ => all
            .iter()
            .filter(|s| s.is_held())
            .min_by_key(|s| (!s.is_paid(grace, now), !s.has_access(grace, now), s.started_at, s.id))
            .map(|s| (s.id, s.started_at)),
    };
    let is_deleted = closing == Some(Closing::Deleted);
    let must_end = |s: &Subscription| if is_deleted { s.excludes_another() } else { s.is_held() };
    for duplicate in all.iter_mut().filter(|s| must_end(s) && Some(s.id) != stored.map(|(id, _)| id)) {
        duplicate.duplicate_refund = Some(DuplicateRefund::Pending);
    }
    stored.map(|(_, started_at)| started_at)
}

fn changed(account: &Account, after: &Subscription) -> Option<Changed> {
    let before = account.subscriptions.iter().find(|before| before.stripe_id == after.stripe_id);
    (before != Some(after)).then(|| Changed { before: before.cloned(), after: after.clone() })
}

/// The payments that are new or changed.
fn payments(
    account: &Account,
    stripe_state: &StripeState,
    all: &[Subscription],
    catalogue: &Catalogue,
    now: Timestamp,
) -> Vec<Payment> {
    let previous_of = |id: &str| account.payments.iter().find(|payment| payment.stripe_invoice_id == id);
    let now_is = |invoice: &Invoice| {
        let stripe_id = invoice.stripe_subscription_id.as_deref();
        let subscription = all.iter().find(|subscription| Some(subscription.stripe_id.as_str()) == stripe_id);
        let plan = invoice.stripe_price_ids.iter().find_map(|price| catalogue.prices.get(price)).copied();
        let (id, previous) = (subscription.map(|s| s.id), previous_of(&invoice.stripe_id));
        let mut payment = Payment::of(invoice, id, plan, previous, &stripe_state.charges, now)?;
        payment.is_late |= subscription.is_some_and(|subscription| invoice.is_late_for(subscription));
        Some(payment)
    };
    let is_unseen =
        |payment: &&Payment| !stripe_state.invoices.iter().any(|i| i.stripe_id == payment.stripe_invoice_id);
    let earlier =
        account.payments.iter().filter(is_unseen).map(|payment| payment.clone().paid_by(&stripe_state.charges));
    let payments = stripe_state.invoices.iter().filter_map(now_is).chain(earlier).map(|payment| {
        let mut payment = payment.charged(&stripe_state.charges);
        payment.is_refund_refused |= stripe_state.refused_refunds.contains(&payment.stripe_invoice_id);
        payment
    });
    payments
        .filter(|payment| previous_of(&payment.stripe_invoice_id).is_none_or(|previous| payment.differs_from(previous)))
        .collect()
}

impl Invoice {
    fn is_for(&self, subscription: &Subscription) -> bool {
        self.stripe_subscription_id.as_deref() == Some(subscription.stripe_id.as_str())
    }

    /// Whether it was paid after the subscription had ended although it was due before: then it gives no access.
    fn is_late_for(&self, subscription: &Subscription) -> bool {
        let has_ended = subscription.plan_id.is_some() && subscription.status.is_ended();
        let Some(ended_at) = subscription.ends_at.filter(|_| has_ended) else { return false };
        self.status == InvoiceStatus::Paid
            && self.created_at < ended_at
            && self.paid_at.is_some_and(|paid_at| paid_at > ended_at)
    }
}

/// The longest time between an invoice and the start of its period. A period is at least a month.
const INVOICED_BEFORE: SignedDuration = SignedDuration::from_hours(1);

/// The stored payments and Stripe's invoices and charges.
struct Money<'a> {
    account: &'a Account,
    stripe_state: &'a StripeState,
    rules: Rules,
    /// The payments that are new or changed.
    changed: &'a [Payment],
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
    fn mark_unpaid(&self, subscription: &mut Subscription) {
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
    fn is_paid_anew(&self, subscription: &Subscription) -> bool {
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

    fn endings(&self, all: &[Subscription], stays_since: Option<Timestamp>) -> Vec<Ending> {
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
