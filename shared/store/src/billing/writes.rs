//! The single write of a user's billing state: all changes of one fetch from Stripe, on condition of the expected
//! version.

use super::customers::{PAYMENT, SUBSCRIPTION, customer_key};
use super::due::due_attributes;
use super::events::{EventRow, event_item};
use super::lists::put_into_lists;
use super::rows::{key, user_partition, yes};
use super::trials::{TrialEntry, trial_item};
use crate::audit::audit_item;
use crate::gate::gate_key;
use crate::outbox::{OutboxMessage, outbox_item};
use crate::roles::Converge;
use crate::table::codec::{Item, item, n, s};
use crate::table::schema::{AUDIT, BILLING, GATE, OUTBOX};
use crate::table::transaction::Refusal;
use crate::table::update::{Updated, conditional};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::Update;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::billing::{Access, Changes, Customer, Grace, Payment, ShownCopy, ShownSubscription, Subscription};

/// One transaction.
#[derive(Debug)]
pub struct AccountWrite<'a> {
    /// The customer as read before the fetch.
    pub expected: &'a Customer,
    /// The changes.
    pub changes: &'a Changes,
    /// The subscription that the user sees after them.
    pub shown: Option<ShownSubscription>,
    /// Their audit entries.
    pub audit: &'a [AuditEntry],
    /// Their mails.
    pub mails: &'a [OutboxMessage],
    /// The trials that start.
    pub trials: &'a [TrialEntry],
    /// The event that caused the fetch.
    pub events: &'a [EventRow],
    /// The rules for the time at which a subscription is due.
    pub grace: Grace,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Condition {
    Version,
    Trial,
    Invariant,
}

impl<R: Converge> Store<R> {
    /// Writes the changes and increments the customer's version; returns `false` if the version has changed, because
    /// the fetched state may be older than the stored one, if a checkout ended, or if another subscription has taken one of
    /// the trials.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn write_account(&self, write: &AccountWrite<'_>) -> Result<bool, StoreError> {
        let user = &write.expected.user_id;
        let mut transaction = self.transaction().update(
            Condition::Version,
            BILLING,
            raised(write.expected, write.changes, write.shown.clone())?,
        );
        for changed in &write.changes.subscriptions {
            transaction = transaction.put_any(
                Condition::Invariant,
                BILLING,
                subscription_item(write.expected, &changed.after, write.grace)?,
            );
        }
        for payment in &write.changes.payments {
            transaction = transaction.put_any(Condition::Invariant, BILLING, payment_item(write.expected, payment)?);
        }
        for entry in write.trials {
            transaction = transaction.create(Condition::Trial, BILLING, trial_item(entry)?);
        }
        if let Some(access) = &write.changes.access {
            let update = gate_update(access)?.key("pk", gate_key(user));
            transaction = transaction.update(Condition::Invariant, GATE, update);
        }
        for entry in write.audit {
            transaction = transaction.put_any(Condition::Invariant, AUDIT, audit_item(entry)?);
        }
        for mail in write.mails {
            transaction = transaction.put_any(Condition::Invariant, OUTBOX, outbox_item(mail)?);
        }
        for event in write.events {
            transaction = transaction.put_any(Condition::Invariant, BILLING, event_item(event)?);
        }
        match transaction.run().await {
            Ok(()) => Ok(true),
            Err(Refusal::Condition(Condition::Version | Condition::Trial)) => Ok(false),
            Err(other) => Err(other.unexpected()),
        }
    }

    /// Increments only the customer's version, with a new copy of the subscription that the user sees; returns `false`
    /// if the version has changed or a checkout ended.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn raise_version(
        &self,
        expected: &Customer,
        shown: Option<ShownSubscription>,
    ) -> Result<bool, StoreError> {
        let raised = raised(expected, &Changes::default(), shown)?.table_name(self.table(BILLING)).build();
        let raised = raised.map_err(|error| StoreError::Unexpected(error.to_string()))?;
        let call = self
            .customer_update(&expected.user_id)
            .update_expression(raised.update_expression)
            .set_condition_expression(raised.condition_expression)
            .set_expression_attribute_names(raised.expression_attribute_names)
            .set_expression_attribute_values(raised.expression_attribute_values);
        Ok(matches!(conditional(call).await?, Updated::Done(_)))
    }
}

/// The write of the customer, on condition of its version, with the copy of the subscription that the user sees after
/// `changes`. It removes the page of a checkout, so that the item stays below the size of one write unit.
fn raised(
    expected: &Customer,
    changes: &Changes,
    shown: Option<ShownSubscription>,
) -> Result<UpdateBuilder, StoreError> {
    let [(pk, partition), (sk, sort)] = customer_key(&expected.user_id);
    let copy = ShownCopy { version: expected.version + 1, subscription: shown };
    let copy = serde_dynamo::to_attribute_value(copy)
        .map_err(|error: serde_dynamo::Error| StoreError::Unexpected(error.to_string()))?;
    let mut condition = "#version = :expected".to_owned();
    let mut expression = "SET #version = :next, shown = :shown".to_owned();
    let mut update = Update::builder()
        .key(pk, partition)
        .key(sk, sort)
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":next", n(expected.version + 1))
        .expression_attribute_values(":expected", n(expected.version))
        .expression_attribute_values(":shown", copy);
    if changes.first_trial {
        expression.push_str(", had_trial = :true");
        update = update.expression_attribute_values(":true", yes());
    }
    if changes.customer_is_gone {
        expression.push_str(" REMOVE checkout, stripe_customer_id, attempt");
    } else if expected.checkout.as_ref().is_some_and(|checkout| checkout.url.is_some()) {
        // The end of a checkout does not change the version.
        condition.push_str(" AND attribute_exists(checkout)");
        expression.push_str(" REMOVE checkout.#url");
        update = update.expression_attribute_names("#url", "url");
    }
    Ok(update.update_expression(expression).condition_expression(condition))
}

fn gate_update(access: &Access) -> Result<UpdateBuilder, StoreError> {
    let features = serde_dynamo::to_attribute_value(&access.features)
        .map_err(|error: serde_dynamo::Error| StoreError::Unexpected(error.to_string()))?;
    let update = Update::builder()
        .condition_expression("attribute_exists(pk)")
        .expression_attribute_values(":tier", n(access.tier))
        .expression_attribute_values(":features", features);
    Ok(match access.until {
        Some(until) => update
            .update_expression("SET tier = :tier, features = :features, access_until = :until")
            .expression_attribute_values(":until", s(until.to_string())),
        None => update.update_expression("SET tier = :tier, features = :features REMOVE access_until"),
    })
}

/// The subscription as an item, with its attributes in the index of due subscriptions.
fn subscription_item(customer: &Customer, subscription: &Subscription, grace: Grace) -> Result<Item, StoreError> {
    let user = &customer.user_id;
    let mut row = item(subscription, key(user_partition(user), format!("{SUBSCRIPTION}{}", subscription.id)))?;
    put_into_lists(&mut row, subscription, user, customer.stripe_customer_id.as_ref());
    row.extend(due_attributes(subscription, grace).into_iter().flatten().map(|(name, value)| (name.to_owned(), value)));
    Ok(row)
}

fn payment_item(customer: &Customer, payment: &Payment) -> Result<Item, StoreError> {
    let user = &customer.user_id;
    let mut row = item(payment, key(user_partition(user), format!("{PAYMENT}{}", payment.id)))?;
    put_into_lists(&mut row, payment, user, customer.stripe_customer_id.as_ref());
    Ok(row)
}
