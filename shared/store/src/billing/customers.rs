//! Customers: the link of a user to Stripe, and the stored billing state of a user.

use super::rows::{Key, key, sort_key, user_partition};
use crate::outbox::{OutboxMessage, outbox_item};
use crate::roles::{ChangeCustomers, EraseAccounts, ReadBilling, ReadGate, SellPlans, SweepBilling};
use crate::table::batch::{Items, Keys, Lookup, OwnLookup, ReadableBy};
use crate::table::client::Tables;
use crate::table::codec::{Item, item, n, read, s};
use crate::table::schema::{BILLING, OUTBOX};
use crate::table::transaction::Refusal;
use crate::table::update::{Updated, conditional};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValue, Update};
use serde::{Deserialize, Serialize};
use tollgate_domain::billing::{Access, Account, Attempt, Customer, Features, Payment, Subscription};
use tollgate_domain::{Email, UserId};

const CUSTOMER: &str = "CUSTOMER";
pub(super) const SUBSCRIPTION: &str = "SUB#";
pub(super) const PAYMENT: &str = "PAY#";

pub(super) fn customer_key(user: &UserId) -> Key {
    key(user_partition(user), CUSTOMER)
}

fn stripe_key(customer: &str) -> Key {
    key(format!("STRIPE#{customer}"), CUSTOMER)
}

/// A customer at Stripe, and the version of its stored state.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CustomerVersion {
    /// The user.
    pub user_id: UserId,
    /// Stripe's id.
    pub stripe_customer_id: String,
    /// The version.
    pub version: u64,
}

/// A position in the list of all customers.
#[derive(Debug)]
pub struct VersionPlace(Item);

/// One page of all customers.
#[derive(Debug)]
pub struct VersionPage {
    /// The items; it may be empty although more follow.
    pub items: Vec<CustomerVersion>,
    /// Where the next page starts.
    pub next: Option<VersionPlace>,
}

/// The customer of a user.
#[derive(Debug, Clone, Copy)]
pub struct CustomerOf(pub UserId);

impl<R: ReadBilling> ReadableBy<R> for CustomerOf {}

impl Lookup for CustomerOf {
    type Found = Option<Customer>;

    fn add_keys(&self, keys: &mut Keys) {
        keys.add(BILLING, customer_key(&self.0));
    }

    fn take(&self, items: &Items) -> Result<Option<Customer>, StoreError> {
        items.get(BILLING, customer_key(&self.0)).cloned().map(|item| read(BILLING, item)).transpose()
    }
}

impl OwnLookup for CustomerOf {
    fn of(user: UserId) -> Self {
        Self(user)
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) user_id: UserId,
}

impl<R: ReadBilling + ReadGate> Store<R> {
    /// The stored billing state of the user: the customer with its version first, then the access in the gate. Each
    /// write of the gate increments the version. `None` for a user without a checkout.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn account(&self, user: &UserId) -> Result<Option<Account>, StoreError> {
        let Some((customer, subscriptions, payments)) = self.billing_of(user).await? else { return Ok(None) };
        let Some(gate) = self.gate(user).await? else { return Ok(None) };
        let access = Access { tier: gate.tier, features: Features(gate.features), until: gate.access_until };
        Ok(Some(Account { customer, subscriptions, payments, closing: gate.closing, access }))
    }
}

impl<R: ReadBilling> Store<R> {
    /// The customer and the subscriptions. `None` for a user without a checkout.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn customer_and_subscriptions(
        &self,
        user: &UserId,
    ) -> Result<Option<(Customer, Vec<Subscription>)>, StoreError> {
        Ok(self.billing_of(user).await?.map(|(customer, subscriptions, _)| (customer, subscriptions)))
    }

    /// The customer alone.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn customer(&self, user: &UserId) -> Result<Option<Customer>, StoreError> {
        self.billing_item(customer_key(user)).await?.map(|row| read(BILLING, row)).transpose()
    }

    /// The user who is this customer at Stripe.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn user_of_customer(&self, stripe_customer: &str) -> Result<Option<UserId>, StoreError> {
        let owner = self.billing_item(stripe_key(stripe_customer)).await?;
        owner.map(|row| read::<Owner>(BILLING, row)).transpose().map(|owner| owner.map(|owner| owner.user_id))
    }

    /// The user's subscriptions.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn subscriptions(&self, user: &UserId) -> Result<Vec<Subscription>, StoreError> {
        let rows = self.billing_items(user_partition(user), SUBSCRIPTION).await?;
        rows.into_iter().map(|row| read(BILLING, row)).collect()
    }
}

impl<R: SweepBilling> Store<R> {
    /// The customers that Stripe knows, each with its current version: the page after this position. It scans the
    /// table, so that no write pays for an index.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn customer_versions(&self, after: Option<&VersionPlace>) -> Result<VersionPage, StoreError> {
        #[expect(clippy::disallowed_methods, reason = "no request's work: reconciliation's, once a day")]
        let scan = self.client.scan();
        let page = scan
            .table_name(self.table(BILLING))
            .projection_expression("user_id, stripe_customer_id, #version")
            .filter_expression("sk = :customer AND attribute_exists(stripe_customer_id)")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":customer", s(CUSTOMER))
            .set_exclusive_start_key(after.map(|place| place.0.clone()))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(StoreError::of)?;
        let items =
            page.items.unwrap_or_default().into_iter().map(|row| read(BILLING, row)).collect::<Result<_, _>>()?;
        Ok(VersionPage { items, next: page.last_evaluated_key.map(VersionPlace) })
    }
}

