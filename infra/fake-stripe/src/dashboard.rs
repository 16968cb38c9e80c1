//! Changes of a subscription in Stripe's dashboard.

use crate::control_error::ControlError;
use crate::core::Core;
use crate::discounts::{Duration, Off};
use crate::items::{items_of, present_period};
use crate::params::Params;
use crate::proration::{Behavior, Change};
use crate::schedules::{change_schedule, schedule_of};
use crate::status::present;
use crate::stripe::Stripe;
use serde_json::{Map, Value, json};

/// A new discount.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Deserialize)]
pub struct NewDiscount {
    /// The per cent off; without it `amount_off` applies.
    #[serde(default)]
    pub percent_off: Option<f64>,
    /// In the minor unit of the subscription's currency.
    #[serde(default)]
    pub amount_off: Option<i64>,
    /// The number of months; without it, for ever.
    #[serde(default)]
    pub months: Option<i64>,
    /// Whether it applies to the subscription's first item and not to the subscription.
    #[serde(default)]
    pub on_item: bool,
}

impl Stripe {
    /// Adds an item with this price, or, where there is one already or no price is given, changes the quantity of that
    /// item or of the first. An added item comes first. The difference is prorated on the next invoice.
    ///
    /// # Errors
    /// When there is no such subscription or price, the subscription has ended, or the two are not compatible.
    pub fn change_items(
        &self,
        subscription: &str,
        price: Option<&str>,
        quantity: Option<i64>,
    ) -> Result<Value, ControlError> {
        self.with(|core| {
            let object = present(core, subscription)?;
            let mut items = items_of(&object).to_vec();
            let place = match price {
                Some(price) => items.iter().position(|item| item["price"]["id"] == price),
                None => Some(0).filter(|_| !items.is_empty()),
            };
            let mut params = Params::default();
            let is_new = place.is_none();
            match place {
                Some(place) => params.put("items[0][id]".to_owned(), text(&items[place]["id"])),
                None => params.put("items[0][price]".to_owned(), price.unwrap_or_default().to_owned()),
            }
            params.put("items[0][quantity]".to_owned(), quantity.unwrap_or(1).to_string());
            items = core.items_in(&object, &mut params, str::to_owned)?.unwrap_or_default();
            if is_new {
                items.rotate_right(1);
            }
            let change = Change {
                items,
                at: core.now(),
                behavior: Behavior::CreateProrations,
                ends_trial: false,
                trial_until: None,
            };
            core.change_items(subscription, &change, false, Map::new());
            Ok(core.object(subscription))
        })
    }

    /// Adds a discount to a subscription.
    ///
    /// # Errors
    /// When there is no such subscription, it has ended, or the discount is empty.
    pub fn give_discount(&self, subscription: &str, discount: NewDiscount) -> Result<Value, ControlError> {
        self.with(|core| {
            let object = present(core, subscription)?;
            let coupon = new_coupon(core, &object, discount)?;
            let none = json!([]);
            let added = json!(core.discount_or_coupon(&coupon, &none));
            let mut fields = json!({"discounts": object["discounts"], "items": object["items"]});
            let place = if discount.on_item { "/items/data/0/discounts" } else { "/discounts" };
            if let Some(discounts) = fields.pointer_mut(place).and_then(Value::as_array_mut) {
                discounts.push(added);
            }
            core.apply(subscription, fields, None, &Map::new());
            Ok(core.object(subscription))
        })
    }

    /// Gives a subscription a default tax rate, which is added to its prices or included in them.
    ///
    /// # Errors
    /// When there is no such subscription, or it has ended.
    pub fn give_tax_rate(
        &self,
        subscription: &str,
        percentage: f64,
        is_inclusive: bool,
    ) -> Result<Value, ControlError> {
        self.with(|core| {
            let object = present(core, subscription)?;
            let rate = core.new_tax_rate("VAT", percentage, is_inclusive, Map::new());
            let mut rates = object["default_tax_rates"].as_array().cloned().unwrap_or_default();
            rates.push(core.object(&rate));
            core.apply(subscription, json!({"default_tax_rates": rates}), None, &Map::new());
            Ok(core.object(subscription))
        })
    }

