//! Properties of access and of convergence.

mod duplicates;
mod objects;
mod payments;
mod properties;
mod shown;

use super::access::RENEWAL_MARGIN;
use super::*;
use crate::gate::Closing;
use crate::{PaymentId, PlanId, SubscriptionId, UserId};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const GRACE: Grace = Grace(SignedDuration::from_hours(7 * 24));

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap()
}

fn plan(tier: u32) -> Plan {
    let id = PlanId::new(at(0), [u8::try_from(tier).unwrap(); 10]);
    Plan {
        id,
        code: format!("plan-{tier}").parse().unwrap(),
        name: "A plan".into(),
        description: None,
        terms: terms(),
        tier,
        trial_days: 0,
        features: Features::default(),
        is_active: true,
        stripe_product_id: Some(id.to_string()),
        stripe_price_id: Some(format!("price_{tier}")),
        created_at: at(0),
        updated_at: at(0),
    }
}

fn terms() -> Terms {
    Terms { price_cents: 1900, currency: "usd".parse().unwrap(), billing_period: BillingPeriod::Month }
}

fn catalogue() -> Catalogue {
    let plans: Vec<_> = (0..=3).map(plan).collect();
    let prices = plans.iter().map(|plan| (plan.stripe_price_id.clone().unwrap(), plan.id)).collect();
    Catalogue { plans, prices }
}

fn account() -> Account {
    let user_id = UserId::new(at(0), [1; 10]);
    let customer = Customer {
        attempt_email: None,
        user_id,
        email: crate::Email::parse("ann@example.com").ok(),
        version: 1,
        stripe_customer_id: Some("cus_1".into()),
        attempt: None,
        checkout: None,
        had_trial: false,
        locale: None,
        shown: ShownCopy::default(),
    };
    Account { customer, subscriptions: vec![], payments: vec![], closing: None, access: Access::default() }
}

/// Subscription number `n` of the customer in Stripe's state, with the price of tier 2.
fn listed(n: u8, status: Status) -> Subscription {
    Subscription {
        id: SubscriptionId::new(at(i64::from(n)), [n; 10]),
        stripe_id: format!("sub_{n}"),
        plan_id: None,
        stripe_item_id: format!("si_{n}"),
        stripe_price_id: "price_2".into(),
        quantity: 1,
        terms: terms().into(),
        status,
        started_at: at(i64::from(n)),
        current_period_start: at(0),
        current_period_end: at(720),
        cancel_at_period_end: false,
        canceled_at: None,
        ends_at: None,
        had_trial: status == Status::Trialing,
        unpaid_since: None,
        payment_processing: false,
        is_end_refused: false,
        collection_paused: false,
        schedule: None,
        duplicate_refund: None,
        trial_refused: false,
    }
}

fn invoice(n: u8, subscription: u8, status: InvoiceStatus) -> Invoice {
    let paid = status == InvoiceStatus::Paid;
    Invoice {
        stripe_id: format!("in_{n}"),
        payment_id: PaymentId::new(at(i64::from(n)), [n; 10]),
        stripe_subscription_id: Some(format!("sub_{subscription}")),
        stripe_price_ids: vec!["price_1".into()],
        status,
        amount_due_cents: 1900,
        amount_paid_cents: if paid { 1900 } else { 0 },
        currency: "usd".parse().unwrap(),
        is_renewal: false,
        attempted: status != InvoiceStatus::Draft,
        payment_intents: vec![format!("pi_{n}")],
        invoice_url: None,
        description: None,
        created_at: at(i64::from(n)),
        paid_at: paid.then(|| at(i64::from(n))),
        due_at: None,
    }
}

/// The outcome of the charge of invoice number `n`.
fn charge(n: u8, refunded_cents: i64) -> Charge {
    Charge {
        stripe_id: format!("ch_{n}"),
        payment_intent: format!("pi_{n}"),
        status: ChargeStatus::Succeeded,
        is_debit: false,
        paid_cents: 1900,
        refunded_cents,
        dispute: None,
        created_at: at(i64::from(n)),
    }
}

fn any_status() -> impl Strategy<Value = Status> {
    prop::sample::select(Status::ALL.to_vec())
}

