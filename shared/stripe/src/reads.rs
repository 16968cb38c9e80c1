//! The fetch of a customer's state for convergence: its subscriptions of every status, its invoices, and the outcome of
//! payments. One call reads the newest hundred of each; reconciliation reads the others.

use crate::client::{Gateway, GatewayError, NoParams};
use crate::lists::{ListParams, UnreadableError};
use crate::objects::{self, Coupons, Expandable};
use jiff::Timestamp;
use std::cmp::Reverse;
use std::pin::Pin;
use tollgate_domain::billing::{
    Charge, ChargeStatus, Currency, Discount, Dispute, Interval, Invoice, InvoiceStatus, Percent, Schedule, Status,
    StripeState, StripeSubscription, Subscription, SubscriptionItem, SubscriptionTerms,
};
use tollgate_domain::{PaymentId, SubscriptionId};
use tollgate_platform::ten_bytes;

/// A boxed future: all lists have the same type for a caller.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, GatewayError>> + Send + 'a>>;

/// The links to an invoice. They expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceLinks {
    /// Stripe's page.
    pub url: String,
    /// The document, if Stripe has created one.
    pub pdf_url: Option<String>,
}

impl Gateway {
    /// Stripe's state of a customer.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub fn fetch_state<'a>(&'a self, customer: &'a str) -> BoxFuture<'a, StripeState> {
        Box::pin(self.fetch_customer_state(customer))
    }

    /// The links to an invoice, as Stripe creates them now; `None` where Stripe has no page for it.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn invoice_links(&self, invoice: &str) -> Result<Option<InvoiceLinks>, GatewayError> {
        let invoice: objects::InvoicePage = self.get(&format!("/invoices/{invoice}"), &NoParams {}).await?;
        Ok(invoice.hosted_invoice_url.map(|url| InvoiceLinks { url, pdf_url: invoice.invoice_pdf }))
    }

    async fn fetch_customer_state(&self, customer: &str) -> Result<StripeState, GatewayError> {
        let (subscriptions, invoices, charges) = tokio::join!(
            self.list("/subscriptions", ListParams { customer: Some(customer), ..every_subscription() }),
            self.list("/invoices", ListParams { customer: Some(customer), ..every_invoice() }),
            self.list("/charges", ListParams { customer: Some(customer), ..ListParams::default() }),
        );
        let subscriptions = subscriptions?;
        let coupons = self.coupons(&subscriptions).await?;
        let mut charges = charges?.read(charge);
        for charge in charges.iter_mut().filter(|charge| charge.dispute.is_some()) {
            charge.dispute = Some(self.dispute_of_charge(&charge.stripe_id).await?);
        }
        Ok(StripeState {
            subscriptions: subscriptions.read(|object| subscription(object, &coupons).map(Some)),
            invoices: invoices?.read(|object| invoice(object).map(Some)),
            charges,
            ..StripeState::default()
        })
    }

    /// The state of a charge's dispute; the charge stays marked as disputed also after the dispute was won. Of several
    /// disputes, one that is open or lost counts.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn dispute_of_charge(&self, charge: &str) -> Result<Dispute, GatewayError> {
        let params = ListParams { charge: Some(charge), ..ListParams::default() };
        let disputes =
            self.list("/disputes", params).await?.read(|object: objects::Dispute| Ok(Some(dispute(&object))));
        let has = |dispute| disputes.contains(&dispute);
        Ok(match (has(Dispute::Open), has(Dispute::Lost), has(Dispute::Won)) {
            (true, _, _) | (_, false, false) => Dispute::Open,
            (_, true, _) => Dispute::Lost,
            (_, _, true) => Dispute::Won,
        })
    }
}

/// The objects that are expanded with a subscription. Stripe expands four levels, so the coupons of an item's discounts
/// are read separately.
const OF_SUBSCRIPTION: [&str; 4] =
    ["data.schedule", "data.discounts.source.coupon", "data.items.data.discounts", "data.default_payment_method"];

/// Subscriptions of every status, with their schedules, discounts and payment methods.
pub(crate) fn every_subscription<'a>() -> ListParams<'a> {
    ListParams { expand: &OF_SUBSCRIPTION, status: Some("all"), ..ListParams::default() }
}

/// Invoices, with their payments.
pub(crate) fn every_invoice<'a>() -> ListParams<'a> {
    ListParams { expand: &["data.payments"], ..ListParams::default() }
}

fn at(seconds: i64) -> Result<Timestamp, UnreadableError> {
    Timestamp::from_second(seconds).map_err(|_| UnreadableError)
}

