//! Actions in Stripe's dashboard, and controls for tests.

use crate::control_error::ControlError;
use crate::core::Core;
use crate::outcome::Outcome;
use crate::status::{is_live, present_customer};
use crate::stripe::Stripe;
use crate::subscriptions::Start;
use serde_json::{Map, Value};

/// A kind of object that can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Customers.
    Customers,
    /// Subscriptions.
    Subscriptions,
    /// Invoices.
    Invoices,
    /// Charges.
    Charges,
    /// Disputes.
    Disputes,
    /// Subscription schedules.
    Schedules,
    /// Events.
    Events,
}

impl Stripe {
    /// All objects of a kind, newest first.
    #[must_use]
    pub fn list(&self, what: Listed) -> Vec<Value> {
        let kind = match what {
            Listed::Customers => "customer",
            Listed::Subscriptions => "subscription",
            Listed::Invoices => "invoice",
            Listed::Charges => "charge",
            Listed::Disputes => "dispute",
            Listed::Schedules => "subscription_schedule",
            Listed::Events => "event",
        };
        let core = self.core();
        core.all(kind).into_iter().map(|record| core.with_links(record.object.clone())).collect()
    }

    /// Creates a customer, as the dashboard does.
    pub fn create_customer(&self, email: &str) -> Value {
        self.with(|core| core.create_customer(Some(email.to_owned()), None, Map::new()))
    }

    /// Subscribes a customer to a price, as the dashboard does. The first invoice is paid with this card.
    ///
    /// # Errors
    /// When there is no such customer or price.
    pub fn subscribe(&self, customer: &str, price: &str, card: &str) -> Result<Value, ControlError> {
        self.with(|core| {
            present_customer(core, customer).map_err(|_| ControlError::NotFound)?;
            let price = core.find("price", price).ok_or(ControlError::NotFound)?.clone();
            let method = core.attach_card(customer, card, &price["currency"]);
            let start = Start::with_card(card, &method);
            let (subscription, _) = core.begin(customer, &[(price, 1)], &start);
            Ok(core.object(&subscription))
        })
    }

    /// Makes a subscription end with its period.
    ///
    /// # Errors
    /// When there is no such subscription, or it has ended.
    pub fn cancel_at_period_end(&self, subscription: &str) -> Result<Value, ControlError> {
        self.with(|core| {
            live(core, subscription)?;
            core.set_cancel_at_period_end(subscription, true);
            Ok(core.object(subscription))
        })
    }

    /// Starts the next period of a subscription now, with this outcome whatever the card; where an invoice is open,
    /// retries it instead.
    ///
    /// # Errors
    /// When there is no such subscription, or it has ended.
    pub fn renew(&self, subscription: &str, outcome: Outcome) -> Result<Value, ControlError> {
        self.with(|core| {
            live(core, subscription)?;
            match core.open_invoices(subscription).first() {
                Some(invoice) => core.attempt(invoice, outcome),
                None => core.renew(subscription, Some(outcome)),
            }
            Ok(core.object(subscription))
        })
    }

    /// Ends a subscription.
    ///
    /// # Errors
    /// When there is no such subscription, or it has ended.
    pub fn cancel(&self, subscription: &str) -> Result<Value, ControlError> {
        self.with(|core| {
            live(core, subscription)?;
            core.end(subscription, "cancellation_requested");
            Ok(core.object(subscription))
        })
    }

    /// Refunds an invoice, by default all that was not refunded yet.
    ///
    /// # Errors
    /// When there is no such invoice, or the amount is too large.
    pub fn refund(&self, invoice: &str, amount: Option<i64>) -> Result<Value, ControlError> {
        self.with(|core| {
            core.find("invoice", invoice).ok_or(ControlError::NotFound)?;
            let charge = core.charge_of(invoice).ok_or_else(|| ControlError::Refused("it was not paid".to_owned()))?;
            let refund = core.refund(&charge, amount)?;
            Ok(core.object(&refund))
        })
    }

    /// Pays a part of an open invoice.
    ///
    /// # Errors
    /// When there is no such invoice, or less than this amount is open.
    pub fn pay_part(&self, invoice: &str, cents: i64) -> Result<Value, ControlError> {
        self.with(|core| {
            core.find("invoice", invoice).ok_or(ControlError::NotFound)?;
            core.pay_part(invoice, cents)?;
            Ok(core.object(invoice))
        })
    }

    /// Deletes a customer, as the dashboard does.
    ///
    /// # Errors
    /// When there is no such customer.
    pub fn delete_customer(&self, customer: &str) -> Result<Value, ControlError> {
        self.with(|core| core.delete_customer(customer).map_err(|_| ControlError::NotFound))
    }
}

/// Checks that the subscription exists and has not ended.
fn live(core: &Core, subscription: &str) -> Result<(), ControlError> {
    let object = core.find("subscription", subscription).ok_or(ControlError::NotFound)?;
    if is_live(&object["status"]) { Ok(()) } else { Err(ControlError::Refused("it has ended".to_owned())) }
}
