//! Stripe's events: the hints and their customers.

use crate::drift;
use crate::error::HandlingError;
use crate::state::State;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tollgate_domain::UserId;
use tollgate_store::EventRow;
use tollgate_stripe::{Gateway, GatewayError, Mode, WEBHOOK_EVENTS};

/// Three days before the end of a trial: the sweep of reminders finds it as well.
const TRIAL_ENDS: &str = "customer.subscription.trial_will_end";

/// A payment must be confirmed by its payer, also one that was declined before.
const WANTS_CONSENT: &str = "invoice.payment_action_required";

/// Changes of a product or a price, which only this service should make.
const CATALOGUE: &[&str] =
    &["product.updated", "product.deleted", "price.updated", "price.deleted", "price.created", "product.created"];

/// The fields of an event that are read.
pub struct Event {
    pub id: String,
    kind: String,
    created: Option<Timestamp>,
    livemode: bool,
    /// It names the changed object and does not contain it.
    is_thin: bool,
    object: Value,
}

#[derive(Deserialize)]
struct Raw {
    id: String,
    object: String,
    #[serde(rename = "type")]
    kind: String,
    /// Seconds, or in a thin event RFC 3339.
    #[serde(default)]
    created: Value,
    #[serde(default)]
    livemode: bool,
    /// Absent in a thin event.
    #[serde(default)]
    data: Value,
}

impl Event {
    /// The event in `body`, if it holds one.
    pub fn parse(body: &str) -> Option<Self> {
        let mut raw: Raw = serde_json::from_str(body).ok()?;
        let (is_thin, is_whole) = (raw.object == "v2.core.event", raw.object == "event");
        let object = raw.data.get_mut("object").filter(|_| is_whole).map(Value::take).unwrap_or_default();
        let created = raw.created.as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let created = created.or_else(|| raw.created.as_str()?.parse().ok());
        let is_event = is_thin || (is_whole && object.is_object() && created.is_some());
        is_event.then_some(Self { id: raw.id, kind: raw.kind, created, livemode: raw.livemode, is_thin, object })
    }

    /// The event's customer at Stripe, if any. A dispute does not name the customer, nor does every refund: their
    /// charge does.
    async fn customer(&self, gateway: &Gateway) -> Result<Option<String>, GatewayError> {
        let id = |name: &str| self.object[name].as_str().or_else(|| self.object[name]["id"].as_str());
        if self.object["object"] == "customer" {
            return Ok(id("id").map(str::to_owned));
        }
        match (id("customer"), id("charge")) {
            (Some(customer), _) => Ok(Some(customer.to_owned())),
            (None, Some(charge)) => gateway.customer_of_charge(charge).await,
            (None, None) => Ok(None),
        }
    }

    fn row(&self, outcome: &str, now: Timestamp) -> EventRow {
        EventRow {
            id: self.id.clone(),
            kind: self.kind.clone(),
            object_id: self.object["id"].as_str().map(str::to_owned),
            outcome: outcome.to_owned(),
            created_at: self.created.unwrap_or(now),
            handled_at: now,
        }
    }
}

/// The consequence of an event.
pub enum Consequence {
    /// None: it was handled before (R2).
    None,
    /// It changes nothing, and is recorded.
    Record(EventRow),
    /// A user is synchronised with Stripe.
    Sync(Hint),
}

/// An event about a change of a user's objects at Stripe.
pub struct Hint {
    /// The user.
    pub user: UserId,
    /// The record of the event.
    pub row: EventRow,
    /// The customer, if it was deleted.
    pub gone_customer: Option<String>,
    /// The invoice whose payment must be confirmed.
    pub waits_for_consent: Option<String>,
    /// Whether the event announces the end of a trial, and is recorded when its reminder is written.
    pub is_to_remind: bool,
}

/// Determines the consequence of an event. Writes nothing.
pub async fn consequence(event: &Event, state: &State) -> Result<Consequence, HandlingError> {
    if state.store.is_event_handled(&event.id).await? {
        return Ok(Consequence::None);
    }
    let now = state.clock.now();
    let record = |outcome: &str| Ok(Consequence::Record(event.row(outcome, now)));
    let is_live = state.gateway.mode().await? == Mode::Live;
    if event.livemode != is_live {
        return record("of the other mode");
    }
    if event.is_thin {
        return record("thin");
    }
    if CATALOGUE.contains(&event.kind.as_str()) {
        let drifted = drift::of(&event.kind, &event.object, state).await?;
        return record(if drifted { "drift" } else { "as the plan has it" });
    }
    if !WEBHOOK_EVENTS.contains(&event.kind.as_str()) {
        return record("no hint");
    }
    let customer = event.customer(&state.gateway).await?;
    let user = match &customer {
        Some(customer) => state.store.user_of_customer(customer).await?,
        None => None,
    };
    // The user in the metadata is ignored: the owner of the customer counts (S27).
    let Some(user) = user else { return record("of an unknown customer") };
    let invoice = event.object["id"].as_str().filter(|_| event.kind == WANTS_CONSENT);
    Ok(Consequence::Sync(Hint {
        user,
        row: event.row("followed", now),
        gone_customer: customer.filter(|_| event.kind == "customer.deleted"),
        waits_for_consent: invoice.map(str::to_owned),
        is_to_remind: event.kind == TRIAL_ENDS,
    }))
}