fn currency(code: &str) -> Result<Currency, UnreadableError> {
    Currency::from_stripe(code).map_err(|_| UnreadableError)
}

pub(crate) fn subscription(
    object: objects::Subscription,
    coupons: &Coupons,
) -> Result<StripeSubscription, UnreadableError> {
    let currency = currency(&object.currency)?;
    let items =
        object.items.data.into_iter().map(|object| item(object, currency, coupons)).collect::<Result<Vec<_>, _>>()?;
    // Stripe has no subscription without an item.
    let first = items.first().ok_or(UnreadableError)?.clone();
    let status = status(&object.status, object.ended_at.is_some());
    let cancel_at = object.cancel_at.map(at).transpose()?;
    let manages = object.schedule.as_ref().and_then(|schedule| schedule.object.clone());
    let next_price_ids = manages.map(|schedule| next_price_ids(schedule, &items)).unwrap_or_default();
    Ok(StripeSubscription {
        subscription: Subscription {
            id: SubscriptionId::new(at(object.created)?, ten_bytes(&object.id)),
            stripe_id: object.id,
            plan_id: None,
            stripe_item_id: first.stripe_id,
            stripe_price_id: first.stripe_price_id,
            quantity: first.quantity,
            terms: first.terms,
            status: status.unwrap_or(Status::Paused),
            started_at: at(object.start_date.unwrap_or(object.created))?,
            current_period_start: first.current_period_start,
            current_period_end: first.current_period_end,
            cancel_at_period_end: object.cancel_at_period_end,
            canceled_at: object.canceled_at.map(at).transpose()?,
            ends_at: object.ended_at.map(at).transpose()?.or(cancel_at),
            had_trial: object.trial_start.is_some(),
            unpaid_since: None,
            payment_processing: false,
            is_end_refused: false,
            collection_paused: object.pause_collection.is_some(),
            schedule: object.schedule.as_ref().map(|schedule| Schedule {
                stripe_id: schedule.id.clone(),
                next_price_id: None,
                next_plan_id: None,
            }),
            duplicate_refund: None,
            trial_refused: false,
        },
        items,
        discounts: discounts(object.discounts, coupons),
        next_price_ids,
        cancel_at,
        fingerprint: object.default_payment_method.and_then(|method| fingerprint(method.object?)),
        is_status_known: status.is_some(),
    })
}

/// The status with this name. An unknown one is `canceled` if the subscription has ended, else `None`. The substitute
/// is then `paused`: it gives no access, but the subscription exists, so that a second one is not sold.
fn status(name: &str, has_ended: bool) -> Option<Status> {
    name.parse().ok().or(has_ended.then_some(Status::Canceled))
}

fn item(
    object: objects::SubscriptionItem,
    currency: Currency,
    coupons: &Coupons,
) -> Result<SubscriptionItem, UnreadableError> {
    let unit_price_cents = object.price.unit_amount.unwrap_or_default();
    let quantity = object.quantity.unwrap_or(1);
    let recurring = object.price.recurring;
    Ok(SubscriptionItem {
        stripe_id: object.id,
        stripe_price_id: object.price.id,
        quantity,
        terms: SubscriptionTerms {
            price_cents: unit_price_cents.saturating_mul(i64::try_from(quantity).unwrap_or(i64::MAX)),
            currency,
            billing_period: match recurring.as_ref().map(|recurring| recurring.interval.as_str()) {
                Some("day") => Interval::Day,
                Some("week") => Interval::Week,
                Some("year") => Interval::Year,
                _ => Interval::Month,
            },
            interval_count: recurring.and_then(|recurring| recurring.interval_count).unwrap_or(1),
            unit_price_cents,
            discount: None,
        },
        discounts: discounts(object.discounts, coupons),
        current_period_start: at(object.current_period_start)?,
        current_period_end: at(object.current_period_end)?,
    })
}

/// The fingerprint of a card, or of a similar payment method.
fn fingerprint(method: objects::PaymentMethod) -> Option<String> {
    method.details.get(&method.kind)?["fingerprint"].as_str().map(str::to_owned)
}

/// The discounts whose coupon is known.
fn discounts(object: Vec<Expandable<objects::Discount>>, coupons: &Coupons) -> Vec<Discount> {
    let of = |discount: Expandable<objects::Discount>| {
        let discount = discount.object?;
        let coupon = discount.source?.coupon?;
        let coupon = coupon.object.or_else(|| coupons.get(&coupon.id).cloned())?;
        Some(Discount {
            percent_off: coupon.percent_off.and_then(Percent::new),
            amount_off_cents: coupon.amount_off,
            ends_at: discount.end.map(at).transpose().ok()?,
        })
    };
    object.into_iter().filter_map(of).collect()
}

