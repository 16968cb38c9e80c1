//! The plans that a deployment starts with.

use crate::{State, catalogue};
use serde_json::json;
use tollgate_domain::PlanId;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::billing::{BillingPeriod, Features, Plan, Terms};
use tollgate_domain::{AuditId, UserId};
use tollgate_http::ApiError;
use tollgate_platform::random_bytes;

/// Code, name, tier and price in US cents, by the month.
const FIRST: [(&str, &str, u32, i64); 3] = [("free", "Free", 0, 0), ("pro", "Pro", 1, 1900), ("team", "Team", 2, 4900)];

impl State {
    /// Makes the first plans where there are none.
    ///
    /// # Errors
    /// When Stripe or the tables do not answer.
    pub async fn seed_plans(&self) -> Result<(), ApiError> {
        if !self.store.catalogue().await?.plans.is_empty() {
            return Ok(());
        }
        for (code, name, tier, price_cents) in FIRST {
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

/// An entry of nobody's request.
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
