//! The plans that a deployment starts with.

use crate::{State, catalogue};
use serde_json::json;
use tollgate_domain::PlanId;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::billing::{BillingPeriod, Features, Plan, Terms};
use tollgate_domain::{AuditId, UserId};
use tollgate_http::ApiError;
use tollgate_platform::random_bytes;
use tollgate_stripe::GatewayError;

/// Code, name, tier and price in US cents, by the month.
const FIRST: [(&str, &str, u32, i64); 3] = [("free", "Free", 0, 0), ("pro", "Pro", 1, 1900), ("team", "Team", 2, 4900)];

/// Why it is not certain that Stripe accepts the key.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyCheckError {
    /// Stripe refuses it, with this HTTP status.
    #[error("Stripe refuses the key ({0})")]
    Refused(u16),
    /// Stripe does not answer, or not to the point.
    #[error("Stripe does not answer: {0}")]
    Unknown(String),
}

impl State {
    /// Asks Stripe whether it accepts the key; one that is `unset` asks for nothing.
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

    /// Creates missing first plans whose code was never used: one that an admin has archived stays so.
    ///
    /// # Errors
    /// When Stripe or the tables do not answer: the next call makes the plans that are still missing.
    pub async fn seed_plans(&self) -> Result<(), ApiError> {
        let plans = self.store.catalogue().await?.plans;
        for (code, name, tier, price_cents) in FIRST {
            if plans.iter().any(|plan| plan.code.as_str() == code) {
                continue;
            }
            let unreadable = |error: &dyn std::fmt::Display| ApiError::Internal(error.to_string());
            let now = self.clock.now();
            let plan = Plan {
                id: PlanId::new(now, random_bytes()),
                code: code.parse().map_err(|error| unreadable(&error))?,
                name: name.to_owned(),
                description: None,
                terms: Terms {
                    price_cents,
                    currency: "usd".parse().map_err(|error| unreadable(&error))?,
                    billing_period: BillingPeriod::Month,
                },
                tier,
                trial_days: 0,
                features: Features::default(),
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
