//! Another price for a subscription: what it would cost, at once when that is paid, or from the next period on. Each can be
//! done again without harm: what has the price has nothing to pay.

use crate::client::{Gateway, GatewayError};
use crate::lists::Counted;
use jiff::Timestamp;
use stripe_billing::invoice::{
    CreatePreviewInvoice, CreatePreviewInvoiceSubscriptionDetails, CreatePreviewInvoiceSubscriptionDetailsItems,
    CreatePreviewInvoiceSubscriptionDetailsProrationBehavior,
};
use stripe_billing::invoice_payment::ListInvoicePayment;
use stripe_billing::subscription::{
    UpdateSubscription, UpdateSubscriptionItems, UpdateSubscriptionPaymentBehavior, UpdateSubscriptionProrationBehavior,
};
use stripe_billing::subscription_schedule::{
    CreateSubscriptionSchedule, RetrieveSubscriptionSchedule, UpdateSubscriptionSchedule,
    UpdateSubscriptionSchedulePhases, UpdateSubscriptionSchedulePhasesDuration,
    UpdateSubscriptionSchedulePhasesDurationInterval, UpdateSubscriptionSchedulePhasesEndDate,
    UpdateSubscriptionSchedulePhasesItems, UpdateSubscriptionSchedulePhasesProrationBehavior,
    UpdateSubscriptionSchedulePhasesStartDate, UpdateSubscriptionSchedulePhasesTrialEnd,
};
use stripe_shared::{PaymentIntentStatus, SubscriptionScheduleEndBehavior, SubscriptionSchedulePhaseConfiguration};
use stripe_types::Expandable;
use tollgate_domain::billing::{BillingPeriod, Currency, Subscription, Terms};

/// A subscription that is to have another price.
#[derive(Debug, Clone, Copy)]
pub struct PriceChange<'a> {
    /// Which.
    pub subscription: &'a Subscription,
    /// Stripe's price.
    pub price: &'a str,
    /// From when on the difference is counted, in whole seconds.
    pub from: Timestamp,
}

/// What a change would cost now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// What would be charged, in minor units.
    pub amount_due_cents: i64,
    /// In this currency.
    pub currency: Currency,
    /// What it is made of.
    pub lines: Vec<PreviewLine>,
}

/// One line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewLine {
    /// What it is for.
    pub description: String,
    /// In minor units; negative for what is credited.
    pub amount_cents: i64,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The subscription has the price.
    Done,
    /// It has the old one until this is paid.
    Unpaid(Unpaid),
}

/// An invoice that waits for its payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpaid {
    /// Stripe's page to pay on.
    pub invoice_url: Option<String>,
    /// Whether the bank wants the payer's consent; else the card was refused.
    pub needs_consent: bool,
}

