//! Calls that the fake refuses permanently, as configured by a test or a developer.

use crate::core::Core;
use crate::error::ApiError;
use crate::stripe::Stripe;
use serde::{Deserialize, Serialize};
use serde_json::json;

const SETTINGS: &str = "settings_refusals";
/// Steps of a path that look like ids but are not.
const WORDS: [&str; 9] = [
    "billing_portal",
    "create_preview",
    "credit_notes",
    "invoice_payments",
    "payment_intents",
    "payment_methods",
    "subscription_schedules",
    "tax_rates",
    "webhook_endpoints",
];

/// A refusal of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Method and path, with `{id}` in the place of an object's id: `POST /v1/refunds`.
    pub operation: String,
    /// The status, by default 400.
    #[serde(default = "bad_request")]
    pub status: u16,
    /// Stripe's code, if any.
    #[serde(default)]
    pub code: Option<String>,
    /// What the answer says.
    #[serde(default)]
    pub message: String,
    /// How many calls are refused; without it, all.
    #[serde(default)]
    pub times: Option<u32>,
}

const fn bad_request() -> u16 {
    400
}

/// The operation of a call, without ids.
pub fn operation_of(method: &str, path: &str) -> String {
    let is_id = |step: &str| step.contains('_') && !WORDS.contains(&step);
    let steps: Vec<_> = path.split('/').map(|step| if is_id(step) { "{id}" } else { step }).collect();
    format!("{method} {}", steps.join("/"))
}

impl Stripe {
    /// Refuses an operation from now on.
    pub fn refuse(&self, refusal: Refusal) {
        self.with(|core| {
            let mut refusals = core.refusals();
            refusals.push(refusal);
            core.set_refusals(&refusals);
        });
    }

    /// The configured refusals.
    #[must_use]
    pub fn refusals(&self) -> Vec<Refusal> {
        self.core().refusals()
    }

    /// Removes all refusals.
    pub fn clear_refusals(&self) {
        self.with(|core| core.set_refusals(&[]));
    }
}

impl Core {
    fn refusals(&self) -> Vec<Refusal> {
        serde_json::from_value(self.side(SETTINGS)["refusals"].clone()).unwrap_or_default()
    }

    fn set_refusals(&mut self, refusals: &[Refusal]) {
        self.insert(json!({"id": SETTINGS, "object": "settings"}), json!({"refusals": refusals}));
    }

    /// The refusal that applies to an operation; this counts it.
    pub fn refusal(&mut self, operation: &str) -> Option<ApiError> {
        let mut refusals = self.refusals();
        let place = refusals.iter().position(|refusal| refusal.operation == operation)?;
        let refusal = refusals[place].clone();
        match refusal.times {
            None => {}
            Some(0 | 1) => {
                refusals.remove(place);
                self.set_refusals(&refusals);
            }
            Some(times) => {
                refusals[place].times = Some(times - 1);
                self.set_refusals(&refusals);
            }
        }
        let kind = match refusal.status {
            402 => "card_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        };
        let message = if refusal.message.is_empty() { "Refused.".to_owned() } else { refusal.message };
        let code = refusal.code.filter(|code| !code.is_empty()).map(Into::into);
        Some(ApiError { status: refusal.status, kind, code, ..ApiError::invalid(message) })
    }
}

impl Refusal {
    /// Whether it has a method, a path, and an error status.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let method = self.operation.split_once(" /v1/").map(|(method, _)| method);
        matches!(method, Some("GET" | "POST" | "DELETE")) && (400..600).contains(&self.status)
    }
}
