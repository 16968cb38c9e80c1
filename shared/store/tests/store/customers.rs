//! Customers: one attempt at a time creates one, Stripe's id leads to the user, and all billing data of a user is read
//! as it was written.

use crate::billing::{
    FIRST, attempt, checkout, corrupt, of_ann, of_user, payment, payments_of, subscription, unavailable, unexpected,
    unreachable,
};
use crate::faults::Fault;
use crate::people::{at, email, message, user};
use crate::tables::Tables;
use serde_json::{Map, Value, json};
use tollgate_domain::PaymentId;
use tollgate_domain::billing::{
    Access, Account, Changed, Changes, Command, Customer, Features, Grace, Payment, PaymentStatus, ShownCopy,
    Subscription, UserCommand,
};
use tollgate_domain::gate::Closing;
use tollgate_store::{AccountWrite, OutboxMessage, PageOf, StoreError};

/// Ann's, as the attempt `by` created it.
fn customer(by: &str) -> Customer {
    Customer {
        user_id: user(1),
        email: Some(email("ann@example.com")),
        version: 0,
        stripe_customer_id: None,
        attempt: Some(attempt(by)),
        attempt_email: Some(email("ann@example.com")),
        checkout: None,
        had_trial: false,
        locale: None,
        shown: ShownCopy::default(),
    }
}

/// The customer once it is written with `version` and no subscription to show.
pub fn at_version(version: u64, customer: Customer) -> Customer {
    Customer { version, shown: ShownCopy { version, subscription: None }, ..customer }
}

async fn reserve(tables: &Tables, by: &str, instead_of: Option<&str>) -> Result<Customer, StoreError> {
    let (ann, old) = (email("ann@example.com"), instead_of.map(attempt));
    tables.store.reserve_customer(&user(1), (&ann, None), &attempt(by), old.as_ref()).await
}

async fn name(tables: &Tables, by: &str, stripe_id: &str) -> bool {
    tables.store.link_customer(&customer(by), stripe_id, None).await.unwrap()
}

/// The customer that `by` created.
fn named(by: &str, stripe_id: &str) -> Customer {
    Customer { stripe_customer_id: Some(stripe_id.into()), attempt_email: None, ..customer(by) }
}

/// Writes these items in addition to `stored_customer`.
async fn write(tables: &Tables, stored_customer: &Customer, subscriptions: &[Subscription], payments: &[Payment]) {
    let subscriptions = subscriptions.iter().map(|after| Changed { before: None, after: after.clone() });
    let changes = Changes { subscriptions: subscriptions.collect(), payments: payments.to_vec(), ..Changes::default() };
    let write = AccountWrite {
        expected: stored_customer,
        changes: &changes,
        shown: None,
        audit: &[],
        mails: &[],
        trials: &[],
        events: &[],
        grace: Grace::default(),
    };
    assert!(tables.rival.write_account(&write).await.unwrap());
}

#[tokio::test]
async fn a_user_without_a_checkout_has_no_billing() {
    let (tables, _) = Tables::with_ann().await;
    assert_eq!(tables.store.account(&user(1)).await.unwrap(), None);
    assert_eq!(tables.store.customer(&user(1)).await.unwrap(), None);
    assert_eq!(tables.store.user_of_customer("cus_1").await.unwrap(), None);
    assert_eq!(tables.store.subscriptions(&user(1)).await.unwrap(), []);
    assert_eq!(payments_of(&tables, 1).await, []);
}

#[tokio::test]
async fn the_first_attempt_makes_a_customer_of_version_0() {
    let tables = Tables::new().await;
    assert_eq!(reserve(&tables, "a1", None).await.unwrap(), customer("a1"));
    let expected = json!({"pk": format!("USER#{}", user(1)), "sk": "CUSTOMER", "user_id": user(1),
        "email": "ann@example.com", "version": 0, "attempt": {"id": "a1", "started_at": at(0)},
        "attempt_email": "ann@example.com", "v": 1});
    assert_eq!(tables.row("billing", &of_ann("CUSTOMER")).await, expected);
    assert_eq!(tables.store.customer(&user(1)).await.unwrap(), Some(customer("a1")));
}

