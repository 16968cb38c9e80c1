//! The fixtures of the billing tests, and the properties that all reads of the `billing` table share.

use crate::faults::Fault;
use crate::people::{START, at, email, user};
use crate::tables::Tables;
use serde_json::{Value, json};
use tollgate_domain::billing::{
    Attempt, BillingPeriod, Checkout, Currency, Customer, Features, Payment, PaymentStatus, Plan, PlanCode, Status,
    Subscription, Terms,
};
use tollgate_domain::{PaymentId, PlanId, SubscriptionId};
use tollgate_store::{BillingFilter, EventRow, PageOf, StoreError};

pub const DAY: i64 = 86_400;

pub fn plan_id(n: u8) -> PlanId {
    PlanId::new(at(0), [n; 10])
}

pub fn code(text: &str) -> PlanCode {
    text.parse().unwrap()
}

pub fn attempt(id: &str) -> Attempt {
    Attempt { id: id.into(), started_at: at(0) }
}

fn usd() -> Currency {
    "usd".parse().unwrap()
}

fn terms() -> Terms {
    Terms { price_cents: 1900, currency: usd(), billing_period: BillingPeriod::Month }
}

/// `plan-n` of tier n, at `price_n`.
pub fn plan(n: u8) -> Plan {
    Plan {
        id: plan_id(n),
        code: code(&format!("plan-{n}")),
        name: format!("Plan {n}"),
        description: None,
        terms: terms(),
        tier: n.into(),
        trial_days: 14,
        features: Features([("seats".to_owned(), json!(n))].into_iter().collect()),
        is_active: true,
        stripe_product_id: Some(format!("prod_{n}")),
        stripe_price_id: Some(format!("price_{n}")),
        created_at: at(0),
        updated_at: at(0),
    }
}

/// One of plan 1 that was not created at Stripe yet.
pub fn checkout(attempt_id: &str) -> Checkout {
    Checkout {
        attempt: attempt(attempt_id),
        plan_id: plan_id(1),
        plan_code: code("plan-1"),
        stripe_price_id: "price_1".into(),
        trial_days: 14,
        session_id: None,
        url: None,
    }
}

/// One of plan 1, active until 30 days after the start. They sort by `n`.
pub fn subscription(n: u8) -> Subscription {
    Subscription {
        id: SubscriptionId::new(at(0), [n; 10]),
        stripe_id: format!("sub_{n}"),
        plan_id: Some(plan_id(1)),
        stripe_item_id: format!("si_{n}"),
        stripe_price_id: "price_1".into(),
        quantity: 1,
        terms: terms().into(),
        status: Status::Active,
        started_at: at(0),
        current_period_start: at(0),
        current_period_end: at(30 * DAY),
        cancel_at_period_end: false,
        canceled_at: None,
        ends_at: None,
        had_trial: false,
        unpaid_since: None,
        payment_processing: false,
        is_end_refused: false,
        collection_paused: false,
        schedule: None,
        duplicate_refund: None,
        trial_refused: false,
    }
}

/// One for subscription 1. They sort by `n`.
pub fn payment(n: u8) -> Payment {
    Payment {
        id: PaymentId::new(at(n.into()), [n; 10]),
        stripe_invoice_id: format!("in_{n}"),
        subscription_id: Some(subscription(1).id),
        plan_id: Some(plan_id(1)),
        amount_cents: 1900,
        refunded_cents: 0,
        currency: usd(),
        status: PaymentStatus::Succeeded,
        invoice_url: None,
        description: None,
        is_renewal: false,
        is_disputed: false,
        is_dispute_lost: false,
        failed_at: None,
        is_late: false,
        is_refund_refused: false,
        payment_intents: vec![format!("pi_{n}")],
        created_at: at(n.into()),
    }
}

/// One that was created at the start and handled a minute later.
pub fn event(n: u8) -> EventRow {
    EventRow {
        id: format!("evt_{n}"),
        kind: "invoice.paid".into(),
        object_id: Some(format!("in_{n}")),
        outcome: "followed".into(),
        created_at: at(0),
        handled_at: at(60),
    }
}