    /// Makes a subscription end at this time, in seconds.
    ///
    /// # Errors
    /// When there is no such subscription, it has ended, or the time is in the past.
    pub fn cancel_at(&self, subscription: &str, moment: i64) -> Result<Value, ControlError> {
        self.with(|core| {
            present(core, subscription)?;
            core.set_cancel_at(subscription, Some(moment))?;
            Ok(core.object(subscription))
        })
    }

    /// Puts a subscription under a schedule with these phases, in the shape of Stripe's API. The first phase starts with the
    /// current period; a phase without `items` has those of the subscription, `price` stands for one item, and
    /// `percent_off` and `amount_off` for a discount.
    ///
    /// # Errors
    /// When there is no such subscription, it has ended, or the phases are not valid.
    pub fn schedule(&self, subscription: &str, phases: &[Value]) -> Result<Value, ControlError> {
        self.with(|core| {
            let object = present(core, subscription)?;
            let schedule = schedule_of(core, subscription)?;
            let mut params = Params::default();
            for (number, phase) in phases.iter().enumerate() {
                let mut phase = phase.clone();
                complete_phase(core, &object, &mut phase, number)?;
                flatten(&mut params, &format!("phases[{number}]"), &phase);
            }
            Ok(change_schedule(core, &schedule, params)?)
        })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn new_coupon(core: &mut Core, subscription: &Value, discount: NewDiscount) -> Result<String, ControlError> {
    let off = match (discount.percent_off, discount.amount_off) {
        (Some(percent), None) if percent > 0.0 && percent <= 100.0 => Off::Percent(percent),
        (None, Some(cents)) if cents > 0 => Off::Amount { cents, currency: text(&subscription["currency"]) },
        _ => return Err(ControlError::Refused("either percent_off or amount_off is needed".to_owned())),
    };
    let duration = discount.months.map_or(Duration::Forever, Duration::Months);
    Ok(core.new_coupon(None, &off, duration, None, Map::new()))
}

/// Fills in the defaults of a phase.
fn complete_phase(core: &mut Core, subscription: &Value, phase: &mut Value, number: usize) -> Result<(), ControlError> {
    if !phase.is_object() {
        return Err(ControlError::Refused("a phase is an object".to_owned()));
    }
    if number == 0 && phase.get("start_date").is_none() {
        phase["start_date"] = json!(present_period(subscription).0);
    }
    if let Some(price) = phase.as_object_mut().and_then(|phase| phase.remove("price")) {
        phase["items"] = json!([{"price": price}]);
    }
    if phase.get("items").is_none() {
        let items = items_of(subscription).iter();
        phase["items"] =
            items.map(|item| json!({"price": item["price"]["id"], "quantity": item["quantity"]})).collect();
    }
    let Some(fields) = phase.as_object_mut() else { return Ok(()) };
    let (percent_off, amount_off) = (fields.remove("percent_off"), fields.remove("amount_off"));
    if percent_off.is_some() || amount_off.is_some() {
        let discount = NewDiscount {
            percent_off: percent_off.and_then(|percent| percent.as_f64()),
            amount_off: amount_off.and_then(|amount| amount.as_i64()),
            ..NewDiscount::default()
        };
        let coupon = new_coupon(core, subscription, discount)?;
        fields.insert("discounts".to_owned(), json!([{"coupon": coupon}]));
    }
    Ok(())
}

/// JSON as the parameters of a call.
fn flatten(params: &mut Params, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| flatten(params, &format!("{name}[{key}]"), value));
        }
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(key, value)| flatten(params, &format!("{name}[{key}]"), value));
        }
        Value::String(text) => params.put(name.to_owned(), text.clone()),
        other => params.put(name.to_owned(), other.to_string()),
    }
}
