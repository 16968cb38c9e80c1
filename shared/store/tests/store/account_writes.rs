//! The single write of a user's billing state: all of it if the version is the expected one, and nothing otherwise.

use crate::billing::{
    DAY, checkout, event, event_row, of_ann, payment, payments_of, plan_id, subscription, unavailable, unexpected,
    unreachable,
};
use crate::customers::at_version;
use crate::faults::Fault;
use crate::people::{START, at, entry, mail, message, user};
use crate::tables::Tables;
use serde_json::{Value, json};
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::billing::{
    Access, Changed, Changes, Customer, DuplicateRefund, Features, Grace, Payment, PaymentStatus, ShownCopy,
    ShownSubscription, Status, Subscription,
};
use tollgate_store::{AccountWrite, CustomerOf, EventRow, OutboxMessage, StoreError, TrialEntry};

/// One subscription, one payment, and access until the period's end.
fn changes() -> Changes {
    Changes {
        subscriptions: vec![Changed { before: None, after: subscription(1) }],
        payments: vec![payment(1)],
        access: Some(access()),
        ..Changes::default()
    }
}

/// Tier 2 with features until the period's end.
fn access() -> Access {
    let features = [("seats".to_owned(), json!(3)), ("sso".to_owned(), json!({"saml": true}))];
    Access { tier: 2, features: Features(features.into_iter().collect()), until: Some(at(30 * DAY)) }
}

/// The parts of a write besides the state itself.
struct Along {
    audit: Vec<AuditEntry>,
    mails: Vec<OutboxMessage>,
    events: Vec<EventRow>,
}

impl Along {
    /// Two entries, two mails and an event.
    fn all() -> Self {
        let audit = vec![entry(20, &user(1)), entry(21, &user(1))];
        Self { audit, mails: vec![mail(20), mail(21)], events: vec![event(1)] }
    }

    /// Nothing.
    fn none() -> Self {
        Self { audit: vec![], mails: vec![], events: vec![] }
    }
}

async fn write(
    tables: &Tables,
    stored_customer: &Customer,
    changes: &Changes,
    along: &Along,
) -> Result<bool, StoreError> {
    let Along { audit, mails, events } = along;
    let grace = Grace::default();
    tables
        .store
        .write_account(&AccountWrite {
            expected: stored_customer,
            changes,
            shown: None,
            audit,
            mails,
            trials: &[],
            events,
            grace,
        })
        .await
}

/// Writes `changes` alone, without conflicts, and returns the customer's row.
async fn written(tables: &Tables, stored_customer: &Customer, changes: &Changes) -> Value {
    assert!(write(tables, stored_customer, changes, &Along::none()).await.unwrap());
    tables.row("billing", &of_ann("CUSTOMER")).await
}

/// Ann at Stripe with an open checkout.
async fn with_checkout() -> (Tables, Customer) {
    let (tables, customer) = Tables::with_named_customer().await;
    tables.rival.reserve_checkout(&customer, &checkout("c1")).await.unwrap();
    let customer = tables.rival.customer(&user(1)).await.unwrap().unwrap();
    (tables, customer)
}

