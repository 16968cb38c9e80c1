//! Service credentials: at most twenty, each change with its entry, a use once a day.

use crate::billing::{unavailable, unreachable};
use crate::faults::Fault;
use crate::people::{at, entry, user};
use crate::tables::Tables;
use jiff::civil::date;
use serde_json::json;
use tollgate_domain::ServiceId;
use tollgate_domain::service::ServiceCredential;
use tollgate_store::{StoreError, StoredService};

fn id(n: u8) -> ServiceId {
    ServiceId::new(at(i64::from(n)), [n; 10])
}

fn service(n: u8) -> StoredService {
    let name = format!("service {n}").parse().unwrap();
    let credential = ServiceCredential { id: id(n), name, created_at: at(0), created_by: user(9), last_used_on: None };
    StoredService { credential, hash: format!("hash {n}") }
}

async fn add(tables: &Tables, n: u8) -> Result<bool, StoreError> {
    tables.store.add_service(&service(n), &entry(n, &user(9))).await
}

#[tokio::test]
async fn a_credential_is_stored_as_its_hash_with_its_entry_and_read_back() {
    let tables = Tables::new().await;
    assert_eq!(tables.store.services().await.unwrap(), []);
    assert!(add(&tables, 2).await.unwrap() && add(&tables, 1).await.unwrap());
    let row = tables.row("gate", "SERVICES").await;
    let expected =
        json!({"id": id(1), "name": "service 1", "created_at": at(0), "created_by": user(9), "hash": "hash 1"});
    assert_eq!((&row[id(1).to_string()], &row["count"]), (&expected, &json!(2)));
    assert_eq!(tables.store.services().await.unwrap(), [service(1), service(2)]);
    assert_eq!(tables.count("audit").await, 2);
}

#[tokio::test]
async fn the_twenty_first_credential_is_refused_until_one_is_deleted() {
    let tables = Tables::new().await;
    for n in 1..=20 {
        assert!(add(&tables, n).await.unwrap());
    }
    assert!(!tables.untouched(add(&tables, 21)).await.unwrap());
    assert!(tables.store.delete_service(&id(7), &entry(30, &user(9))).await.unwrap());
    assert!(!tables.untouched(tables.store.delete_service(&id(7), &entry(31, &user(9)))).await.unwrap());
    assert!(add(&tables, 21).await.unwrap());
    assert!(!tables.untouched(add(&tables, 22)).await.unwrap());
    assert_eq!(tables.store.services().await.unwrap().len(), 20);
}

#[tokio::test]
async fn the_day_of_a_use_moves_only_forward_and_needs_an_existing_credential() {
    let tables = Tables::new().await;
    let used = async |n: u8, day: i8| tables.store.use_service(&id(n), date(2026, 3, day)).await.unwrap();
    let day = async || tables.store.services().await.unwrap()[0].credential.last_used_on;
    tables.untouched(used(1, 5)).await;
    assert!(add(&tables, 1).await.unwrap());
    used(1, 5).await;
    assert_eq!(day().await, Some(date(2026, 3, 5)));
    tables.untouched(used(1, 5)).await;
    tables.untouched(used(1, 4)).await;
    used(1, 6).await;
    assert_eq!(day().await, Some(date(2026, 3, 6)));
}

// R8
#[tokio::test]
async fn a_lost_answer_adds_one_credential_and_no_answer_is_unavailable() {
    let tables = Tables::new().await;
    tables.faults.next("TransactWriteItems", [Fault::LostAnswer]);
    assert!(add(&tables, 1).await.unwrap());
    assert_eq!(tables.store.services().await.unwrap(), [service(1)]);
    tables.faults.next("TransactWriteItems", unreachable());
    unavailable(tables.untouched(add(&tables, 2)).await);
    tables.put("gate", json!({"pk": "SERVICES", "svc_1": {"id": 5}, "v": 1})).await;
    let read = tables.store.services().await;
    assert!(matches!(read, Err(StoreError::Corrupt { table: "gate", .. })), "{read:?}");
    tables.faults.take_calls();
}