#[tokio::test]
async fn the_second_attempt_gets_the_customer_of_the_first() {
    let (tables, _) = Tables::with_customer().await;
    assert_eq!(tables.untouched(reserve(&tables, "a2", None)).await.unwrap(), customer("a1"));
}

#[tokio::test]
async fn an_attempt_replaces_only_the_expected_one_and_keeps_the_other_fields() {
    let (tables, _) = Tables::with_customer().await;
    let key = of_ann("CUSTOMER");
    tables.edit("billing", &key, |row| row["version"] = json!(7)).await;
    tables.edit("billing", &key, |row| row["had_trial"] = json!(true)).await;
    let now = reserve(&tables, "a2", Some("a1")).await.unwrap();
    assert_eq!(now, Customer { version: 7, had_trial: true, ..customer("a2") });
    assert_eq!(tables.store.customer(&user(1)).await.unwrap(), Some(now.clone()));
    assert_eq!(tables.untouched(reserve(&tables, "a3", Some("a1"))).await.unwrap(), now, "another attempt came before");
}

#[tokio::test]
async fn no_attempt_replaces_the_one_that_created_the_customer() {
    let (tables, named) = Tables::with_named_customer().await;
    assert_eq!(named, self::named("a1", "cus_1"));
    assert_eq!(tables.untouched(reserve(&tables, "a2", Some("a1"))).await.unwrap(), named);
    assert_eq!(tables.untouched(reserve(&tables, "a2", None)).await.unwrap(), named);
}

#[tokio::test]
async fn a_deleted_customer_is_created_again_and_the_version_continues() {
    let (tables, named) = Tables::with_named_customer().await;
    let changes = Changes { customer_is_gone: true, ..Changes::default() };
    let (grace, stored_customer) = (Grace::default(), &named);
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
    assert!(tables.rival.write_account(&write).await.unwrap());
    assert_eq!(reserve(&tables, "a2", None).await.unwrap(), at_version(1, customer("a2")));
}

// R8
#[tokio::test]
async fn an_attempt_whose_answer_was_lost_succeeds() {
    let tables = Tables::new().await;
    tables.faults.next("UpdateItem", [Fault::LostAnswer]);
    assert_eq!(reserve(&tables, "a1", None).await.unwrap(), customer("a1"));
    tables.faults.next("UpdateItem", [Fault::LostAnswer]);
    assert_eq!(reserve(&tables, "a2", Some("a1")).await.unwrap(), customer("a2"));
    tables.faults.take_calls();
}

#[tokio::test]
async fn an_attempt_refused_without_a_cause_is_a_bug() {
    let (tables, _) = Tables::with_customer().await;
    tables.delete("billing", &of_ann("CUSTOMER")).await;
    unexpected(tables.untouched(reserve(&tables, "a2", Some("a1"))).await);
}

#[tokio::test]
async fn stripes_id_of_a_customer_leads_to_the_user() {
    let (tables, _) = Tables::with_customer().await;
    assert!(name(&tables, "a1", "cus_1").await);
    assert_eq!(tables.store.customer(&user(1)).await.unwrap(), Some(named("a1", "cus_1")));
    let owner = json!({"pk": "STRIPE#cus_1", "sk": "CUSTOMER", "user_id": user(1), "v": 1});
    assert_eq!(tables.row("billing", "STRIPE#cus_1/CUSTOMER").await, owner);
    assert_eq!(tables.store.user_of_customer("cus_1").await.unwrap(), Some(user(1)));
    assert_eq!(tables.store.user_of_customer("cus_2").await.unwrap(), None);
    assert!(tables.untouched(name(&tables, "a1", "cus_1")).await, "the same again");
}

#[tokio::test]
async fn a_customer_gets_no_id_from_another_attempt_and_no_second_one() {
    let (tables, _) = Tables::with_customer().await;
    assert!(!tables.untouched(name(&tables, "a2", "cus_1")).await, "another attempt's");
    assert!(name(&tables, "a1", "cus_1").await);
    assert!(!tables.untouched(name(&tables, "a1", "cus_2")).await, "it has one");
    assert!(!tables.untouched(name(&tables, "a2", "cus_1")).await, "and not from another attempt");
    tables.delete("billing", &of_ann("CUSTOMER")).await;
    assert!(!tables.untouched(name(&tables, "a1", "cus_1")).await, "an unknown user");
}

