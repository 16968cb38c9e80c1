//! The work that is due by the clock, in the order of the due times.

use crate::Stripe;
use crate::core::{Core, Record};
use crate::subscriptions::will_end;
use serde_json::json;

const DAY: i64 = 86_400;

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

impl Core {
    fn next_due(&self, now: i64) -> Option<(i64, Due, String)> {
        let (at, due, id) = self.index.first_due().filter(|(at, ..)| *at <= now)?;
        Some((at, due, id.to_owned()))
    }

    pub fn tick(&mut self) {
        let now = self.now();
        while let Some((at, due, id)) = self.next_due(now) {
            self.at = Some(at);
            match due {
                Due::Period if will_end(&self.object(&id)) => {
                    self.end(&id, "cancellation_requested");
                }
                Due::Period if self.has_to_pause(&id) => self.pause(&id),
                Due::Period => self.renew(&id, None),
                Due::Update => self.drop_update(&id),
                Due::Debit => self.end_due_debit(&id),
                Due::Retry => self.attempt_by_card(&id),
                Due::TrialWillEnd => {
                    self.set_side(&id, "told_of_trial", json!(true));
                    let subscription = self.object(&id);
                    self.emit("customer.subscription.trial_will_end", &subscription, None);
                }
                // It is open, so it can be closed.
                Due::Checkout => drop(self.expire(&id)),
            }
            self.at = None;
        }
    }
}

impl Stripe {
    /// Runs the due work: renewals, payment retries, ends of trials and checkouts.
    pub fn tick(&self) {
        self.with(Core::tick);
    }
}