#[tokio::test]
async fn a_write_stores_all_items_and_increments_the_version() {
    let (tables, stored_customer) = with_checkout().await;
    let before = tables.all().await;
    assert!(write(&tables, &stored_customer, &changes(), &Along::all()).await.unwrap());
    assert_eq!(tables.faults.count(), 1);
    assert_eq!(tables.store.customer(&user(1)).await.unwrap(), Some(at_version(1, stored_customer)));
    let (pk, one) = (format!("USER#{}", user(1)), subscription(1).id);
    let subscription = json!({"pk": pk, "sk": format!("SUB#{one}"), "user_id": user(1), "id": one,
        "stripe_id": "sub_1", "plan_id": plan_id(1), "stripe_item_id": "si_1", "stripe_price_id": "price_1", "quantity": 1, "price_cents": 1900,
        "unit_price_cents": 1900, "interval_count": 1, "collection_paused": false,
        "currency": "usd", "billing_period": "month", "status": "active", "started_at": at(0),
        "current_period_start": at(0), "current_period_end": at(30 * DAY), "cancel_at_period_end": false,
        "had_trial": false, "due_at": format!("{}#{one}", at(30 * DAY)), "stripe_customer_id": "cus_1",
        "list": "subscriptions", "status_list": "SUB#active", "plan_list": format!("SUB#{}", plan_id(1)), "v": 1});
    let mut row = tables.row("billing", &of_ann(&format!("SUB#{one}"))).await;
    assert!(row.as_object_mut().unwrap().remove("due_shard").is_some());
    assert_eq!(row, subscription);
    let (key, id) = (format!("PAY#{}", payment(1).id), payment(1).id);
    let payment = json!({"pk": pk, "sk": key, "user_id": user(1), "id": id, "stripe_invoice_id": "in_1", "stripe_id": "in_1",
        "stripe_customer_id": "cus_1", "list": "payments", "status_list": "PAY#succeeded",
        "plan_list": format!("PAY#{}", plan_id(1)), "plan_id": plan_id(1), "subscription_id": one, "amount_cents": 1900, "refunded_cents": 0, "currency": "usd", "status": "succeeded",
        "is_renewal": false, "is_disputed": false, "payment_intents": ["pi_1"], "created_at": at(1), "v": 1});
    assert_eq!(tables.row("billing", &of_ann(&key)).await, payment);
    assert_eq!(tables.row("billing", "EVENT#evt_1/EVENT").await, event_row(1));
    for n in [20, 21] {
        let (entry, message) = (entry(n, &user(1)), message(n).to_string());
        assert_eq!(tables.row("audit", &format!("{}/{}", user(1), entry.id)).await["v"], 1);
        let expected = json!({"pk": message, "id": message, "kind": "mail", "body": format!(r#"{{"n":{n}}}"#),
            "created_at": at(0), "state": "pending", "ttl": START + 35 * DAY, "v": 1});
        assert_eq!(tables.row("outbox", &message).await, expected);
    }
    assert_eq!(tables.all().await.len(), before.len() + 7, "and no further items");
}

#[tokio::test]
async fn nothing_is_written_if_the_version_has_changed() {
    let (tables, stored_customer) = with_checkout().await;
    let rival = tables.rival.clone();
    let other = stored_customer.clone();
    let overtakes = Fault::rival(async move {
        let changes = Changes { first_trial: true, ..Changes::default() };
        let (stored_customer, grace) = (&other, Grace::default());
        let write = AccountWrite {
            expected: stored_customer,
            changes: &changes,
            shown: None,
            audit: &[],
            mails: &[],
            trials: &[],
            events: &[],
            grace,
        };
        assert!(rival.write_account(&write).await.unwrap());
    });
    tables.faults.next("TransactWriteItems", [overtakes]);
    let listings = Changes { customer_is_gone: true, first_trial: true, ..changes() };
    assert!(!write(&tables, &stored_customer, &listings, &Along::all()).await.unwrap());
    let customer = at_version(1, Customer { had_trial: true, ..stored_customer.clone() });
    assert_eq!(tables.store.customer(&user(1)).await.unwrap(), Some(customer.clone()), "only the rival's work");
    assert_eq!(tables.store.gate(&user(1)).await.unwrap().unwrap().tier, 0);
    assert_eq!(tables.store.subscriptions(&user(1)).await.unwrap(), []);
    assert_eq!(payments_of(&tables, 1).await, []);
    assert!(!tables.store.is_event_handled("evt_1").await.unwrap());
    assert!(!tables.untouched(write(&tables, &stored_customer, &listings, &Along::all())).await.unwrap(), "nor later");
    let later = Customer { version: 2, ..customer.clone() };
    assert!(!tables.untouched(write(&tables, &later, &listings, &Along::all())).await.unwrap(), "nor before");
    assert!(write(&tables, &customer, &listings, &Along::all()).await.unwrap());
}

#[tokio::test]
async fn nothing_is_written_for_a_user_without_a_customer() {
    let (tables, stored_customer) = Tables::with_customer().await;
    tables.delete("billing", &of_ann("CUSTOMER")).await;
    assert!(!tables.untouched(write(&tables, &stored_customer, &changes(), &Along::all())).await.unwrap());
}

#[tokio::test]
async fn tier_features_and_their_end_are_set_in_the_gate_and_removed() {
    let (tables, mut stored_customer) = Tables::with_customer().await;
    let gate = tables.store.gate(&user(1)).await.unwrap().unwrap();
    written(&tables, &stored_customer, &changes()).await;
    let mut expected = gate.clone();
    (expected.tier, expected.features, expected.access_until) = (2, access().features.0, Some(at(30 * DAY)));
    assert_eq!(tables.store.gate(&user(1)).await.unwrap(), Some(expected));
    let row = tables.row("gate", &format!("USER#{}", user(1))).await;
    assert_eq!(row["v"], 1);
    assert_eq!((&row["features"]["sso"]["saml"], &row["access_until"]), (&json!(true), &json!(at(30 * DAY))));
    stored_customer.version = 1;
    written(&tables, &stored_customer, &Changes { access: Some(Access::default()), ..Changes::default() }).await;
    let row = tables.row("gate", &format!("USER#{}", user(1))).await;
    assert_eq!((&row["tier"], &row["features"], row.get("access_until")), (&json!(0), &json!({}), None));
    assert_eq!(tables.store.gate(&user(1)).await.unwrap(), Some(gate), "as before");
}

#[tokio::test]
async fn the_gate_stays_where_access_is_the_same() {
    let (tables, stored_customer) = Tables::with_customer().await;
    let before = tables.rows("gate").await;
    written(&tables, &stored_customer, &Changes { access: None, ..changes() }).await;
    assert_eq!(tables.rows("gate").await, before);
}

#[tokio::test]
async fn access_for_a_missing_gate_is_a_bug() {
    let (tables, stored_customer) = Tables::with_customer().await;
    tables.delete("gate", &format!("USER#{}", user(1))).await;
    for access in [access(), Access::default()] {
        let changes = Changes { access: Some(access), ..changes() };
        unexpected(tables.untouched(write(&tables, &stored_customer, &changes, &Along::none())).await);
    }
}

#[tokio::test]
async fn a_trial_a_checkout_end_and_a_customer_end_are_stored_independently() {
    let (tables, stored_customer) = with_checkout().await;
    let raised = |row: Value| (row["version"].clone(), row);
    let (version, row) = raised(written(&tables, &stored_customer, &changes()).await);
    assert_eq!((version, row.get("had_trial")), (json!(1), None));
    assert_eq!((&row["checkout"]["attempt"]["id"], &row["stripe_customer_id"]), (&json!("c1"), &json!("cus_1")));

    let trial = Changes { first_trial: true, ..Changes::default() };
    let (version, row) = raised(written(&tables, &Customer { version: 1, ..stored_customer.clone() }, &trial).await);
    assert_eq!((version, &row["had_trial"]), (json!(2), &json!(true)));
    assert!(row.get("checkout").is_some());

    let gone = Changes { customer_is_gone: true, ..Changes::default() };
    let (version, row) = raised(written(&tables, &Customer { version: 2, ..stored_customer }, &gone).await);
    assert_eq!((version, row.get("stripe_customer_id"), row.get("attempt")), (json!(3), None, None));
    assert_eq!((&row["had_trial"], &row["v"]), (&json!(true), &json!(1)));
}

#[tokio::test]
async fn a_deleted_customer_ends_the_checkout_and_a_trial_in_one_write_counts() {
    let (tables, stored_customer) = with_checkout().await;
    let gone = Changes { customer_is_gone: true, first_trial: true, ..Changes::default() };
    written(&tables, &stored_customer, &gone).await;
    let expected =
        Customer { stripe_customer_id: None, attempt: None, checkout: None, had_trial: true, ..stored_customer };
    assert_eq!(tables.store.customer(&user(1)).await.unwrap(), Some(at_version(1, expected)));
}

#[tokio::test]
async fn a_changed_subscription_and_payment_replace_the_stored_ones() {
    let (tables, stored_customer) = Tables::with_customer().await;
    written(&tables, &stored_customer, &changes()).await;
    let after = Subscription {
        plan_id: None,
        status: Status::Canceled,
        cancel_at_period_end: true,
        canceled_at: Some(at(5)),
        ends_at: Some(at(6)),
        had_trial: true,
        unpaid_since: Some(at(4)),
        duplicate_refund: Some(DuplicateRefund::Done),
        ..subscription(1)
    };
    let refunded = Payment { refunded_cents: 1900, status: PaymentStatus::Refunded, ..payment(1) };
    let changed = Changed { before: Some(subscription(1)), after: after.clone() };
    let later = Changes { subscriptions: vec![changed], payments: vec![refunded.clone()], ..Changes::default() };
    written(&tables, &Customer { version: 1, ..stored_customer }, &later).await;
    assert_eq!(tables.store.subscriptions(&user(1)).await.unwrap(), [after]);
    assert_eq!(payments_of(&tables, 1).await, [refunded]);
    let row = tables.row("billing", &of_ann(&format!("SUB#{}", subscription(1).id))).await;
    assert_eq!((row.get("due_shard"), row.get("due_at"), row.get("plan_id")), (None, None, None));
}

// R8
#[tokio::test]
async fn a_write_whose_answer_was_lost_happens_once() {
    let (tables, stored_customer) = with_checkout().await;
    tables.faults.next("TransactWriteItems", [Fault::LostAnswer]);
    assert!(write(&tables, &stored_customer, &changes(), &Along::all()).await.unwrap());
    assert_eq!(tables.faults.count(), 2);
    assert_eq!(tables.store.customer(&user(1)).await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn a_write_without_an_answer_is_unavailable_and_not_done() {
    let (tables, stored_customer) = with_checkout().await;
    tables.faults.next("TransactWriteItems", unreachable());
    unavailable(tables.untouched(write(&tables, &stored_customer, &changes(), &Along::all())).await);
    tables.faults.take_calls();
}

// A13
#[tokio::test]
async fn a_trial_is_recorded_once_for_each_hash() {
    let (tables, stored_customer) = with_checkout().await;
    let store = &tables.store;
    let entry =
        |hash: &str, n: u8| TrialEntry { hash: hash.into(), subscription_id: subscription(n).id, created_at: at(0) };
    let write = async |trials: &[TrialEntry]| {
        let stored_customer = store.customer(&stored_customer.user_id).await.unwrap().unwrap();
        let changes = Changes { first_trial: true, ..Changes::default() };
        let (audit, mails, grace) = (&[], &[], Grace::default());
        let write = AccountWrite {
            expected: &stored_customer,
            changes: &changes,
            shown: None,
            audit,
            mails,
            trials,
            events: &[],
            grace,
        };
        store.write_account(&write).await.unwrap()
    };
    assert_eq!(store.trial_of("address").await.unwrap(), None);
    assert!(write(&[entry("address", 1), entry("card", 1)]).await);
    for hash in ["address", "card"] {
        assert_eq!(store.trial_of(hash).await.unwrap(), Some(subscription(1).id));
    }
    let version = store.customer(&stored_customer.user_id).await.unwrap().unwrap().version;
    assert!(!write(&[entry("another address", 2), entry("card", 2)]).await, "nothing of it is written");
    assert_eq!(store.trial_of("another address").await.unwrap(), None);
    assert_eq!(store.customer(&stored_customer.user_id).await.unwrap().unwrap().version, version);
}

// R1: the copy is part of the write, and of the customer's version.
#[tokio::test]
async fn the_subscription_that_the_user_sees_is_copied_with_each_version() {
    let (tables, stored_customer) = with_checkout().await;
    let shown = ShownSubscription::of(&subscription(1), Grace::default());
    let (changes, grace) = (changes(), Grace::default());
    let write = AccountWrite {
        expected: &stored_customer,
        changes: &changes,
        shown: Some(shown.clone()),
        audit: &[],
        mails: &[],
        trials: &[],
        events: &[],
        grace,
    };
    assert_eq!(tables.store.look_up(&CustomerOf(user(1))).await.unwrap(), Some(stored_customer.clone()));
    assert!(tables.store.write_account(&write).await.unwrap());
    let copy = json!({"id": subscription(1).id, "plan_id": plan_id(1), "price_cents": 1900, "currency": "usd",
        "billing_period": "month", "interval_count": 1, "quantity": 1, "status": "active", "started_at": START,
        "current_period_start": START, "current_period_end": START + 30 * DAY, "access_until": (START + 31 * DAY) * 1000});
    let row = tables.row("billing", &of_ann("CUSTOMER")).await;
    assert_eq!(row["shown"], json!({"version": 1, "subscription": copy}));
    let copied = |version| ShownCopy { version, subscription: Some(shown.clone()) };
    let customer = tables.store.look_up(&CustomerOf(user(1))).await.unwrap().unwrap();
    assert_eq!(customer, Customer { version: 1, shown: copied(1), ..stored_customer });
    assert_eq!(customer.current_copy(), Some(&copied(1)));

    assert!(tables.store.raise_version(&customer, Some(shown.clone())).await.unwrap());
    assert!(!tables.untouched(tables.store.raise_version(&customer, None)).await.unwrap());
    let raised = tables.store.look_up(&CustomerOf(user(1))).await.unwrap().unwrap();
    assert_eq!(raised, Customer { version: 2, shown: copied(2), ..customer });
    assert_eq!(tables.store.look_up(&CustomerOf(user(2))).await.unwrap(), None);
}

// An earlier version of the service writes subscriptions without a copy, also between two writes of this one.
#[tokio::test]
async fn a_copy_of_another_version_of_the_customer_is_not_current() {
    let (tables, stored_customer) = with_checkout().await;
    assert_eq!(stored_customer.current_copy(), Some(&ShownCopy::default()), "nothing was ever written");
    assert!(tables.store.raise_version(&stored_customer, None).await.unwrap());
    tables.edit("billing", &of_ann("CUSTOMER"), |row| row["version"] = json!(2)).await;
    assert_eq!(tables.store.customer(&user(1)).await.unwrap().unwrap().current_copy(), None);
    let without = |row: &mut Value| drop(row.as_object_mut().unwrap().remove("shown"));
    tables.edit("billing", &of_ann("CUSTOMER"), without).await;
    assert_eq!(tables.store.customer(&user(1)).await.unwrap().unwrap().current_copy(), None);
}

// The end of a checkout does not change the version, and its page cannot be removed any more.
#[tokio::test]
async fn a_checkout_that_ends_before_the_write_makes_it_begin_again() {
    for raises_only in [false, true] {
        let (tables, customer) = with_checkout().await;
        assert!(tables.rival.open_checkout(&user(1), "c1", ("cs_1", Some("https://example.com/"))).await.unwrap());
        let opened = tables.store.customer(&customer.user_id).await.unwrap().unwrap();
        let attempt = async |from: &Customer| {
            if raises_only {
                tables.store.raise_version(from, None).await.unwrap()
            } else {
                write(&tables, from, &changes(), &Along::none()).await.unwrap()
            }
        };
        tables.rival.end_checkout(&user(1), "c1").await.unwrap();
        assert!(!tables.untouched(attempt(&opened)).await);
        let now = tables.store.customer(&user(1)).await.unwrap().unwrap();
        assert_eq!(now.checkout, None);
        assert!(attempt(&now).await);
    }
}