#[tokio::test]
async fn no_address_is_stored_for_a_user_deleted_during_the_attempt() {
    let (tables, _) = Tables::with_customer().await;
    tables.store.update_customer_email(&user(1), &email("new@example.com")).await.unwrap();
    tables.store.forget_customer(&user(1)).await.unwrap();
    let remaining = Customer { email: None, attempt_email: None, ..customer("a1") };
    assert_eq!(tables.store.customer(&user(1)).await.unwrap(), Some(remaining.clone()));
    assert_eq!(tables.untouched(reserve(&tables, "a2", Some("a1"))).await.unwrap(), remaining);
    assert!(!tables.untouched(name(&tables, "a1", "cus_1")).await, "and none is named");
    assert!(!tables.untouched(tables.store.link_customer(&remaining, "cus_1", None)).await.unwrap());
}

#[tokio::test]
async fn another_attempt_uses_the_stored_address() {
    let (tables, _) = Tables::with_customer().await;
    let new = email("new@example.com");
    tables.store.update_customer_email(&user(1), &new).await.unwrap();
    let now = reserve(&tables, "a2", Some("a1")).await.unwrap();
    assert_eq!(now, Customer { attempt_email: Some(new.clone()), email: Some(new), ..customer("a2") });
}

#[tokio::test]
async fn another_address_is_stored_for_a_customer_and_returns_the_stripe_id() {
    let (tables, _) = Tables::with_ann().await;
    let new = email("new@example.com");
    assert_eq!(tables.untouched(tables.store.update_customer_email(&user(1), &new)).await.unwrap(), None);
    reserve(&tables, "a1", None).await.unwrap();
    assert_eq!(tables.store.update_customer_email(&user(1), &new).await.unwrap(), None, "not at Stripe yet");
    let renamed = Customer { email: Some(new.clone()), ..customer("a1") };
    assert_eq!(tables.store.customer(&user(1)).await.unwrap(), Some(renamed));
    // R16: with the attempt's key Stripe accepts only the old address, and is sent the new one afterwards.
    assert!(!tables.untouched(name(&tables, "a1", "cus_1")).await, "no command for Stripe was stored");
    let expected = tables.store.customer(&user(1)).await.unwrap().unwrap();
    let command = UserCommand { user_id: user(1), email: expected.email.clone(), ends_checkouts: false };
    let command = OutboxMessage::of_command(&Command::User(command), message(1), at(5)).unwrap();
    assert!(tables.store.link_customer(&expected, "cus_1", Some(&command)).await.unwrap());
    assert_eq!(tables.row("outbox", &message(1).to_string()).await["state"], "pending");
    let now = Customer { email: Some(new.clone()), ..named("a1", "cus_1") };
    assert_eq!(tables.store.customer(&user(1)).await.unwrap(), Some(now));
    let newer = email("newer@example.com");
    assert_eq!(tables.store.update_customer_email(&user(1), &newer).await.unwrap().as_deref(), Some("cus_1"));
    assert_eq!(tables.store.customer(&user(1)).await.unwrap().unwrap().email, Some(newer));
    tables.store.forget_customer(&user(1)).await.unwrap();
    let forgotten = tables.untouched(tables.store.update_customer_email(&user(1), &new)).await.unwrap();
    assert_eq!(forgotten, None, "a late command does not restore an address");
    let remaining = tables.store.customer(&user(1)).await.unwrap().unwrap();
    assert_eq!((remaining.email, remaining.stripe_customer_id.as_deref()), (None, Some("cus_1")));
}

