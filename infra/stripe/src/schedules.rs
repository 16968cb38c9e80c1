//! Subscription schedules: made from a subscription, whose price changes with the phases. A phase begins with a period.

use crate::core::Core;
use crate::error::Fault;
use crate::params::Params;
use crate::proration::period_of;
use crate::resources::Answered;
use crate::subscriptions::{after, is_live, will_end};
use serde_json::{Map, Value, json};

/// The call that puts a subscription under a schedule.
pub fn make_schedule(core: &mut Core, mut params: Params) -> Answered {
    let id = params.require("from_subscription")?;
    params.finish()?;
    let subscription = core.find("subscription", &id).filter(|found| is_live(&found["status"])).cloned();
    let missing = || Fault { status: 400, ..Fault::missing("subscription", &id) };
    let subscription = subscription.ok_or_else(|| missing().code("resource_missing", "from_subscription"))?;
    if let Some(schedule) = subscription["schedule"].as_str() {
        return Err(Fault::invalid(format!(
            "You cannot migrate a subscription that is already attached to a schedule: {schedule}"
        )));
    }
    if will_end(&subscription) {
        return Err(Fault::invalid("A subscription that is to end is put under no schedule here."));
    }
    let schedule = core.insert(core.new_schedule(&subscription), Value::Null);
    core.change(&id, "customer.subscription.updated", json!({"schedule": schedule}));
    let made = core.object(&schedule);
    core.emit("subscription_schedule.created", &made, None);
    Ok(made)
}

/// The call that says what its phases are.
pub fn change_schedule(core: &mut Core, id: &str, mut params: Params) -> Answered {
    let schedule = active(core, id)?;
    let subscription = core.object(schedule["subscription"].as_str().unwrap_or_default());
    if let Some(behavior) = params.take("end_behavior").filter(|behavior| behavior != "release") {
        return Err(Fault::invalid(format!("The end_behavior {behavior} is not played here.")));
    }
    behavior(&mut params, "proration_behavior")?;
    let metadata = params.map("metadata");
    let mut phases: Vec<Value> = Vec::new();
    while params.any(&format!("phases[{}]", phases.len())) {
        let phase = phase(core, &subscription, &mut params, &phases)?;
        phases.push(phase);
    }
    params.finish()?;
    let mut fields = Map::new();
    if !phases.is_empty() {
        fields.insert("phases".to_owned(), checked(&schedule, &subscription, phases)?);
    }
    if !metadata.is_empty() {
        fields.insert("metadata".to_owned(), metadata.into());
    }
    core.change(id, "subscription_schedule.updated", fields.into());
    core.follow(id);
    Ok(core.object(id))
}

/// The call that lets its subscription go.
pub fn release_schedule(core: &mut Core, id: &str, mut params: Params) -> Answered {
    active(core, id)?;
    params.flag("preserve_cancel_date")?;
    params.finish()?;
    core.release(id);
    Ok(core.object(id))
}

fn active(core: &Core, id: &str) -> Result<Value, Fault> {
    let schedule = core.find("subscription_schedule", id).ok_or_else(|| Fault::missing("subscription_schedule", id))?;
    match schedule["status"].as_str() {
        Some("active") => Ok(schedule.clone()),
        status => Err(Fault::invalid(format!(
            "You cannot change a subscription schedule that is currently in the `{}` status.",
            status.unwrap_or_default()
        ))),
    }
}

fn behavior(params: &mut Params, name: &str) -> Result<String, Fault> {
    let behavior = params.take(name).unwrap_or_else(|| "create_prorations".to_owned());
    match behavior.as_str() {
        "none" | "create_prorations" | "always_invoice" => Ok(behavior),
        _ => Err(Fault { param: Some(name.to_owned()), ..Fault::invalid(format!("Invalid {name}: {behavior}")) }),
    }
}

