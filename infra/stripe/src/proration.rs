//! What a change of price makes of a subscription and what it costs: by the second, each line rounded to a whole minor
//! unit. A trial costs nothing. Another interval, or the first price that costs something, begins the periods anew.

use crate::core::Core;
use crate::error::Fault;
use crate::objects::Line;
use crate::params::Params;
use crate::subscriptions::after;
use jiff::Timestamp;
use serde_json::{Value, json};

/// A subscription's item is to have another price.
pub struct Change {
    pub price: Value,
    /// From then on.
    pub at: i64,
    pub is_prorated: bool,
}

/// What a change makes of a subscription.
pub struct Changed {
    /// The fields of the subscription that are others then.
    pub fields: Value,
    /// When its periods begin anew.
    pub anchor: Option<i64>,
    /// What is invoiced for it at once.
    pub lines: Vec<Value>,
}

/// A period of an item: its start and its end.
pub fn period_of(item: &Value) -> (i64, i64) {
    let of = |name: &str| item[name].as_i64().unwrap_or_default();
    (of("current_period_start"), of("current_period_end"))
}

pub fn cost_of(price: &Value) -> i64 {
    price["unit_amount"].as_i64().unwrap_or_default()
}

/// The part of `amount` that falls on what is left of a period.
fn part_left(amount: i64, (start, end): (i64, i64), at: i64) -> i64 {
    let (whole, left) = (i128::from(end - start).max(1), i128::from(end - at));
    i64::try_from((2 * i128::from(amount) * left + whole) / (2 * whole)).unwrap_or_default()
}

fn day(at: i64) -> String {
    Timestamp::from_second(at).map(|at| at.strftime("%d %b %Y").to_string()).unwrap_or_default()
}

impl Core {
    /// The change that the parameters of a call ask for, which stand there `within` another parameter or by themselves.
    pub fn change_in(&self, subscription: &Value, params: &mut Params, within: &str) -> Result<Option<Change>, Fault> {
        let named = |name: &str| match (within, name.split_once('[')) {
            ("", _) => name.to_owned(),
            (_, Some((first, rest))) => format!("{within}[{first}][{rest}"),
            (_, None) => format!("{within}[{name}]"),
        };
        let present = &subscription["items"]["data"][0];
        let (item, price) = (params.take(&named("items[0][id]")), params.take(&named("items[0][price]")));
        let quantity = params.number(&named("items[0][quantity]"))?;
        let behavior = params.take(&named("proration_behavior"));
        let date = params.number(&named("proration_date"))?;
        if quantity.is_some_and(|quantity| quantity != 1) {
            return Err(Fault::invalid("Only the quantity 1 is played here."));
        }
        let Some(price) = price else { return Ok(None) };
        let item = item.ok_or_else(|| Fault::invalid("Only one item is played here: it is named by its id."))?;
        if present["id"] != item {
            return Err(Fault { status: 400, ..Fault::missing("subscription_item", &item) });
        }
        let price = self.price_for(subscription, &price, &named("items[0][price]"))?;
        let is_prorated = match behavior.as_deref() {
            Some("always_invoice") => true,
            Some("none") => false,
            _ => return Err(Fault::invalid("Of proration_behavior, always_invoice and none are played here.")),
        };
        let (start, end) = period_of(present);
        let at = date.unwrap_or_else(|| self.now());
        // A period that was begun before its time is as good as begun.
        if date.is_some() && !(start.min(self.now())..=end).contains(&at) {
            let message = format!("Cannot specify a proration date outside of the current period ({start} to {end}).");
            return Err(Fault { param: Some(named("proration_date")), ..Fault::invalid(message) });
        }
        Ok(Some(Change { price, at: at.clamp(start, end), is_prorated }))
    }

    /// A price that a subscription's item can have.
    pub fn price_for(&self, subscription: &Value, id: &str, param: &str) -> Result<Value, Fault> {
        let missing = || Fault { status: 400, ..Fault::missing("price", id) }.code("resource_missing", param);
        let price = self.find("price", id).ok_or_else(missing)?;
        let (is_active, currency) = (price["active"] == true, &price["currency"]);
        if !is_active && subscription["items"]["data"][0]["price"]["id"] != id {
            return Err(Fault::invalid(format!("The price specified is inactive: {id}")));
        }
        if *currency != subscription["currency"] {
            let message = format!("The price specified is in {currency}, the subscription is not.");
            return Err(Fault { param: Some(param.to_owned()), ..Fault::invalid(message) });
        }
        Ok(price.clone())
    }

