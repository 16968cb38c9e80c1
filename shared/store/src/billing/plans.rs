//! Plans: their rows, the codes, which are never reused, and the rows that lead from prices to plans.

use super::rows::{Key, key, no, sort_key, yes};
use crate::audit::audit_item;
use crate::gate::published::keep_free_features;
use crate::outbox::{OutboxMessage, outbox_item};
use crate::roles::{ReadBilling, SellPlans};
use crate::table::codec::{Item, item, read, s};
use crate::table::listing::{IndexQuery, PageOf};
use crate::table::schema::{AUDIT, BILLING, GATE, OUTBOX};
use crate::table::transaction::Refusal;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{Delete, Put};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::PlanId;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::billing::{Attempt, Catalogue, Plan, PlanCode};

const PARTITION: &str = "PLANS";
const PLAN: &str = "PLAN#";
const CODE: &str = "CODE#";
const PRICE: &str = "PRICE#";

/// A reserved code of a plan, which is being created or was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanReservation {
    /// The code.
    pub code: PlanCode,
    /// The current or future id of the plan.
    pub plan_id: PlanId,
    /// The attempt to create it, afterwards its last price.
    pub attempt: Attempt,
    /// A digest of the object to create: another object needs another attempt.
    pub digest: String,
    /// Whether the plan was created.
    pub is_made: bool,
}

/// A change of the catalogue.
#[derive(Debug)]
pub enum PlanWrite<'a> {
    /// A new plan, under its reservation.
    Created {
        /// The plan.
        plan: &'a Plan,
        /// The attempt that the reservation must still have.
        attempt: &'a str,
        /// Its audit entry.
        audit: &'a AuditEntry,
    },
    /// Another state of a plan.
    Changed {
        /// The plan.
        plan: &'a Plan,
        /// The `updated_at` of the state from which it was derived.
        from: Timestamp,
        /// Its audit entry.
        audit: &'a AuditEntry,
        /// The command that updates Stripe and the subscribers.
        command: &'a OutboxMessage,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Condition {
    State,
    Invariant,
}

fn plan_item(plan: &Plan) -> Result<Item, StoreError> {
    item(plan, key(PARTITION, format!("{PLAN}{}", plan.id)))
}

fn price_item(price: &str, plan: &PlanId) -> Result<Item, StoreError> {
    item(&PriceRow { plan_id: *plan }, key(PARTITION, format!("{PRICE}{price}")))
}

fn code_key(code: &PlanCode) -> Key {
    key(PARTITION, format!("{CODE}{code}"))
}

#[derive(Serialize, Deserialize)]
struct PriceRow {
    plan_id: PlanId,
}

impl<R: ReadBilling> Store<R> {
    /// All plans, archived ones too, and the plan of each current or former price.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn catalogue(&self) -> Result<Catalogue, StoreError> {
        let mut catalogue = Catalogue::default();
        for row in self.billing_items(PARTITION.to_owned(), "P").await? {
            if let Some(price) = sort_key(&row).strip_prefix(PRICE) {
                let price = price.to_owned();
                catalogue.prices.insert(price, read::<PriceRow>(BILLING, row)?.plan_id);
            } else {
                catalogue.plans.push(read(BILLING, row)?);
            }
        }
        Ok(catalogue)
    }

    /// All plans, archived ones too, by an eventually consistent read.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn plans(&self) -> Result<Vec<Plan>, StoreError> {
        let index_query = IndexQuery::of_table(BILLING, PARTITION, PLAN);
        let listed = self.rows(&index_query, PageOf { after: None, limit: usize::from(u16::MAX) }).await?;
        listed.items.into_iter().map(|row| read(BILLING, row)).collect()
    }

    /// A plan, archived or not.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn plan(&self, id: &PlanId) -> Result<Option<Plan>, StoreError> {
        let found = self.billing_item(key(PARTITION, format!("{PLAN}{id}"))).await?;
        found.map(|row| read(BILLING, row)).transpose()
    }
}