/// The next phase that the parameters name, after those before it.
fn phase(core: &Core, subscription: &Value, params: &mut Params, before: &[Value]) -> Result<Value, Fault> {
    let number = before.len();
    let named = |name: &str| format!("phases[{number}]{name}");
    let price = params.require(&named("[items][0][price]"))?;
    let price = core.price_for(subscription, &price, &named("[items][0][price]"))?;
    if params.number(&named("[items][0][quantity]"))?.is_some_and(|quantity| quantity != 1) {
        return Err(Fault::invalid("Only the quantity 1 is played here."));
    }
    let behavior = behavior(params, &named("[proration_behavior]"))?;
    let trial_end = params.number(&named("[trial_end]"))?;
    let wrong = |name: &str, message: &str| Fault { param: Some(named(name)), ..Fault::invalid(message) };
    let end_of_last = before.last().map(|phase| phase["end_date"].as_i64().unwrap_or_default());
    let start = match (params.number(&named("[start_date]"))?, end_of_last) {
        (Some(start), Some(end)) if start != end => {
            return Err(wrong("[start_date]", "A phase starts when the one before it ends."));
        }
        (Some(start), _) | (None, Some(start)) => start,
        (None, None) => return Err(wrong("[start_date]", "The first phase needs its start date.")),
    };
    let interval = params.take(&named("[duration][interval]"));
    let count = params.number(&named("[duration][interval_count]"))?.unwrap_or(1);
    // It stands there to be read by the next phase, too.
    let start_of_next = params.number_of(&format!("phases[{}][start_date]", number + 1))?;
    let end = match (params.number(&named("[end_date]"))?, interval.as_deref()) {
        (Some(_), Some(_)) => return Err(wrong("[duration]", "A phase has an end date or a duration, not both.")),
        (Some(end), None) => end,
        (None, Some(interval @ ("month" | "year"))) => after(start, interval, count),
        (None, Some(_)) => return Err(wrong("[duration][interval]", "Only months and years are played here.")),
        (None, None) => {
            start_of_next.ok_or_else(|| wrong("[end_date]", "The last phase needs its end or its duration."))?
        }
    };
    if end <= start {
        return Err(wrong("[end_date]", "A phase ends after its start."));
    }
    if trial_end.is_some_and(|trial_end| trial_end != end) {
        return Err(wrong("[trial_end]", "Only a phase that is a trial as a whole is played here."));
    }
    Ok(new_phase(&price, (start, end), &behavior, trial_end))
}

/// Phases that can take the place of a schedule's: the present one stays as it began.
fn checked(schedule: &Value, subscription: &Value, phases: Vec<Value>) -> Result<Value, Fault> {
    let current = &schedule["current_phase"];
    let item = &subscription["items"]["data"][0];
    let Some(first) = phases.iter().find(|phase| phase["end_date"].as_i64() > current["start_date"].as_i64()) else {
        return Err(Fault::invalid("The present phase is missing."));
    };
    if first["start_date"] != current["start_date"] {
        return Err(Fault::invalid("You can not modify the start date of the current phase."));
    }
    if first["items"][0]["price"] != item["price"]["id"] {
        return Err(Fault::invalid("Another price in the present phase is not played here."));
    }
    if first["end_date"].as_i64() < Some(period_of(item).1) {
        return Err(Fault::invalid("A phase that ends within a period is not played here."));
    }
    Ok(phases.into())
}

fn new_phase(price: &Value, (start, end): (i64, i64), behavior: &str, trial_end: Option<i64>) -> Value {
    json!({
        "add_invoice_items": [], "application_fee_percent": null, "billing_cycle_anchor": null,
        "billing_thresholds": null, "collection_method": null, "currency": price["currency"],
        "default_payment_method": null, "default_tax_rates": [], "description": null, "discounts": [],
        "end_date": end, "invoice_settings": null, "items": [{
            "billing_thresholds": null, "discounts": [], "metadata": {}, "plan": price["id"], "price": price["id"],
            "quantity": 1, "tax_rates": [],
        }],
        "metadata": {}, "on_behalf_of": null, "proration_behavior": behavior, "start_date": start,
        "transfer_data": null, "trial_end": trial_end,
    })
}

