//! The one look at a customer from which the local state follows: its subscriptions of every status, its invoices, and what
//! became of the money.

use crate::client::{Gateway, GatewayError};
use crate::lists::Counted;
use jiff::Timestamp;
use std::pin::Pin;
use stripe_billing::invoice::ListInvoice;
use stripe_billing::subscription::{ListSubscription, ListSubscriptionStatus};
use stripe_core::charge::ListCharge;
use stripe_types::{Expandable, Object};
use tollgate_domain::billing::{
    BillingPeriod, Charge, Currency, Invoice, InvoiceStatus, Schedule, Seen, Status, Subscription, Terms,
};
use tollgate_domain::{PaymentId, SubscriptionId};
use tollgate_platform::ten_bytes;

/// How many subscriptions, invoices and charges one look sees: the newest. Reconciliation sees the others.
pub(crate) const NEWEST: i64 = 100;

/// A look under way: on the heap, as the objects within are deeper than a compiler likes.
pub type Looking<'a, T> = Pin<Box<dyn Future<Output = Result<T, GatewayError>> + Send + 'a>>;

impl Gateway {
    /// What Stripe has of a customer now.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub fn look<'a>(&'a self, customer: &'a str) -> Looking<'a, Seen> {
        Box::pin(self.look_at(customer))
    }

    async fn look_at(&self, customer: &str) -> Result<Seen, GatewayError> {
        let subscriptions = every_subscription().customer(customer);
        let invoices = every_invoice().customer(customer);
        let charges = ListCharge::new().customer(customer).limit(NEWEST);
        let lists = (Counted::new(self), Counted::new(self), Counted::new(self));
        let (subscriptions, invoices, charges) =
            tokio::join!(subscriptions.send(&lists.0), invoices.send(&lists.1), charges.send(&lists.2));
        let subscriptions =
            lists.0.all(subscriptions?.data)?.into_iter().map(subscription).collect::<Result<_, _>>()?;
        let invoices = lists.1.all(invoices?.data)?.into_iter().map(invoice).collect::<Result<_, _>>()?;
        let charges = lists.2.all(charges?.data)?.iter().filter_map(charge).collect();
        Ok(Seen { subscriptions, invoices, charges, ..Seen::default() })
    }
}

/// Subscriptions of every status, with what manages them.
pub(crate) fn every_subscription() -> ListSubscription {
    ListSubscription::new().status(ListSubscriptionStatus::All).expand(vec!["data.schedule".to_owned()]).limit(NEWEST)
}

/// Invoices, with what they were paid by.
pub(crate) fn every_invoice() -> ListInvoice {
    ListInvoice::new().expand(vec!["data.payments".to_owned()]).limit(NEWEST)
}

/// The id of an object, whether Stripe sent the object or the id alone.
pub(crate) fn id_of<T: Object>(object: &Expandable<T>) -> String
where
    T::Id: std::fmt::Display,
{
    object.id().to_string()
}

fn unreadable(what: impl std::fmt::Display) -> GatewayError {
    GatewayError::Unknown(format!("unreadable answer: {what}"))
}

fn at(seconds: i64) -> Result<Timestamp, GatewayError> {
    Timestamp::from_second(seconds).map_err(unreadable)
}

fn here(currency: &stripe_types::Currency) -> Result<Currency, GatewayError> {
    currency.to_string().parse().map_err(|_| unreadable(format!("currency {currency}")))
}

/// The currency as Stripe's library names it.
pub(crate) fn currency_of(terms: &Terms) -> Result<stripe_types::Currency, GatewayError> {
    terms.currency.as_str().parse().map_err(|_| GatewayError::Refused {
        status: 400,
        code: "invalid_currency".to_owned(),
        message: format!("Stripe does not know {}", terms.currency),
    })
}

