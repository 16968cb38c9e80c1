//! The one look at a customer from which the local state follows: its subscriptions of every status and its invoices.

use crate::client::{Gateway, GatewayError};
use crate::lists::Counted;
use aws_lc_rs::digest;
use jiff::Timestamp;
use std::pin::Pin;
use stripe_billing::invoice::ListInvoice;
use stripe_billing::subscription::{ListSubscription, ListSubscriptionStatus};
use stripe_types::{Expandable, Object};
use tollgate_domain::billing::{BillingPeriod, Currency, Invoice, InvoiceStatus, Seen, Status, Subscription, Terms};
use tollgate_domain::{PaymentId, SubscriptionId};

/// How many subscriptions, and how many invoices, one look sees: the newest. Reconciliation sees the others.
const NEWEST: i64 = 100;

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
        let subscriptions =
            ListSubscription::new().customer(customer).status(ListSubscriptionStatus::All).limit(NEWEST);
        let invoices = ListInvoice::new().customer(customer).limit(NEWEST);
        let lists = (Counted::new(self), Counted::new(self));
        let (subscriptions, invoices) = tokio::join!(subscriptions.send(&lists.0), invoices.send(&lists.1));
        let subscriptions =
            lists.0.all(subscriptions?.data)?.into_iter().map(subscription).collect::<Result<_, _>>()?;
        let invoices = lists.1.all(invoices?.data)?.into_iter().map(invoice).collect::<Result<_, _>>()?;
        Ok(Seen { subscriptions, invoices, ..Seen::default() })
    }
}

/// A page of all subscriptions there are.
#[derive(Debug, Clone, PartialEq)]
pub struct SubscriptionPage {
    /// Each with its customer's id.
    pub items: Vec<(String, Subscription)>,
    /// Where the next page starts, by Stripe's id.
    pub next: Option<String>,
}

impl Gateway {
    /// The subscriptions of all customers, of every status, newest first: a hundred with each call.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub fn subscriptions<'a>(&'a self, after: Option<&'a str>) -> Looking<'a, SubscriptionPage> {
        Box::pin(self.page_of_subscriptions(after))
    }

    async fn page_of_subscriptions(&self, after: Option<&str>) -> Result<SubscriptionPage, GatewayError> {
        let mut call = ListSubscription::new().status(ListSubscriptionStatus::All).limit(NEWEST);
        if let Some(after) = after {
            call = call.starting_after(after);
        }
        let page = call.send(self).await?;
        let next = page.data.last().filter(|_| page.has_more).map(|last| last.id.to_string());
        let of = |seen: stripe_shared::Subscription| Ok((id_of(&seen.customer), subscription(seen)?));
        Ok(SubscriptionPage { items: page.data.into_iter().map(of).collect::<Result<_, GatewayError>>()?, next })
    }
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

/// The last ten bytes of an id here, from Stripe's: the same for the same object.
fn ten_bytes(stripe_id: &str) -> [u8; 10] {
    let digest = digest::digest(&digest::SHA256, stripe_id.as_bytes());
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&digest.as_ref()[..10]);
    bytes
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

fn subscription(seen: stripe_shared::Subscription) -> Result<Subscription, GatewayError> {
    let stripe_id = seen.id.to_string();
    let item = seen.items.data.into_iter().next().ok_or_else(|| unreadable("a subscription without an item"))?;
    let interval = item.price.recurring.map(|recurring| recurring.interval);
    let started_at = at(seen.start_date)?;
    Ok(Subscription {
        id: SubscriptionId::new(at(seen.created)?, ten_bytes(&stripe_id)),
        stripe_id,
        plan_id: None,
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
        cancel_at_period_end: seen.cancel_at_period_end,
        canceled_at: seen.canceled_at.map(at).transpose()?,
        ends_at: seen.ended_at.or(seen.cancel_at).map(at).transpose()?,
        had_trial: seen.trial_start.is_some(),
        unpaid_since: None,
        surplus: None,
    })
}

fn status(status: &stripe_shared::SubscriptionStatus) -> Result<Status, GatewayError> {
    status.as_str().parse().map_err(|_| unreadable(format!("status {}", status.as_str())))
}

fn invoice(seen: stripe_shared::Invoice) -> Result<Invoice, GatewayError> {
    let stripe_id = seen.id.map(|id| id.to_string()).ok_or_else(|| unreadable("an invoice without an id"))?;
    let details = seen.parent.and_then(|parent| parent.subscription_details);
    let line = seen.lines.data.into_iter().find_map(|line| line.description);
    Ok(Invoice {
        payment_id: PaymentId::new(at(seen.created)?, ten_bytes(&stripe_id)),
        stripe_id,
        stripe_subscription_id: details.map(|details| id_of(&details.subscription)),
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
        attempted: seen.attempted,
        invoice_url: seen.hosted_invoice_url,
        description: seen.description.or(line),
        created_at: at(seen.created)?,
    })
}
