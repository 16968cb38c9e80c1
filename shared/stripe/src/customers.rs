//! Customers.

use crate::client::{Gateway, GatewayError, under};
use crate::lists::Counted;
use crate::reads::id_of;
use std::collections::HashMap;
use stripe::StripeRequest;
use stripe_billing::billing_portal_session::CreateBillingPortalSession;
use stripe_core::charge::RetrieveCharge;
use stripe_core::customer::{CreateCustomer, ListCustomer, UpdateCustomer};
use tollgate_domain::billing::Attempt;
use tollgate_domain::{Email, UserId};

impl Gateway {
    /// Makes a user a customer; Stripe's id of it.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn create_customer(
        &self,
        user: &UserId,
        email: &Email,
        attempt: &Attempt,
    ) -> Result<String, GatewayError> {
        let metadata = HashMap::from([
            (crate::USER.to_owned(), user.to_string()),
            (crate::ATTEMPT.to_owned(), attempt.id.clone()),
        ]);
        let call = CreateCustomer::new().email(email.as_str()).metadata(metadata);
        let made = call.customize().request_strategy(under(attempt)?).send(self).await?;
        Ok(made.id.to_string())
    }

    /// The customer that an attempt made, if it did.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn customer_of_attempt(&self, email: &Email, attempt: &Attempt) -> Result<Option<String>, GatewayError> {
        let list = Counted::new(self);
        let customers = ListCustomer::new().email(email.as_str()).limit(100).send(&list).await?;
        let of_it = |customer: &stripe_shared::Customer| {
            customer.metadata.as_ref().and_then(|metadata| metadata.get(crate::ATTEMPT)) == Some(&attempt.id)
        };
        Ok(list.all(customers.data)?.into_iter().find(of_it).map(|customer| customer.id.to_string()))
    }

    /// The customer who was charged; `None` for a charge of nobody's, or one that is not there.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn customer_of_charge(&self, charge: &str) -> Result<Option<String>, GatewayError> {
        match RetrieveCharge::new(charge.to_owned()).send(self).await {
            Ok(charge) => Ok(charge.customer.as_ref().map(id_of)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Tells Stripe another address of a customer.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn update_customer(&self, id: &str, email: &Email) -> Result<(), GatewayError> {
        UpdateCustomer::new(id.to_owned()).email(email.as_str()).send(self).await.map(|_| ())
    }

    /// A page of Stripe's on which a customer sees to cards, invoices and the subscription, and comes back to `return_url`.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn portal(&self, customer: &str, return_url: &str) -> Result<String, GatewayError> {
        let session = CreateBillingPortalSession::new().customer(customer).return_url(return_url).send(self).await?;
        Ok(session.url)
    }
}
