//! Checkouts: reserved while the customer is unchanged, opened and ended by the attempt that reserved.

use crate::billing::{checkout, of_ann, plan_id, unavailable, unreachable};
use crate::faults::Fault;
use crate::people::{at, user};
use crate::tables::Tables;
use serde_json::json;
use tollgate_domain::billing::{Checkout, Customer};
use tollgate_store::CheckoutReservation;

/// Ann with the checkout `c1` reserved.
async fn reserved() -> (Tables, Customer) {
    let (tables, customer) = Tables::with_named_customer().await;
    assert!(matches!(tables.rival.reserve_checkout(&customer, &checkout("c1")).await, Ok(CheckoutReservation::Done)));
    let customer = tables.rival.customer(&user(1)).await.unwrap().unwrap();
    (tables, customer)
}

/// Whether `by` can reserve now.
async fn reserve(tables: &Tables, from: &Customer, by: &str) -> bool {
    matches!(tables.store.reserve_checkout(from, &checkout(by)).await.unwrap(), CheckoutReservation::Done)
}

const URL: &str = "https://checkout.stripe.com/c/1";

async fn open(tables: &Tables, by: &str) -> bool {
    tables.store.open_checkout(&user(1), by, ("cs_1", Some(URL))).await.unwrap()
}

#[tokio::test]
async fn a_checkout_is_reserved_on_the_customer_and_the_version_stays() {
    let (tables, customer) = Tables::with_named_customer().await;
    assert!(reserve(&tables, &customer, "c1").await);
    let row = tables.row("billing", &of_ann("CUSTOMER")).await;
    let expected = json!({"attempt": {"id": "c1", "started_at": at(0)}, "plan_id": plan_id(1), "plan_code": "plan-1",
        "stripe_price_id": "price_1", "trial_days": 14, "session_id": null, "url": null});
    assert_eq!((&row["checkout"], &row["version"], &row["v"]), (&expected, &json!(0), &json!(1)));
    let now = Customer { checkout: Some(checkout("c1")), ..customer };
    assert_eq!(tables.store.customer(&user(1)).await.unwrap(), Some(now));
}

#[tokio::test]
async fn only_one_of_two_tabs_reserves() {
    let (tables, customer) = Tables::with_named_customer().await;
    let (rival, from) = (tables.rival.clone(), customer.clone());
    let other = Fault::rival(async move {
        assert!(matches!(rival.reserve_checkout(&from, &checkout("c1")).await, Ok(CheckoutReservation::Done)));
    });
    tables.faults.next("UpdateItem", [other]);
    assert!(!reserve(&tables, &customer, "c2").await);
    assert_eq!(tables.store.customer(&user(1)).await.unwrap().unwrap().checkout, Some(checkout("c1")));
}

#[tokio::test]
async fn nothing_is_reserved_if_the_version_has_changed() {
    for (tables, customer) in [Tables::with_named_customer().await, reserved().await] {
        tables.edit("billing", &of_ann("CUSTOMER"), |row| row["version"] = json!(1)).await;
        assert!(!tables.untouched(reserve(&tables, &customer, "c2")).await);
        assert!(reserve(&tables, &Customer { version: 1, ..customer }, "c2").await);
    }
}

#[tokio::test]
async fn a_reservation_replaces_only_the_expected_checkout() {
    let (tables, customer) = reserved().await;
    let from_none = Customer { checkout: None, ..customer.clone() };
    assert!(!tables.untouched(reserve(&tables, &from_none, "c2")).await, "there is one");
    assert!(reserve(&tables, &customer, "c2").await);
    assert_eq!(tables.store.customer(&user(1)).await.unwrap().unwrap().checkout, Some(checkout("c2")));
    assert!(!tables.untouched(reserve(&tables, &customer, "c3")).await, "another attempt came before");
    tables.store.end_checkout(&user(1), "c2").await.unwrap();
    assert!(!tables.untouched(reserve(&tables, &customer, "c3")).await, "it ended");
}

