//! The plans that a deployment starts with.

use crate::catalogue;
use crate::state::State;
use serde_json::{Value, json};
use tollgate_domain::PlanId;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::billing::{BillingPeriod, Features, Plan, Terms};
use tollgate_domain::{AuditId, UserId};
use tollgate_http::ApiError;
use tollgate_platform::random_bytes;
use tollgate_stripe::GatewayError;

/// A monthly plan, in US cents.
struct FirstPlan {
    code: &'static str,
    name: &'static str,
    description: &'static str,
    tier: u32,
    price_cents: i64,
    features: Value,
}

/// The plans. Their features are those that `functions/example` requires.
fn first_plans() -> [FirstPlan; 3] {
    [
        FirstPlan {
            code: "free",
            name: "Free",
            description: "To try it out.",
            tier: 0,
            price_cents: 0,
            features: json!({"exports": false, "limits": {"exports": 3}}),
        },
        FirstPlan {
            code: "pro",
            name: "Pro",
            description: "For one person.",
            tier: 1,
            price_cents: 1900,
            features: json!({"exports": true, "limits": {"exports": 100}}),
        },
        FirstPlan {
            code: "team",
            name: "Team",
            description: "For people who work together.",
            tier: 2,
            price_cents: 4900,
            features: json!({"exports": true, "priority_support": true, "limits": {"exports": 10_000}}),
        },
    ]
}

/// Why it is not certain that Stripe accepts the key.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyCheckError {
    /// Stripe refuses it, with this HTTP status.
    #[error("Stripe refuses the key ({0})")]
    Refused(u16),
    /// Stripe does not answer, or not as expected.
    #[error("Stripe does not answer: {0}")]
    Unknown(String),
}

impl State {
    /// Checks whether Stripe accepts the key; makes no call if it is `unset`.
    ///
    /// # Errors
    /// When it does not, or does not answer.
    pub async fn check_stripe_key(&self) -> Result<(), KeyCheckError> {
        match self.gateway.check_key().await {
            Ok(()) | Err(GatewayError::NotConfigured) => Ok(()),
            Err(GatewayError::Refused { status: status @ (401 | 403), .. }) => Err(KeyCheckError::Refused(status)),
            Err(error) => Err(KeyCheckError::Unknown(error.to_string())),
        }
    }

    /// Creates missing first plans whose code was never used: an archived plan stays archived.
    ///
    /// # Errors
    /// When Stripe or the tables do not answer: the next call creates the plans that are still missing.
    pub async fn seed_plans(&self) -> Result<(), ApiError> {
        let plans = self.store.catalogue().await?.plans;
        for FirstPlan { code, name, description, tier, price_cents, features } in first_plans() {
            if plans.iter().any(|plan| plan.code.as_str() == code) {
                continue;
            }
            let unreadable = |error: &dyn std::fmt::Display| ApiError::Internal(error.to_string());
            let now = self.clock.now();
            let plan = Plan {
                id: PlanId::new(now, random_bytes()),
                code: code.parse().map_err(|error| unreadable(&error))?,
                name: name.to_owned(),
                description: Some(description.to_owned()),
                terms: Terms {
                    price_cents,
                    currency: "usd".parse().map_err(|error| unreadable(&error))?,
                    billing_period: BillingPeriod::Month,
                },
                tier,
                trial_days: 0,
                features: features.as_object().cloned().map(Features).unwrap_or_default(),
                is_active: true,
                stripe_product_id: None,
                stripe_price_id: None,
                created_at: now,
                updated_at: now,
            };
            let entry = |action, target| entry(action, target, now);
            catalogue::make(self, &entry, now, plan).await?;
        }
        Ok(())
    }
}

/// An audit entry without a request.
fn entry(action: Action, target: String, now: jiff::Timestamp) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(now, random_bytes()),
        actor_id: None::<UserId>,
        action,
        target_id: Some(target),
        before: None,
        after: Some(json!({})),
        ip: None,
        request_id: None,
        created_at: now,
    }
}
