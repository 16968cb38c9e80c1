//! Products and prices.

use crate::client::{Gateway, GatewayError, under};
use crate::lists::Counted;
use crate::reads::currency_of;
use std::collections::HashMap;
use stripe::StripeRequest;
use stripe_product::price::{CreatePrice, CreatePriceRecurring, CreatePriceRecurringInterval, ListPrice, UpdatePrice};
use stripe_product::product::{CreateProduct, UpdateProduct};
use tollgate_domain::billing::{Attempt, BillingPeriod, Catalogue, Plan, Terms};

impl Gateway {
    /// Makes the product of `plan` under the plan's own id, where there is none yet: it is made once, however often it is
    /// tried.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn ensure_product(&self, plan: &Plan) -> Result<(), GatewayError> {
        let mut call = CreateProduct::new(&plan.name).id(plan.id.to_string());
        if let Some(description) = plan.description.as_ref().filter(|text| !text.is_empty()) {
            call = call.description(description);
        }
        match call.send(self).await {
            Ok(_) => Ok(()),
            Err(GatewayError::Refused { code, .. }) if code == "resource_already_exists" => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Shows `plan` as `catalogue` has it: name, description, and what can be bought. Of the prices that are or were the
    /// plan's that is its present one, while the plan is active.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn show_plan(&self, plan: &Plan, catalogue: &Catalogue) -> Result<(), GatewayError> {
        let Some(product) = &plan.stripe_product_id else { return Ok(()) };
        let call = UpdateProduct::new(product.to_owned())
            .name(&plan.name)
            .description(plan.description.clone().unwrap_or_default())
            .active(plan.is_active);
        call.send(self).await?;
        let own = plan.stripe_price_id.as_deref().filter(|_| plan.is_active);
        let list = Counted::new(self);
        let prices = ListPrice::new().product(product).active(true).limit(100).send(&list).await?;
        let active: Vec<_> = list.all(prices.data)?.into_iter().map(|price| price.id.to_string()).collect();
        for price in &active {
            // One that no plan names yet is on its way to be named.
            if catalogue.prices.get(price) == Some(&plan.id) && Some(price.as_str()) != own {
                self.archive_price(price).await?;
            }
        }
        match own.filter(|own| !active.iter().any(|price| price == own)) {
            Some(own) => UpdatePrice::new(own.to_owned()).active(true).send(self).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Archives a product that no plan stands for, if there is one.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn archive_product(&self, id: &str) -> Result<(), GatewayError> {
        match UpdateProduct::new(id.to_owned()).active(false).send(self).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_missing() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes a price of a product; its id.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn create_price(&self, product: &str, terms: &Terms, attempt: &Attempt) -> Result<String, GatewayError> {
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
        Ok(made.id.to_string())
    }

    /// The price that an attempt made, if it did.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn price_of_attempt(&self, product: &str, attempt: &Attempt) -> Result<Option<String>, GatewayError> {
        let list = Counted::new(self);
        let prices = ListPrice::new().product(product).limit(100).send(&list).await?;
        let of_it = |price: &stripe_shared::Price| price.metadata.get(crate::ATTEMPT) == Some(&attempt.id);
        Ok(list.all(prices.data)?.into_iter().find(of_it).map(|price| price.id.to_string()))
    }

    /// Archives a price: nobody can buy at it any more, who has it keeps it.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn archive_price(&self, id: &str) -> Result<(), GatewayError> {
        UpdatePrice::new(id.to_owned()).active(false).send(self).await.map(|_| ())
    }
}