/// The row of [`event`].
pub fn event_row(n: u8) -> Value {
    json!({"pk": format!("EVENT#evt_{n}"), "sk": "EVENT", "id": format!("evt_{n}"), "kind": "invoice.paid",
        "object_id": format!("in_{n}"), "outcome": "followed", "created_at": at(0), "handled_at": at(60),
        "ttl": START + 60 + 35 * DAY, "v": 1})
}

/// The key of a row in the partition of user 1.
pub fn of_ann(sk: &str) -> String {
    format!("USER#{}/{sk}", user(1))
}

impl Tables {
    /// Ann is registered, and a customer by the attempt `a1`: not at Stripe yet.
    pub async fn with_customer() -> (Self, Customer) {
        let (tables, _) = Self::with_ann().await;
        let ann = email("ann@example.com");
        let customer = tables.rival.reserve_customer(&user(1), (&ann, None), &attempt("a1"), None).await.unwrap();
        (tables, customer)
    }

    /// Ann, who is `cus_1` at Stripe.
    pub async fn with_named_customer() -> (Self, Customer) {
        let (tables, customer) = Self::with_customer().await;
        assert!(tables.rival.link_customer(&customer, "cus_1", None).await.unwrap());
        let customer = tables.rival.customer(&user(1)).await.unwrap().unwrap();
        (tables, customer)
    }

    /// Enlarges the rows of `billing` whose keys have this prefix, so that a page of DynamoDB's (1 MB) holds three of
    /// them.
    pub async fn enlarge(&self, prefixes: &[&str]) {
        for (key, mut row) in self.rows("billing").await {
            if prefixes.iter().any(|prefix| key.starts_with(prefix)) {
                row["large"] = json!("x".repeat(300_000));
                self.put("billing", row).await;
            }
        }
    }
}

pub fn unavailable<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
}

pub fn unexpected<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Unexpected(_))), "{result:?}");
}

/// Key of the table `billing`.
pub fn corrupt<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Corrupt { table: "billing", .. })), "{result:?}");
}

/// The number of attempts of one call.
pub fn unreachable() -> impl Iterator<Item = Fault> {
    (0..3).map(|_| Fault::Unreachable)
}

#[tokio::test]
async fn reads_that_decide_a_write_are_consistent() {
    let (tables, _) = Tables::with_named_customer().await;
    tables.store.catalogue().await.unwrap();
    tables.store.plan(&plan_id(1)).await.unwrap();
    tables.store.plan_reservation(&code("plan-1")).await.unwrap();
    tables.store.account(&user(1)).await.unwrap();
    tables.store.customer(&user(1)).await.unwrap();
    tables.store.user_of_customer("cus_1").await.unwrap();
    tables.store.subscriptions(&user(1)).await.unwrap();
    tables.store.is_event_handled("evt_1").await.unwrap();
    let calls = tables.faults.take_calls();
    assert_eq!(calls.len(), 9);
    for call in calls {
        assert_eq!(call.body["ConsistentRead"], true, "{call:?}");
    }
}

#[tokio::test]
async fn a_read_without_an_answer_on_any_page_is_unavailable() {
    let (tables, _) = Tables::with_named_customer().await;
    for operation in ["GetItem", "Query"] {
        tables.faults.next(operation, unreachable());
    }
    unavailable(tables.store.customer(&user(1)).await);
    unavailable(tables.store.subscriptions(&user(1)).await);
    let first = json!({"Items": [], "LastEvaluatedKey": {"pk": {"S": "USER#"}, "sk": {"S": "SUB#"}}});
    tables.faults.next("Query", std::iter::once(Fault::Answer(200, first)).chain(unreachable()));
    unavailable(tables.store.subscriptions(&user(1)).await);
    tables.faults.next("Query", unreachable());
    unavailable(tables.store.list_payments(&BillingFilter::default(), PageOf { after: None, limit: 10 }).await);
    tables.faults.take_calls();
}

pub const FIRST: PageOf<'_> = PageOf { after: None, limit: 10 };

pub fn of_user(n: u8) -> BillingFilter {
    BillingFilter { user_id: Some(user(n)), ..BillingFilter::default() }
}

/// The first ten of user `n`.
pub async fn payments_of(tables: &Tables, n: u8) -> Vec<Payment> {
    let found = tables.store.list_payments(&of_user(n), FIRST).await.unwrap();
    found.items.into_iter().map(|owned| owned.of).collect()
}
