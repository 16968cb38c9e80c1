//! The result and the cost of a change of items: by the second, each line rounded to a whole minor unit. A trial costs
//! nothing. Another interval, or the first price above zero, restarts the periods.

use crate::core::Core;
use crate::error::ApiError;
use crate::items::{
    amount_of, amount_of_all, interval_of, items_of, period_of, periods_after, present_period, quantity_of, set_items,
    set_period,
};
use crate::objects::Line;
use crate::params::Params;
use jiff::Timestamp;
use serde_json::{Value, json};

/// How the difference in cost is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behavior {
    /// It is invoiced at once.
    AlwaysInvoice,
    /// It waits for the next invoice.
    CreateProrations,
    /// No proration.
    None,
}

/// A change of a subscription's items.
pub struct Change {
    pub items: Vec<Value>,
    /// The time of the change.
    pub at: i64,
    pub behavior: Behavior,
    /// Whether it ends the trial, if there is one.
    pub ends_trial: bool,
    /// The new end of the trial, if there is one.
    pub trial_until: Option<i64>,
}

/// The result of a change of a subscription.
pub struct Changed {
    /// The changed fields of the subscription.
    pub fields: Value,
    /// When its periods restart.
    pub anchor: Option<i64>,
    /// The lines of its cost.
    pub lines: Vec<Value>,
    /// Whether they wait for the next invoice.
    pub is_to_wait: bool,
}

/// The part of `amount` for the rest of a period.
fn part_left(amount: i64, (start, end): (i64, i64), at: i64) -> i64 {
    let (whole, remaining) = (i128::from(end - start).max(1), i128::from(end - at));
    i64::try_from((2 * i128::from(amount) * remaining + whole) / (2 * whole)).unwrap_or_default()
}

fn day(at: i64) -> String {
    Timestamp::from_second(at).map(|at| at.strftime("%d %b %Y").to_string()).unwrap_or_default()
}

/// A name with its quantity, unless that is one.
fn counted(item: &Value, name: &str) -> String {
    match quantity_of(item) {
        1 => name.to_owned(),
        quantity => format!("{quantity} × {name}"),
    }
}

impl Behavior {
    /// In the representation of a phase.
    pub fn of(name: Option<&str>) -> Self {
        match name {
            Some("always_invoice") => Self::AlwaysInvoice,
            Some("none") => Self::None,
            _ => Self::CreateProrations,
        }
    }
}

/// The parameter that says how the difference in cost is charged.
pub fn behavior_in(params: &mut Params, name: &str) -> Result<Behavior, ApiError> {
    match params.take(name).as_deref() {
        None | Some("create_prorations") => Ok(Behavior::CreateProrations),
        Some("always_invoice") => Ok(Behavior::AlwaysInvoice),
        Some("none") => Ok(Behavior::None),
        Some(other) => {
            Err(ApiError { param: Some(name.to_owned()), ..ApiError::invalid(format!("Invalid {name}: {other}")) })
        }
    }
}

impl Core {
    /// The change in the parameters of a call, which may be nested `within` another parameter.
    pub fn change_in(
        &self,
        subscription: &Value,
        params: &mut Params,
        within: &str,
    ) -> Result<Option<Change>, ApiError> {
        let named = |name: &str| match (within, name.split_once('[')) {
            ("", _) => name.to_owned(),
            (_, Some((first, rest))) => format!("{within}[{first}][{rest}"),
            (_, None) => format!("{within}[{name}]"),
        };
        let behavior = behavior_in(params, &named("proration_behavior"))?;
        let date = params.number(&named("proration_date"))?;
        let wrong = |message: &str| ApiError { param: Some(named("trial_end")), ..ApiError::invalid(message) };
        let (ends_trial, trial_until) = match params.take(&named("trial_end")).as_deref() {
            None => (false, None),
            Some("now") => (true, None),
            Some(text) => match text.parse() {
                Ok(until) if until <= self.now() => return Err(wrong("trial_end must be in the future.")),
                Ok(_) if subscription["status"] != "trialing" => {
                    return Err(wrong("A trial that begins later is not played here."));
                }
                Ok(until) => (false, Some(until)),
                Err(_) => return Err(wrong("Invalid timestamp: trial_end.")),
            },
        };
        let present = || items_of(subscription).to_vec();
        let items = match self.items_in(subscription, params, named)? {
            None if !ends_trial && trial_until.is_none() => return Ok(None),
            items => items.unwrap_or_else(present),
        };
        let (start, end) = present_period(subscription);
        let at = date.unwrap_or_else(|| self.now());
        // In a period that was started early, each time before its start counts as its start.
        let is_begun_ahead = self.now() < start;
        if date.is_some_and(|date| date > end || (date < start && !is_begun_ahead)) {
            let message = format!("Cannot specify a proration date outside of the current period ({start} to {end}).");
            return Err(ApiError { param: Some(named("proration_date")), ..ApiError::invalid(message) });
        }
        Ok(Some(Change { items, at: at.clamp(start, end), behavior, ends_trial, trial_until }))
    }

