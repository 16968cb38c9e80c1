//! Events and their deliveries: signed anew at each attempt, and retried at intervals as by Stripe.

use crate::core::Core;
use crate::settings::API_VERSION;
use crate::stripe::Stripe;
use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The waits after a failed delivery, in seconds; the last one is repeated.
const RETRIES: [i64; 4] = [10, 60, 600, 3600];
const SETTINGS: &str = "settings_delivery";
/// How many events are stored. Stripe stores them for 30 days; here the billing model compares a whole history with
/// them.
const EVENTS_KEPT: usize = 5000;

/// The delivery mode of new events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They are sent; stored ones are released.
    #[default]
    Normal,
    /// They are stored.
    Hold,
    /// Each is sent twice.
    Duplicate,
    /// They are stored, to be released newest first.
    Reverse,
    /// They are never sent.
    Drop,
    /// They are not created: for tests whose events would fill the memory.
    Silent,
}

/// An event to be delivered.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The id of the delivery.
    pub id: String,
    /// Its event.
    pub event_id: String,
    /// Its address.
    pub url: String,
    /// The signed bytes.
    pub body: String,
    /// The header `stripe-signature`.
    pub signature: String,
}

impl Core {
    fn mode(&self) -> Mode {
        serde_json::from_value(self.side(SETTINGS)["mode"].clone()).unwrap_or_default()
    }

    /// Creates an event about `object`.
    pub fn emit(&mut self, kind: &str, object: &Value, previous: Option<Value>) {
        let mode = self.mode();
        if mode == Mode::Silent {
            return;
        }
        let mut data = json!({"object": self.with_links(object.clone())});
        if let Some(previous) = previous {
            data["previous_attributes"] = previous;
        }
        let id = self.new_id("evt");
        let event = json!({
            "id": id, "object": "event", "api_version": API_VERSION, "created": self.now(), "data": data,
            "livemode": false, "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null}, "type": kind,
        });
        self.insert(event, Value::Null);
        self.forget_events();
        match mode {
            Mode::Normal => self.send(&id, false),
            Mode::Duplicate => {
                self.send(&id, false);
                self.send(&id, false);
            }
            Mode::Hold | Mode::Reverse => self.send(&id, true),
            Mode::Drop | Mode::Silent => {}
        }
    }

    /// Removes the oldest events beyond the limit. An undelivered one stays, and so do those after it.
    fn forget_events(&mut self) {
        let undelivered = self.index.ids("delivery", None).next().and_then(|id| self.record(id));
        let undelivered = undelivered.and_then(|delivery| self.record(delivery.object["event"].as_str()?));
        let before = undelivered.map_or(u64::MAX, |event| event.seq);
        self.forget("event", |event, count| count > EVENTS_KEPT && event.seq < before);
    }

    fn send(&mut self, event: &str, is_held: bool) {
        self.is_to_send |= !is_held;
        let delivery = json!({"id": self.new_id("del"), "object": "delivery", "event": event});
        let side = json!({"tries": 0, "due_at": self.now(), "in_flight": false, "held": is_held});
        self.insert(delivery, side);
    }

    /// Changes an object and creates an event with the previous values.
    pub fn change(&mut self, id: &str, kind: &str, fields: Value) {
        let before = self.object(id);
        let mut previous = json!({});
        for (name, value) in fields.as_object().into_iter().flatten() {
            if before[name] != *value {
                previous[name] = before[name].clone();
                self.set(id, name, value.clone());
            }
        }
        let after = self.object(id);
        self.emit(kind, &after, Some(previous));
    }
}

impl Stripe {
    /// Sets the delivery mode of new events. Back to normal, stored events are released.
    pub fn set_delivery(&self, mode: Mode) {
        self.with(|core| {
            let was = core.mode();
            if core.record(SETTINGS).is_none() {
                core.insert(json!({"id": SETTINGS, "object": "settings"}), json!({}));
            }
            core.set_side(SETTINGS, "mode", json!(mode));
            if mode != Mode::Normal {
                return;
            }
            let mut held = core.ids_of("delivery", None, |record| record.side["held"] == true);
            if was == Mode::Reverse {
                held.reverse();
            }
            // Released in this order: each as a new delivery.
            for id in held {
                let event = core.object(&id)["event"].as_str().unwrap_or_default().to_owned();
                core.remove(&id);
                core.send(&event, false);
            }
        });
    }

    /// The delivery mode of new events.
    #[must_use]
    pub fn delivery_mode(&self) -> Mode {
        self.core().mode()
    }

    /// How many deliveries are stored until the mode is normal again.
    #[must_use]
    pub fn held(&self) -> usize {
        self.core().ids_of("delivery", None, |record| record.side["held"] == true).len()
    }

    /// Sends an event again, whatever the mode; `false` where there is none.
    pub fn resend(&self, event: &str) -> bool {
        self.with(|core| {
            let there = core.find("event", event).is_some();
            if there {
                core.send(event, false);
            }
            there
        })
    }

    /// The delivery of an event as it would be sent now.
    #[must_use]
    pub fn delivery(&self, event: &str) -> Option<Delivery> {
        let core = self.core();
        core.find("event", event).map(|_| core.delivery_of("", event.to_owned()))
    }

    /// The due deliveries, in their order; with `at_once` also those that wait for a retry. Each is in progress until
    /// its outcome is reported.
    pub fn deliveries_due(&self, at_once: bool) -> Vec<Delivery> {
        self.with(|core| {
            let now = core.now();
            let due = core.ids_of("delivery", None, |record| {
                let side = &record.side;
                side["held"] == false
                    && side["in_flight"] == false
                    && (at_once || side["due_at"].as_i64().is_some_and(|due| due <= now))
            });
            due.iter().map(|id| core.start_delivery(id)).collect()
        })
    }

    /// Stores the outcome of a delivery: answered with 2xx, or not.
    pub fn delivered(&self, delivery: &Delivery, is_ok: bool) {
        self.with(|core| {
            if is_ok {
                return core.remove(&delivery.id);
            }
            let tries = core.side(&delivery.id)["tries"].as_u64().unwrap_or_default();
            let wait = RETRIES[usize::try_from(tries).unwrap_or(usize::MAX).min(RETRIES.len() - 1)];
            core.set_side(&delivery.id, "in_flight", json!(false));
            core.set_side(&delivery.id, "tries", json!(tries + 1));
            core.set_side(&delivery.id, "due_at", json!(core.now() + wait));
        });
    }

    /// How many deliveries are neither finished nor stored.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.core().ids_of("delivery", None, |record| record.side["held"] == false).len()
    }
}

impl Core {
    fn start_delivery(&mut self, id: &str) -> Delivery {
        self.set_side(id, "in_flight", json!(true));
        let event_id = self.object(id)["event"].as_str().unwrap_or_default().to_owned();
        self.delivery_of(id, event_id)
    }

    fn delivery_of(&self, id: &str, event_id: String) -> Delivery {
        let body = self.object(&event_id).to_string();
        let at = self.now();
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.signing_secret().as_bytes());
        let tag = hmac::sign(&key, format!("{at}.{body}").as_bytes());
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let url = self.settings.webhook_url.clone();
        Delivery { id: id.to_owned(), event_id, url, body, signature: format!("t={at},v1={hex}") }
    }
}
