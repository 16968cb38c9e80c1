//! Subscription schedules: another price from the next period on. A phase replaces the fields of the subscription, and
//! fields that it does not name are removed. So each phase is written from the whole subscription, and only the price
//! of one item differs.

use crate::client::{Gateway, GatewayError};
use crate::objects::{Changed, CurrentPhase};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tollgate_domain::billing::{Subscription, Terms};

/// The fields of a phase that a subscription also has.
const OF_SUBSCRIPTION: [&str; 9] = [
    "application_fee_percent",
    "billing_thresholds",
    "collection_method",
    "default_payment_method",
    "default_tax_rates",
    "description",
    "invoice_settings",
    "on_behalf_of",
    "transfer_data",
];
/// The fields of a phase's item that a subscription's item also has; its discounts have another form.
const OF_ITEM: [&str; 5] = ["billing_thresholds", "metadata", "price", "quantity", "tax_rates"];

#[derive(Serialize)]
struct WithSubscription {
    expand: [&'static str; 1],
}

const WITH_SUBSCRIPTION: WithSubscription = WithSubscription { expand: ["subscription"] };

#[derive(Serialize)]
struct NewSchedule<'a> {
    expand: [&'static str; 1],
    from_subscription: &'a str,
}

/// The two phases as the pairs of a form, as Stripe writes nested parameters. Serialised directly, they are deeper than
/// the client allows.
fn form(phases: [Value; 2]) -> BTreeMap<String, Value> {
    let mut pairs = BTreeMap::from([("end_behavior".to_owned(), json!("release"))]);
    flatten("phases".to_owned(), phases.as_slice().into(), &mut pairs);
    pairs
}

fn flatten(name: String, value: Value, pairs: &mut BTreeMap<String, Value>) {
    match value {
        Value::Array(entries) => {
            for (place, entry) in entries.into_iter().enumerate() {
                flatten(format!("{name}[{place}]"), entry, pairs);
            }
        }
        Value::Object(fields) => {
            for (field, entry) in fields {
                flatten(format!("{name}[{field}]"), entry, pairs);
            }
        }
        leaf => {
            pairs.insert(name, leaf);
        }
    }
}

/// A schedule and its subscription. Phases and subscription are Stripe's own objects, because the fields that are
/// written back must not be limited to those that are read elsewhere.
#[derive(Debug, Deserialize)]
struct Managed {
    id: String,
    #[serde(default)]
    current_phase: Option<CurrentPhase>,
    phases: Vec<Value>,
    subscription: Value,
}

impl Gateway {
    /// Changes the price of a subscription from its next period on, in its current schedule or a new one. All other
    /// fields stay.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn schedule_price(
        &self,
        subscription: &Subscription,
        price: &str,
        terms: &Terms,
    ) -> Result<(), GatewayError> {
        let managed: Managed = match &subscription.schedule {
            Some(schedule) => self.get(&schedule_path(&schedule.stripe_id), &WITH_SUBSCRIPTION).await?,
            None => {
                let expand = WITH_SUBSCRIPTION.expand;
                let params = NewSchedule { expand, from_subscription: &subscription.stripe_id };
                self.post("/subscription_schedules", &params).await?
            }
        };
        let phases = phases(&managed, subscription, price, terms)?;
        self.post::<Changed>(&schedule_path(&managed.id), &form(phases)).await.map(|_| ())
    }
}

fn schedule_path(id: &str) -> String {
    format!("/subscription_schedules/{id}")
}

/// The phase until the end of the item's period, and the next one with the other price. A phase of the schedule that
/// begins at that time already keeps its own fields.
fn phases(managed: &Managed, stored: &Subscription, price: &str, terms: &Terms) -> Result<[Value; 2], GatewayError> {
    let missing = |what: &str| GatewayError::Unknown(format!("a schedule without {what}"));
    let current = managed.current_phase.as_ref().ok_or_else(|| missing("a current phase"))?;
    let subscription = &managed.subscription;
    let items = subscription["items"]["data"].as_array().ok_or_else(|| missing("its subscription"))?;
    let item = items.iter().find(|item| item["id"] == *stored.stripe_item_id);
    let item = item.ok_or_else(|| missing("the item of the plan"))?;
    // The period ends with the item's: a phase made in Stripe's dashboard may last several periods.
    let end = item["current_period_end"].as_i64().ok_or_else(|| missing("an end of the period"))?;
    let starts_at = |at: i64| managed.phases.iter().find(move |phase| phase["start_date"] == at);
    let is_trial = subscription["status"] == "trialing";
    let carried = carry_over(subscription, starts_at(current.start_date).unwrap_or(&Value::Null));

    let mut present = carried.clone();
    present.insert("start_date".to_owned(), json!(current.start_date));
    present.insert("end_date".to_owned(), json!(end));
    if let Some(trial_end) = subscription["trial_end"].as_i64().filter(|_| is_trial) {
        present.insert("trial_end".to_owned(), json!(trial_end));
    }

    let planned = starts_at(end).filter(|_| end != current.start_date);
    let mut next = planned.map_or(carried, carry_over_phase);
    let old_prices =
        [stored.schedule.as_ref().and_then(|s| s.next_price_id.clone()), plain(&item["price"]).and_then(text)];
    set_price(&mut next, &old_prices, price);
    next.insert("duration".to_owned(), json!({"interval": terms.billing_period}));
    Ok([present.into(), next.into()])
}

