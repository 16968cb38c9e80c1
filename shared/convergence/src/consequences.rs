//! The consequences of a change of a user's billing: audit entries and mails.

use crate::cause::Cause;
use crate::messages::{consent_id, outbox_message};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::billing::{
    Account, AuditedSubscription, Changed, Changes, Payment, PaymentStatus, Plan, Status, Subscription,
};
use tollgate_domain::gate::Closing;
use tollgate_domain::{AuditId, Email, MessageId};
use tollgate_mail::{
    ActionRequired, Amount, DowngradeScheduled, Message, PaymentFailed, PlanChanged, RefundReason, Refunded, Renewed,
    SubscriptionCanceled, SubscriptionConfirmed, SubscriptionEnded, SubscriptionResumed, TrialRefused,
};
use tollgate_platform::random_bytes;
use tollgate_store::{OutboxMessage, StoreError};

/// One entry for each subscription and payment with a visible change. A change found only by reconciliation has the
/// action "repaired".
pub fn audit(changes: &Changes, previous: &[Payment], cause: Cause<'_>, now: Timestamp) -> Vec<AuditEntry> {
    let entry = |action, target: String, before, after| AuditEntry {
        id: AuditId::new(now, random_bytes()),
        actor_id: None,
        action,
        target_id: Some(target),
        before,
        after,
        ip: None,
        request_id: cause.request_id,
        created_at: now,
    };
    let audited = |subscription: &Subscription| json!(AuditedSubscription::from(subscription));
    let of_subscription = |changed: &Changed| {
        let (before, after) = difference(changed.before.as_ref().map(audited), audited(&changed.after))?;
        let was_ended = changed.before.as_ref().is_some_and(|before| before.status.is_ended());
        let action = match &changed.before {
            _ if cause.is_repair => Action::SubscriptionRepaired,
            None => Action::SubscriptionCreated,
            Some(before) if changed.after.is_end_refused && !before.is_end_refused => Action::SubscriptionEndRefused,
            Some(_) if changed.after.status.is_ended() && !was_ended => Action::SubscriptionEnded,
            Some(_) => Action::SubscriptionChanged,
        };
        Some(entry(action, changed.after.id.to_string(), before, after))
    };
    let of_payment = |payment: &Payment| {
        let before = previous.iter().find(|previous| previous.id == payment.id);
        let subscription = payment.subscription_id?.to_string();
        let action = if cause.is_repair {
            Action::PaymentRepaired
        } else if payment.is_refund_refused && !before.is_some_and(|before| before.is_refund_refused) {
            Action::PaymentRefundRefused
        } else if payment.is_disputed && !before.is_some_and(|before| before.is_disputed) {
            Action::PaymentDisputed
        } else if payment.refunded_cents != before.map_or(0, |before| before.refunded_cents) {
            Action::PaymentRefunded
        } else {
            // Its creation or failure has its own entry.
            return None;
        };
        let (before, after) = difference(before.map(payment_details), payment_details(payment))?;
        Some(entry(action, subscription, before, after))
    };
    let subscriptions = changes.subscriptions.iter().filter_map(of_subscription);
    subscriptions.chain(changes.payments.iter().filter_map(of_payment)).collect()
}

/// The fields of a payment in an audit entry.
fn payment_details(payment: &Payment) -> Value {
    json!({
        "payment_id": payment.id,
        "status": payment.status,
        "amount_cents": payment.amount_cents,
        "currency": payment.currency,
        "refunded_cents": payment.refunded_cents,
        "is_disputed": payment.is_disputed,
        "is_refund_refused": payment.is_refund_refused,
    })
}

/// The changed fields, before and after, with the payment and its currency; `None` without a change.
fn difference(before: Option<Value>, after: Value) -> Option<(Option<Value>, Option<Value>)> {
    let (Some(Value::Object(mut before)), Value::Object(mut after)) = (before, after.clone()) else {
        return Some((None, Some(after)));
    };
    let id = after.remove_entry("payment_id");
    let currency = id.is_some().then(|| after.remove_entry("currency")).flatten();
    for (name, _) in id.iter().chain(&currency) {
        before.remove(name);
    }
    let same: Vec<_> =
        after.iter().filter(|(name, value)| before.get(*name) == Some(value)).map(|(name, _)| name.clone()).collect();
    for name in same {
        before.remove(&name);
        after.remove(&name);
    }
    let stored: Vec<_> = id.into_iter().chain(currency).collect();
    let named = |fields: Map<String, Value>| Some(Value::Object(stored.iter().cloned().chain(fields).collect()));
    (!after.is_empty()).then(|| (named(before), named(after)))
}

