//! The step by which the local state follows Stripe's: what is kept and what was seen in, what is to be written out. An
//! event is a hint; this looks at nothing but the state.

use super::access::{Access, Grace};
use super::customer::Customer;
use super::payment::{Charge, Invoice, InvoiceStatus, Payment, PaymentStatus};
use super::plan::Plan;
use super::subscription::{Schedule, Status, StripeSubscription, Subscription, Surplus};
use crate::PlanId;
use crate::gate::Left;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// What is kept of a user's billing.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The customer, whose version orders the writes.
    pub customer: Customer,
    /// All subscriptions, ended ones too.
    pub subscriptions: Vec<Subscription>,
    /// All payments.
    pub payments: Vec<Payment>,
    /// How the user left, if at all.
    pub left: Option<Left>,
    /// What stands in the gate.
    pub access: Access,
}

/// What Stripe has of a customer, read after the version was noted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// All subscriptions that could be read. What is stored of another one stays as it is.
    pub subscriptions: Vec<StripeSubscription>,
    /// The invoices, all open ones among them.
    pub invoices: Vec<Invoice>,
    /// What became of the money that was charged for them, or for earlier ones.
    pub charges: Vec<Charge>,
    /// Subscriptions, by Stripe's id, that were ended because they must not stay, after what was known to be paid for them had
    /// gone back.
    pub settled: Vec<String>,
    /// Whether the customer is no more.
    pub is_customer_gone: bool,
}

impl Seen {
    /// What there is of a customer who is no more: whatever lived has ended.
    #[must_use]
    pub fn of_nobody(account: &Account) -> Self {
        let ended = |kept: &Subscription| Subscription { status: Status::Canceled, ..kept.clone() };
        Self {
            subscriptions: (account.subscriptions.iter())
                .filter(|kept| !kept.status.is_ended())
                .map(|kept| ended(kept).into())
                .collect(),
            is_customer_gone: true,
            ..Self::default()
        }
    }
}

/// What the plans are, and which prices are or were theirs.
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
    /// As it was kept; `None` for a new one.
    pub before: Option<Subscription>,
    /// As it is.
    pub after: Subscription,
}

/// What is to go back of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Stripe's invoice.
    pub stripe_invoice_id: String,
    /// What was paid and has not gone back yet, in minor units.
    pub left_cents: i64,
}

/// A subscription that is to end at Stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// At once, and what was paid for it goes back: a second one, or one of a user who deleted the account.
    Now {
        /// Stripe's id.
        stripe_id: String,
        /// Stripe's id of what manages it, which is to be released first.
        schedule: Option<String>,
        /// Whether it still has to be cancelled.
        is_live: bool,
        /// The paid invoices that have not wholly gone back yet.
        paid: Vec<Owed>,
    },
    /// With its period: one of a user who closed the account.
    AtPeriodEnd {
        /// Stripe's id.
        stripe_id: String,
        /// Stripe's id of what manages it, which is to be released first.
        schedule: Option<String>,
    },
}

/// What is to be written, all of it or nothing, if the customer's version is still the one that was noted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Converged {
    /// Subscriptions that are new or changed.
    pub subscriptions: Vec<Changed>,
    /// Payments that are new or changed.
    pub payments: Vec<Payment>,
    /// What the gate is to say, where that is another.
    pub access: Option<Access>,
    /// Whether a trial was seen for the first time.
    pub first_trial: bool,
    /// Whether the customer is no more at Stripe.
    pub customer_is_gone: bool,
    /// What is to be done at Stripe after it is written.
    pub endings: Vec<Ending>,
}

impl Converged {
    /// Whether the local state is Stripe's already.
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
            match all.iter_mut().find(|kept| kept.id == after.id) {
                Some(kept) => *kept = after,
                None => all.push(after),
            }
        }
        all
    }

    /// Leaves so many subscriptions and payments in it, and returns whether that is all: the rest follows from the next look,
    /// and with it what is to be done at Stripe and that the customer is gone, of whom there is no look afterwards.
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