/// Changes the price of the item with the first of `old_prices` that an item has; a phase without such an item gets
/// one.
fn set_price(phase: &mut Map<String, Value>, old_prices: &[Option<String>], price: &str) {
    let items = phase.entry("items").or_insert_with(|| json!([]));
    let Some(items) = items.as_array_mut() else { return };
    let place = old_prices.iter().flatten().find_map(|old| items.iter().position(|item| item["price"] == *old));
    match place.and_then(|place| items.get_mut(place)) {
        Some(item) => item["price"] = json!(price),
        None => items.insert(0, json!({"price": price})),
    }
}

/// The parameters of a phase with all fields of the subscription, and those that only its current phase has.
fn carry_over(subscription: &Value, phase: &Value) -> Map<String, Value> {
    let mut carried = Map::new();
    for name in OF_SUBSCRIPTION {
        put(&mut carried, name, plain(&subscription[name]).or_else(|| plain(&phase[name])));
    }
    put(&mut carried, "automatic_tax", automatic_tax(&subscription["automatic_tax"]));
    put(&mut carried, "discounts", discounts(&subscription["discounts"]));
    put(&mut carried, "metadata", plain(&phase["metadata"]));
    if let Some(days) = subscription["days_until_due"].as_i64() {
        let settings = carried.entry("invoice_settings").or_insert_with(|| json!({}));
        settings["days_until_due"] = json!(days);
    }
    finish(carried, &subscription["items"]["data"])
}

/// The parameters of an unchanged phase.
fn carry_over_phase(phase: &Value) -> Map<String, Value> {
    let mut carried = Map::new();
    for name in OF_SUBSCRIPTION.into_iter().chain(["add_invoice_items", "billing_cycle_anchor", "metadata"]) {
        put(&mut carried, name, plain(&phase[name]));
    }
    put(&mut carried, "automatic_tax", automatic_tax(&phase["automatic_tax"]));
    put(&mut carried, "discounts", discounts(&phase["discounts"]));
    finish(carried, &phase["items"])
}

/// The same with the items. No phase prorates at its start.
fn finish(mut carried: Map<String, Value>, items: &Value) -> Map<String, Value> {
    let items: Vec<Value> = items.as_array().into_iter().flatten().map(item_params).collect();
    carried.insert("items".to_owned(), items.into());
    carried.insert("proration_behavior".to_owned(), json!("none"));
    carried
}

fn item_params(item: &Value) -> Value {
    let mut params = Map::new();
    for name in OF_ITEM {
        put(&mut params, name, plain(&item[name]));
    }
    put(&mut params, "discounts", discounts(&item["discounts"]));
    params.into()
}

fn put(params: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        params.insert(name.to_owned(), value);
    }
}

/// Stripe's reason for disabling automatic tax is not a parameter.
fn automatic_tax(object: &Value) -> Option<Value> {
    let mut tax = plain(object)?;
    tax.as_object_mut()?.remove("disabled_reason");
    Some(tax)
}

/// Discounts by their ids, so that each keeps its end: a coupon would be redeemed again. A future phase may name a
/// coupon or a promotion code instead.
fn discounts(list: &Value) -> Option<Value> {
    let named = |discount: &Value| {
        if discount.is_string() || discount["object"] == "discount" {
            return plain(discount).map(|id| json!({"discount": id}));
        }
        let names = ["discount", "promotion_code", "coupon"];
        names.into_iter().find_map(|name| plain(&discount[name]).map(|id| json!({(name): id})))
    };
    let discounts: Vec<Value> = list.as_array()?.iter().filter_map(named).collect();
    (!discounts.is_empty()).then(|| discounts.into())
}

