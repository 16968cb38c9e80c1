//! Convergence as a pure function: stored state and Stripe's state in, changes out. An event is only a hint; the
//! function uses only the state.

use super::access::{Access, Grace};
use super::changes::{Changed, Changes};
use super::payment::{Invoice, Payment};
use super::refunds::Money;
use super::state::{Account, Catalogue, Rules, StripeState};
use super::subscription::{DuplicateRefund, Schedule, StripeSubscription, Subscription};
use crate::gate::Closing;
use jiff::Timestamp;

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
