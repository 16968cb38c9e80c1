//! Plans: a code belongs to one plan for ever, a plan changes only from the expected state, a price leads to its plan.

use crate::billing::{attempt, code, corrupt, plan, plan_id, unavailable, unexpected, unreachable};
use crate::faults::Fault;
use crate::people::{at, entry, mail, message, user};
use crate::tables::Tables;
use jiff::Timestamp;
use serde_json::json;
use tollgate_domain::billing::{Features, Plan, Terms};
use tollgate_store::{FreeFeatures, PlanReservation, PlanWrite, StoreError};

/// The reservation of plan `n` by the attempt `by`.
fn reservation(n: u8, by: &str) -> PlanReservation {
    PlanReservation {
        code: code(&format!("plan-{n}")),
        plan_id: plan_id(n),
        attempt: attempt(by),
        digest: format!("digest of {by}"),
        is_made: false,
    }
}

async fn reserve(tables: &Tables, by: &str, instead_of: Option<&str>) -> Result<bool, StoreError> {
    tables.store.reserve_plan(&reservation(1, by), instead_of).await
}

/// Writes `plan` as a new one, by the attempt `by`.
async fn make(tables: &Tables, plan: &Plan, by: &str) -> Result<bool, StoreError> {
    let audit = entry(10, &user(9));
    tables.store.write_plan(PlanWrite::Created { plan, attempt: by, audit: &audit }).await
}

async fn change(tables: &Tables, plan: &Plan, from: Timestamp) -> Result<bool, StoreError> {
    let audit = entry(11, &user(9));
    tables.store.write_plan(PlanWrite::Changed { plan, from, audit: &audit, command: &mail(11) }).await
}

/// The code of plan 1 is reserved by `a1`.
async fn reserved() -> Tables {
    let tables = Tables::new().await;
    assert!(tables.rival.reserve_plan(&reservation(1, "a1"), None).await.unwrap());
    tables
}

/// Plan 1 exists.
async fn made() -> Tables {
    let tables = reserved().await;
    assert!(make(&tables, &plan(1), "a1").await.unwrap());
    tables.faults.take_calls();
    tables
}

/// Plan 1 an hour later, at another price.
fn dearer() -> Plan {
    let terms = Terms { price_cents: 2900, ..plan(1).terms };
    Plan { terms, stripe_price_id: Some("price_1b".into()), updated_at: at(3600), ..plan(1) }
}

#[tokio::test]
async fn a_code_is_reserved_with_its_purpose_by_one_attempt() {
    let tables = Tables::new().await;
    assert_eq!(tables.store.plan_reservation(&code("plan-1")).await.unwrap(), None);
    assert!(reserve(&tables, "a1", None).await.unwrap());
    let expected = json!({"pk": "PLANS", "sk": "CODE#plan-1", "code": "plan-1", "plan_id": plan_id(1),
        "attempt": {"id": "a1", "started_at": at(0)}, "digest": "digest of a1", "is_made": false, "v": 1});
    assert_eq!(tables.row("billing", "PLANS/CODE#plan-1").await, expected);
    assert_eq!(tables.store.plan_reservation(&code("plan-1")).await.unwrap(), Some(reservation(1, "a1")));
    assert!(!tables.untouched(reserve(&tables, "a2", None)).await.unwrap(), "another attempt has it");
    assert!(tables.store.reserve_plan(&reservation(2, "a2"), None).await.unwrap(), "another code");
}

#[tokio::test]
async fn a_code_passes_only_from_the_expected_attempt_to_the_next() {
    let tables = reserved().await;
    assert!(reserve(&tables, "a2", Some("a1")).await.unwrap());
    assert_eq!(tables.store.plan_reservation(&code("plan-1")).await.unwrap(), Some(reservation(1, "a2")));
    assert!(
        !tables.untouched(reserve(&tables, "a3", Some("a1"))).await.unwrap(),
        "it was taken over by another attempt meanwhile"
    );
    tables.delete("billing", "PLANS/CODE#plan-1").await;
    assert!(!tables.untouched(reserve(&tables, "a3", Some("a2"))).await.unwrap(), "it was released meanwhile");
}

#[tokio::test]
async fn the_code_of_a_created_plan_cannot_be_reserved_or_released() {
    let tables = made().await;
    assert!(!tables.untouched(reserve(&tables, "a2", None)).await.unwrap());
    assert!(!tables.untouched(reserve(&tables, "a2", Some("a1"))).await.unwrap());
    tables.untouched(tables.store.release_plan(&reservation(1, "a1"))).await.unwrap();
}