/// What makes `account` follow `seen`.
#[must_use]
pub fn converge(account: &Account, seen: &Seen, catalogue: &Catalogue, grace: Grace, now: Timestamp) -> Converged {
    let mut all = account.subscriptions.clone();
    for subscription in &seen.subscriptions {
        follow(&mut all, subscription, seen, catalogue);
    }
    let kept_since = mark_surplus(&mut all, account.left, grace, now);
    let payments = payments(account, seen, &all, catalogue);
    for subscription in &mut all {
        let is_owed = match subscription.surplus {
            // What was paid since goes back as well, also where the rest has gone back just now.
            Some(_) => is_paid_anew(subscription, account, &payments),
            None => is_paid_in_vain(subscription, seen),
        };
        if is_owed {
            subscription.surplus = Some(Surplus::Owed);
        } else if seen.settled.contains(&subscription.stripe_id) {
            subscription.surplus = Some(Surplus::Settled);
        }
    }
    let subscriptions: Vec<_> = all.iter().filter_map(|after| changed(account, after)).collect();
    let access = Access::of(&all, &catalogue.plans, grace, now);
    Converged {
        endings: endings(account, seen, &all, kept_since, &payments),
        access: (access != account.access).then_some(access),
        customer_is_gone: seen.is_customer_gone && account.customer.stripe_customer_id.is_some(),
        first_trial: !account.customer.had_trial && all.iter().any(|subscription| subscription.had_trial),
        subscriptions,
        payments,
    }
}

/// What the gate is to say by the plans as they are now, of what is kept.
#[must_use]
pub fn regrade(account: &Account, catalogue: &Catalogue, grace: Grace, now: Timestamp) -> Converged {
    let access = Access::of(&account.subscriptions, &catalogue.plans, grace, now);
    Converged { access: (access != account.access).then_some(access), ..Converged::default() }
}

/// Puts what was seen in the place of what was kept. What has ended stays ended, and of a status that is not known here the
/// stored one stays.
fn follow(all: &mut Vec<Subscription>, found: &StripeSubscription, read: &Seen, catalogue: &Catalogue) {
    let seen = found.resolve(|price| catalogue.prices.contains_key(price));
    let is_open = |invoice: &&Invoice| {
        invoice.status == InvoiceStatus::Open
            && invoice.stripe_subscription_id.as_deref() == Some(seen.stripe_id.as_str())
    };
    let mut after = Subscription {
        plan_id: catalogue.prices.get(&seen.stripe_price_id).copied(),
        schedule: seen.schedule.clone().map(|schedule| {
            let next_plan_id = schedule.next_price_id.as_ref().and_then(|price| catalogue.prices.get(price)).copied();
            Schedule { next_plan_id, ..schedule }
        }),
        unpaid_since: read.invoices.iter().filter(is_open).map(|invoice| invoice.created_at).min(),
        ..seen.clone()
    };
    match all.iter_mut().find(|known| known.stripe_id == seen.stripe_id) {
        Some(known) if known.status.is_ended() && !seen.status.is_ended() => {}
        Some(known) => {
            if !found.is_status_known {
                after.status = known.status;
            }
            after.surplus = known.surplus;
            after.had_trial |= known.had_trial;
            *known = after;
        }
        None => all.push(after),
    }
}

/// Marks what must not stay: of several live subscriptions all but one, the oldest of those that are paid, else of those that
/// give access, else of all; of a user who deleted the account all. Since when there is the one that stays.
fn mark_surplus(all: &mut [Subscription], left: Option<Left>, grace: Grace, now: Timestamp) -> Option<Timestamp> {
    let kept = match left {
        Some(Left::Deleted) => None,
        _ => all
            .iter()
            .filter(|s| s.is_held())
            .min_by_key(|s| (!s.is_paid(grace, now), !s.has_access(grace, now), s.started_at, s.id))
            .map(|s| (s.id, s.started_at)),
    };
    for surplus in all.iter_mut().filter(|s| s.is_held() && Some(s.id) != kept.map(|(id, _)| id)) {
        surplus.surplus = Some(Surplus::Owed);
    }
    kept.map(|(_, started_at)| started_at)
}

fn changed(account: &Account, after: &Subscription) -> Option<Changed> {
    let before = account.subscriptions.iter().find(|before| before.stripe_id == after.stripe_id);
    (before != Some(after)).then(|| Changed { before: before.cloned(), after: after.clone() })
}

/// The payments that are new or changed.
fn payments(account: &Account, seen: &Seen, all: &[Subscription], catalogue: &Catalogue) -> Vec<Payment> {
    let known_of = |id: &str| account.payments.iter().find(|payment| payment.stripe_invoice_id == id);
    let now_is = |invoice: &Invoice| {
        let stripe_id = invoice.stripe_subscription_id.as_deref();
        let subscription = all.iter().find(|subscription| Some(subscription.stripe_id.as_str()) == stripe_id);
        let plan = invoice.stripe_price_ids.iter().find_map(|price| catalogue.prices.get(price)).copied();
        Payment::of(invoice, subscription.map(|s| s.id), plan, known_of(&invoice.stripe_id))
    };
    let is_unseen = |payment: &&Payment| !seen.invoices.iter().any(|i| i.stripe_id == payment.stripe_invoice_id);
    let earlier = account.payments.iter().filter(is_unseen).map(|payment| payment.clone().paid_by(&seen.charges));
    let payments = seen.invoices.iter().filter_map(now_is).chain(earlier).map(|p| p.charged(&seen.charges));
    payments
        .filter(|payment| known_of(&payment.stripe_invoice_id).is_none_or(|known| payment.differs_from(known)))
        .collect()
}

