//! Stripe's objects, with only the fields that this system reads. All other fields are ignored.
//!
//! Few fields are required: the id, and values that decide access or money, for which a default would be wrong. Where
//! Stripe may send null, null and a missing field are equivalent. Values to which Stripe may add others (currency,
//! status, interval, reason) are strings; `reads` interprets them. Texts for display and metadata never make an object
//! unreadable: if their type is not the expected one they count as absent.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// The id of an object, whether Stripe sends the object or only the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Id(pub String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Expandable::<Value>::deserialize(deserializer).map(|object| Self(object.id))
    }
}

/// An object that Stripe sends if it was expanded, otherwise only its id.
#[derive(Debug, Clone)]
pub(crate) struct Expandable<T> {
    /// Its id.
    pub id: String,
    /// The object; `None` if only the id was sent, or the object cannot be read.
    pub object: Option<T>,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Expandable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let id = value.as_str().or_else(|| value["id"].as_str());
        let id = id.ok_or_else(|| D::Error::custom("neither an id nor an object with one"))?.to_owned();
        Ok(Self { id, object: Some(value).filter(Value::is_object).and_then(readable) })
    }
}

/// A list within an object: the entries that can be read.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Sublist<T: DeserializeOwned> {
    #[serde(deserialize_with = "readable_entries")]
    pub data: Vec<T>,
}

fn readable<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

fn readable_entries<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Vec::<Value>::deserialize(deserializer)?.into_iter().filter_map(readable).collect())
}

/// A field that is its default if its type is not the expected one.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(readable(Value::deserialize(deserializer)?).unwrap_or_default())
}

/// A list of objects that may be null: the entries that can be read.
fn readable_or_none<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let entries = Option::<Vec<Value>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(entries.into_iter().filter_map(readable).collect())
}

/// A field that is its default where Stripe sends null.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// `metadata` of an object.
pub(crate) type Metadata = BTreeMap<String, String>;

/// <https://docs.stripe.com/api/customers/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Customer {
    pub id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub metadata: Metadata,
}

/// A customer, or the object that Stripe sends in its place after it was deleted.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CustomerExists {
    #[serde(default, deserialize_with = "or_default")]
    pub deleted: bool,
}

/// <https://docs.stripe.com/api/products/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Product {
    pub id: String,
    pub name: String,
    pub active: bool,
}

/// <https://docs.stripe.com/api/prices/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Price {
    pub id: String,
    #[serde(default)]
    pub active: Option<bool>,
    /// Null where it is not a whole number of minor units.
    #[serde(default)]
    pub unit_amount: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub recurring: Option<Recurring>,
    #[serde(default, deserialize_with = "lenient")]
    pub metadata: Metadata,
}

/// `recurring` of a price.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Recurring {
    pub interval: String,
    #[serde(default)]
    pub interval_count: Option<u64>,
}

/// <https://docs.stripe.com/api/discounts/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Discount {
    #[serde(default)]
    pub end: Option<i64>,
    #[serde(default)]
    pub source: Option<DiscountSource>,
}

/// `source` of a discount.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct DiscountSource {
    #[serde(default)]
    pub coupon: Option<Expandable<Coupon>>,
}

/// <https://docs.stripe.com/api/coupons/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Coupon {
    #[serde(default)]
    pub percent_off: Option<f64>,
    #[serde(default)]
    pub amount_off: Option<i64>,
}

/// Coupons by their ids.
pub(crate) type Coupons = BTreeMap<String, Coupon>;

/// <https://docs.stripe.com/api/payment_methods/object>: the details are in the field with the name of the type.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PaymentMethod {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(flatten)]
    pub details: BTreeMap<String, Value>,
}

/// <https://docs.stripe.com/api/subscriptions/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Subscription {
    pub id: String,
    pub customer: Id,
    pub status: String,
    pub currency: String,
    pub created: i64,
    pub items: Sublist<SubscriptionItem>,
    #[serde(default)]
    pub start_date: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    pub cancel_at_period_end: bool,
    #[serde(default)]
    pub cancel_at: Option<i64>,
    #[serde(default)]
    pub canceled_at: Option<i64>,
    #[serde(default)]
    pub ended_at: Option<i64>,
    #[serde(default)]
    pub trial_start: Option<i64>,
    #[serde(default)]
    pub schedule: Option<Expandable<SubscriptionSchedule>>,
    #[serde(default, deserialize_with = "readable_or_none")]
    pub discounts: Vec<Expandable<Discount>>,
    /// Present while the collection of payments is paused.
    #[serde(default)]
    pub pause_collection: Option<serde::de::IgnoredAny>,
    #[serde(default, deserialize_with = "lenient")]
    pub default_payment_method: Option<Expandable<PaymentMethod>>,
}

/// A subscription after a change: whether the change is pending, and its invoice.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ChangedSubscription {
    #[serde(default)]
    pub cancel_at: Option<i64>,
    /// Present while the change waits for its payment.
    #[serde(default)]
    pub pending_update: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    pub latest_invoice: Option<Expandable<Invoice>>,
}

