//! One object of the fake, and when something falls due of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

const DAY: i64 = 86_400;

/// One object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    pub id: String,
    /// Higher for newer objects.
    pub seq: u64,
    /// The object as the API shows it.
    pub object: Value,
    /// The internal fields.
    pub side: Value,
}

/// The due work of an object. Work that is due at the same time is done in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    Period,
    Update,
    TrialWillEnd,
    Debit,
    Retry,
    Checkout,
}

pub fn due_of(record: &Record) -> Option<(i64, Due)> {
    let object = &record.object;
    // The fake does not change objects of another application.
    if record.side["foreign"] == true {
        return None;
    }
    match object["object"].as_str()? {
        "subscription" if matches!(object["status"].as_str(), Some("trialing" | "active" | "past_due")) => {
            let end = object["items"]["data"][0]["current_period_end"].as_i64()?;
            let end = object["cancel_at"].as_i64().map_or(end, |at| at.min(end));
            if let Some(expires_at) = object["pending_update"]["expires_at"].as_i64() {
                // It ends with the period at the latest; the end comes first.
                return Some((expires_at, Due::Update));
            }
            let is_to_be_announced = object["status"] == "trialing" && record.side["told_of_trial"] == false;
            if is_to_be_announced { Some((end - 3 * DAY, Due::TrialWillEnd)) } else { Some((end, Due::Period)) }
        }
        "invoice" if object["status"] == "open" && record.side["debit"].is_object() => {
            Some((record.side["debit"]["due_at"].as_i64()?, Due::Debit))
        }
        "invoice" if object["status"] == "open" => Some((object["next_payment_attempt"].as_i64()?, Due::Retry)),
        "checkout.session" if object["status"] == "open" => Some((object["expires_at"].as_i64()?, Due::Checkout)),
        _ => None,
    }
}
