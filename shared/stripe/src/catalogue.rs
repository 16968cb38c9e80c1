//! Products and prices.

use crate::client::{Gateway, GatewayError, under};
use crate::lists::Counted;
use crate::reads::{currency_of, id_of};
use std::collections::HashMap;
use stripe::StripeRequest;
use stripe_product::price::{CreatePrice, CreatePriceRecurring, CreatePriceRecurringInterval, ListPrice, UpdatePrice};
use stripe_product::product::{
    CreateProduct, CreateProductDefaultPriceData, CreateProductDefaultPriceDataRecurring,
    CreateProductDefaultPriceDataRecurringInterval, RetrieveProduct, UpdateProduct,
};
use tollgate_domain::billing::{Attempt, BillingPeriod, Plan, Terms};

/// A product as Stripe has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductAtStripe {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it can be bought.
    pub is_active: bool,
    /// The price that it was made with.
    pub price_id: Option<String>,
}

/// A price as Stripe has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceAtStripe {
    /// Its id.
    pub id: String,
    /// Whether it can be bought.
    pub is_active: bool,
}

fn product(product: stripe_shared::Product) -> ProductAtStripe {
    ProductAtStripe {
        id: product.id.to_string(),
        name: product.name,
        is_active: product.active,
        price_id: product.default_price.map(|price| id_of(&price)),
    }
}

impl Gateway {
    /// Makes the product of `plan` together with its price, under the plan's own id.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn create_product(&self, plan: &Plan, attempt: &Attempt) -> Result<ProductAtStripe, GatewayError> {
        let mut price = CreateProductDefaultPriceData::new(currency_of(&plan.terms)?);
        price.unit_amount = Some(plan.terms.price_cents);
        price.recurring = Some(CreateProductDefaultPriceDataRecurring::new(match plan.terms.billing_period {
            BillingPeriod::Month => CreateProductDefaultPriceDataRecurringInterval::Month,
            BillingPeriod::Year => CreateProductDefaultPriceDataRecurringInterval::Year,
        }));
        let mut call = CreateProduct::new(&plan.name).id(plan.id.to_string()).default_price_data(price);
        if let Some(description) = plan.description.as_ref().filter(|text| !text.is_empty()) {
            call = call.description(description);
        }
        let made = call.customize().request_strategy(under(attempt)?).send(self).await?;
        Ok(product(made))
    }

    /// The product of this id, if it was made.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn product(&self, id: &str) -> Result<Option<ProductAtStripe>, GatewayError> {
        match RetrieveProduct::new(id.to_owned()).send(self).await {
            Ok(found) => Ok(Some(product(found))),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Brings the product to the plan's name, description and activity.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn update_product(&self, plan: &Plan) -> Result<(), GatewayError> {
        let call = UpdateProduct::new(plan.id.to_string())
            .name(&plan.name)
            .description(plan.description.clone().unwrap_or_default())
            .active(plan.is_active);
        call.send(self).await.map(|_| ())
    }

    /// Archives a product that no plan stands for.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn archive_product(&self, id: &str) -> Result<(), GatewayError> {
        UpdateProduct::new(id.to_owned()).active(false).send(self).await.map(|_| ())
    }

    /// Makes another price of a product.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn create_price(
        &self,
        product: &str,
        terms: &Terms,
        attempt: &Attempt,
    ) -> Result<PriceAtStripe, GatewayError> {
        let interval = match terms.billing_period {
            BillingPeriod::Month => CreatePriceRecurringInterval::Month,
            BillingPeriod::Year => CreatePriceRecurringInterval::Year,
        };
        let call = CreatePrice::new(currency_of(terms)?)
            .product(product)
            .unit_amount(terms.price_cents)
            .recurring(CreatePriceRecurring::new(interval))
            .metadata(HashMap::from([(crate::ATTEMPT.to_owned(), attempt.id.clone())]));
        let made = call.customize().request_strategy(under(attempt)?).send(self).await?;
        Ok(PriceAtStripe { id: made.id.to_string(), is_active: made.active })
    }

    /// The price that an attempt made, if it did.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn price_of_attempt(
        &self,
        product: &str,
        attempt: &Attempt,
    ) -> Result<Option<PriceAtStripe>, GatewayError> {
        let list = Counted::new(self);
        let prices = ListPrice::new().product(product).limit(100).send(&list).await?;
        let of_it = |price: &stripe_shared::Price| price.metadata.get(crate::ATTEMPT) == Some(&attempt.id);
        let found = list.all(prices.data)?.into_iter().find(of_it);
        Ok(found.map(|price| PriceAtStripe { id: price.id.to_string(), is_active: price.active }))
    }

    /// Archives a price: nobody can buy at it any more, who has it keeps it.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn archive_price(&self, id: &str) -> Result<(), GatewayError> {
        UpdatePrice::new(id.to_owned()).active(false).send(self).await.map(|_| ())
    }
}
