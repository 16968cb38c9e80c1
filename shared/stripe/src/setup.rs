//! The setup of an account at Stripe for a deployment: the webhook endpoint, the configuration of the customer portal,
//! and the permissions of the key. Operators set it up; no function does.

use crate::client::{API_VERSION, Gateway, GatewayError, NoParams};
use crate::objects::{Metadata, or_default};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use tollgate_platform::{Secret, fingerprint};

/// The events that the webhook endpoint of a deployment receives. `stripe-events` handles these; any other event is stored and
/// changes nothing.
pub const WEBHOOK_EVENTS: &[&str] = &[
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.refund.updated",
    "charge.refunded",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "credit_note.created",
    "credit_note.updated",
    "credit_note.voided",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired",
    "customer.subscription.resumed",
    "customer.subscription.trial_will_end",
    "customer.subscription.updated",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.voided",
    "payment_intent.processing",
    "price.created",
    "price.deleted",
    "price.updated",
    "product.created",
    "product.deleted",
    "product.updated",
    "subscription_schedule.aborted",
    "subscription_schedule.canceled",
    "subscription_schedule.completed",
    "subscription_schedule.created",
    "subscription_schedule.expiring",
    "subscription_schedule.released",
    "subscription_schedule.updated",
];

/// The metadata that names an endpoint's signing secret without containing it: Stripe returns the secret only once.
const SECRET_NAME: &str = "tollgate_secret";
/// The metadata of a portal configuration that this system created.
const PORTAL: &str = "tollgate_portal";

/// A webhook endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WebhookEndpoint {
    /// Stripe's id.
    pub id: String,
    /// The address to which it sends events.
    pub url: String,
    /// `enabled` or `disabled`.
    pub status: String,
    /// The version of the API whose shapes its events have; `None` for the account's default.
    #[serde(default)]
    pub api_version: Option<String>,
    /// The events that it sends; `*` for all.
    #[serde(default, deserialize_with = "or_default")]
    pub enabled_events: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
}

impl WebhookEndpoint {
    /// The events of [`WEBHOOK_EVENTS`] that it does not send.
    #[must_use]
    pub fn missing_events(&self) -> Vec<&'static str> {
        let is_sent = |event: &&str| self.enabled_events.iter().any(|sent| sent == "*" || sent == event);
        WEBHOOK_EVENTS.iter().filter(|event| !is_sent(event)).copied().collect()
    }

    /// Whether it signs with `secret`; `None` if that is not known, because the endpoint was created elsewhere.
    #[must_use]
    pub fn signs_with(&self, secret: &Secret<String>) -> Option<bool> {
        self.metadata.get(SECRET_NAME).map(|name| *name == fingerprint(secret.expose()))
    }

    /// Whether its events have the shapes that this version understands.
    #[must_use]
    pub fn has_current_version(&self) -> bool {
        self.api_version.as_deref() == Some(API_VERSION)
    }
}

/// The metadata that shows that an endpoint signs with `secret`.
#[must_use]
pub fn secret_metadata(secret: &Secret<String>) -> (&'static str, String) {
    (SECRET_NAME, fingerprint(secret.expose()))
}

#[derive(Deserialize)]
struct CreatedEndpoint {
    secret: String,
    #[serde(flatten)]
    endpoint: WebhookEndpoint,
}

#[derive(Serialize)]
struct NewEndpoint<'a> {
    url: &'a str,
    api_version: &'a str,
    enabled_events: &'a [&'a str],
    description: &'a str,
}

#[derive(Serialize)]
struct EndpointChange<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    enabled_events: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled: Option<bool>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<&'static str, String>,
}

#[derive(Deserialize)]
struct Data<T> {
    data: Vec<T>,
}

#[derive(Serialize)]
struct Limit {
    limit: u8,
}

/// A configuration of the customer portal.
#[derive(Debug, Clone, Deserialize)]
pub struct PortalConfiguration {
    /// Stripe's id.
    pub id: String,
    /// Whether it can be used.
    #[serde(default, deserialize_with = "or_default")]
    pub active: bool,
    /// Whether a session that names no configuration uses it.
    #[serde(default, deserialize_with = "or_default")]
    pub is_default: bool,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
}

impl PortalConfiguration {
    /// Whether sessions of this system use it: it is the default, or was created for this system.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.active && (self.is_default || self.metadata.contains_key(PORTAL))
    }
}

/// A permission of the key, and the request that shows whether the key has it. A request that would write names an object
/// that does not exist.
#[derive(Debug, Clone, Copy)]
pub struct KeyPermission {
    /// Its name in Stripe's dashboard.
    pub name: &'static str,
    probe: Probe,
}

