//! The progress of the reconciliation with Stripe.

use crate::faults::Fault;
use crate::people::at;
use crate::tables::Tables;
use serde_json::json;
use tollgate_store::{ReconciledPage, Reconciliation, ReconciliationState, StoreError};

fn run() -> Reconciliation {
    Reconciliation { id: "run-1".to_owned(), begun_at: at(9), since: at(1) }
}

fn page(number: u32) -> ReconciledPage {
    ReconciledPage {
        run: "run-1".to_owned(),
        number,
        list: "customers".to_owned(),
        next: (number < 11).then(|| format!("cus_{number}")),
        customers: vec!["cus_1".to_owned(), "cus_2".to_owned()],
        differing: vec!["cus_2".to_owned()],
        is_repaired: false,
    }
}

// R13
#[tokio::test]
async fn a_run_its_pages_and_the_failed_customers_are_found_again() {
    let tables = Tables::new().await;
    assert_eq!(tables.store.reconciliation().await.unwrap(), ReconciliationState::default());
    tables.store.store_reconciliation(&run()).await.unwrap();
    for number in [11, 2, 0] {
        tables.store.store_reconciled_page(&page(number), at(10)).await.unwrap();
    }
    let repaired = ReconciledPage { is_repaired: true, ..page(2) };
    tables.store.store_reconciled_page(&repaired, at(10)).await.unwrap();
    tables.store.store_failed_customer("cus_9").await.unwrap();
    tables.store.store_failed_customer("cus_9").await.unwrap();
    let stored = tables.store.reconciliation().await.unwrap();
    let wanted = ReconciliationState {
        run: Some(run()),
        pages: vec![page(0), repaired, page(11)],
        failed: vec!["cus_9".to_owned()],
    };
    assert_eq!(stored, wanted);
    let row = tables.row("system", "RECONCILIATION/PAGE#00000011").await;
    assert_eq!((row.get("next"), &row["ttl"]), (None, &json!(at(10).as_second() + 7 * 86_400)));
}

#[tokio::test]
async fn a_finished_run_expires() {
    let tables = Tables::new().await;
    tables.store.store_reconciliation(&run()).await.unwrap();
    tables.store.store_reconciled_page(&page(0), at(10)).await.unwrap();
    tables.store.store_failed_customer("cus_9").await.unwrap();
    tables.store.end_reconciliation().await.unwrap();
    tables.store.forget_reconciled_page(0).await.unwrap();
    tables.store.forget_reconciled_page(1).await.unwrap();
    tables.store.forget_failed_customer("cus_1").await.unwrap();
    let failed = vec!["cus_9".to_owned()];
    let wanted = ReconciliationState { failed, ..ReconciliationState::default() };
    assert_eq!(tables.store.reconciliation().await.unwrap(), wanted);
    tables.store.forget_failed_customer("cus_9").await.unwrap();
    assert_eq!(tables.count("system").await, 0);
}

// R8
#[tokio::test]
async fn a_run_is_unavailable_without_an_answer() {
    let tables = Tables::new().await;
    tables.faults.next("PutItem", (0..3).map(|_| Fault::Unreachable));
    let error = tables.untouched(tables.store.store_reconciliation(&run())).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    tables.faults.next("Query", (0..3).map(|_| Fault::Unreachable));
    let error = tables.store.reconciliation().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    tables.faults.next("DeleteItem", (0..3).map(|_| Fault::Unreachable));
    let error = tables.store.end_reconciliation().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}