#[tokio::test]
async fn nothing_is_reserved_where_there_is_no_customer() {
    let (tables, customer) = reserved().await;
    tables.delete("billing", &of_ann("CUSTOMER")).await;
    assert!(!tables.untouched(reserve(&tables, &customer, "c2")).await);
    assert!(!tables.untouched(reserve(&tables, &Customer { checkout: None, ..customer }, "c2")).await);
}

// R8
#[tokio::test]
async fn a_reservation_whose_answer_was_lost_succeeds() {
    let (tables, customer) = Tables::with_named_customer().await;
    tables.faults.next("UpdateItem", [Fault::LostAnswer]);
    assert!(reserve(&tables, &customer, "c1").await, "of the first");
    let customer = tables.rival.customer(&user(1)).await.unwrap().unwrap();
    tables.faults.next("UpdateItem", [Fault::LostAnswer]);
    assert!(reserve(&tables, &customer, "c2").await, "instead of another");
    assert_eq!(tables.faults.count(), 4);
}

#[tokio::test]
async fn the_session_that_stripe_created_is_stored_with_its_reservation() {
    let (tables, customer) = reserved().await;
    let opened = Checkout { session_id: Some("cs_1".into()), url: Some(URL.into()), ..checkout("c1") };
    let expected = Customer { checkout: Some(opened), ..customer };
    assert!(open(&tables, "c1").await);
    assert_eq!(tables.store.customer(&user(1)).await.unwrap(), Some(expected));
}

#[tokio::test]
async fn a_checkout_is_opened_only_for_its_own_reservation() {
    let (tables, _) = reserved().await;
    assert!(!tables.untouched(open(&tables, "c2")).await, "another attempt's");
    tables.store.end_checkout(&user(1), "c1").await.unwrap();
    assert!(!tables.untouched(open(&tables, "c1")).await, "none");
    tables.delete("billing", &of_ann("CUSTOMER")).await;
    assert!(!tables.untouched(open(&tables, "c1")).await, "nor a customer");
}

#[tokio::test]
async fn a_checkout_is_ended_by_its_own_attempt() {
    let (tables, customer) = reserved().await;
    tables.untouched(tables.store.end_checkout(&user(1), "c2")).await.unwrap();
    tables.store.end_checkout(&user(1), "c1").await.unwrap();
    assert_eq!(tables.row("billing", &of_ann("CUSTOMER")).await.get("checkout"), None);
    assert_eq!(tables.store.customer(&user(1)).await.unwrap(), Some(Customer { checkout: None, ..customer }));
    tables.untouched(tables.store.end_checkout(&user(1), "c1")).await.unwrap();
    tables.untouched(tables.store.end_checkout(&user(5), "c1")).await.unwrap();
}

// R8
#[tokio::test]
async fn a_checkout_is_opened_and_ended_although_the_answer_was_lost() {
    let (tables, _) = reserved().await;
    tables.faults.next("UpdateItem", [Fault::LostAnswer, Fault::Pass, Fault::LostAnswer]);
    assert!(open(&tables, "c1").await);
    tables.store.end_checkout(&user(1), "c1").await.unwrap();
    assert_eq!(tables.faults.count(), 4);
    assert_eq!(tables.store.customer(&user(1)).await.unwrap().unwrap().checkout, None);
}

#[tokio::test]
async fn no_answer_is_unavailable() {
    let (tables, customer) = reserved().await;
    tables.faults.next("UpdateItem", (0..3).flat_map(|_| unreachable()));
    unavailable(tables.untouched(tables.store.reserve_checkout(&customer, &checkout("c2"))).await);
    unavailable(tables.untouched(tables.store.open_checkout(&user(1), "c1", ("cs_1", None))).await);
    unavailable(tables.untouched(tables.store.end_checkout(&user(1), "c1")).await);
}