/// The mails about a change. Each is derived from a difference of the state, which is written once.
pub fn mails(
    account: &Account,
    changes: &Changes,
    consents: &[String],
    plans: &[Plan],
    now: Timestamp,
) -> Result<Vec<OutboxMessage>, StoreError> {
    let Some(to) = account.customer.email.as_ref().map(Email::as_str) else { return Ok(Vec::new()) };
    let plan_named = |id| plans.iter().find(|plan| Some(plan.id) == id).map(|plan| plan.name.clone());
    let mut mails = Vec::new();
    let new_id = || MessageId::new(now, random_bytes());
    for Changed { before, after } in &changes.subscriptions {
        let Some(plan) = plan_named(after.plan_id) else { continue };
        let next = plan_named(after.next_plan_id());
        for message in of_subscription(to.to_owned(), before.as_ref(), after, plan, next) {
            mails.push(outbox_message(message, &account.customer, new_id(), now)?);
        }
    }
    let changed = changes.subscriptions.iter().map(|changed| &changed.after);
    let subscriptions: Vec<_> = changed.chain(&account.subscriptions).collect();
    for payment in &changes.payments {
        let of_it = subscriptions.iter().find(|subscription| Some(subscription.id) == payment.subscription_id);
        let Some(subscription) = of_it else { continue };
        let Some(plan) = plan_named(payment.plan_id.or(subscription.plan_id)) else { continue };
        let before = account.payments.iter().find(|previous| previous.id == payment.id);
        if let Some(refunded) = of_refund(to, before, payment, subscription, account.closing, plan.clone()) {
            mails.push(outbox_message(refunded, &account.customer, new_id(), now)?);
        }
        if subscription.duplicate_refund.is_some() || payment.is_late {
            continue;
        }
        let needs_consent = consents.contains(&payment.stripe_invoice_id);
        for message in of_payment(to.to_owned(), before, payment, subscription, plan, needs_consent) {
            // Stripe also sends its own event for it.
            let is_mailed_once = matches!(message, Message::ActionRequired(_));
            let id = if is_mailed_once { consent_id(payment) } else { new_id() };
            mails.push(outbox_message(message, &account.customer, id, now)?);
        }
    }
    Ok(mails)
}

/// The mail data of a subscription to `plan`, which changes to `next` after its period.
fn of_subscription(
    to: String,
    before: Option<&Subscription>,
    after: &Subscription,
    plan: String,
    next: Option<String>,
) -> Vec<Message> {
    let was = before.map(|before| before.status);
    if after.trial_refused && !before.is_some_and(|before| before.trial_refused) {
        return vec![TrialRefused { to, plan }.into()];
    }
    // The refund is mailed with its payment, when it is made.
    if after.duplicate_refund.is_some() {
        return Vec::new();
    }
    if matches!(after.status, Status::Active | Status::Trialing) && !was.is_some_and(Status::is_live) {
        return vec![SubscriptionConfirmed { to, plan, until: after.current_period_end }.into()];
    }
    if after.status.is_ended() {
        let was_live = was.is_some_and(Status::is_live);
        return was_live.then_some(SubscriptionEnded { to, plan }.into()).into_iter().collect();
    }
    let Some(before) = before.filter(|before| before.status.is_live() && after.status.is_live()) else {
        return Vec::new();
    };
    let mut messages = Vec::new();
    let is_other_plan = before.plan_id != after.plan_id;
    let is_taken_back = !is_other_plan && before.next_plan_id().is_some() && after.next_plan_id().is_none();
    if is_other_plan {
        messages.push(PlanChanged { to: to.clone(), plan: plan.clone() }.into());
    }
    if let Some(plan) = next.filter(|_| before.next_plan_id() != after.next_plan_id()) {
        messages.push(DowngradeScheduled { to: to.clone(), plan, at: after.current_period_end }.into());
    }
    match (before.will_renew(), after.will_renew()) {
        (true, false) => {
            let until = after.ends_at.unwrap_or(after.current_period_end);
            messages.push(SubscriptionCanceled { to, plan, until }.into());
        }
        (false, true) => messages.push(SubscriptionResumed { to, plan }.into()),
        (true, true) if is_taken_back => messages.push(SubscriptionResumed { to, plan }.into()),
        (true, true) | (false, false) => {}
    }
    messages
}

/// The mail data of a refund: amount and reason.
fn of_refund(
    to: &str,
    before: Option<&Payment>,
    after: &Payment,
    subscription: &Subscription,
    closing: Option<Closing>,
    plan: String,
) -> Option<Message> {
    let refunded_cents = after.refunded_cents - before.map_or(0, |before| before.refunded_cents);
    if refunded_cents <= 0 {
        return None;
    }
    let reason = match subscription.duplicate_refund {
        _ if after.is_late => Some(RefundReason::PaidAfterEnd),
        Some(_) if closing == Some(Closing::Deleted) => Some(RefundReason::AccountDeleted),
        Some(_) => Some(RefundReason::SecondSubscription),
        None => None,
    };
    let amount = Some(Amount { amount_cents: refunded_cents, currency: after.currency.to_string() });
    Some(Refunded { to: to.to_owned(), plan, amount, reason }.into())
}

/// The mail data of a payment for a subscription to `plan`.
fn of_payment(
    to: String,
    before: Option<&Payment>,
    after: &Payment,
    subscription: &Subscription,
    plan: String,
    needs_consent: bool,
) -> Vec<Message> {
    let mut messages = Vec::new();
    let invoice_url = after.invoice_url.clone();
    let was = before.map(|before| before.status);
    // A failed debit is mailed like any other failed payment.
    if after.status == PaymentStatus::Failed && matches!(was, None | Some(PaymentStatus::Processing)) {
        messages.push(match needs_consent {
            true => ActionRequired { to, plan, invoice_url }.into(),
            false => {
                let is_change = !after.is_renewal && after.plan_id != subscription.plan_id;
                PaymentFailed { to, plan, invoice_url, until: None, is_change }.into()
            }
        });
    } else if after.is_renewal && after.status.is_paid() && !was.is_some_and(PaymentStatus::is_paid) {
        let renewed = Renewed {
            to,
            plan,
            amount_cents: after.amount_cents,
            currency: after.currency.to_string(),
            until: subscription.current_period_end,
            invoice_url,
        };
        messages.push(renewed.into());
    }
    messages
}