    /// What a change makes of a subscription.
    pub fn changed(&self, subscription: &Value, change: &Change) -> Changed {
        let item = &subscription["items"]["data"][0];
        let (old, new) = (&item["price"], &change.price);
        let is_trial = subscription["status"] == "trialing";
        let interval = new["recurring"]["interval"].as_str().unwrap_or("month");
        let is_anew =
            !is_trial && (old["recurring"]["interval"] != interval || (cost_of(old) == 0 && cost_of(new) > 0));
        let mut items = subscription["items"].clone();
        items["data"][0]["price"] = new.clone();
        items["data"][0]["plan"] = Self::plan_of(new);
        let mut fields = json!({});
        if is_anew {
            let end = after(change.at, interval, 1);
            items["data"][0]["current_period_start"] = json!(change.at);
            items["data"][0]["current_period_end"] = json!(end);
            fields["billing_cycle_anchor"] = json!(change.at);
            if subscription["cancel_at_period_end"] == true {
                fields["cancel_at"] = json!(end);
            }
        }
        fields["items"] = items;
        let mut lines = Vec::new();
        if old["id"] != new["id"] {
            if change.is_prorated && !is_trial {
                lines.push(self.unused(subscription, change.at));
            }
            if is_anew || (change.is_prorated && is_trial) {
                let mut then = subscription.clone();
                then["items"] = fields["items"].clone();
                lines.push(self.period_line(&then));
            } else if change.is_prorated {
                lines.push(self.remaining(subscription, change));
            }
        }
        Changed { fields, anchor: is_anew.then_some(change.at), lines }
    }

    pub fn name_of(&self, price: &Value) -> String {
        let product = self.object(price["product"].as_str().unwrap_or_default());
        product["name"].as_str().unwrap_or("a subscription").to_owned()
    }

    /// The line of a whole period.
    pub fn period_line(&self, subscription: &Value) -> Value {
        let item = &subscription["items"]["data"][0];
        let (price, name) = (&item["price"], self.name_of(&item["price"]));
        let (amount, description) = match subscription["status"] == "trialing" {
            true => (0, format!("Trial period for {name}")),
            false => (cost_of(price), format!("1 × {name}")),
        };
        self.new_line(
            subscription,
            item,
            &Line { price, amount, description, period: period_of(item), is_proration: false },
        )
    }

    /// The credit for what is left of the present period.
    fn unused(&self, subscription: &Value, at: i64) -> Value {
        let item = &subscription["items"]["data"][0];
        let (price, period) = (&item["price"], period_of(item));
        let description = format!("Unused time on {} after {}", self.name_of(price), day(at));
        let amount = -part_left(cost_of(price), period, at);
        let line = Line { price, amount, description, period: (at, period.1), is_proration: true };
        let mut line = self.new_line(subscription, item, &line);
        if let Some((invoice, credited)) = self.debit_of(subscription, price, at) {
            line["parent"]["subscription_item_details"]["proration_details"]["credited_items"] =
                json!({"invoice": invoice, "invoice_line_items": [credited]});
        }
        line
    }

    /// The charge for what is left of the present period at the new price.
    fn remaining(&self, subscription: &Value, change: &Change) -> Value {
        let item = &subscription["items"]["data"][0];
        let (price, period) = (&change.price, period_of(item));
        let description = format!("Remaining time on {} after {}", self.name_of(price), day(change.at));
        let amount = part_left(cost_of(price), period, change.at);
        self.new_line(
            subscription,
            item,
            &Line { price, amount, description, period: (change.at, period.1), is_proration: true },
        )
    }

    /// The invoice and its line that asked for a price at a moment.
    fn debit_of(&self, subscription: &Value, price: &Value, at: i64) -> Option<(String, Value)> {
        let asked = |line: &&Value| {
            let period = |name: &str| line["period"][name].as_i64().unwrap_or_default();
            line["pricing"]["price_details"]["price"] == price["id"]
                && line["amount"].as_i64().is_some_and(|amount| amount >= 0)
                && (period("start")..=period("end")).contains(&at)
        };
        let of_it = self.of("invoice", subscription["id"].as_str().unwrap_or_default()).into_iter();
        of_it.filter(|record| record.object["status"] != "void").find_map(|record| {
            let line = record.object["lines"]["data"].as_array()?.iter().find(asked)?;
            Some((record.id.clone(), line["id"].clone()))
        })
    }
}