/// Subscription `n` in any state of Stripe, also with a price without a plan.
fn any_seen(n: u8) -> impl Strategy<Value = Subscription> {
    let times = (0_i64..2000, 1_i64..2000, prop::option::of(0_i64..4000));
    (any_status(), times, any::<bool>(), 0_u32..=4).prop_map(move |(status, (start, length, end), cancel, tier)| {
        Subscription {
            current_period_start: at(start),
            current_period_end: at(start + length),
            ends_at: end.map(at),
            cancel_at_period_end: cancel,
            stripe_price_id: format!("price_{tier}"),
            ..listed(n, status)
        }
    })
}

fn any_invoice(n: u8) -> impl Strategy<Value = Invoice> {
    use InvoiceStatus::{Draft, Open, Paid, Uncollectible, Void};
    (prop::sample::select(vec![Draft, Open, Paid, Uncollectible, Void]), 0_u8..3, any::<bool>())
        .prop_map(move |(status, subscription, attempted)| Invoice { attempted, ..invoice(n, subscription, status) })
}

/// Any state of a customer at Stripe: up to three subscriptions and their invoices.
fn any_read() -> impl Strategy<Value = StripeState> {
    let subscriptions = (any_seen(0), any_seen(1), any_seen(2), 0_usize..=3);
    let invoices = (any_invoice(0), any_invoice(1), any_invoice(2), any_invoice(3), 0_usize..=4);
    (subscriptions, invoices).prop_map(|((a, b, c, subscriptions), (d, e, f, g, invoices))| StripeState {
        subscriptions: [a, b, c].into_iter().take(subscriptions).map(Into::into).collect(),
        invoices: [d, e, f, g].into_iter().take(invoices).collect(),
        ..StripeState::default()
    })
}

/// `account` after `changes` was written, as the store writes it.
fn written(mut account: Account, changes: Changes) -> Account {
    account.customer.version += 1;
    account.customer.had_trial |= changes.first_trial;
    for changed in changes.subscriptions {
        account.subscriptions.retain(|stored| stored.stripe_id != changed.after.stripe_id);
        account.subscriptions.push(changed.after);
    }
    account.subscriptions.sort_by_key(|stored| stored.id);
    for payment in changes.payments {
        account.payments.retain(|stored| stored.stripe_invoice_id != payment.stripe_invoice_id);
        account.payments.push(payment);
    }
    account.payments.sort_by_key(|stored| stored.id);
    if let Some(access) = changes.access {
        account.access = access;
    }
    account
}

fn after(account: Account, read: &StripeState, hour: i64) -> Account {
    let changes = converge(&account, read, &catalogue(), GRACE, at(hour));
    written(account, changes)
}

/// With the rules of this grace.
fn converge(
    account: &Account,
    stripe_state: &StripeState,
    catalogue: &Catalogue,
    grace: Grace,
    now: Timestamp,
) -> Changes {
    super::converge(account, stripe_state, catalogue, Rules { grace, ..Rules::default() }, now)
}

fn refundable(invoice: &str) -> Vec<InvoiceRefund> {
    let charge = ChargeRefund { stripe_id: invoice.replace("in_", "ch_"), amount_cents: None };
    vec![InvoiceRefund { stripe_invoice_id: invoice.into(), charges: vec![charge] }]
}

fn read(subscriptions: Vec<Subscription>, invoices: Vec<Invoice>) -> StripeState {
    let subscriptions = subscriptions.into_iter().map(Into::into).collect();
    let charges = (1..9).filter(|n| {
        let id = format!("in_{n}");
        invoices.iter().any(|invoice| invoice.stripe_id == id && invoice.status == InvoiceStatus::Paid)
    });
    StripeState { subscriptions, charges: charges.map(|n| charge(n, 0)).collect(), invoices, ..StripeState::default() }
}

fn payment_of(invoice: &Invoice, previous: Option<&Payment>) -> Option<Payment> {
    let (subscription, plan) =
        (previous.and_then(|previous| previous.subscription_id), previous.and_then(|previous| previous.plan_id));
    Payment::of(invoice, subscription, plan, previous, &[], at(9))
}

/// An item other than that of `stripe_state`, for a longer period.
fn item(price: &str, quantity: u64) -> SubscriptionItem {
    SubscriptionItem {
        stripe_id: format!("si_of_{price}"),
        stripe_price_id: price.into(),
        quantity,
        terms: Terms { price_cents: 300, ..terms() }.into(),
        discounts: Vec::new(),
        current_period_start: at(10),
        current_period_end: at(1440),
    }
}
