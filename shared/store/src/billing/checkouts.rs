//! Checkouts: reserved on the customer before Stripe is called, so that two tabs get the same one.

use super::customers::customer_key;
use crate::roles::{ChangeCustomers, SellPlans};
use crate::table::client::Tables;
use crate::table::codec::{Item, s};
use crate::table::schema::BILLING;
use crate::table::update::{Updated, conditional};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use tollgate_domain::UserId;
use tollgate_domain::billing::{Checkout, Customer};

/// The result of a reservation.
#[derive(Debug)]
pub enum CheckoutReservation {
    /// The checkout is reserved.
    Done,
    /// Another reservation was made in between.
    Overtaken,
}

/// The attempt of the checkout in a customer's item.
fn attempt_of(customer: &Item) -> Option<&AttributeValue> {
    customer.get("checkout")?.as_m().ok()?.get("attempt")?.as_m().ok()?.get("id")
}

impl<R: SellPlans> Store<R> {
    /// Reserves `checkout` if the version and the previous checkout of the customer are unchanged.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn reserve_checkout(
        &self,
        from: &Customer,
        checkout: &Checkout,
    ) -> Result<CheckoutReservation, StoreError> {
        let value = serde_dynamo::to_attribute_value(checkout)
            .map_err(|error: serde_dynamo::Error| StoreError::Unexpected(error.to_string()))?;
        let call = self
            .customer_update(&from.user_id)
            .update_expression("SET checkout = :checkout")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":checkout", value)
            .expression_attribute_values(":version", crate::table::codec::n(from.version))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let call = match &from.checkout {
            None => call.condition_expression("#version = :version AND attribute_not_exists(checkout)"),
            Some(old) => call
                .condition_expression("#version = :version AND checkout.attempt.id = :old")
                .expression_attribute_values(":old", s(&old.attempt.id)),
        };
        Ok(match conditional(call).await? {
            Updated::Done(_) => CheckoutReservation::Done,
            // This call has written it: the answer to its first attempt was lost (R8).
            Updated::Refused(row) if attempt_of(&row) == Some(&s(&checkout.attempt.id)) => CheckoutReservation::Done,
            Updated::Refused(_) => CheckoutReservation::Overtaken,
        })
    }

    /// Stores the session that Stripe created for a reservation; returns `false` if another reservation was made in
    /// between.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn open_checkout(
        &self,
        user: &UserId,
        attempt: &str,
        (session_id, url): (&str, Option<&str>),
    ) -> Result<bool, StoreError> {
        let call = self
            .customer_update(user)
            .update_expression("SET checkout.session_id = :session, checkout.#url = :url")
            .condition_expression("checkout.attempt.id = :attempt")
            .expression_attribute_names("#url", "url")
            .expression_attribute_values(":session", s(session_id))
            .expression_attribute_values(":url", url.map_or(AttributeValue::Null(true), s))
            .expression_attribute_values(":attempt", s(attempt));
        Ok(matches!(conditional(call).await?, Updated::Done(_)))
    }
}

impl<R: ChangeCustomers> Store<R> {
    /// Removes a checkout that has ended or was certainly not created.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn end_checkout(&self, user: &UserId, attempt: &str) -> Result<(), StoreError> {
        let call = self
            .customer_update(user)
            .update_expression("REMOVE checkout")
            .condition_expression("checkout.attempt.id = :attempt")
            .expression_attribute_values(":attempt", s(attempt));
        conditional(call).await.map(|_| ())
    }
}

impl Tables {
    pub(super) fn customer_update(&self, user: &UserId) -> UpdateItemFluentBuilder {
        let [(pk, partition), (sk, sort)] = customer_key(user);
        self.client.update_item().table_name(self.table(BILLING)).key(pk, partition).key(sk, sort)
    }
}