#[tokio::test]
async fn a_code_is_released_by_the_attempt_that_reserved_it() {
    let tables = reserved().await;
    tables.untouched(tables.store.release_plan(&reservation(1, "a2"))).await.unwrap();
    tables.store.release_plan(&reservation(1, "a1")).await.unwrap();
    assert_eq!(tables.count("billing").await, 0);
    tables.untouched(tables.store.release_plan(&reservation(1, "a1"))).await.unwrap();
    assert!(reserve(&tables, "a2", None).await.unwrap(), "it is free");
}

#[tokio::test]
async fn a_plan_is_created_with_price_and_entry_and_its_code_is_taken() {
    let tables = reserved().await;
    assert!(make(&tables, &plan(1), "a1").await.unwrap());
    let key = format!("PLAN#{}", plan_id(1));
    let expected = json!({"pk": "PLANS", "sk": key, "id": plan_id(1), "code": "plan-1", "name": "Plan 1",
        "price_cents": 1900, "currency": "usd", "billing_period": "month", "tier": 1, "trial_days": 14,
        "features": {"seats": 1}, "is_active": true, "stripe_product_id": "prod_1", "stripe_price_id": "price_1",
        "created_at": at(0), "updated_at": at(0), "v": 1});
    assert_eq!(tables.row("billing", &format!("PLANS/{key}")).await, expected);
    let price = json!({"pk": "PLANS", "sk": "PRICE#price_1", "plan_id": plan_id(1), "v": 1});
    assert_eq!(tables.row("billing", "PLANS/PRICE#price_1").await, price);
    let code = tables.row("billing", "PLANS/CODE#plan-1").await;
    assert_eq!((&code["is_made"], &code["attempt"]["id"], &code["v"]), (&json!(true), &json!("a1"), &json!(1)));
    assert_eq!((tables.count("billing").await, tables.count("audit").await), (3, 1));
    assert_eq!(tables.store.plan(&plan_id(1)).await.unwrap(), Some(plan(1)));
    assert_eq!(tables.store.plan(&plan_id(2)).await.unwrap(), None);
}

#[tokio::test]
async fn no_plan_is_created_with_a_code_of_another_attempt() {
    let tables = reserved().await;
    assert!(!tables.untouched(make(&tables, &plan(1), "a2")).await.unwrap(), "another attempt has it");
    assert!(!tables.untouched(make(&tables, &plan(2), "a1")).await.unwrap(), "no attempt has it");
    assert!(make(&tables, &plan(1), "a1").await.unwrap());
    assert!(!tables.untouched(make(&tables, &plan(1), "a1")).await.unwrap(), "a plan has it");
}

#[tokio::test]
async fn a_new_plan_with_an_existing_id_is_a_bug() {
    let tables = made().await;
    assert!(tables.store.reserve_plan(&reservation(2, "a2"), None).await.unwrap());
    let same_id = Plan { id: plan_id(1), ..plan(2) };
    unexpected(tables.untouched(make(&tables, &same_id, "a2")).await);
}

#[tokio::test]
async fn a_plan_without_a_price_has_no_row_of_a_price() {
    let tables = reserved().await;
    let free = Plan { stripe_product_id: None, stripe_price_id: None, ..plan(1) };
    assert!(make(&tables, &free, "a1").await.unwrap());
    assert_eq!(tables.count("billing").await, 2, "the code and the plan");
    assert_eq!(tables.store.plan(&plan_id(1)).await.unwrap(), Some(free));
}