#[derive(Debug, Clone, Copy)]
enum Probe {
    Read(&'static str),
    Write(&'static str, Option<(&'static str, &'static str)>),
}

const fn reads(name: &'static str, path: &'static str) -> KeyPermission {
    KeyPermission { name, probe: Probe::Read(path) }
}

const fn writes(name: &'static str, path: &'static str) -> KeyPermission {
    KeyPermission { name, probe: Probe::Write(path, None) }
}

const fn creates(name: &'static str, path: &'static str, of: &'static str) -> KeyPermission {
    KeyPermission { name, probe: Probe::Write(path, Some((of, "tollgate_probe"))) }
}

/// The permissions that a key must have.
pub const KEY_PERMISSIONS: &[KeyPermission] = &[
    writes("Products: write", "/products/tollgate_probe"),
    writes("Prices: write", "/prices/tollgate_probe"),
    writes("Customers: write", "/customers/tollgate_probe"),
    writes("Checkout Sessions: write", "/checkout/sessions/tollgate_probe/expire"),
    creates("Customer portal: write", "/billing_portal/sessions", "customer"),
    writes("Subscriptions: write", "/subscriptions/tollgate_probe"),
    writes("Subscription schedules: write", "/subscription_schedules/tollgate_probe/release"),
    creates("Refunds: write", "/refunds", "charge"),
    reads("Invoices: read", "/invoices"),
    reads("Invoice payments: read", "/invoice_payments"),
    reads("Charges: read", "/charges"),
    reads("Disputes: read", "/disputes"),
    reads("Coupons: read", "/coupons"),
    reads("Payment methods: read", "/payment_methods/tollgate_probe"),
];

impl Gateway {
    /// Whether the key has a permission.
    ///
    /// # Errors
    /// When Stripe accepts no such key, or does not answer.
    pub async fn has_permission(&self, permission: &KeyPermission) -> Result<bool, GatewayError> {
        let answer = match permission.probe {
            Probe::Read(path) if path.contains("probe") => self.get::<Value>(path, &NoParams {}).await,
            Probe::Read(path) => self.get::<Value>(path, &Limit { limit: 1 }).await,
            Probe::Write(path, None) => self.post::<Value>(path, &NoParams {}).await,
            Probe::Write(path, Some((name, id))) => self.post::<Value>(path, &BTreeMap::from([(name, id)])).await,
        };
        match answer {
            Err(GatewayError::Refused { status: 403, .. }) => Ok(false),
            Ok(_) | Err(GatewayError::Refused { status: 400 | 404, .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The webhook endpoints of the account, a hundred at most, the newest first.
    ///
    /// # Errors
    /// See [`GatewayError`], here and below.
    pub async fn webhook_endpoints(&self) -> Result<Vec<WebhookEndpoint>, GatewayError> {
        Ok(self.get::<Data<WebhookEndpoint>>("/webhook_endpoints", &Limit { limit: 100 }).await?.data)
    }

    /// Creates a webhook endpoint of this version and returns it with its signing secret.
    pub async fn create_webhook_endpoint(&self, url: &str) -> Result<(WebhookEndpoint, Secret<String>), GatewayError> {
        let params =
            NewEndpoint { url, api_version: API_VERSION, enabled_events: WEBHOOK_EVENTS, description: "Tollgate" };
        let created: CreatedEndpoint = self.post("/webhook_endpoints", &params).await?;
        Ok((created.endpoint, Secret::new(created.secret)))
    }

    /// Enables an endpoint, with the events that it must send.
    pub async fn update_webhook_endpoint(&self, id: &str) -> Result<(), GatewayError> {
        let change =
            EndpointChange { enabled_events: WEBHOOK_EVENTS, disabled: Some(false), metadata: BTreeMap::new() };
        self.post::<Value>(&format!("/webhook_endpoints/{id}"), &change).await.map(|_| ())
    }

    /// Records at an endpoint which secret it signs with, after that secret is stored.
    pub async fn name_webhook_secret(&self, id: &str, secret: &Secret<String>) -> Result<(), GatewayError> {
        let metadata = BTreeMap::from([secret_metadata(secret)]);
        let change = EndpointChange { enabled_events: &[], disabled: None, metadata };
        self.post::<Value>(&format!("/webhook_endpoints/{id}"), &change).await.map(|_| ())
    }

    /// Deletes an endpoint.
    pub async fn delete_webhook_endpoint(&self, id: &str) -> Result<(), GatewayError> {
        match self.delete::<Value>(&format!("/webhook_endpoints/{id}")).await {
            Err(error) if !error.is_missing() => Err(error),
            _ => Ok(()),
        }
    }

    /// The configurations of the customer portal, a hundred at most.
    pub async fn portal_configurations(&self) -> Result<Vec<PortalConfiguration>, GatewayError> {
        let path = "/billing_portal/configurations";
        Ok(self.get::<Data<PortalConfiguration>>(path, &Limit { limit: 100 }).await?.data)
    }

    /// Creates the configuration that sessions use where the account has no default one: customers see invoices, change
    /// their card and cancel at the end of the period.
    pub async fn create_portal_configuration(&self, return_url: &str) -> Result<String, GatewayError> {
        let params = BTreeMap::from([
            ("default_return_url", return_url),
            ("features[invoice_history][enabled]", "true"),
            ("features[payment_method_update][enabled]", "true"),
            ("features[subscription_cancel][enabled]", "true"),
            ("features[subscription_cancel][mode]", "at_period_end"),
            ("metadata[tollgate_portal]", "1"),
        ]);
        let created: PortalConfiguration = self.post("/billing_portal/configurations", &params).await?;
        Ok(created.id)
    }
}
