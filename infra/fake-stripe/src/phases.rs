//! The phases of a schedule: their parameters, and the subscription in each phase. A phase replaces the subscription's
//! fields: a field that it does not set is removed.

use crate::calendar::after;
use crate::core::Core;
use crate::error::ApiError;
use crate::items::{items_of, period_of, present_period, set_items, set_price};
use crate::params::Params;
use crate::proration::{Behavior, Change, behavior_in};
use serde_json::{Value, json};

/// The fields of a phase that are accepted and have no effect here.
const WITHOUT_EFFECT: [&str; 5] =
    ["[automatic_tax]", "[invoice_settings]", "[billing_thresholds]", "[transfer_data]", "[application_fee_percent]"];

/// A phase of one item, with all its fields.
pub fn new_phase(currency: &Value, items: Value, (start, end): (i64, i64), behavior: &str) -> Value {
    json!({
        "add_invoice_items": [], "application_fee_percent": null, "billing_cycle_anchor": null,
        "billing_thresholds": null, "collection_method": null, "currency": currency,
        "default_payment_method": null, "default_tax_rates": [], "description": null, "discounts": [],
        "end_date": end, "invoice_settings": null, "items": items, "metadata": {}, "on_behalf_of": null,
        "proration_behavior": behavior, "start_date": start, "transfer_data": null, "trial_end": null,
    })
}

/// An item of a phase.
fn phase_item(price: &Value, quantity: i64, (discounts, tax_rates, metadata): (Value, Value, Value)) -> Value {
    json!({
        "billing_thresholds": null, "discounts": discounts, "metadata": metadata, "plan": price, "price": price,
        "quantity": quantity, "tax_rates": tax_rates,
    })
}

/// The next phase in the parameters, after those before it.
pub fn phase_in(core: &Core, subscription: &Value, params: &mut Params, before: &[Value]) -> Result<Value, ApiError> {
    let number = before.len();
    let named = |name: &str| format!("phases[{number}]{name}");
    let mut items: Vec<Value> = Vec::new();
    while items.is_empty() || params.any(&named(&format!("[items][{}]", items.len()))) {
        let field = |name: &str| named(&format!("[items][{}][{name}]", items.len()));
        let price = params.require(&field("price"))?;
        let known = core.price_for(subscription, &price, &field("price"))?;
        let quantity = params.number(&field("quantity"))?.unwrap_or(1);
        let discounts = phase_discounts(core, params, &field("discounts"), &known["currency"])?;
        let tax_rates = core.tax_rates_in(params, &field("tax_rates"))?.unwrap_or(json!([]));
        let metadata = params.map(&field("metadata")).into();
        items.push(phase_item(&known["id"], quantity, (discounts, tax_rates, metadata)));
    }
    let behavior = params.get(&named("[proration_behavior]")).unwrap_or("create_prorations").to_owned();
    behavior_in(params, &named("[proration_behavior]"))?;
    let trial_end = params.number(&named("[trial_end]"))?;
    let (start, end) = dates(params, number, before.last())?;
    if trial_end.is_some_and(|trial_end| trial_end != end) {
        let message = "Only a phase that is a trial as a whole is played here.";
        return Err(ApiError { param: Some(named("[trial_end]")), ..ApiError::invalid(message) });
    }
    let mut phase = new_phase(&subscription["currency"], items.into(), (start, end), &behavior);
    phase["trial_end"] = json!(trial_end);
    phase["discounts"] = phase_discounts(core, params, &named("[discounts]"), &subscription["currency"])?;
    if let Some(rates) = core.tax_rates_in(params, &named("[default_tax_rates]"))? {
        phase["default_tax_rates"] = rates;
    }
    for name in ["default_payment_method", "description", "collection_method", "billing_cycle_anchor", "on_behalf_of"] {
        if let Some(text) = params.take(&named(&format!("[{name}]"))).filter(|text| !text.is_empty()) {
            phase[name] = json!(text);
        }
    }
    params.take(&named("[currency]"));
    phase["metadata"] = params.map(&named("[metadata]")).into();
    for name in WITHOUT_EFFECT {
        params.take(&named(name));
        params.map(&named(name));
    }
    Ok(phase)
}