impl<R: SellPlans + ReadBilling> Store<R> {
    /// Reserves an attempt to create the customer at Stripe, if there is none yet or the current one is `instead_of`
    /// and the user was not deleted. It uses the stored address, else `email`. Returns the stored customer, from this
    /// or another writer.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn reserve_customer(
        &self,
        user: &UserId,
        (email, locale): (&Email, Option<&str>),
        attempt: &Attempt,
        instead_of: Option<&Attempt>,
    ) -> Result<Customer, StoreError> {
        let [(pk, partition), (sk, sort)] = customer_key(user);
        let value = serde_dynamo::to_attribute_value(attempt)
            .map_err(|error: serde_dynamo::Error| StoreError::Unexpected(error.to_string()))?;
        let call = self
            .client
            .update_item()
            .table_name(self.table(BILLING))
            .key(pk, partition)
            .key(sk, sort)
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":attempt", value)
            .expression_attribute_values(":user", s(user.to_string()))
            .expression_attribute_values(":email", s(email.as_str()))
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::AllNew);
        const RESERVED: &str = "SET attempt = :attempt, attempt_email = if_not_exists(email, :email), \
             email = if_not_exists(email, :email), user_id = :user, #version = if_not_exists(#version, :zero), v = :one";
        let call = match locale {
            None => call.update_expression(RESERVED),
            Some(locale) => call
                .update_expression(format!("{RESERVED}, #locale = if_not_exists(#locale, :locale)"))
                .expression_attribute_names("#locale", "locale")
                .expression_attribute_values(":locale", s(locale)),
        };
        let call = match instead_of {
            None => call.condition_expression("attribute_not_exists(attempt)"),
            Some(attempt) => call
                .condition_expression(
                    "attempt.id = :old AND attribute_exists(email) AND attribute_not_exists(stripe_customer_id)",
                )
                .expression_attribute_values(":old", s(&attempt.id)),
        };
        match conditional(call).await? {
            Updated::Done(row) => read(BILLING, row),
            Updated::Refused(_) => {
                let there = self.customer(user).await?;
                there.ok_or_else(|| StoreError::Unexpected("a customer that was there is gone".into()))
            }
        }
    }

    /// Stores Stripe's id of the customer, and the command that sends a newly verified address, if attempt and address
    /// are the `expected` ones; else returns `false`.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn link_customer(
        &self,
        expected: &Customer,
        stripe_id: &str,
        command: Option<&OutboxMessage>,
    ) -> Result<bool, StoreError> {
        let [(pk, partition), (sk, sort)] = customer_key(&expected.user_id);
        let (Some(attempt), Some(email)) = (&expected.attempt, &expected.email) else { return Ok(false) };
        let name = Update::builder()
            .key(pk, partition)
            .key(sk, sort)
            .update_expression("SET stripe_customer_id = :id REMOVE attempt_email")
            .condition_expression(
                "attempt.id = :attempt AND email = :email \
                 AND (attribute_not_exists(stripe_customer_id) OR stripe_customer_id = :id)",
            )
            .expression_attribute_values(":id", s(stripe_id))
            .expression_attribute_values(":attempt", s(&attempt.id))
            .expression_attribute_values(":email", s(email.as_str()));
        let owner = item(&Owner { user_id: expected.user_id }, stripe_key(stripe_id))?;
        let mut transaction = self.transaction().update("expected", BILLING, name).put_any("invariant", BILLING, owner);
        if let Some(command) = command {
            transaction = transaction.put_any("invariant", OUTBOX, outbox_item(command)?);
        }
        match transaction.run().await {
            Ok(()) => Ok(true),
            Err(Refusal::Condition("expected")) => Ok(false),
            Err(other) => Err(other.unexpected()),
        }
    }
}

impl<R: ChangeCustomers> Store<R> {
    /// Stores a new address of a customer and returns Stripe's id; `None` if there is no customer or its address was
    /// erased.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn update_customer_email(&self, user: &UserId, email: &Email) -> Result<Option<String>, StoreError> {
        let [(pk, partition), (sk, sort)] = customer_key(user);
        let call = self
            .client
            .update_item()
            .table_name(self.table(BILLING))
            .key(pk, partition)
            .key(sk, sort)
            .update_expression("SET email = :email")
            .condition_expression("attribute_exists(email)")
            .expression_attribute_values(":email", s(email.as_str()))
            .return_values(ReturnValue::AllNew);
        match conditional(call).await? {
            Updated::Done(row) => read::<Customer>(BILLING, row).map(|customer| customer.stripe_customer_id),
            Updated::Refused(_) => Ok(None),
        }
    }
}

impl<R: EraseAccounts> Store<R> {
    /// Erases the address of a deleted customer, and its open checkout.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn forget_customer(&self, user: &UserId) -> Result<(), StoreError> {
        let [(pk, partition), (sk, sort)] = customer_key(user);
        let call = self
            .client
            .update_item()
            .table_name(self.table(BILLING))
            .key(pk, partition)
            .key(sk, sort)
            .update_expression("REMOVE email, attempt_email, checkout, #locale")
            .expression_attribute_names("#locale", "locale")
            .condition_expression("attribute_exists(email)");
        conditional(call).await.map(|_| ())
    }
}

impl Tables {
    async fn billing_of(
        &self,
        user: &UserId,
    ) -> Result<Option<(Customer, Vec<Subscription>, Vec<Payment>)>, StoreError> {
        let (mut customer, mut subscriptions, mut payments) = (None, Vec::new(), Vec::new());
        for row in self.billing_items(user_partition(user), "").await? {
            match sort_key(&row) {
                CUSTOMER => customer = Some(read(BILLING, row)?),
                sk if sk.starts_with(SUBSCRIPTION) => subscriptions.push(read(BILLING, row)?),
                _ => payments.push(read(BILLING, row)?),
            }
        }
        Ok(customer.map(|customer| (customer, subscriptions, payments)))
    }
}
