//! Tax rates: the default of a subscription, or that of one of its items.

use crate::call::Answered;
use crate::core::Core;
use crate::discounts::part;
use crate::error::ApiError;
use crate::params::Params;
use serde_json::{Map, Value, json};

/// The call that creates a tax rate.
pub fn make_tax_rate(core: &mut Core, mut params: Params) -> Answered {
    let name = params.require("display_name")?;
    let percentage = params.require("percentage")?;
    let is_inclusive = params.flag("inclusive")?.unwrap_or_default();
    let (country, description) = (params.take("country"), params.take("description"));
    let metadata = params.map("metadata");
    params.finish()?;
    let wrong =
        || ApiError::invalid(format!("Invalid decimal: {percentage}")).code("parameter_invalid_decimal", "percentage");
    let rate = percentage.parse().ok().filter(|rate| (0.0..=100.0).contains(rate)).ok_or_else(wrong)?;
    let id = core.new_tax_rate(&name, rate, is_inclusive, metadata);
    for (field, text) in [("country", country), ("description", description)] {
        core.set(&id, field, json!(text));
    }
    Ok(core.object(&id))
}

impl Core {
    /// Creates a tax rate and emits its event.
    pub fn new_tax_rate(&mut self, name: &str, rate: f64, is_inclusive: bool, metadata: Map<String, Value>) -> String {
        let id = self.new_id("txr");
        let made = json!({
            "id": id, "object": "tax_rate", "active": true, "country": null, "created": self.now(), "description": null,
            "display_name": name, "effective_percentage": rate, "flat_amount": null, "inclusive": is_inclusive,
            "jurisdiction": null, "jurisdiction_level": null, "livemode": false, "metadata": metadata,
            "percentage": rate, "rate_type": "percentage", "state": null, "tax_type": null,
        });
        self.insert(made.clone(), Value::Null);
        self.emit("tax_rate.created", &made, None);
        id
    }

    /// The tax rates of the parameters `name[0]`, …; an empty `name` means none.
    pub fn tax_rates_in(&self, params: &mut Params, name: &str) -> Result<Option<Value>, ApiError> {
        let is_cleared = params.take(name).is_some_and(|text| text.is_empty());
        let ids = params.list(name);
        let rate = |id: &String| {
            let missing = || ApiError { status: 400, ..ApiError::missing("tax_rate", id) };
            self.find("tax_rate", id).cloned().ok_or_else(missing)
        };
        let rates: Vec<_> = ids.iter().map(rate).collect::<Result<_, _>>()?;
        Ok((is_cleared || !ids.is_empty()).then(|| json!(rates)))
    }
}

/// The taxes on an amount of an item: its own rates, else those of the subscription.
pub fn taxes_on(subscription: &Value, item: &Value, amount: i64) -> Vec<Value> {
    let of = |value: &Value| value.as_array().filter(|rates| !rates.is_empty()).cloned();
    let rates = of(&item["tax_rates"]).or_else(|| of(&subscription["default_tax_rates"])).unwrap_or_default();
    let inclusive: f64 = rates.iter().filter(|rate| rate["inclusive"] == true).filter_map(percentage).sum();
    let included = part(amount, 10_000.0 / (100.0 + inclusive));
    let tax = |rate: &Value| {
        let (behavior, taxable) =
            if rate["inclusive"] == true { ("inclusive", included) } else { ("exclusive", amount) };
        json!({
            "amount": part(taxable, percentage(rate).unwrap_or_default()), "tax_behavior": behavior,
            "tax_rate_details": {"tax_rate": rate["id"]}, "taxability_reason": "standard_rated",
            "taxable_amount": taxable, "type": "tax_rate_details",
        })
    };
    rates.iter().map(tax).collect()
}

fn percentage(rate: &Value) -> Option<f64> {
    rate["percentage"].as_f64()
}

/// Taxes of several lines, those of each rate added up.
pub fn added_up<'a>(taxes: impl Iterator<Item = &'a Value>) -> Vec<Value> {
    let mut sums: Vec<Value> = Vec::new();
    for tax in taxes {
        match sums.iter_mut().find(|sum| sum["tax_rate_details"] == tax["tax_rate_details"]) {
            Some(sum) => {
                for name in ["amount", "taxable_amount"] {
                    let whole = sum[name].as_i64().unwrap_or_default() + tax[name].as_i64().unwrap_or_default();
                    sum[name] = json!(whole);
                }
            }
            None => sums.push(tax.clone()),
        }
    }
    sums
}

/// The sum of taxes with this behavior.
pub fn tax_total(taxes: &[Value], behavior: &str) -> i64 {
    taxes.iter().filter(|tax| tax["tax_behavior"] == behavior).filter_map(|tax| tax["amount"].as_i64()).sum()
}