pub(crate) fn subscription(seen: stripe_shared::Subscription) -> Result<Subscription, GatewayError> {
    let stripe_id = seen.id.to_string();
    let item = seen.items.data.into_iter().next().ok_or_else(|| unreadable("a subscription without an item"))?;
    let interval = item.price.recurring.map(|recurring| recurring.interval);
    let started_at = at(seen.start_date)?;
    Ok(Subscription {
        id: SubscriptionId::new(at(seen.created)?, ten_bytes(&stripe_id)),
        stripe_id,
        plan_id: None,
        stripe_item_id: item.id.to_string(),
        stripe_price_id: item.price.id.to_string(),
        terms: Terms {
            price_cents: item.price.unit_amount.unwrap_or_default(),
            currency: here(&seen.currency)?,
            billing_period: match interval {
                Some(stripe_shared::RecurringInterval::Year) => BillingPeriod::Year,
                _ => BillingPeriod::Month,
            },
        },
        status: status(&seen.status)?,
        started_at,
        current_period_start: at(item.current_period_start)?,
        current_period_end: at(item.current_period_end)?,
        // Stripe's own portal names the moment alone.
        cancel_at_period_end: seen.cancel_at_period_end
            || seen.cancel_at.is_some_and(|end| end <= item.current_period_end),
        canceled_at: seen.canceled_at.map(at).transpose()?,
        ends_at: seen.ended_at.or(seen.cancel_at).map(at).transpose()?,
        had_trial: seen.trial_start.is_some(),
        unpaid_since: None,
        schedule: seen.schedule.as_ref().map(schedule),
        surplus: None,
    })
}

/// What manages a subscription. The price that waits is that of the phase which follows the present one.
fn schedule(seen: &Expandable<stripe_shared::SubscriptionSchedule>) -> Schedule {
    let end = |schedule: &stripe_shared::SubscriptionSchedule| Some(schedule.current_phase.as_ref()?.end_date);
    let next = seen.as_object().and_then(|schedule| {
        let end = end(schedule)?;
        schedule.phases.iter().find(|phase| phase.start_date >= end)
    });
    let price = next.and_then(|phase| phase.items.first()).map(|item| id_of(&item.price));
    Schedule { stripe_id: id_of(seen), next_price_id: price, next_plan_id: None }
}

/// What became of a charge; `None` for one that was refused, and for one that was made by no payment intent, which is for no
/// invoice. Of an intent at most one is paid.
pub(crate) fn charge(seen: &stripe_shared::Charge) -> Option<Charge> {
    Some(Charge {
        payment_intent: id_of(seen.payment_intent.as_ref().filter(|_| seen.paid)?),
        paid_cents: seen.amount_captured,
        refunded_cents: seen.amount_refunded,
        is_disputed: seen.disputed,
    })
}

fn status(status: &stripe_shared::SubscriptionStatus) -> Result<Status, GatewayError> {
    status.as_str().parse().map_err(|_| unreadable(format!("status {}", status.as_str())))
}

pub(crate) fn invoice(seen: stripe_shared::Invoice) -> Result<Invoice, GatewayError> {
    let stripe_id = seen.id.map(|id| id.to_string()).ok_or_else(|| unreadable("an invoice without an id"))?;
    let details = seen.parent.and_then(|parent| parent.subscription_details);
    // Of a change of plan the first line is what is credited: what is paid for says what it is.
    let line = seen.lines.data.into_iter().max_by_key(|line| line.amount);
    let priced = line.as_ref().and_then(|line| line.pricing.as_ref()?.price_details.as_ref());
    let payments = seen.payments.map(|payments| payments.data).unwrap_or_default();
    Ok(Invoice {
        payment_id: PaymentId::new(at(seen.created)?, ten_bytes(&stripe_id)),
        stripe_id,
        stripe_subscription_id: details.map(|details| id_of(&details.subscription)),
        stripe_price_id: priced.map(|priced| id_of(&priced.price)),
        status: match seen.status {
            Some(stripe_shared::InvoiceStatus::Open) => InvoiceStatus::Open,
            Some(stripe_shared::InvoiceStatus::Paid) => InvoiceStatus::Paid,
            Some(stripe_shared::InvoiceStatus::Uncollectible) => InvoiceStatus::Uncollectible,
            Some(stripe_shared::InvoiceStatus::Void) => InvoiceStatus::Void,
            Some(stripe_shared::InvoiceStatus::Draft) | None => InvoiceStatus::Draft,
            Some(other) => return Err(unreadable(format!("invoice status {}", other.as_str()))),
        },
        amount_due_cents: seen.amount_due,
        amount_paid_cents: seen.amount_paid,
        currency: here(&seen.currency)?,
        is_renewal: seen.billing_reason == Some(stripe_shared::InvoiceBillingReason::SubscriptionCycle),
        attempted: seen.attempted,
        payment_intents: payments.iter().filter_map(|paid| paid.payment.payment_intent.as_ref()).map(id_of).collect(),
        invoice_url: seen.hosted_invoice_url,
        description: seen.description.or(line.and_then(|line| line.description)),
        created_at: at(seen.created)?,
        paid_at: seen.status_transitions.paid_at.map(at).transpose()?,
    })
}
