//! Customers.

use crate::client::{Gateway, GatewayError, NoParams};
use crate::lists::ListParams;
use crate::metadata::{ATTEMPT, USER};
use crate::objects::{Changed, ChargeCustomer, Created, Customer, CustomerExists, PortalSession};
use crate::setup::PortalConfiguration;
use serde::Serialize;
use std::collections::BTreeMap;
use tollgate_domain::billing::Attempt;
use tollgate_domain::{Email, UserId};

#[derive(Serialize)]
struct CustomerParams<'a> {
    email: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<&'static str, &'a str>,
}

#[derive(Serialize)]
struct PortalParams<'a> {
    customer: &'a str,
    return_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<&'a str>,
}

impl Gateway {
    /// Creates the customer of a user and returns Stripe's id.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn create_customer(
        &self,
        user: &UserId,
        email: &Email,
        attempt: &Attempt,
    ) -> Result<String, GatewayError> {
        let user = user.to_string();
        let metadata = BTreeMap::from([(USER, user.as_str()), (ATTEMPT, attempt.id.as_str())]);
        let params = CustomerParams { email: email.as_str(), metadata };
        let made: Created = self.post_once("/customers", &params, attempt).await?;
        Ok(made.id)
    }

    /// The customer that an attempt created, if it did.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn customer_of_attempt(&self, email: &Email, attempt: &Attempt) -> Result<Option<String>, GatewayError> {
        let params = ListParams { email: Some(email.as_str()), ..ListParams::default() };
        let customers = self.list("/customers", params).await?;
        Ok(customers.id_of_attempt(&attempt.id, |customer: Customer| (customer.id, customer.metadata)))
    }

    /// The customer of a charge; `None` for an unknown charge or one without a customer.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn customer_of_charge(&self, charge: &str) -> Result<Option<String>, GatewayError> {
        match self.get::<ChargeCustomer>(&format!("/charges/{charge}"), &NoParams {}).await {
            Ok(charge) => Ok(charge.customer.map(|customer| customer.0)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the customer exists at Stripe; a deleted one does not.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn has_customer(&self, id: &str) -> Result<bool, GatewayError> {
        match self.get::<CustomerExists>(&format!("/customers/{id}"), &NoParams {}).await {
            Ok(customer) => Ok(!customer.deleted),
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Updates the address of a customer at Stripe.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn update_customer(&self, id: &str, email: &Email) -> Result<(), GatewayError> {
        let params = CustomerParams { email: email.as_str(), metadata: BTreeMap::new() };
        self.post::<Changed>(&format!("/customers/{id}"), &params).await.map(|_| ())
    }

    /// Stripe's portal, in which a customer manages cards, invoices and the subscription, and returns to `return_url`.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn portal(&self, customer: &str, return_url: &str) -> Result<String, GatewayError> {
        let open = async |configuration| {
            let params = PortalParams { customer, return_url, configuration };
            self.post::<PortalSession>("/billing_portal/sessions", &params).await
        };
        let session = match open(None).await {
            // The account has no default configuration: the one that `tollgate-ops stripe-setup` has created is used.
            Err(error @ GatewayError::Refused { status: 400, .. }) => {
                let configurations = self.portal_configurations().await?;
                let Some(usable) = configurations.into_iter().find(PortalConfiguration::is_usable) else {
                    return Err(error);
                };
                if usable.is_default {
                    return Err(error);
                }
                open(Some(usable.id.as_str())).await?
            }
            session => session?,
        };
        Ok(session.url)
    }
}
