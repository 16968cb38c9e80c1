//! An immediate change of a subscription's price: its cost, and the change, which applies when that is paid. Each call
//! can be repeated safely: a subscription that has the price has nothing to pay.

use crate::client::{Gateway, GatewayError};
use crate::lists::ListParams;
use crate::objects::{ChangedSubscription, Expandable, Invoice, InvoiceLine, InvoicePayment};
use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::billing::{Currency, Subscription};

#[derive(Serialize)]
struct PreviewParams<'a> {
    subscription: &'a str,
    subscription_details: PreviewDetails<'a>,
}

#[derive(Serialize)]
struct PreviewDetails<'a> {
    items: [ItemParams<'a>; 1],
    proration_behavior: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    proration_date: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trial_end: Option<TrialEndParam>,
}

/// The item and its new price. Stripe keeps every field that is not named, also the quantity.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    proration_date: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trial_end: Option<TrialEndParam>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum TrialEndParam {
    Now(&'static str),
    At(i64),
}

/// The end of the trial of a subscription whose price changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialEnd {
    /// With the change: the first period is charged.
    Now,
    /// Later: nothing is charged before that.
    At(Timestamp),
}

/// A change of a subscription's price.
#[derive(Debug, Clone, Copy)]
pub struct PriceChange<'a> {
    /// The subscription.
    pub subscription: &'a Subscription,
    /// Stripe's price.
    pub price: &'a str,
    /// The start of the proration, in whole seconds.
    pub from: Timestamp,
    /// The end of its trial, if it is in one. A trial costs nothing, so there is no proration.
    pub trial: Option<TrialEnd>,
}

impl PriceChange<'_> {
    fn proration_behavior(&self) -> &'static str {
        match self.trial {
            Some(TrialEnd::At(_)) => "none",
            Some(TrialEnd::Now) | None => "always_invoice",
        }
    }

    fn proration_date(&self) -> Option<i64> {
        self.trial.is_none().then_some(self.from.as_second())
    }

    fn trial_end(&self) -> Option<TrialEndParam> {
        self.trial.map(|trial| match trial {
            TrialEnd::Now => TrialEndParam::Now("now"),
            TrialEnd::At(end) => TrialEndParam::At(end.as_second()),
        })
    }
}

/// The cost of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The amount due, in minor units.
    pub amount_due_cents: i64,
    /// The currency.
    pub currency: Currency,
    /// The lines of the invoice.
    pub lines: Vec<PreviewLine>,
}

/// One line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewLine {
    /// The description.
    pub description: String,
    /// In minor units; negative for a credit.
    pub amount_cents: i64,
}

/// The result of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceChanged {
    /// The subscription has the price.
    Done,
    /// It has the old price until this invoice is paid.
    Unpaid(Unpaid),
}

/// An unpaid invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpaid {
    /// Stripe's payment page.
    pub invoice_url: Option<String>,
    /// Whether the bank requires the payer's confirmation; otherwise the card was declined.
    pub needs_consent: bool,
}

impl Gateway {
    /// The amount that Stripe would charge for an immediate change.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn preview(&self, change: PriceChange<'_>) -> Result<Preview, GatewayError> {
        let PriceChange { subscription, price, .. } = change;
        let details = PreviewDetails {
            items: [ItemParams { id: &subscription.stripe_item_id, price }],
            proration_behavior: change.proration_behavior(),
            proration_date: change.proration_date(),
            trial_end: change.trial_end(),
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

    /// Changes the price of a subscription and charges the difference. The change applies when that is paid.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn change_price(&self, change: PriceChange<'_>) -> Result<PriceChanged, GatewayError> {
        let PriceChange { subscription, price, .. } = change;
        let params = PriceChangeParams {
            expand: ["latest_invoice"],
            items: [ItemParams { id: &subscription.stripe_item_id, price }],
            payment_behavior: "pending_if_incomplete",
            proration_behavior: change.proration_behavior(),
            proration_date: change.proration_date(),
            trial_end: change.trial_end(),
        };
        let changed: ChangedSubscription =
            self.post(&format!("/subscriptions/{}", subscription.stripe_id), &params).await?;
        if changed.pending_update.is_none() {
            return Ok(PriceChanged::Done);
        }
        let Some(invoice) = changed.latest_invoice else {
            return Err(GatewayError::Unknown("a pending change without an invoice".to_owned()));
        };
        self.unpaid(invoice).await.map(PriceChanged::Unpaid)
    }

    /// The reason why an invoice is unpaid.
    pub(crate) async fn unpaid(&self, invoice: Expandable<Invoice>) -> Result<Unpaid, GatewayError> {
        let needs_consent = self.needs_consent(&invoice.id).await?;
        let invoice_url = invoice.object.and_then(|invoice| invoice.hosted_invoice_url);
        Ok(Unpaid { invoice_url, needs_consent })
    }

    /// Whether the payment of an invoice waits for the payer's confirmation.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn needs_consent(&self, invoice: &str) -> Result<bool, GatewayError> {
        let expand = &["data.payment.payment_intent"];
        let params = ListParams { invoice: Some(invoice), expand, ..ListParams::default() };
        let waits = self.list("/invoice_payments", params).await?.read(|payment: InvoicePayment| {
            let intent = payment.payment.payment_intent.and_then(|intent| intent.object);
            Ok(intent.filter(|intent| intent.status == "requires_action"))
        });
        Ok(!waits.is_empty())
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
        let details = PreviewDetails {
            items: items(),
            proration_behavior: "always_invoice",
            proration_date: Some(1_800_000_000),
            trial_end: None,
        };
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
            proration_date: None,
            trial_end: Some(TrialEndParam::Now("now")),
        };
        assert_eq!(
            form(&change),
            "expand[0]=latest_invoice&items[0][id]=si_1&items[0][price]=price_2\
                &payment_behavior=pending_if_incomplete&proration_behavior=always_invoice&trial_end=now"
        );
    }
}