/// A value of an object as a parameter: without null or empty values, and with ids in place of objects.
fn plain(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(entries) => {
            let entries: Vec<Value> = entries.iter().filter_map(plain).collect();
            (!entries.is_empty()).then(|| entries.into())
        }
        Value::Object(fields) if fields.contains_key("object") => fields.get("id").cloned(),
        Value::Object(fields) => {
            let fields: Map<_, _> =
                fields.iter().filter_map(|(name, value)| Some((name.clone(), plain(value)?))).collect();
            (!fields.is_empty()).then(|| fields.into())
        }
        Value::String(text) if text.is_empty() => None,
        other => Some(other.clone()),
    }
}

fn text(value: Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stripe_client_core::{RequestBuilder, StripeMethod};

    // A7
    #[test]
    fn a_phase_retains_every_field_that_it_can_name() {
        let subscription = json!({
            "id": "sub_1", "object": "subscription", "status": "active", "trial_end": 5, "description": "",
            "application_fee_percent": 1.5, "automatic_tax": {"disabled_reason": "x", "enabled": true, "liability": null},
            "collection_method": "send_invoice", "days_until_due": 7, "default_payment_method": {"id": "pm_1", "object": "payment_method"},
            "default_tax_rates": [{"id": "txr_1", "object": "tax_rate"}], "discounts": ["di_1", {"id": "di_2", "object": "discount"}],
            "invoice_settings": {"account_tax_ids": null, "issuer": {"type": "self"}}, "on_behalf_of": "acct_1",
            "transfer_data": {"amount_percent": null, "destination": "acct_2"},
            "items": {"data": [{
                "id": "si_1", "object": "subscription_item", "price": {"id": "price_1", "object": "price"}, "quantity": 3,
                "discounts": ["di_3"], "tax_rates": ["txr_2"], "metadata": {"seat": "a"}, "billing_thresholds": null,
            }]},
        });
        let phase = json!({"metadata": {"campaign": "spring"}, "description": "from the phase"});
        let wanted = json!({
            "application_fee_percent": 1.5, "automatic_tax": {"enabled": true}, "collection_method": "send_invoice",
            "default_payment_method": "pm_1", "default_tax_rates": ["txr_1"], "description": "from the phase",
            "discounts": [{"discount": "di_1"}, {"discount": "di_2"}],
            "invoice_settings": {"days_until_due": 7, "issuer": {"type": "self"}}, "metadata": {"campaign": "spring"},
            "on_behalf_of": "acct_1", "proration_behavior": "none", "transfer_data": {"destination": "acct_2"},
            "items": [{
                "price": "price_1", "quantity": 3, "discounts": [{"discount": "di_3"}], "tax_rates": ["txr_2"],
                "metadata": {"seat": "a"},
            }],
        });
        assert_eq!(Value::Object(carry_over(&subscription, &phase)), wanted);
        let planned = json!({
            "discounts": [{"coupon": {"id": "co_1", "object": "coupon"}, "discount": null, "promotion_code": null}],
            "items": [{"price": "price_1", "plan": "price_1", "quantity": 2, "discounts": []}],
        });
        let wanted = json!({
            "discounts": [{"coupon": "co_1"}], "items": [{"price": "price_1", "quantity": 2}],
            "proration_behavior": "none",
        });
        assert_eq!(Value::Object(carry_over_phase(&planned)), wanted);
    }

    #[test]
    fn the_phases_of_a_schedule_have_stripes_form() {
        let next = json!({"items": [{"price": "price_2", "discounts": [{"discount": "di_1"}]}], "duration": {"interval": "year"}});
        let present = json!({"start_date": 1, "end_date": 2, "items": [{"price": "price_1", "quantity": 3}]});
        let body = RequestBuilder::new(StripeMethod::Post, "/x").form(&form([present, next])).body.unwrap();
        let body = body.replace("%5B", "[").replace("%5D", "]");
        let mut pairs: Vec<&str> = body.split('&').collect();
        pairs.sort_unstable();
        let wanted = [
            "end_behavior=release",
            "phases[0][end_date]=2",
            "phases[0][items][0][price]=price_1",
            "phases[0][items][0][quantity]=3",
            "phases[0][start_date]=1",
            "phases[1][duration][interval]=year",
            "phases[1][items][0][discounts][0][discount]=di_1",
            "phases[1][items][0][price]=price_2",
        ];
        assert_eq!(pairs, wanted);
    }
}
