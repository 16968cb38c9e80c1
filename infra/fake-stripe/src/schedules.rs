//! Subscription schedules: created from a subscription, which changes with the phases. A phase begins with a period.

use crate::call::Answered;
use crate::core::Core;
use crate::error::ApiError;
use crate::items::present_period;
use crate::params::Params;
use crate::phases::{checked, phase_in};
use crate::proration::behavior_in;
use crate::status::{is_live, will_end};
use serde_json::{Map, Value, json};

/// The call that creates a schedule for a subscription.
pub fn make_schedule(core: &mut Core, mut params: Params) -> Answered {
    let id = params.require("from_subscription")?;
    params.finish()?;
    let schedule = begin_schedule(core, &id)?;
    Ok(core.object(&schedule))
}

/// The schedule of a subscription, or a new one.
pub fn schedule_of(core: &mut Core, subscription: &str) -> Result<String, ApiError> {
    match core.object(subscription)["schedule"].as_str() {
        Some(schedule) => Ok(schedule.to_owned()),
        None => begin_schedule(core, subscription),
    }
}

fn begin_schedule(core: &mut Core, id: &str) -> Result<String, ApiError> {
    let subscription = core.find("subscription", id).filter(|found| is_live(&found["status"])).cloned();
    let missing = || ApiError { status: 400, ..ApiError::missing("subscription", id) };
    let subscription = subscription.ok_or_else(|| missing().code("resource_missing", "from_subscription"))?;
    if let Some(schedule) = subscription["schedule"].as_str() {
        return Err(ApiError::invalid(format!(
            "You cannot migrate a subscription that is already attached to a schedule: {schedule}"
        )));
    }
    if will_end(&subscription) {
        return Err(ApiError::invalid("A subscription that is to end is put under no schedule here."));
    }
    let schedule = core.insert(core.new_schedule(&subscription), Value::Null);
    core.change(id, "customer.subscription.updated", json!({"schedule": schedule}));
    let made = core.object(&schedule);
    core.emit("subscription_schedule.created", &made, None);
    Ok(schedule)
}

/// The call that sets its phases.
pub fn change_schedule(core: &mut Core, id: &str, mut params: Params) -> Answered {
    let schedule = active(core, id)?;
    let subscription = core.object(schedule["subscription"].as_str().unwrap_or_default());
    if let Some(behavior) = params.take("end_behavior").filter(|behavior| behavior != "release") {
        return Err(ApiError::invalid(format!("The end_behavior {behavior} is not played here.")));
    }
    behavior_in(&mut params, "proration_behavior")?;
    let metadata = params.map("metadata");
    let mut phases: Vec<Value> = Vec::new();
    while params.any(&format!("phases[{}]", phases.len())) {
        let phase = phase_in(core, &subscription, &mut params, &phases)?;
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
    let has_phases = fields.contains_key("phases");
    core.change(id, "subscription_schedule.updated", fields.into());
    if has_phases {
        core.apply_present_phase(subscription["id"].as_str().unwrap_or_default());
    }
    core.apply_phase(id);
    Ok(core.object(id))
}

/// The call that releases its subscription.
pub fn release_schedule(core: &mut Core, id: &str, mut params: Params) -> Answered {
    active(core, id)?;
    params.flag("preserve_cancel_date")?;
    params.finish()?;
    core.release(id);
    Ok(core.object(id))
}

fn active(core: &Core, id: &str) -> Result<Value, ApiError> {
    let schedule =
        core.find("subscription_schedule", id).ok_or_else(|| ApiError::missing("subscription_schedule", id))?;
    match schedule["status"].as_str() {
        Some("active") => Ok(schedule.clone()),
        status => Err(ApiError::invalid(format!(
            "You cannot change a subscription schedule that is currently in the `{}` status.",
            status.unwrap_or_default()
        ))),
    }
}

impl Core {
    /// A schedule with one phase: the subscription's current period.
    fn new_schedule(&self, subscription: &Value) -> Value {
        let (start, end) = present_period(subscription);
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
            "phases": [self.present_phase(subscription)],
            "released_at": null, "released_subscription": null, "status": "active",
            "subscription": subscription["id"], "test_clock": null,
        })
    }

    /// The phase of a subscription's schedule at a time.
    pub fn phase_at(&self, subscription: &Value, at: i64) -> Option<Value> {
        let schedule = self.object(subscription["schedule"].as_str()?);
        let phases = schedule["phases"].as_array()?;
        let date = |phase: &Value, name: &str| phase[name].as_i64().unwrap_or_default();
        phases.iter().find(|phase| date(phase, "start_date") <= at && at < date(phase, "end_date")).cloned()
    }

    /// The phase that begins with the period that starts at `at`, if there is one.
    pub fn phase_from(&self, subscription: &Value, at: i64) -> Option<Value> {
        let current = self.object(subscription["schedule"].as_str()?)["current_phase"]["start_date"].clone();
        self.phase_at(subscription, at).filter(|phase| phase["start_date"] != current)
    }

    /// Moves a subscription's schedule to the phase of its current period, or ends it after its last one.
    pub fn enter_phase(&mut self, subscription: &str) {
        let object = self.object(subscription);
        if let Some(schedule) = object["schedule"].as_str() {
            self.apply_phase(schedule);
        }
    }

    fn apply_phase(&mut self, id: &str) {
        let schedule = self.object(id);
        let subscription = self.object(schedule["subscription"].as_str().unwrap_or_default());
        let (start, _) = present_period(&subscription);
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
