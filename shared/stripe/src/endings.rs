//! Ends of subscriptions, and refunds. Each call can be repeated safely.

use crate::changes::PriceChanged;
use crate::client::{Gateway, GatewayError, NoParams};
use crate::objects::{Changed, ChangedSubscription, ResumedSubscription};
use serde::Serialize;

#[derive(Serialize)]
struct CancelParams {
    cancel_at_period_end: bool,
}

#[derive(Serialize)]
struct NoCancelAt {
    cancel_at: &'static str,
}

#[derive(Serialize)]
struct ResumeParams {
    billing_cycle_anchor: &'static str,
    expand: [&'static str; 1],
}

#[derive(Serialize)]
struct NewRefund<'a> {
    charge: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
}

impl Gateway {
    /// Releases a subscription from its schedule: pending phases are dropped. A released schedule is not changed.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn release(&self, schedule: &str) -> Result<(), GatewayError> {
        let path = format!("/subscription_schedules/{schedule}/release");
        match self.post::<Changed>(&path, &NoParams {}).await {
            Ok(_) => Ok(()),
            // Stripe refuses to release a schedule that is not active.
            Err(GatewayError::Refused { status: 400 | 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Ends a subscription now. One that has ended is not changed.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn cancel(&self, subscription: &str) -> Result<(), GatewayError> {
        match self.delete::<Changed>(&format!("/subscriptions/{subscription}")).await {
            Ok(_) => Ok(()),
            // Stripe does not find an ended subscription.
            Err(error) if error.is_missing() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes a subscription end with its period.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn cancel_at_period_end(&self, subscription: &str) -> Result<(), GatewayError> {
        self.set_cancel_at_period_end(subscription, true).await.map(|_| ())
    }

    async fn set_cancel_at_period_end(
        &self,
        subscription: &str,
        cancel_at_period_end: bool,
    ) -> Result<ChangedSubscription, GatewayError> {
        self.post(&format!("/subscriptions/{subscription}"), &CancelParams { cancel_at_period_end }).await
    }

    /// Undoes that a subscription ends with its period.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn resume(&self, subscription: &str) -> Result<(), GatewayError> {
        if self.set_cancel_at_period_end(subscription, false).await?.cancel_at.is_some() {
            // Its end is a time, as Stripe's portal and dashboard set it: an empty one removes it.
            self.post::<Changed>(&format!("/subscriptions/{subscription}"), &NoCancelAt { cancel_at: "" }).await?;
        }
        Ok(())
    }

    /// Resumes a subscription that was paused because its trial ended without a card: a period begins now, and is
    /// charged.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn resume_paused(&self, subscription: &str) -> Result<PriceChanged, GatewayError> {
        let params = ResumeParams { billing_cycle_anchor: "now", expand: ["latest_invoice"] };
        let resumed: ResumedSubscription = self.post(&format!("/subscriptions/{subscription}/resume"), &params).await?;
        match resumed.latest_invoice {
            Some(invoice) if resumed.status == "paused" => self.unpaid(invoice).await.map(PriceChanged::Unpaid),
            _ => Ok(PriceChanged::Done),
        }
    }

    /// Refunds this amount of a charge, in minor units, or the rest of it. Stripe refunds no more than was paid, and no
    /// disputed charge: a repetition is refused, which counts as done.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn refund(&self, charge: &str, amount: Option<i64>) -> Result<(), GatewayError> {
        match self.post::<Changed>("/refunds", &NewRefund { charge, amount }).await {
            Ok(_) => Ok(()),
            // The bank decides about a disputed charge.
            Err(GatewayError::Refused { code, .. })
                if matches!(code.as_str(), "charge_already_refunded" | "charge_disputed") =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