/// The start and the end of a phase.
fn dates(params: &mut Params, number: usize, last: Option<&Value>) -> Result<(i64, i64), ApiError> {
    let named = |name: &str| format!("phases[{number}]{name}");
    let wrong = |name: &str, message: &str| ApiError { param: Some(named(name)), ..ApiError::invalid(message) };
    let end_of_last = last.map(|phase| phase["end_date"].as_i64().unwrap_or_default());
    let start = match (params.number(&named("[start_date]"))?, end_of_last) {
        (Some(start), Some(end)) if start != end => {
            return Err(wrong("[start_date]", "A phase starts when the one before it ends."));
        }
        (Some(start), _) | (None, Some(start)) => start,
        (None, None) => return Err(wrong("[start_date]", "The first phase needs its start date.")),
    };
    let interval = params.take(&named("[duration][interval]"));
    let count = params.number(&named("[duration][interval_count]"))?.unwrap_or(1);
    // It stays for the next phase, which reads it too.
    let start_of_next = params.number_of(&format!("phases[{}][start_date]", number + 1))?;
    let end = match (params.number(&named("[end_date]"))?, interval.as_deref()) {
        (Some(_), Some(_)) => return Err(wrong("[duration]", "A phase has an end date or a duration, not both.")),
        (Some(end), None) => end,
        (None, Some(interval @ ("day" | "week" | "month" | "year"))) => after(start, interval, count),
        (None, Some(_)) => return Err(wrong("[duration][interval]", "Invalid interval.")),
        (None, None) => {
            start_of_next.ok_or_else(|| wrong("[end_date]", "The last phase needs its end or its duration."))?
        }
    };
    if end <= start {
        return Err(wrong("[end_date]", "A phase ends after its start."));
    }
    Ok((start, end))
}

/// The discounts of a phase in its representation: by coupon, or by an existing discount.
fn phase_discounts(core: &Core, params: &mut Params, name: &str, currency: &Value) -> Result<Value, ApiError> {
    let mut discounts: Vec<Value> = Vec::new();
    params.take(name);
    while params.any(&format!("{name}[{}]", discounts.len())) {
        let named = |field: &str| format!("{name}[{}][{field}]", discounts.len());
        let (coupon, discount) = (params.take(&named("coupon")), params.take(&named("discount")));
        if let Some(coupon) = &coupon {
            core.redeemable(coupon, currency, &named("coupon"))?;
        } else if core.find("discount", discount.as_deref().unwrap_or_default()).is_none() {
            return Err(ApiError { status: 400, ..ApiError::missing("discount", &discount.unwrap_or_default()) });
        }
        discounts.push(json!({"coupon": coupon, "discount": discount, "promotion_code": null}));
    }
    Ok(discounts.into())
}

/// Checks phases that replace those of a schedule: the current one keeps its start.
pub fn checked(schedule: &Value, subscription: &Value, phases: Vec<Value>) -> Result<Value, ApiError> {
    let current = &schedule["current_phase"];
    let Some(first) = phases.iter().find(|phase| phase["end_date"].as_i64() > current["start_date"].as_i64()) else {
        return Err(ApiError::invalid("The current phase is missing."));
    };
    if first["start_date"] != current["start_date"] {
        return Err(ApiError::invalid("You can not modify the start date of the current phase."));
    }
    let has = |price: &Value| items_of(subscription).iter().any(|item| item["price"]["id"] == *price);
    if first["items"].as_array().into_iter().flatten().any(|item| !has(&item["price"])) {
        return Err(ApiError::invalid("Another price in the current phase is not supported by this fake."));
    }
    if first["end_date"].as_i64() < Some(present_period(subscription).1) {
        return Err(ApiError::invalid("A phase that ends within a period is not played here."));
    }
    Ok(phases.into())
}