impl Gateway {
    /// What Stripe would charge for a change at once.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn preview(&self, change: PriceChange<'_>) -> Result<Preview, GatewayError> {
        let PriceChange { subscription, price, from } = change;
        let item = CreatePreviewInvoiceSubscriptionDetailsItems {
            id: Some(subscription.stripe_item_id.clone()),
            price: Some(price.to_owned()),
            ..CreatePreviewInvoiceSubscriptionDetailsItems::new()
        };
        let details = CreatePreviewInvoiceSubscriptionDetails {
            items: Some(vec![item]),
            proration_behavior: Some(CreatePreviewInvoiceSubscriptionDetailsProrationBehavior::AlwaysInvoice),
            proration_date: Some(from.as_second()),
            ..CreatePreviewInvoiceSubscriptionDetails::new()
        };
        let call = CreatePreviewInvoice::new().subscription(&subscription.stripe_id).subscription_details(details);
        let invoice = call.send(self).await?;
        let line = |line: stripe_shared::InvoiceLineItem| PreviewLine {
            description: line.description.unwrap_or_default(),
            amount_cents: line.amount,
        };
        Ok(Preview {
            amount_due_cents: invoice.amount_due,
            currency: subscription.terms.currency,
            lines: invoice.lines.data.into_iter().map(line).collect(),
        })
    }

    /// Gives a subscription another price and charges the difference. Nothing changes until that is paid.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn change_price(&self, change: PriceChange<'_>) -> Result<Settled, GatewayError> {
        let PriceChange { subscription, price, from } = change;
        let item = UpdateSubscriptionItems {
            id: Some(subscription.stripe_item_id.clone()),
            price: Some(price.to_owned()),
            ..UpdateSubscriptionItems::new()
        };
        let changed = UpdateSubscription::new(subscription.stripe_id.clone())
            .items(vec![item])
            .payment_behavior(UpdateSubscriptionPaymentBehavior::PendingIfIncomplete)
            .proration_behavior(UpdateSubscriptionProrationBehavior::AlwaysInvoice)
            .proration_date(from.as_second())
            .expand(vec!["latest_invoice".to_owned()])
            .send(self)
            .await?;
        if changed.pending_update.is_none() {
            return Ok(Settled::Done);
        }
        let Some(Expandable::Object(invoice)) = changed.latest_invoice else {
            return Err(GatewayError::Unknown("a change waits for no invoice".to_owned()));
        };
        let invoice_url = invoice.hosted_invoice_url;
        let needs_consent = match &invoice.id {
            Some(id) => self.needs_consent(id.as_str()).await?,
            None => false,
        };
        Ok(Settled::Unpaid(Unpaid { invoice_url, needs_consent }))
    }

    /// Whether the payment of an invoice waits for the payer's consent.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn needs_consent(&self, invoice: &str) -> Result<bool, GatewayError> {
        let list = Counted::new(self);
        let expand = vec!["data.payment.payment_intent".to_owned()];
        let payments = ListInvoicePayment::new().invoice(invoice).expand(expand).limit(100).send(&list).await?;
        let waits = |payment: &stripe_shared::InvoicePayment| {
            let intent = payment.payment.payment_intent.as_ref().and_then(Expandable::as_object);
            intent.is_some_and(|intent| intent.status == PaymentIntentStatus::RequiresAction)
        };
        Ok(list.all(payments.data)?.iter().any(waits))
    }

    /// Gives a subscription another price from its next period on, under the schedule that manages it already or a new one.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn schedule_price(
        &self,
        subscription: &Subscription,
        price: &str,
        terms: &Terms,
    ) -> Result<(), GatewayError> {
        let schedule = match &subscription.schedule {
            Some(schedule) => RetrieveSubscriptionSchedule::new(schedule.stripe_id.clone()).send(self).await?,
            None => {
                let call = CreateSubscriptionSchedule::new().from_subscription(&subscription.stripe_id);
                call.send(self).await?
            }
        };
        let phase = |price: &str| {
            let item = UpdateSubscriptionSchedulePhasesItems {
                price: Some(price.to_owned()),
                ..UpdateSubscriptionSchedulePhasesItems::new()
            };
            UpdateSubscriptionSchedulePhases {
                proration_behavior: Some(UpdateSubscriptionSchedulePhasesProrationBehavior::None),
                ..UpdateSubscriptionSchedulePhases::new(vec![item])
            }
        };
        let Some(present) = schedule.current_phase else {
            return Err(GatewayError::Unknown("a schedule without a phase".to_owned()));
        };
        let is_present = |phase: &&SubscriptionSchedulePhaseConfiguration| phase.start_date == present.start_date;
        let trial_end = schedule.phases.iter().find(is_present).and_then(|phase| phase.trial_end);
        let until_then = UpdateSubscriptionSchedulePhases {
            start_date: Some(UpdateSubscriptionSchedulePhasesStartDate::Timestamp(present.start_date)),
            end_date: Some(UpdateSubscriptionSchedulePhasesEndDate::Timestamp(present.end_date)),
            trial_end: trial_end.map(UpdateSubscriptionSchedulePhasesTrialEnd::Timestamp),
            ..phase(&subscription.stripe_price_id)
        };
        let interval = match terms.billing_period {
            BillingPeriod::Month => UpdateSubscriptionSchedulePhasesDurationInterval::Month,
            BillingPeriod::Year => UpdateSubscriptionSchedulePhasesDurationInterval::Year,
        };
        let from_then_on = UpdateSubscriptionSchedulePhases {
            duration: Some(UpdateSubscriptionSchedulePhasesDuration::new(interval)),
            ..phase(price)
        };
        let call = UpdateSubscriptionSchedule::new(schedule.id)
            .end_behavior(SubscriptionScheduleEndBehavior::Release)
            .phases(vec![until_then, from_then_on]);
        call.send(self).await.map(|_| ())
    }
}
