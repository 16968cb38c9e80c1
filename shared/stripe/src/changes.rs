//! Another price for a subscription: what it would cost, at once when that is paid, or from the next period on. Each can be
//! done again without harm: what has the price has nothing to pay.

use crate::client::{Gateway, GatewayError, NoParams};
use crate::lists::ListParams;
use crate::objects::{Changed, ChangedSubscription, Invoice, InvoiceLine, InvoicePayment, Phase, SubscriptionSchedule};
use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::billing::{BillingPeriod, Currency, Subscription, Terms};

#[derive(Serialize)]
struct PreviewParams<'a> {
    subscription: &'a str,
    subscription_details: PreviewDetails<'a>,
}

#[derive(Serialize)]
struct PreviewDetails<'a> {
    items: [ItemParams<'a>; 1],
    proration_behavior: &'static str,
    proration_date: i64,
}

/// The item and its new price. Stripe keeps everything that is not named, also the quantity.
#[derive(Serialize)]
struct ItemParams<'a> {
    id: &'a str,
    price: &'a str,
}

#[derive(Serialize)]
struct PriceChangeParams<'a> {
    expand: [&'static str; 1],
    items: [ItemParams<'a>; 1],
    payment_behavior: &'static str,
    proration_behavior: &'static str,
    proration_date: i64,
}

#[derive(Serialize)]
struct NewSchedule<'a> {
    from_subscription: &'a str,
}

#[derive(Serialize)]
struct ScheduleParams<'a> {
    end_behavior: &'static str,
    phases: [PhaseParams<'a>; 2],
}

#[derive(Serialize)]
struct PhaseParams<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<i64>,
    items: [PhaseItemParams<'a>; 1],
    proration_behavior: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_date: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trial_end: Option<i64>,
}

impl<'a> PhaseParams<'a> {
    fn of(price: &'a str) -> Self {
        Self {
            duration: None,
            end_date: None,
            items: [PhaseItemParams { price }],
            proration_behavior: "none",
            start_date: None,
            trial_end: None,
        }
    }
}

fn schedule_path(id: &str) -> String {
    format!("/subscription_schedules/{id}")
}

#[derive(Serialize)]
struct PhaseItemParams<'a> {
    price: &'a str,
}

#[derive(Serialize)]
struct Duration {
    interval: BillingPeriod,
}

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
        let details = PreviewDetails {
            items: [ItemParams { id: &subscription.stripe_item_id, price }],
            proration_behavior: "always_invoice",
            proration_date: from.as_second(),
        };
        let params = PreviewParams { subscription: &subscription.stripe_id, subscription_details: details };
        let invoice: Invoice = self.post("/invoices/create_preview", &params).await?;
        let line = |line: InvoiceLine| PreviewLine {
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
        let params = PriceChangeParams {
            expand: ["latest_invoice"],
            items: [ItemParams { id: &subscription.stripe_item_id, price }],
            payment_behavior: "pending_if_incomplete",
            proration_behavior: "always_invoice",
            proration_date: from.as_second(),
        };
        let changed: ChangedSubscription =
            self.post(&format!("/subscriptions/{}", subscription.stripe_id), &params).await?;
        if changed.pending_update.is_none() {
            return Ok(Settled::Done);
        }
        let Some(invoice) = changed.latest_invoice else {
            return Err(GatewayError::Unknown("a change waits for no invoice".to_owned()));
        };
        let needs_consent = self.needs_consent(&invoice.id).await?;
        let invoice_url = invoice.object.and_then(|invoice| invoice.hosted_invoice_url);
        Ok(Settled::Unpaid(Unpaid { invoice_url, needs_consent }))
    }

    /// Whether the payment of an invoice waits for the payer's consent.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn needs_consent(&self, invoice: &str) -> Result<bool, GatewayError> {
        let expand = Some(["data.payment.payment_intent"]);
        let params = ListParams { invoice: Some(invoice), expand, ..ListParams::default() };
        let waits = self.list("/invoice_payments", params).await?.read(|payment: InvoicePayment| {
            let intent = payment.payment.payment_intent.and_then(|intent| intent.object);
            Ok(intent.filter(|intent| intent.status == "requires_action"))
        });
        Ok(!waits.is_empty())
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
        let schedule: SubscriptionSchedule = match &subscription.schedule {
            Some(schedule) => self.get(&schedule_path(&schedule.stripe_id), &NoParams {}).await?,
            None => {
                let params = NewSchedule { from_subscription: &subscription.stripe_id };
                self.post("/subscription_schedules", &params).await?
            }
        };
        let Some(present) = schedule.current_phase else {
            return Err(GatewayError::Unknown("a schedule without a phase".to_owned()));
        };
        let is_present = |phase: &&Phase| phase.start_date == present.start_date;
        let trial_end = schedule.phases.iter().find(is_present).and_then(|phase| phase.trial_end);
        let until_then = PhaseParams {
            start_date: Some(present.start_date),
            end_date: Some(present.end_date),
            trial_end,
            ..PhaseParams::of(&subscription.stripe_price_id)
        };
        let interval = terms.billing_period;
        let from_then_on = PhaseParams { duration: Some(Duration { interval }), ..PhaseParams::of(price) };
        let params = ScheduleParams { end_behavior: "release", phases: [until_then, from_then_on] };
        self.post::<Changed>(&schedule_path(&schedule.id), &params).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stripe_client_core::{RequestBuilder, StripeMethod};

    fn form(params: &impl Serialize) -> String {
        RequestBuilder::new(StripeMethod::Post, "/x").form(params).body.unwrap()
    }

    #[test]
    fn a_change_and_its_preview_have_stripes_form() {
        let items = || [ItemParams { id: "si_1", price: "price_2" }];
        let details =
            PreviewDetails { items: items(), proration_behavior: "always_invoice", proration_date: 1_800_000_000 };
        assert_eq!(
            form(&PreviewParams { subscription: "sub_1", subscription_details: details }),
            "subscription=sub_1&subscription_details[items][0][id]=si_1&subscription_details[items][0][price]=price_2\
                &subscription_details[proration_behavior]=always_invoice\
                &subscription_details[proration_date]=1800000000"
        );
        let change = PriceChangeParams {
            expand: ["latest_invoice"],
            items: items(),
            payment_behavior: "pending_if_incomplete",
            proration_behavior: "always_invoice",
            proration_date: 1_800_000_000,
        };
        assert_eq!(
            form(&change),
            "expand[0]=latest_invoice&items[0][id]=si_1&items[0][price]=price_2\
                &payment_behavior=pending_if_incomplete&proration_behavior=always_invoice&proration_date=1800000000"
        );
    }

    #[test]
    fn the_phases_of_a_schedule_have_stripes_form() {
        let until_then = PhaseParams { start_date: Some(1), end_date: Some(2), ..PhaseParams::of("price_1") };
        let duration = Some(Duration { interval: BillingPeriod::Year });
        let phases = [until_then, PhaseParams { duration, ..PhaseParams::of("price_2") }];
        assert_eq!(
            form(&ScheduleParams { end_behavior: "release", phases }),
            "end_behavior=release&phases[0][end_date]=2&phases[0][items][0][price]=price_1\
                &phases[0][proration_behavior]=none&phases[0][start_date]=1\
                &phases[1][duration][interval]=year&phases[1][items][0][price]=price_2\
                &phases[1][proration_behavior]=none"
        );
    }
}
