//! What a fault is: which calls fail, and how.

use crate::service::Service;
use serde::{Deserialize, Serialize};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The service's own throttling error, before any work.
    Throttle,
    /// A 500, before any work.
    Error,
    /// No answer until the caller's timeout.
    Hang,
    /// The work is done, the answer never arrives.
    LostResponse,
    /// A part of the call is not done: of a `BatchGetItem` the last table, by name, is among the unprocessed keys; of a
    /// `BatchExecuteStatement` the last statement is throttled.
    Unprocessed,
    /// A transaction conflict, which the embedded engine never reports. Only for tests, not in the dev console, like
    /// the next two.
    #[serde(skip)]
    Conflict,
    /// The process of the function stops before the call.
    #[serde(skip)]
    StopBefore,
    /// The work is done, then the process of the function stops.
    #[serde(skip)]
    StopAfter,
}

/// A fault: calls that will fail.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fault {
    /// The service.
    pub service: Service,
    /// Only this operation, by its name in the API.
    #[serde(default)]
    pub operation: Option<String>,
    /// How they fail.
    pub kind: Kind,
    /// The number of calls that succeed first.
    #[serde(default)]
    pub after: u32,
    /// The number of calls that fail after those.
    #[serde(default = "once")]
    pub times: u32,
}

const fn once() -> u32 {
    1
}

/// The operations that a fault may name.
pub const OPERATIONS: &[(Service, &[&str])] = &[
    (
        Service::Dynamodb,
        &[
            "GetItem",
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "Query",
            "Scan",
            "BatchGetItem",
            "BatchExecuteStatement",
            "TransactWriteItems",
        ],
    ),
    (Service::Sqs, &["SendMessage", "SendMessageBatch", "ChangeMessageVisibilityBatch"]),
    (Service::Ses, &["SendRawEmail"]),
    (Service::Secrets, &["GetSecretValue"]),
    (Service::Google, &["POST /token", "GET /certs"]),
    (
        Service::Stripe,
        &[
            "POST /v1/products",
            "GET /v1/products/{id}",
            "POST /v1/products/{id}",
            "GET /v1/prices",
            "POST /v1/prices",
            "POST /v1/prices/{id}",
            "GET /v1/customers",
            "GET /v1/customers/{id}",
            "POST /v1/customers",
            "POST /v1/customers/{id}",
            "GET /v1/checkout/sessions",
            "POST /v1/checkout/sessions",
            "GET /v1/checkout/sessions/{id}",
            "POST /v1/checkout/sessions/{id}/expire",
            "GET /v1/subscriptions",
            "POST /v1/subscriptions/{id}",
            "DELETE /v1/subscriptions/{id}",
            "GET /v1/charges",
            "GET /v1/charges/{id}",
            "GET /v1/coupons/{id}",
            "GET /v1/disputes",
            "GET /v1/invoices",
            "GET /v1/invoices/{id}",
            "GET /v1/billing_portal/configurations",
            "POST /v1/billing_portal/sessions",
            "POST /v1/invoices/create_preview",
            "GET /v1/invoice_payments",
            "GET /v1/refunds",
            "POST /v1/refunds",
            "GET /v1/subscription_schedules/{id}",
            "POST /v1/subscription_schedules",
            "POST /v1/subscription_schedules/{id}",
            "POST /v1/subscription_schedules/{id}/release",
        ],
    ),
    (Service::S3, &["PutObject"]),
    (Service::Ai, &["POST /chat/completions"]),
    (Service::Github, &["POST /login/oauth/access_token", "GET /user", "GET /user/emails"]),
];
