//! Whether a subscription goes on: ending it, and giving back what was paid for what must not stay. Each can be done again
//! without harm.

use crate::client::{Gateway, GatewayError};
use crate::lists::Counted;
use crate::reads::id_of;
use stripe_billing::invoice_payment::ListInvoicePayment;
use stripe_billing::subscription::{CancelSubscription, UpdateSubscription};
use stripe_billing::subscription_schedule::ReleaseSubscriptionSchedule;
use stripe_core::refund::CreateRefund;

impl Gateway {
    /// Lets a subscription go from the schedule that manages it: what waited is taken back. One that let it go before is left
    /// as it is.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn release(&self, schedule: &str) -> Result<(), GatewayError> {
        match ReleaseSubscriptionSchedule::new(schedule.to_owned()).send(self).await {
            Ok(_) => Ok(()),
            // Stripe refuses what is no longer in force.
            Err(GatewayError::Refused { status: 400 | 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Ends a subscription now. One that has ended is left as it is.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn cancel(&self, subscription: &str) -> Result<(), GatewayError> {
        match CancelSubscription::new(subscription.to_owned()).send(self).await {
            Ok(_) => Ok(()),
            // Stripe does not find what has ended.
            Err(error) if error.is_missing() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Lets a subscription end with its period.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn cancel_at_period_end(&self, subscription: &str) -> Result<(), GatewayError> {
        UpdateSubscription::new(subscription.to_owned()).cancel_at_period_end(true).send(self).await.map(|_| ())
    }

    /// Takes back that a subscription ends with its period.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn resume(&self, subscription: &str) -> Result<(), GatewayError> {
        let ends_with_period = async |wanted: bool| {
            UpdateSubscription::new(subscription.to_owned()).cancel_at_period_end(wanted).send(self).await
        };
        if ends_with_period(false).await?.cancel_at.is_some() {
            // Its end was named by a moment, as Stripe's portal does: it takes that of the period instead, which is taken back.
            ends_with_period(true).await?;
            ends_with_period(false).await?;
        }
        Ok(())
    }

    /// Gives back `cents` of what was paid for an invoice: all that is left of it. Stripe gives back no more than was paid,
    /// and nothing that is disputed: this done twice is refused the second time, which counts as done.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn refund(&self, invoice: &str, cents: i64) -> Result<(), GatewayError> {
        let list = Counted::new(self);
        let payments = ListInvoicePayment::new().invoice(invoice).limit(100).send(&list).await?;
        let mut left = cents;
        for payment in list.all(payments.data)? {
            let paid = payment.amount_paid.unwrap_or_default().min(left);
            let Some(intent) = payment.payment.payment_intent.filter(|_| paid > 0) else { continue };
            let call = CreateRefund::new().payment_intent(id_of(&intent)).amount(paid);
            match call.send(self).await {
                Ok(_) => {}
                // What is disputed goes back by the bank, or stays.
                Err(GatewayError::Refused { code, .. })
                    if matches!(code.as_str(), "charge_already_refunded" | "charge_disputed") => {}
                Err(error) => return Err(error),
            }
            left -= paid;
        }
        Ok(())
    }
}
