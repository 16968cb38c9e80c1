//! The changes that the system has certainly synchronised. A change that was reverted before any sync has no mail and
//! no audit entry, so these changes are recorded after each step.

use super::expected::{Expected, is_live, text};
use super::stored::rows;
use crate::app::TestApp;
use serde_json::Value;
use std::collections::BTreeSet;

#[derive(Default)]
pub struct History {
    /// Subscriptions that were synchronised while they were live.
    pub live: BTreeSet<String>,
    /// Those that were synchronised as paid or on trial before any other state.
    pub confirmed: BTreeSet<String>,
    /// Those that were synchronised as renewing before any other state.
    pub renewing: BTreeSet<String>,
    /// Invoices that were synchronised as attempted and not paid.
    pub failed: BTreeSet<String>,
}

/// Whether a change of this kind affects a subscription or a payment and has an event for the system.
fn is_change(kind: &str) -> bool {
    let of_invoice = ["invoice.paid", "invoice.payment_failed", "invoice.voided"];
    kind.starts_with("customer.subscription.") || of_invoice.contains(&kind)
}

impl History {
    /// Records the state at Stripe of each customer whose newest change was synchronised: that fetch was made after the
    /// change, and nothing has changed since.
    pub async fn note(&mut self, app: &TestApp) {
        let followed: BTreeSet<String> = rows(app, "billing")
            .await
            .iter()
            .filter(|row| row["sk"] == "EVENT" && row["outcome"] == "followed")
            .map(|row| text(&row["id"]).to_owned())
            .collect();
        let expected = Expected::of_changes(app).await;
        for customer in expected.customers.iter().map(|customer| &customer["id"]) {
            let newest = expected
                .events
                .iter()
                .find(|event| event["data"]["object"]["customer"] == *customer && is_change(text(&event["type"])));
            if newest.is_some_and(|event| followed.contains(text(&event["id"]))) {
                self.see(&expected, customer);
            }
        }
    }

    /// The whole state of Stripe was synchronised.
    pub fn see_all(&mut self, expected: &Expected) {
        for customer in &expected.customers {
            self.see(expected, &customer["id"]);
        }
    }

    fn see(&mut self, expected: &Expected, customer: &Value) {
        for subscription in expected.subscriptions.iter().filter(|found| found["customer"] == *customer) {
            let id = text(&subscription["id"]).to_owned();
            if !is_live(subscription) {
                continue;
            }
            let states = expected.states(subscription);
            // While its first payment is a debit in progress it has not begun.
            if states.iter().all(|(status, _)| matches!(status.as_str(), "incomplete" | "active" | "trialing")) {
                self.confirmed.insert(id.clone());
            }
            if states.iter().all(|(_, goes_on)| *goes_on) {
                self.renewing.insert(id.clone());
            }
            self.live.insert(id);
        }
        for invoice in expected.invoices.iter().filter(|invoice| invoice["customer"] == *customer) {
            let is_in_debit = expected.in_debit.contains(text(&invoice["id"]));
            if invoice["status"] == "open" && invoice["attempted"] == true && !is_in_debit {
                self.failed.insert(text(&invoice["id"]).to_owned());
            }
        }
    }
}