/// Whether somebody has paid for a subscription since the last look: an invoice that was open when it ended, perhaps.
fn is_paid_anew(subscription: &Subscription, account: &Account, changed: &[Payment]) -> bool {
    let status_before =
        |payment: &Payment| account.payments.iter().find(|known| known.id == payment.id).map(|p| p.status);
    let mut of_it = changed.iter().filter(|payment| payment.subscription_id == Some(subscription.id));
    of_it.any(|payment| {
        payment.status == PaymentStatus::Succeeded && status_before(payment) != Some(PaymentStatus::Succeeded)
    })
}

impl Invoice {
    fn is_paid_for(&self, subscription: &Subscription) -> bool {
        self.status == InvoiceStatus::Paid
            && self.stripe_subscription_id.as_deref() == Some(subscription.stripe_id.as_str())
    }
}

/// Whether somebody paid for it after it had ended what was asked for before: that buys nothing any more.
fn is_paid_in_vain(subscription: &Subscription, seen: &Seen) -> bool {
    let has_ended = subscription.plan_id.is_some() && subscription.status.is_ended();
    let Some(ended_at) = subscription.ends_at.filter(|_| has_ended) else { return false };
    seen.invoices
        .iter()
        .filter(|invoice| invoice.is_paid_for(subscription))
        .any(|invoice| invoice.created_at < ended_at && invoice.paid_at.is_some_and(|at| at > ended_at))
}

/// So long before its period an invoice may have been made. A period is a month at least.
const INVOICED_BEFORE: SignedDuration = SignedDuration::from_hours(1);

/// What was paid for a subscription that must not stay and is to go back: for the last period, and since there is the one
/// that stays. What has gone back already, or is disputed, which is another way back, does not.
fn paid_for(
    subscription: &Subscription,
    kept_since: Option<Timestamp>,
    seen: &Seen,
    account: &Account,
    changed: &[Payment],
) -> Vec<Owed> {
    let last_period = subscription.current_period_start.saturating_sub(INVOICED_BEFORE).unwrap_or(Timestamp::MIN);
    let since = kept_since.map_or(last_period, |since| since.min(last_period));
    let payment_of = |id: &str| changed.iter().chain(&account.payments).find(|payment| payment.stripe_invoice_id == id);
    let owed = |invoice: &Invoice| {
        let payment = payment_of(&invoice.stripe_id);
        let refunded = payment.map_or(0, |payment| payment.refunded_cents);
        let is_disputed = payment.is_some_and(|payment| payment.is_disputed);
        let stripe_invoice_id = invoice.stripe_id.clone();
        let left_cents = if is_disputed { 0 } else { invoice.amount_paid_cents - refunded };
        Owed { stripe_invoice_id, left_cents }
    };
    let of_it = seen.invoices.iter().filter(|i| i.is_paid_for(subscription) && i.created_at >= since);
    of_it.map(owed).filter(|owed| owed.left_cents > 0).collect()
}

fn endings(
    account: &Account,
    seen: &Seen,
    all: &[Subscription],
    kept_since: Option<Timestamp>,
    changed: &[Payment],
) -> Vec<Ending> {
    let ending = |subscription: &Subscription| {
        let stripe_id = subscription.stripe_id.clone();
        let schedule = subscription.schedule.as_ref().map(|schedule| schedule.stripe_id.clone());
        if subscription.surplus == Some(Surplus::Owed) {
            let paid = paid_for(subscription, kept_since, seen, account, changed);
            // Of a customer who is no more there is nothing to end, and no payment to look for.
            if seen.is_customer_gone {
                return None;
            }
            return Some(Ending::Now { stripe_id, schedule, is_live: !subscription.status.is_ended(), paid });
        }
        let must_end = account.left == Some(Left::Deactivated) && subscription.is_held() && subscription.will_renew();
        must_end.then_some(Ending::AtPeriodEnd { stripe_id, schedule })
    };
    all.iter().filter_map(ending).collect()
}