impl<R: SellPlans> Store<R> {
    /// The reservation of a code.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn plan_reservation(&self, code: &PlanCode) -> Result<Option<PlanReservation>, StoreError> {
        self.billing_item(code_key(code)).await?.map(|row| read(BILLING, row)).transpose()
    }

    /// Reserves a code if it is free or reserved by the attempt `instead_of`; returns `false` if another attempt has
    /// it.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn reserve_plan(
        &self,
        reservation: &PlanReservation,
        instead_of: Option<&str>,
    ) -> Result<bool, StoreError> {
        let put = Put::builder().set_item(Some(item(reservation, code_key(&reservation.code))?));
        let put = match instead_of {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(attempt) => put
                .condition_expression("is_made = :false AND attempt.id = :attempt")
                .expression_attribute_values(":false", no())
                .expression_attribute_values(":attempt", s(attempt)),
        };
        done(self.transaction().put_if(Condition::State, BILLING, put).run().await)
    }

    /// Reserves another attempt at a price of an existing plan, replacing the attempt `instead_of`. Returns the stored
    /// reservation, from this or another writer.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn reserve_price(
        &self,
        reservation: &PlanReservation,
        instead_of: &str,
    ) -> Result<PlanReservation, StoreError> {
        let put = Put::builder()
            .set_item(Some(item(reservation, code_key(&reservation.code))?))
            .condition_expression("is_made = :true AND attempt.id = :attempt")
            .expression_attribute_values(":true", yes())
            .expression_attribute_values(":attempt", s(instead_of));
        if done(self.transaction().put_if(Condition::State, BILLING, put).run().await)? {
            return Ok(reservation.clone());
        }
        let there = self.plan_reservation(&reservation.code).await?;
        there.ok_or_else(|| StoreError::Unexpected("a plan's code that was kept is gone".into()))
    }

    /// Releases a code whose plan was certainly not created.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn release_plan(&self, reservation: &PlanReservation) -> Result<(), StoreError> {
        let [(pk, partition), (sk, sort)] = code_key(&reservation.code);
        let delete = Delete::builder()
            .key(pk, partition)
            .key(sk, sort)
            .condition_expression("is_made = :false AND attempt.id = :attempt")
            .expression_attribute_values(":false", no())
            .expression_attribute_values(":attempt", s(&reservation.attempt.id));
        done(self.transaction().delete(Condition::State, BILLING, delete).run().await).map(|_| ())
    }

    /// Writes a change of the catalogue with its audit entry; returns `false` if the source state has changed.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn write_plan(&self, write: PlanWrite<'_>) -> Result<bool, StoreError> {
        let is_new = matches!(write, PlanWrite::Created { .. });
        let (plan, audit, transaction) = match write {
            PlanWrite::Created { plan, attempt, audit } => {
                let [(pk, partition), (sk, sort)] = code_key(&plan.code);
                let made = aws_sdk_dynamodb::types::Update::builder()
                    .key(pk, partition)
                    .key(sk, sort)
                    .update_expression("SET is_made = :true")
                    .condition_expression("is_made = :false AND attempt.id = :attempt")
                    .expression_attribute_values(":true", yes())
                    .expression_attribute_values(":false", no())
                    .expression_attribute_values(":attempt", s(attempt));
                let transaction = self.transaction().update(Condition::State, BILLING, made);
                (plan, audit, transaction.create(Condition::Invariant, BILLING, plan_item(plan)?))
            }
            PlanWrite::Changed { plan, from, audit, command } => {
                let put = Put::builder()
                    .set_item(Some(plan_item(plan)?))
                    .condition_expression("updated_at = :from")
                    .expression_attribute_values(":from", s(from.to_string()));
                let transaction = self.transaction().put_if(Condition::State, BILLING, put);
                (plan, audit, transaction.put_any(Condition::Invariant, OUTBOX, outbox_item(command)?))
            }
        };
        let transaction = match is_new && plan.terms.price_cents > 0 {
            true => transaction,
            false => transaction.update(Condition::Invariant, GATE, keep_free_features(plan)?),
        };
        let transaction = match &plan.stripe_price_id {
            None => transaction,
            Some(price) => transaction.put_any(Condition::Invariant, BILLING, price_item(price, &plan.id)?),
        };
        done(transaction.put_any(Condition::Invariant, AUDIT, audit_item(audit)?).run().await)
    }
}

fn done(result: Result<(), Refusal<Condition>>) -> Result<bool, StoreError> {
    match result {
        Ok(()) => Ok(true),
        Err(Refusal::Condition(Condition::State)) => Ok(false),
        Err(other) => Err(other.unexpected()),
    }
}
