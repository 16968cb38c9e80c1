//! Whether a customer and a subscription can still be used.

use crate::control_error::ControlError;
use crate::core::Core;
use crate::error::ApiError;
use crate::items::present_period;
use serde_json::Value;

/// Whether a subscription ends with its period, or before.
pub fn will_end(subscription: &Value) -> bool {
    let (_, end) = present_period(subscription);
    subscription["cancel_at"].as_i64().is_some_and(|at| at <= end)
}

/// Whether a subscription with this status has not ended.
pub fn is_live(status: &Value) -> bool {
    matches!(status.as_str(), Some("trialing" | "active" | "past_due" | "unpaid" | "paused" | "incomplete"))
}

/// A customer who was not deleted.
pub fn present_customer<'a>(core: &'a Core, id: &str) -> Result<&'a Value, ApiError> {
    let there = core.find("customer", id).filter(|customer| customer["deleted"] != true);
    there.ok_or_else(|| {
        ApiError { status: 400, ..ApiError::missing("customer", id) }.code("resource_missing", "customer")
    })
}

/// Refuses a subscription that has ended.
pub fn live(core: &Core, id: &str) -> Result<(), ApiError> {
    let there = core.find("subscription", id).filter(|subscription| is_live(&subscription["status"]));
    there.map(|_| ()).ok_or_else(|| ApiError::missing("subscription", id))
}

/// The subscription of this id, which has not ended.
pub fn present(core: &Core, subscription: &str) -> Result<Value, ControlError> {
    core.find("subscription", subscription).ok_or(ControlError::NotFound)?;
    live(core, subscription).map_err(|_| ControlError::Refused("it has ended".to_owned()))?;
    Ok(core.object(subscription))
}