/// The scheduled prices: those of the phase in which the next period begins, if that is not the current one. A phase
/// may last several periods, so its end is not the end of the period.
fn next_price_ids(schedule: objects::SubscriptionSchedule, items: &[SubscriptionItem]) -> Vec<String> {
    let Some(current) = schedule.current_phase else { return Vec::new() };
    let begins_in =
        |phase: &objects::Phase, at: i64| phase.start_date <= at && phase.end_date.is_none_or(|end| at < end);
    let is_next = |phase: &objects::Phase| {
        phase.start_date > current.start_date
            && items.iter().any(|item| begins_in(phase, item.current_period_end.as_second()))
    };
    let next = schedule.phases.into_iter().find(is_next);
    next.map(|phase| phase.items.into_iter().map(|item| item.price.0).collect()).unwrap_or_default()
}

/// A charge; `None` for one without a payment intent, which belongs to no invoice. An unknown status is derived from
/// whether it was paid.
pub(crate) fn charge(object: objects::Charge) -> Result<Option<Charge>, UnreadableError> {
    let Some(payment_intent) = object.payment_intent else { return Ok(None) };
    Ok(Some(Charge {
        stripe_id: object.id,
        payment_intent: payment_intent.0,
        status: match object.status.as_deref() {
            Some("pending") => ChargeStatus::Pending,
            Some("failed") => ChargeStatus::Failed,
            _ if object.paid => ChargeStatus::Succeeded,
            _ => ChargeStatus::Failed,
        },
        is_debit: object.payment_method_details.is_some_and(|details| is_debit(&details.kind)),
        paid_cents: object.amount_captured,
        refunded_cents: object.amount_refunded,
        dispute: object.disputed.then_some(Dispute::Unread),
        created_at: at(object.created)?,
    }))
}

/// Whether a payment method is a debit, which is confirmed days later.
fn is_debit(kind: &str) -> bool {
    kind.ends_with("_debit") || kind.ends_with("_bank_account")
}

/// The state of a dispute. An unknown status counts as open.
pub(crate) fn dispute(object: &objects::Dispute) -> Dispute {
    match object.status.as_str() {
        // An inquiry without a dispute, or a prevented dispute, costs nothing.
        "won" | "warning_closed" | "prevented" => Dispute::Won,
        "lost" => Dispute::Lost,
        _ => Dispute::Open,
    }
}

/// An invoice. One with an unknown status is unreadable, so the stored payment stays.
pub(crate) fn invoice(object: objects::Invoice) -> Result<Invoice, UnreadableError> {
    let stripe_id = object.id.ok_or(UnreadableError)?;
    // For a change of plan the first line is the credit: the charged line names the plan.
    let mut lines = object.lines.data;
    lines.sort_by_key(|line| Reverse(line.amount));
    let price = |line: &objects::InvoiceLine| Some(line.pricing.as_ref()?.price_details.as_ref()?.price.0.clone());
    let stripe_price_ids = lines.iter().filter_map(price).collect();
    let payments = object.payments.map(|payments| payments.data).unwrap_or_default();
    Ok(Invoice {
        payment_id: PaymentId::new(at(object.created)?, ten_bytes(&stripe_id)),
        stripe_id,
        stripe_subscription_id: object.parent.and_then(|by| by.subscription_details).map(|of| of.subscription.0),
        stripe_price_ids,
        status: match object.status.as_deref() {
            Some("draft") | None => InvoiceStatus::Draft,
            Some("open") => InvoiceStatus::Open,
            Some("paid") => InvoiceStatus::Paid,
            Some("uncollectible") => InvoiceStatus::Uncollectible,
            Some("void") => InvoiceStatus::Void,
            Some(_) => return Err(UnreadableError),
        },
        amount_due_cents: object.amount_due,
        amount_paid_cents: object.amount_paid,
        currency: currency(&object.currency)?,
        is_renewal: object.billing_reason.as_deref() == Some("subscription_cycle"),
        attempted: object.attempted,
        payment_intents: payments.into_iter().filter_map(|paid| Some(paid.payment.payment_intent?.id)).collect(),
        invoice_url: object.hosted_invoice_url,
        description: object.description.or(lines.into_iter().next().and_then(|line| line.description)),
        created_at: at(object.created)?,
        due_at: object.due_date.map(at).transpose()?,
        paid_at: object.status_transitions.and_then(|when| when.paid_at).map(at).transpose()?,
    })
}