impl Core {
    /// A schedule with one phase: the subscription's present period.
    fn new_schedule(&self, subscription: &Value) -> Value {
        let item = &subscription["items"]["data"][0];
        let (start, end) = period_of(item);
        let trial_end = subscription["trial_end"].as_i64().filter(|_| subscription["status"] == "trialing");
        json!({
            "id": self.new_id("sub_sched"), "object": "subscription_schedule", "application": null,
            "billing_mode": subscription["billing_mode"], "canceled_at": null, "completed_at": null,
            "created": self.now(), "current_phase": {"start_date": start, "end_date": end},
            "customer": subscription["customer"], "customer_account": null, "default_settings": {
                "application_fee_percent": null, "automatic_tax": {"disabled_reason": null, "enabled": false, "liability": null},
                "billing_cycle_anchor": "automatic", "billing_thresholds": null,
                "collection_method": "charge_automatically", "default_payment_method": null, "description": null,
                "invoice_settings": {
                    "account_tax_ids": null, "custom_fields": null, "days_until_due": null, "description": null,
                    "footer": null, "issuer": {"type": "self"},
                },
                "on_behalf_of": null, "transfer_data": null,
            },
            "end_behavior": "release", "livemode": false, "metadata": {},
            "phases": [new_phase(&item["price"], (start, end), "create_prorations", trial_end)],
            "released_at": null, "released_subscription": null, "status": "active",
            "subscription": subscription["id"], "test_clock": null,
        })
    }

    fn phase_at(&self, subscription: &Value, at: i64) -> Option<Value> {
        let schedule = self.object(subscription["schedule"].as_str()?);
        let phases = schedule["phases"].as_array()?;
        let date = |phase: &Value, name: &str| phase[name].as_i64().unwrap_or_default();
        phases.iter().find(|phase| date(phase, "start_date") <= at && at < date(phase, "end_date")).cloned()
    }

    /// The price that a schedule gives to the period that starts `at` this moment.
    pub fn price_of_phase(&self, subscription: &Value, at: i64) -> Option<Value> {
        let phase = self.phase_at(subscription, at)?;
        self.find("price", phase["items"][0]["price"].as_str()?).cloned()
    }

    /// A subscription's schedule goes on to the phase of its present period, or ends with its last one.
    pub fn enter_phase(&mut self, subscription: &str) {
        let object = self.object(subscription);
        if let Some(schedule) = object["schedule"].as_str() {
            self.follow(schedule);
        }
    }

    fn follow(&mut self, id: &str) {
        let schedule = self.object(id);
        let subscription = self.object(schedule["subscription"].as_str().unwrap_or_default());
        let (start, _) = period_of(&subscription["items"]["data"][0]);
        match self.phase_at(&subscription, start) {
            Some(phase) => {
                let current = json!({"start_date": phase["start_date"], "end_date": phase["end_date"]});
                if schedule["current_phase"] != current {
                    self.change(id, "subscription_schedule.updated", json!({"current_phase": current}));
                }
            }
            None => {
                self.change(id, "subscription_schedule.completed", json!({"completed_at": self.now()}));
                self.release(id);
            }
        }
    }

    fn release(&mut self, id: &str) {
        let subscription = self.object(id)["subscription"].clone();
        let fields = json!({
            "current_phase": null, "released_at": self.now(), "released_subscription": subscription,
            "status": "released", "subscription": null,
        });
        self.change(id, "subscription_schedule.released", fields);
        let subscription = subscription.as_str().unwrap_or_default();
        self.change(subscription, "customer.subscription.updated", json!({"schedule": null}));
    }

    /// Ends the schedule, if any, of a subscription that ends.
    pub fn end_schedule(&mut self, subscription: &str, reason: &str) {
        let Some(id) = self.object(subscription)["schedule"].as_str().map(str::to_owned) else { return };
        let kind = match reason {
            "payment_failed" => "subscription_schedule.aborted",
            _ => "subscription_schedule.canceled",
        };
        let fields = json!({"canceled_at": self.now(), "current_phase": null, "status": "canceled"});
        self.change(&id, kind, fields);
        self.set(subscription, "schedule", Value::Null);
    }
}
