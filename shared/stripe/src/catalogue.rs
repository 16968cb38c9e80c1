//! Products and prices.

use crate::client::{Gateway, GatewayError};
use crate::lists::ListParams;
use crate::metadata::ATTEMPT;
use crate::objects::{Changed, Created, Price};
use serde::Serialize;
use std::collections::BTreeMap;
use tollgate_domain::billing::{Attempt, BillingPeriod, Catalogue, Plan, Terms};

#[derive(Default, Serialize)]
struct ProductParams<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<bool>,
}

#[derive(Serialize)]
struct NewPrice<'a> {
    currency: &'a str,
    product: &'a str,
    unit_amount: i64,
    recurring: Recurring,
    metadata: BTreeMap<&'static str, &'a str>,
}

#[derive(Serialize)]
struct Recurring {
    interval: BillingPeriod,
}

#[derive(Serialize)]
struct PriceParams {
    active: bool,
}

impl Gateway {
    /// Creates the product of `plan` with the plan's own id, if it does not exist: repeated calls create it once.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn ensure_product(&self, plan: &Plan) -> Result<(), GatewayError> {
        let id = plan.id.to_string();
        let product = ProductParams {
            id: Some(&id),
            name: Some(&plan.name),
            description: plan.description.as_deref().filter(|text| !text.is_empty()),
            ..ProductParams::default()
        };
        match self.post::<Changed>("/products", &product).await {
            Ok(_) => Ok(()),
            Err(GatewayError::Refused { code, .. }) if code == "resource_already_exists" => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Updates the product of `plan` by `catalogue`: name, description, and which price can be bought. Of the plan's
    /// current and former prices, only the current one can be bought, while the plan is active.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn show_plan(&self, plan: &Plan, catalogue: &Catalogue) -> Result<(), GatewayError> {
        let Some(product) = &plan.stripe_product_id else { return Ok(()) };
        let shown = ProductParams {
            name: Some(&plan.name),
            description: Some(plan.description.as_deref().unwrap_or_default()),
            active: Some(plan.is_active),
            ..ProductParams::default()
        };
        self.post::<Changed>(&format!("/products/{product}"), &shown).await?;
        let own = plan.stripe_price_id.as_deref().filter(|_| plan.is_active);
        let active = ListParams { product: Some(product), active: Some(true), ..ListParams::default() };
        let active = self.list("/prices", active).await?.read(|price: Price| Ok(Some(price.id)));
        for price in &active {
            // A price that no plan names yet is being assigned to one.
            if catalogue.prices.get(price) == Some(&plan.id) && Some(price.as_str()) != own {
                self.archive_price(price).await?;
            }
        }
        match own.filter(|own| !active.iter().any(|price| price == own)) {
            Some(own) => self.set_price_active(own, true).await,
            None => Ok(()),
        }
    }

    /// Archives a product without a plan, if it exists.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn archive_product(&self, id: &str) -> Result<(), GatewayError> {
        let archived = ProductParams { active: Some(false), ..ProductParams::default() };
        match self.post::<Changed>(&format!("/products/{id}"), &archived).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_missing() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Creates a price of a product and returns its id.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn create_price(&self, product: &str, terms: &Terms, attempt: &Attempt) -> Result<String, GatewayError> {
        let price = NewPrice {
            currency: terms.currency.as_str(),
            product,
            unit_amount: terms.price_cents,
            recurring: Recurring { interval: terms.billing_period },
            metadata: BTreeMap::from([(ATTEMPT, attempt.id.as_str())]),
        };
        let made: Created = self.post_once("/prices", &price, attempt).await?;
        Ok(made.id)
    }

    /// The price that an attempt created, if it did.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn price_of_attempt(&self, product: &str, attempt: &Attempt) -> Result<Option<String>, GatewayError> {
        let prices = self.list("/prices", ListParams { product: Some(product), ..ListParams::default() }).await?;
        Ok(prices.id_of_attempt(&attempt.id, |price: Price| (price.id, price.metadata)))
    }

    /// Archives a price: it cannot be bought any more, and subscribers keep it.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn archive_price(&self, id: &str) -> Result<(), GatewayError> {
        self.set_price_active(id, false).await
    }

    async fn set_price_active(&self, id: &str, active: bool) -> Result<(), GatewayError> {
        self.post::<Changed>(&format!("/prices/{id}"), &PriceParams { active }).await.map(|_| ())
    }
}
