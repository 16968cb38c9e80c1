//! The work that is due by the clock, in the order of the due times.

use crate::core::Core;
use crate::record::Due;
use crate::status::will_end;
use crate::stripe::Stripe;
use serde_json::json;

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