    /// The result of a change of a subscription.
    pub fn changed(&self, subscription: &Value, change: &Change) -> Changed {
        let old = items_of(subscription);
        let mut new = change.items.clone();
        let ends_trial = subscription["status"] == "trialing" && change.ends_trial;
        let is_trial = subscription["status"] == "trialing" && !ends_trial;
        let is_prorated = change.behavior != Behavior::None;
        let price = new.first().map(|item| item["price"].clone()).unwrap_or_default();
        let has_other_interval = old.first().is_none_or(|item| interval_of(&item["price"]) != interval_of(&price));
        let is_anew =
            !is_trial && (ends_trial || has_other_interval || (amount_of_all(old) == 0 && amount_of_all(&new) > 0));
        let mut fields = json!({});
        if is_anew {
            let end = periods_after(change.at, &price, 1);
            set_period(&mut new, (change.at, end));
            fields["billing_cycle_anchor"] = json!(change.at);
            if subscription["cancel_at_period_end"] == true {
                fields["cancel_at"] = json!(end);
            }
        }
        let trial_until = change.trial_until.filter(|_| is_trial);
        if let Some(until) = trial_until {
            let (start, _) = present_period(subscription);
            set_period(&mut new, (start, until));
            fields["billing_cycle_anchor"] = json!(until);
            fields["trial_end"] = json!(until);
            if subscription["cancel_at_period_end"] == true {
                fields["cancel_at"] = json!(until);
            }
        }
        let mut then = subscription.clone();
        if ends_trial {
            fields["status"] = json!("active");
            fields["trial_end"] = json!(change.at);
            then["status"] = json!("active");
        }
        set_items(&mut then, new.clone());
        fields["items"] = then["items"].clone();
        let stays = |items: &[Value], item: &Value| {
            let same = |other: &Value| ["id", "quantity"].iter().all(|name| other[name] == item[name]);
            items.iter().any(|other| same(other) && other["price"]["id"] == item["price"]["id"])
        };
        let is_other = |items: &[Value]| items.iter().any(|item| !stays(old, item));
        let mut lines = Vec::new();
        if ends_trial || is_other(&new) || old.iter().any(|item| !stays(&new, item)) {
            if is_prorated && !is_trial && !ends_trial {
                let gone = old.iter().filter(|item| is_anew || !stays(&new, item));
                lines.extend(gone.map(|item| self.unused(subscription, item, change.at)));
            }
            let come = new.iter().filter(|item| is_anew || !stays(old, item));
            if is_anew || (is_prorated && is_trial) {
                lines.extend(come.map(|item| self.period_line(&then, item)));
            } else if is_prorated {
                lines.extend(come.map(|item| self.remaining(&then, item, change.at)));
            }
        }
        let is_to_wait = change.behavior == Behavior::CreateProrations && !is_anew;
        Changed { fields, anchor: trial_until.or(is_anew.then_some(change.at)), lines, is_to_wait }
    }

    pub fn name_of(&self, price: &Value) -> String {
        let product = self.object(price["product"].as_str().unwrap_or_default());
        product["name"].as_str().unwrap_or("a subscription").to_owned()
    }

    /// The lines of a whole period, one for each item.
    pub fn period_lines(&self, subscription: &Value) -> Vec<Value> {
        items_of(subscription).iter().map(|item| self.period_line(subscription, item)).collect()
    }

    fn period_line(&self, subscription: &Value, item: &Value) -> Value {
        let (price, name) = (&item["price"], self.name_of(&item["price"]));
        let (amount, description) = match subscription["status"] == "trialing" {
            true => (0, format!("Trial period for {}", counted(item, &name))),
            false => (amount_of(item), format!("{} × {name}", quantity_of(item))),
        };
        self.new_line(
            subscription,
            item,
            &Line { price, amount, description, period: period_of(item), is_proration: false },
        )
    }

    /// The credit for the rest of an item's current period.
    fn unused(&self, subscription: &Value, item: &Value, at: i64) -> Value {
        let (price, period) = (&item["price"], period_of(item));
        let description = format!("Unused time on {} after {}", counted(item, &self.name_of(price)), day(at));
        let amount = -part_left(self.net_amount(subscription, item, at), period, at);
        let line = Line { price, amount, description, period: (at, period.1), is_proration: true };
        let mut line = self.new_line(subscription, item, &line);
        if let Some((invoice, credited)) = self.debit_of(subscription, price, at) {
            line["parent"]["subscription_item_details"]["proration_details"]["credited_items"] =
                json!({"invoice": invoice, "invoice_line_items": [credited]});
        }
        line
    }

    /// The charge for the rest of the current period of an item of `then`, the subscription after the change.
    fn remaining(&self, then: &Value, item: &Value, at: i64) -> Value {
        let (price, period) = (&item["price"], period_of(item));
        let description = format!("Remaining time on {} after {}", counted(item, &self.name_of(price)), day(at));
        let amount = part_left(self.net_amount(then, item, at), period, at);
        self.new_line(then, item, &Line { price, amount, description, period: (at, period.1), is_proration: true })
    }

    /// The invoice and its line that charged a price at this time.
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
