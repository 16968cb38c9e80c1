//! What a change of a user's billing causes beside itself: entries of the audit trail, and mails.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::billing::convergence::Changed;
use tollgate_domain::billing::{Account, Converged, Payment, PaymentStatus, Plan, Status, Subscription, Surplus};
use tollgate_domain::{AuditId, MessageId, RequestId};
use tollgate_mail::Message;
use tollgate_platform::random_bytes;
use tollgate_store::{Outgoing, StoreError};

/// One entry for each subscription that changed to be seen, one for each payment of which money went back.
pub fn audit(
    converged: &Converged,
    known: &[Payment],
    request_id: Option<RequestId>,
    now: Timestamp,
) -> Vec<AuditEntry> {
    let entry = |action, target: String, before, after| AuditEntry {
        id: AuditId::new(now, random_bytes()),
        actor_id: None,
        action,
        target_id: Some(target),
        before,
        after,
        ip: None,
        request_id,
        created_at: now,
    };
    let of_subscription = |changed: &Changed| {
        let (before, after) = difference(changed.before.as_ref(), &changed.after)?;
        let was_ended = changed.before.as_ref().is_some_and(|before| before.status.is_ended());
        let action = match &changed.before {
            None => Action::SubscriptionCreated,
            Some(_) if changed.after.status.is_ended() && !was_ended => Action::SubscriptionEnded,
            Some(_) => Action::SubscriptionChanged,
        };
        Some(entry(action, changed.after.id.to_string(), before, Some(after)))
    };
    let of_payment = |payment: &Payment| {
        let before = known.iter().find(|known| known.id == payment.id).map_or(0, |known| known.refunded_cents);
        let subscription = payment.subscription_id.filter(|_| payment.refunded_cents > before)?;
        let amount = |cents: i64| json!({"payment_id": payment.id, "refunded_cents": cents});
        Some(entry(
            Action::PaymentRefunded,
            subscription.to_string(),
            Some(amount(before)),
            Some(amount(payment.refunded_cents)),
        ))
    };
    let subscriptions = converged.subscriptions.iter().filter_map(of_subscription);
    subscriptions.chain(converged.payments.iter().filter_map(of_payment)).collect()
}

/// What of a subscription an entry tells.
fn told(subscription: &Subscription) -> Map<String, Value> {
    let Value::Object(told) = json!({
        "plan_id": subscription.plan_id,
        "status": subscription.status,
        "price_cents": subscription.terms.price_cents,
        "currency": subscription.terms.currency,
        "billing_period": subscription.terms.billing_period,
        "current_period_end": subscription.current_period_end,
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "is_surplus": subscription.surplus.is_some(),
    }) else {
        return Map::new();
    };
    told
}

/// The fields that differ, before and after; `None` where none does.
fn difference(before: Option<&Subscription>, after: &Subscription) -> Option<(Option<Value>, Value)> {
    let mut after = told(after);
    let Some(before) = before else { return Some((None, after.into())) };
    let mut before = told(before);
    let same: Vec<_> =
        after.iter().filter(|(name, value)| before.get(*name) == Some(value)).map(|(name, _)| name.clone()).collect();
    for name in same {
        before.remove(&name);
        after.remove(&name);
    }
    (!after.is_empty()).then(|| (Some(before.into()), after.into()))
}

/// The mails that follow a change. Each follows from a difference of the state, which is written once.
pub fn mails(
    account: &Account,
    converged: &Converged,
    plans: &[Plan],
    now: Timestamp,
) -> Result<Vec<Outgoing>, StoreError> {
    let to = account.customer.email.as_str().to_owned();
    let plan_of = |subscription: &Subscription| plans.iter().find(|plan| Some(plan.id) == subscription.plan_id);
    let mut messages = Vec::new();
    for Changed { before, after } in &converged.subscriptions {
        let Some(plan) = plan_of(after).map(|plan| plan.name.clone()) else { continue };
        let was = before.as_ref().map(|before| before.status);
        if after.surplus.is_some() {
            let was_owed = before.as_ref().is_some_and(|before| before.surplus == Some(Surplus::Settled));
            if after.surplus == Some(Surplus::Settled) && !was_owed {
                messages.push(Message::Refunded { to: to.clone(), plan });
            }
        } else if matches!(after.status, Status::Active | Status::Trialing) && !was.is_some_and(Status::is_live) {
            messages.push(Message::SubscriptionConfirmed { to: to.clone(), plan, until: after.current_period_end });
        } else if after.status.is_ended() && was.is_some_and(Status::is_live) {
            messages.push(Message::SubscriptionEnded { to: to.clone(), plan });
        } else if let Some(before) = before.as_ref().filter(|_| after.status.is_live()) {
            match (before.will_renew(), after.will_renew()) {
                (true, false) => {
                    let until = after.ends_at.unwrap_or(after.current_period_end);
                    messages.push(Message::SubscriptionCanceled { to: to.clone(), plan, until });
                }
                (false, true) => messages.push(Message::SubscriptionResumed { to: to.clone(), plan }),
                (true, true) | (false, false) => {}
            }
        }
    }
    for payment in &converged.payments {
        let was = account.payments.iter().find(|known| known.id == payment.id).map(|known| known.status);
        let of = converged
            .subscriptions
            .iter()
            .map(|changed| &changed.after)
            .chain(&account.subscriptions)
            .find(|subscription| Some(subscription.id) == payment.subscription_id);
        if payment.status == PaymentStatus::Failed
            && was.is_none()
            && let Some(plan) = of.and_then(plan_of)
        {
            messages.push(Message::PaymentFailed {
                to: to.clone(),
                plan: plan.name.clone(),
                invoice_url: payment.invoice_url.clone(),
            });
        }
    }
    messages.iter().map(|message| outgoing(message, now)).collect()
}

fn outgoing(message: &Message, now: Timestamp) -> Result<Outgoing, StoreError> {
    let body = serde_json::to_string(message).map_err(|error| StoreError::Unexpected(error.to_string()))?;
    let id = MessageId::new(now, random_bytes());
    Ok(Outgoing { id, kind: message.kind().to_owned(), body, created_at: now })
}
