//! A subscription's items: their prices and quantities, and the changes that a call makes. All of them have one
//! interval.

use crate::calendar::after;
use crate::core::Core;
use crate::error::ApiError;
use crate::params::Params;
use serde_json::{Value, json};

/// The items of a subscription.
pub fn items_of(subscription: &Value) -> &[Value] {
    subscription["items"]["data"].as_array().map_or(&[], Vec::as_slice)
}

/// Replaces them.
pub fn set_items(subscription: &mut Value, items: Vec<Value>) {
    subscription["items"]["data"] = items.into();
}

pub fn quantity_of(item: &Value) -> i64 {
    item["quantity"].as_i64().unwrap_or(1)
}

pub fn cost_of(price: &Value) -> i64 {
    price["unit_amount"].as_i64().unwrap_or_default()
}

/// The cost of an item for a period, before discounts.
pub fn amount_of(item: &Value) -> i64 {
    cost_of(&item["price"]).saturating_mul(quantity_of(item))
}

/// The cost of all items for a period, before discounts.
pub fn amount_of_all(items: &[Value]) -> i64 {
    items.iter().map(amount_of).fold(0, i64::saturating_add)
}

/// A period of an item: its start and its end.
pub fn period_of(item: &Value) -> (i64, i64) {
    let of = |name: &str| item[name].as_i64().unwrap_or_default();
    (of("current_period_start"), of("current_period_end"))
}

/// The current period of a subscription, which is that of each item.
pub fn present_period(subscription: &Value) -> (i64, i64) {
    items_of(subscription).first().map(period_of).unwrap_or_default()
}

/// Gives each item this period.
pub fn set_period(items: &mut [Value], (start, end): (i64, i64)) {
    for item in items {
        item["current_period_start"] = json!(start);
        item["current_period_end"] = json!(end);
    }
}

/// The length of a period: an interval and its count.
pub fn interval_of(price: &Value) -> (&str, i64) {
    let recurring = &price["recurring"];
    (recurring["interval"].as_str().unwrap_or("month"), recurring["interval_count"].as_i64().unwrap_or(1))
}

/// The end of the `count`th period of a price after `anchor`.
pub fn periods_after(anchor: i64, price: &Value, count: i64) -> i64 {
    let (interval, of_it) = interval_of(price);
    after(anchor, interval, count.saturating_mul(of_it))
}

/// Sets the price of an item.
pub fn set_price(item: &mut Value, price: &Value) {
    item["plan"] = Core::plan_of(price);
    item["price"] = price.clone();
}

impl Core {
    /// The items of the parameters `items[0][…]`, `items[1][…]` of a call, if there are any: items that they do not
    /// name stay unchanged.
    pub fn items_in(
        &self,
        subscription: &Value,
        params: &mut Params,
        named: impl Fn(&str) -> String,
    ) -> Result<Option<Vec<Value>>, ApiError> {
        let mut items = items_of(subscription).to_vec();
        let mut number = 0;
        while params.any(&named(&format!("items[{number}]"))) {
            self.item_in(subscription, params, &mut items, |name| named(&format!("items[{number}]{name}")))?;
            number += 1;
        }
        if number == 0 {
            return Ok(None);
        }
        fitting(&items)?;
        Ok(Some(items))
    }

    fn item_in(
        &self,
        subscription: &Value,
        params: &mut Params,
        items: &mut Vec<Value>,
        named: impl Fn(&str) -> String,
    ) -> Result<(), ApiError> {
        let (id, price) = (params.take(&named("[id]")), params.take(&named("[price]")));
        let quantity = params.number(&named("[quantity]"))?;
        let is_deleted = params.flag(&named("[deleted]"))?.unwrap_or_default();
        if quantity.is_some_and(|quantity| quantity < 0) {
            let message = "This value must be greater than or equal to 0.";
            return Err(ApiError::invalid(message).code("parameter_invalid_integer", &named("[quantity]")));
        }
        let price = price.map(|price| self.price_for(subscription, &price, &named("[price]"))).transpose()?;
        let place = match &id {
            Some(id) => {
                let missing = || ApiError { status: 400, ..ApiError::missing("subscription_item", id) };
                items.iter().position(|item| item["id"] == *id).ok_or_else(missing)?
            }
            None => {
                let missing = || {
                    let name = named("[price]");
                    ApiError::invalid(format!("Missing required param: {name}.")).code("parameter_missing", &name)
                };
                let price = price.as_ref().ok_or_else(missing)?;
                if items.iter().any(|item| item["price"]["id"] == price["id"]) {
                    let message =
                        format!("Cannot add multiple subscription items with the same price: {}", price["id"]);
                    return Err(ApiError { param: Some(named("[price]")), ..ApiError::invalid(message) });
                }
                let id = subscription["id"].as_str().unwrap_or_default();
                items.push(self.new_item(id, price, 1, present_period(subscription)));
                items.len() - 1
            }
        };
        if is_deleted {
            items.remove(place);
            return Ok(());
        }
        let item = &items[place];
        let discounts =
            self.discounts_in(params, &named("[discounts]"), &subscription["currency"], &item["discounts"])?;
        let tax_rates = self.tax_rates_in(params, &named("[tax_rates]"))?;
        let metadata = params.map(&named("[metadata]"));
        for (name, value) in [("discounts", discounts), ("tax_rates", tax_rates)] {
            if let Some(value) = value {
                items[place][name] = value;
            }
        }
        for (key, value) in metadata {
            items[place]["metadata"][key] = value;
        }
        if let Some(price) = &price {
            set_price(&mut items[place], price);
        }
        if let Some(quantity) = quantity {
            items[place]["quantity"] = json!(quantity);
        }
        Ok(())
    }

    /// A price that a subscription's item can have.
    pub fn price_for(&self, subscription: &Value, id: &str, param: &str) -> Result<Value, ApiError> {
        let missing = || ApiError { status: 400, ..ApiError::missing("price", id) }.code("resource_missing", param);
        let price = self.find("price", id).ok_or_else(missing)?;
        let (is_active, currency) = (price["active"] == true, &price["currency"]);
        if !is_active && !items_of(subscription).iter().any(|item| item["price"]["id"] == id) {
            return Err(ApiError::invalid(format!("The price specified is inactive: {id}")));
        }
        if *currency != subscription["currency"] {
            let message = format!("The price specified is in {currency}, the subscription is not.");
            return Err(ApiError { param: Some(param.to_owned()), ..ApiError::invalid(message) });
        }
        Ok(price.clone())
    }
}

/// Items that one subscription can have.
fn fitting(items: &[Value]) -> Result<(), ApiError> {
    let Some(first) = items.first() else {
        return Err(ApiError::invalid("A subscription must have at least one active plan."));
    };
    let interval = interval_of(&first["price"]);
    if items.iter().any(|item| interval_of(&item["price"]) != interval) {
        let message = "All prices on a subscription must have the same `recurring.interval` and \
                       `recurring.interval_count`.";
        return Err(ApiError::invalid(message));
    }
    Ok(())
}