/// A subscription after it was resumed: it stays paused until its invoice is paid.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ResumedSubscription {
    pub status: String,
    #[serde(default)]
    pub latest_invoice: Option<Expandable<Invoice>>,
}

/// <https://docs.stripe.com/api/subscription_items/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SubscriptionItem {
    pub id: String,
    pub price: Price,
    /// Null for a metered price.
    #[serde(default)]
    pub quantity: Option<u64>,
    #[serde(default, deserialize_with = "readable_or_none")]
    pub discounts: Vec<Expandable<Discount>>,
    pub current_period_start: i64,
    pub current_period_end: i64,
}

/// <https://docs.stripe.com/api/subscription_schedules/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SubscriptionSchedule {
    /// Null before the first phase and after the last.
    #[serde(default)]
    pub current_phase: Option<CurrentPhase>,
    pub phases: Vec<Phase>,
}

/// `current_phase` of a schedule.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CurrentPhase {
    pub start_date: i64,
}

/// One of the `phases` of a schedule.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Phase {
    pub start_date: i64,
    #[serde(default)]
    pub end_date: Option<i64>,
    #[serde(default, deserialize_with = "readable_entries")]
    pub items: Vec<PhaseItem>,
}

/// One of the `items` of a phase.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PhaseItem {
    pub price: Id,
}

/// <https://docs.stripe.com/api/invoices/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Invoice {
    /// A preview has none.
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub customer: Option<Id>,
    #[serde(default)]
    pub parent: Option<InvoiceParent>,
    /// Null for a draft.
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub billing_reason: Option<String>,
    pub created: i64,
    pub currency: String,
    pub amount_due: i64,
    pub amount_paid: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub attempted: bool,
    pub lines: Sublist<InvoiceLine>,
    /// Sent if it was expanded.
    #[serde(default)]
    pub payments: Option<Sublist<InvoicePayment>>,
    #[serde(default)]
    pub status_transitions: Option<StatusTransitions>,
    /// For an invoice that is sent by mail.
    #[serde(default)]
    pub due_date: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub hosted_invoice_url: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub description: Option<String>,
}

/// An invoice: only its links are read.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct InvoicePage {
    #[serde(default, deserialize_with = "lenient")]
    pub hosted_invoice_url: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub invoice_pdf: Option<String>,
}

/// `parent` of an invoice: its source.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct InvoiceParent {
    #[serde(default)]
    pub subscription_details: Option<SubscriptionDetails>,
}

/// `subscription_details` of an invoice's parent.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SubscriptionDetails {
    pub subscription: Id,
}

/// `status_transitions` of an invoice.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct StatusTransitions {
    #[serde(default)]
    pub paid_at: Option<i64>,
}

/// <https://docs.stripe.com/api/invoice-line-item/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct InvoiceLine {
    /// Negative for a credit.
    pub amount: i64,
    #[serde(default, deserialize_with = "lenient")]
    pub description: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub pricing: Option<Pricing>,
}

/// `pricing` of a line.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Pricing {
    #[serde(default)]
    pub price_details: Option<PriceDetails>,
}

/// `price_details` of a line's pricing.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PriceDetails {
    pub price: Id,
}

/// <https://docs.stripe.com/api/invoice-payment/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct InvoicePayment {
    pub payment: PaidBy,
}

/// `payment` of an invoice's payment.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PaidBy {
    /// Absent for a charge, or a payment that was made elsewhere.
    #[serde(default)]
    pub payment_intent: Option<Expandable<PaymentIntent>>,
}

/// <https://docs.stripe.com/api/payment_intents/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PaymentIntent {
    pub status: String,
}

/// <https://docs.stripe.com/api/charges/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Charge {
    #[serde(default)]
    pub customer: Option<Id>,
    pub id: String,
    #[serde(default)]
    pub payment_intent: Option<Id>,
    pub paid: bool,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub payment_method_details: Option<PaymentMethodDetails>,
    pub amount_captured: i64,
    pub amount_refunded: i64,
    pub disputed: bool,
    pub created: i64,
}

/// `payment_method_details` of a charge.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PaymentMethodDetails {
    #[serde(rename = "type")]
    pub kind: String,
}

/// A charge: only its customer is read.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ChargeCustomer {
    #[serde(default)]
    pub customer: Option<Id>,
}

/// <https://docs.stripe.com/api/refunds/object>: its charge.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Refund {
    #[serde(default)]
    pub charge: Option<Expandable<Charge>>,
}

/// <https://docs.stripe.com/api/disputes/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Dispute {
    pub status: String,
    #[serde(default)]
    pub charge: Option<Expandable<Charge>>,
}

/// <https://docs.stripe.com/api/checkout/sessions/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CheckoutSession {
    pub id: String,
    /// Null when it is not open any more.
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub metadata: Metadata,
}

/// <https://docs.stripe.com/api/customer_portal/sessions/object>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PortalSession {
    pub url: String,
}

/// A created object: only its id is read.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Created {
    pub id: String,
}

/// A changed object. None of its fields is read.
pub(crate) type Changed = serde::de::IgnoredAny;