impl Core {
    /// A phase with the current state of the subscription.
    pub fn present_phase(&self, subscription: &Value) -> Value {
        let shown = |discounts: &Value| -> Value {
            let of_it = discounts.as_array().into_iter().flatten();
            of_it.map(|id| json!({"coupon": null, "discount": id, "promotion_code": null})).collect()
        };
        let item = |item: &Value| {
            let rest = (shown(&item["discounts"]), item["tax_rates"].clone(), item["metadata"].clone());
            phase_item(&item["price"]["id"], item["quantity"].as_i64().unwrap_or(1), rest)
        };
        let items = items_of(subscription).iter().map(item).collect();
        let (start, end) = items_of(subscription).first().map(period_of).unwrap_or_default();
        let mut phase = new_phase(&subscription["currency"], items, (start, end), "create_prorations");
        let is_trial = subscription["status"] == "trialing";
        phase["trial_end"] = json!(subscription["trial_end"].as_i64().filter(|_| is_trial));
        phase["discounts"] = shown(&subscription["discounts"]);
        for name in ["default_tax_rates", "default_payment_method", "description"] {
            phase[name] = subscription[name].clone();
        }
        phase
    }

    /// A subscription with the fields of a phase.
    pub fn in_phase(&self, subscription: &Value, phase: &Value) -> Value {
        let mut next = subscription.clone();
        let mut remaining = items_of(subscription).to_vec();
        let requested = phase["items"].as_array().cloned().unwrap_or_default();
        let mut items: Vec<Option<Value>> = Vec::new();
        // An item keeps its id if its price stays, or if only its price changes.
        for item in &requested {
            let same = remaining.iter().position(|other| other["price"]["id"] == item["price"]);
            items.push(same.map(|place| remaining.remove(place)));
        }
        let made = items.into_iter().zip(&requested).map(|(item, requested)| {
            let price = self.object(requested["price"].as_str().unwrap_or_default());
            let id = subscription["id"].as_str().unwrap_or_default();
            let mut item = item.unwrap_or_else(|| match remaining.is_empty() {
                true => self.new_item(id, &price, 1, present_period(subscription)),
                false => remaining.remove(0),
            });
            set_price(&mut item, &price);
            item["discounts"] = self.discounts_of_phase(&requested["discounts"], &item["discounts"]);
            for name in ["quantity", "tax_rates", "metadata"] {
                item[name] = requested[name].clone();
            }
            item
        });
        set_items(&mut next, made.collect());
        next["discounts"] = self.discounts_of_phase(&phase["discounts"], &subscription["discounts"]);
        for name in ["default_tax_rates", "default_payment_method", "description"] {
            next[name] = phase[name].clone();
        }
        for (key, value) in phase["metadata"].as_object().into_iter().flatten() {
            next["metadata"][key] = value.clone();
        }
        next
    }

    fn discounts_of_phase(&self, requested: &Value, present: &Value) -> Value {
        let id = |requested: &Value| match requested["coupon"].as_str() {
            Some(coupon) => json!(self.discount_or_coupon(coupon, present)),
            None => requested["discount"].clone(),
        };
        requested.as_array().into_iter().flatten().map(id).collect()
    }

    /// Applies the current phase to a subscription, now.
    pub fn apply_present_phase(&mut self, subscription: &str) {
        let object = self.object(subscription);
        let (start, _) = present_period(&object);
        let Some(phase) = self.phase_at(&object, start) else { return };
        let next = self.in_phase(&object, &phase);
        let behavior = Behavior::of(phase["proration_behavior"].as_str());
        let change =
            Change { items: items_of(&next).to_vec(), at: self.now(), behavior, ends_trial: false, trial_until: None };
        let names = ["discounts", "default_tax_rates", "default_payment_method", "description", "metadata"];
        let fields: serde_json::Map<_, _> =
            names.map(|name| (name.to_owned(), next[name].clone())).into_iter().collect();
        self.apply(subscription, fields.into(), None, &serde_json::Map::new());
        self.change_items(subscription, &change, false, serde_json::Map::new());
    }
}