#[tokio::test]
async fn an_account_holds_all_billing_rows_and_the_gate() {
    let (tables, stored_customer) = Tables::with_customer().await;
    tables.rival.reserve_checkout(&stored_customer, &checkout("c1")).await.unwrap();
    let (subscriptions, payments) = ([subscription(1), subscription(2)], [payment(1), payment(2), payment(3)]);
    write(&tables, &stored_customer, &subscriptions, &payments).await;
    let says = |row: &mut Value| {
        row["left"] = json!("deactivated");
        row["tier"] = json!(3);
        row["features"] = json!({"seats": 3});
        row["access_until"] = json!(at(9));
    };
    tables.edit("gate", &format!("USER#{}", user(1)), says).await;
    let features = Features(Map::from_iter([("seats".to_owned(), json!(3))]));
    let access = Access { tier: 3, features, until: Some(at(9)) };
    let expected = Account {
        customer: at_version(1, Customer { checkout: Some(checkout("c1")), ..customer("a1") }),
        subscriptions: subscriptions.to_vec(),
        payments: payments.to_vec(),
        closing: Some(Closing::Deactivated),
        access,
    };
    assert_eq!(tables.store.account(&user(1)).await.unwrap(), Some(expected));
    assert_eq!(tables.store.subscriptions(&user(1)).await.unwrap(), subscriptions);
    assert_eq!(tables.store.account(&user(2)).await.unwrap(), None, "of another user");
}

#[tokio::test]
async fn an_account_of_more_than_one_page_is_read_to_its_end() {
    let (tables, stored_customer) = Tables::with_customer().await;
    let (subscriptions, payments): (Vec<_>, Vec<_>) =
        ((1..=5).map(subscription).collect(), (1..=4).map(payment).collect());
    write(&tables, &stored_customer, &subscriptions, &payments).await;
    tables.enlarge(&[&of_ann("SUB#"), &of_ann("PAY#")]).await;
    let account = tables.store.account(&user(1)).await.unwrap().unwrap();
    assert_eq!((&account.subscriptions, account.payments), (&subscriptions, payments));
    assert_eq!(tables.faults.count(), 4, "three pages, and the gate");
    assert_eq!(tables.store.subscriptions(&user(1)).await.unwrap(), subscriptions);
    assert_eq!(tables.faults.count(), 2, "pages");
}

#[tokio::test]
async fn payments_come_newest_first_page_by_page() {
    let (tables, stored_customer) = Tables::with_customer().await;
    write(&tables, &stored_customer, &[subscription(1)], &(1..=5).map(payment).collect::<Vec<_>>()).await;
    for (after, limit, expected, more) in [
        (None, 10, vec![5, 4, 3, 2, 1], false),
        (None, 5, vec![5, 4, 3, 2, 1], false),
        (None, 2, vec![5, 4], true),
        (Some(4), 2, vec![3, 2], true),
        (Some(2), 2, vec![1], false),
        (Some(2), 1, vec![1], false),
        (Some(1), 2, vec![], false),
        // One that does not exist, later than all.
        (Some(9), 2, vec![5, 4], true),
    ] {
        let place = after.map(|n| format!("PAY#{}", payment(n).id));
        let page = PageOf { after: place.as_deref(), limit };
        let found = tables.store.list_payments(&of_user(1), page).await.unwrap();
        let last = found.items.last().filter(|_| more).map(|owned| format!("PAY#{}", owned.of.id));
        assert_eq!(found.next, last, "{limit} after {after:?}");
        let found: Vec<_> = found.items.into_iter().map(|owned| owned.of).collect();
        assert_eq!(found, expected.into_iter().map(payment).collect::<Vec<_>>(), "{limit} after {after:?}");
        assert_eq!(tables.faults.count(), 1);
    }
    assert_eq!(payments_of(&tables, 2).await, [], "of another user");
    // The last possible id.
    let last = PaymentId::from_bare(&"f".repeat(32)).unwrap();
    write(&tables, &Customer { version: 1, ..stored_customer }, &[], &[Payment { id: last, ..payment(6) }]).await;
    assert_eq!(payments_of(&tables, 1).await[0].id, last);
}

#[tokio::test]
async fn a_payment_retains_all_its_fields() {
    let (tables, stored_customer) = Tables::with_customer().await;
    let refunded = Payment {
        subscription_id: None,
        refunded_cents: 1900,
        status: PaymentStatus::Refunded,
        invoice_url: Some("https://invoice.stripe.com/i/1".into()),
        description: Some("one month".into()),
        ..payment(1)
    };
    write(&tables, &stored_customer, &[], std::slice::from_ref(&refunded)).await;
    assert_eq!(payments_of(&tables, 1).await, [refunded]);
}