#[tokio::test]
async fn changing_a_plan_writes_entry_and_command_and_keeps_the_old_price() {
    let tables = made().await;
    assert!(change(&tables, &dearer(), at(0)).await.unwrap());
    let catalogue = tables.store.catalogue().await.unwrap();
    assert_eq!(catalogue.plans, [dearer()]);
    assert_eq!(catalogue.prices, [("price_1".to_owned(), plan_id(1)), ("price_1b".to_owned(), plan_id(1))].into());
    assert_eq!(tables.row("billing", &format!("PLANS/PLAN#{}", plan_id(1))).await["v"], 1);
    assert_eq!((tables.count("audit").await, tables.count("outbox").await), (2, 1));
    let command = tables.row("outbox", &message(11).to_string()).await;
    assert_eq!((&command["state"], &command["body"]), (&json!("pending"), &json!(r#"{"n":11}"#)));
}

#[tokio::test]
async fn a_plan_that_was_changed_or_does_not_exist_is_not_changed() {
    let tables = made().await;
    assert!(change(&tables, &dearer(), at(0)).await.unwrap());
    let cheaper = Plan { stripe_price_id: Some("price_1c".into()), updated_at: at(3601), ..dearer() };
    assert!(!tables.untouched(change(&tables, &cheaper, at(0))).await.unwrap(), "from the previous state");
    assert!(!tables.untouched(change(&tables, &plan(2), at(0))).await.unwrap(), "never there");
    assert!(change(&tables, &cheaper, at(3600)).await.unwrap());
}

async fn reserve_price(tables: &Tables, by: &str, instead_of: &str) -> Result<PlanReservation, StoreError> {
    tables.store.reserve_price(&price(by), instead_of).await
}

/// The code of plan 1, which was created, reserved by an attempt at another price.
fn price(by: &str) -> PlanReservation {
    PlanReservation { is_made: true, ..reservation(1, by) }
}

#[tokio::test]
async fn an_attempt_at_a_price_replaces_only_the_expected_one() {
    let tables = made().await;
    assert_eq!(reserve_price(&tables, "a2", "a1").await.unwrap(), price("a2"));
    assert_eq!(tables.store.plan_reservation(&code("plan-1")).await.unwrap(), Some(price("a2")));
    assert_eq!(tables.row("billing", "PLANS/CODE#plan-1").await["v"], 1);
    let other = tables.untouched(reserve_price(&tables, "a3", "a1")).await.unwrap();
    assert_eq!(other, price("a2"), "another attempt came before");
}

#[tokio::test]
async fn an_attempt_at_a_price_needs_a_created_plan() {
    let tables = reserved().await;
    assert_eq!(tables.untouched(reserve_price(&tables, "a2", "a1")).await.unwrap(), reservation(1, "a1"));
    tables.store.release_plan(&reservation(1, "a1")).await.unwrap();
    unexpected(tables.untouched(reserve_price(&tables, "a2", "a1")).await);
}

#[tokio::test]
async fn the_catalogue_contains_all_plans_and_prices_and_no_codes() {
    let tables = Tables::new().await;
    assert_eq!(tables.store.catalogue().await.unwrap(), Default::default());
    let archived = Plan { is_active: false, ..plan(2) };
    for (n, plan) in [(1, plan(1)), (2, archived.clone())] {
        assert!(tables.store.reserve_plan(&reservation(n, "a1"), None).await.unwrap());
        assert!(make(&tables, &plan, "a1").await.unwrap());
    }
    assert!(tables.store.reserve_plan(&reservation(3, "a1"), None).await.unwrap());
    let catalogue = tables.store.catalogue().await.unwrap();
    assert_eq!(catalogue.plans, [plan(1), archived]);
    assert_eq!(catalogue.prices, [("price_1".to_owned(), plan_id(1)), ("price_2".to_owned(), plan_id(2))].into());
}

#[tokio::test]
async fn a_catalogue_of_more_than_one_page_is_read_to_its_end() {
    let tables = Tables::new().await;
    for n in 1..=5 {
        assert!(tables.rival.reserve_plan(&reservation(n, "a1"), None).await.unwrap());
        assert!(make(&tables, &plan(n), "a1").await.unwrap());
    }
    tables.enlarge(&["PLANS/PLAN#"]).await;
    tables.faults.take_calls();
    let catalogue = tables.store.catalogue().await.unwrap();
    assert_eq!(catalogue.plans, (1..=5).map(plan).collect::<Vec<_>>());
    assert_eq!(catalogue.prices.len(), 5);
    assert_eq!(tables.faults.count(), 2, "pages");
}

#[tokio::test]
async fn plans_codes_and_prices_of_another_shape_are_corrupt() {
    let tables = made().await;
    tables.edit("billing", "PLANS/CODE#plan-1", |row| row["attempt"] = json!("a1")).await;
    corrupt(tables.store.plan_reservation(&code("plan-1")).await);
    tables.edit("billing", "PLANS/PRICE#price_1", |row| row["plan_id"] = json!("plan-1")).await;
    corrupt(tables.store.catalogue().await);
    tables.delete("billing", "PLANS/PRICE#price_1").await;
    tables.edit("billing", &format!("PLANS/PLAN#{}", plan_id(1)), |row| row["tier"] = json!("gold")).await;
    corrupt(tables.store.catalogue().await);
    corrupt(tables.store.plan(&plan_id(1)).await);
}

// R8
#[tokio::test]
async fn a_change_of_a_plan_is_made_if_the_answer_was_lost() {
    let tables = Tables::new().await;
    let lost = || tables.faults.next("TransactWriteItems", [Fault::LostAnswer]);
    lost();
    assert!(reserve(&tables, "a1", None).await.unwrap());
    lost();
    assert!(reserve(&tables, "a2", Some("a1")).await.unwrap());
    lost();
    tables.store.release_plan(&reservation(1, "a2")).await.unwrap();
    assert!(reserve(&tables, "a3", None).await.unwrap());
    lost();
    assert!(make(&tables, &plan(1), "a3").await.unwrap());
    lost();
    assert_eq!(reserve_price(&tables, "a4", "a3").await.unwrap(), price("a4"));
    lost();
    assert!(change(&tables, &dearer(), at(0)).await.unwrap());
    assert_eq!(tables.faults.count(), 2 * 6 + 1);
    assert_eq!(tables.store.plan(&plan_id(1)).await.unwrap(), Some(dearer()));
    assert_eq!((tables.count("audit").await, tables.count("outbox").await), (2, 1));
}

#[tokio::test]
async fn a_write_without_an_answer_is_unavailable_and_not_made() {
    let tables = reserved().await;
    tables.faults.next("TransactWriteItems", (0..5).flat_map(|_| unreachable()));
    unavailable(tables.untouched(reserve(&tables, "a2", Some("a1"))).await);
    unavailable(tables.untouched(tables.store.release_plan(&reservation(1, "a1"))).await);
    unavailable(tables.untouched(make(&tables, &plan(1), "a1")).await);
    unavailable(tables.untouched(change(&tables, &plan(1), at(0))).await);
    unavailable(tables.untouched(reserve_price(&tables, "a2", "a1")).await);
    for read in ["GetItem", "GetItem", "GetItem", "Query"] {
        tables.faults.next(read, unreachable());
    }
    unavailable(tables.store.plan(&plan_id(1)).await);
    unavailable(tables.untouched(reserve_price(&tables, "a2", "a1")).await);
    unavailable(tables.store.plan_reservation(&code("plan-1")).await);
    unavailable(tables.store.catalogue().await);
    tables.faults.take_calls();
}

/// Plan `n` with price 0 and these seats.
fn free(n: u8, seats: u32) -> Plan {
    let terms = Terms { price_cents: 0, ..plan(n).terms };
    let features = Features(json!({"seats": seats}).as_object().unwrap().clone());
    Plan { terms, features, stripe_price_id: None, ..plan(n) }
}

#[tokio::test]
async fn every_user_has_the_features_of_the_first_plan_of_price_0() {
    let tables = Tables::new().await;
    let features = async || tables.store.look_up(&FreeFeatures).await.unwrap();
    assert!(features().await.is_empty(), "no plan was made");
    for n in [2, 1] {
        assert!(tables.rival.reserve_plan(&reservation(n, "a1"), None).await.unwrap());
        assert!(make(&tables, &free(n, u32::from(n)), "a1").await.unwrap());
    }
    let row = tables.row("gate", "FREE_PLANS").await;
    assert_eq!(row[plan_id(2).to_string()], json!({"code": "plan-2", "features": {"seats": 2}}));
    assert_eq!(features().await["seats"], 1);
    let more = Plan { updated_at: at(60), ..free(1, 7) };
    assert!(change(&tables, &more, at(0)).await.unwrap());
    assert_eq!(features().await["seats"], 7);
    assert!(!change(&tables, &free(1, 9), at(0)).await.unwrap(), "it was derived from an outdated state");
    assert_eq!(features().await["seats"], 7);
    let archived = Plan { is_active: false, updated_at: at(120), ..free(1, 7) };
    assert!(change(&tables, &archived, at(60)).await.unwrap());
    assert_eq!(features().await["seats"], 2, "the other one");
    let sold = Plan { updated_at: at(60), ..plan(2) };
    assert!(change(&tables, &sold, at(0)).await.unwrap());
    assert!(features().await.is_empty());
}

#[tokio::test]
async fn malformed_features_are_corrupt_and_a_plan_with_a_price_has_none() {
    let tables = made().await;
    assert_eq!(tables.count("gate").await, 0);
    tables.put("gate", json!({"pk": "FREE_PLANS", "plan_1": {"code": 5}, "v": 1})).await;
    let read = tables.store.look_up(&FreeFeatures).await;
    assert!(matches!(read, Err(StoreError::Corrupt { table: "gate", .. })), "{read:?}");
    tables.faults.next("GetItem", unreachable());
    unavailable(tables.store.look_up(&FreeFeatures).await);
    tables.faults.take_calls();
}