#[tokio::test]
async fn customers_subscriptions_and_payments_of_another_shape_are_corrupt() {
    let (tables, stored_customer) = Tables::with_named_customer().await;
    write(&tables, &stored_customer, &[subscription(1)], &[payment(1)]).await;
    let (key, payment) = (of_ann("CUSTOMER"), of_ann(&format!("PAY#{}", payment(1).id)));
    tables.edit("billing", &payment, |row| row["status"] = json!("lost")).await;
    corrupt(tables.store.list_payments(&of_user(1), FIRST).await);
    corrupt(tables.store.account(&user(1)).await);
    tables.delete("billing", &payment).await;
    tables.edit("billing", &of_ann(&format!("SUB#{}", subscription(1).id)), |row| row["status"] = json!("on")).await;
    corrupt(tables.store.subscriptions(&user(1)).await);
    corrupt(tables.store.account(&user(1)).await);
    tables.delete("billing", &of_ann(&format!("SUB#{}", subscription(1).id))).await;
    tables.edit("billing", &key, |row| row["had_trial"] = json!("yes")).await;
    corrupt(tables.store.account(&user(1)).await);
    corrupt(tables.store.customer(&user(1)).await);
    corrupt(tables.store.update_customer_email(&user(1), &email("new@example.com")).await);
    corrupt(reserve(&tables, "a2", None).await);
    tables.edit("billing", "STRIPE#cus_1/CUSTOMER", |row| row["user_id"] = json!("Ann")).await;
    corrupt(tables.store.user_of_customer("cus_1").await);
}

// R8
#[tokio::test]
async fn an_id_and_an_address_are_stored_if_the_answer_was_lost() {
    let (tables, _) = Tables::with_customer().await;
    tables.faults.next("TransactWriteItems", [Fault::LostAnswer]);
    assert!(name(&tables, "a1", "cus_1").await);
    tables.faults.next("UpdateItem", [Fault::LostAnswer]);
    let updated = tables.store.update_customer_email(&user(1), &email("new@example.com")).await.unwrap();
    assert_eq!((updated.as_deref(), tables.faults.count()), (Some("cus_1"), 4));
}

#[tokio::test]
async fn a_write_without_an_answer_is_unavailable_and_not_made() {
    let (tables, _) = Tables::with_customer().await;
    tables.faults.next("UpdateItem", (0..2).flat_map(|_| unreachable()));
    tables.faults.next("TransactWriteItems", unreachable());
    tables.faults.next("GetItem", unreachable());
    unavailable(tables.untouched(reserve(&tables, "a2", Some("a1"))).await);
    unavailable(tables.untouched(tables.store.update_customer_email(&user(1), &email("new@example.com"))).await);
    unavailable(tables.untouched(tables.store.link_customer(&customer("a1"), "cus_1", None)).await);
    unavailable(tables.store.user_of_customer("cus_1").await);
    // The stored item cannot be read.
    tables.faults.next("GetItem", unreachable());
    unavailable(tables.untouched(reserve(&tables, "a2", None)).await);
    tables.faults.next("Query", unreachable());
    unavailable(tables.store.account(&user(1)).await);
    tables.faults.take_calls();
}

#[tokio::test]
async fn versions_are_listed_page_by_page_for_all_customers_at_stripe() {
    let (tables, ann) = Tables::with_named_customer().await;
    let ann = ann.email.unwrap();
    tables.rival.reserve_customer(&user(2), (&ann, None), &attempt("a2"), None).await.unwrap();
    for n in 3..=9 {
        let attempt = attempt(&format!("a{n}"));
        let reserved = tables.rival.reserve_customer(&user(n), (&ann, None), &attempt, None).await.unwrap();
        assert!(tables.rival.link_customer(&reserved, &format!("cus_{n}"), None).await.unwrap());
    }
    tables.enlarge(&["USER#"]).await;
    let (mut found, mut pages, mut place) = (std::collections::BTreeSet::new(), 0, None);
    loop {
        let page = tables.store.customer_versions(place.as_ref()).await.unwrap();
        found.extend(page.items.into_iter().map(|known| (known.stripe_customer_id, known.user_id, known.version)));
        pages += 1;
        place = page.next;
        if place.is_none() {
            break;
        }
    }
    let wanted = [1, 3, 4, 5, 6, 7, 8, 9].map(|n| (format!("cus_{n}"), user(n), 0));
    assert_eq!(found, wanted.into());
    assert!(pages > 1, "{pages}");
}
