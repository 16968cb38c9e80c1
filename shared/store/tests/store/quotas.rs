//! Metered uses: the counter of a user, a name and a month never passes its limit.

use crate::faults::Fault;
use crate::people::{START, at, request, user};
use crate::tables::Tables;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tollgate_domain::RequestId;
use tollgate_domain::features::Month;
use tollgate_store::{StoreError, Use};

fn month() -> Month {
    Month::of(at(0))
}

async fn count(tables: &Tables, n: u8, limit: u64) -> Use {
    tables.store.count_use(&user(1), "exports", month(), limit, &request(n)).await.unwrap()
}

fn key(name: &str, month: Month) -> String {
    format!("USES#{}#{month}#{name}", user(1))
}

#[tokio::test]
async fn uses_are_counted_up_to_the_limit_with_one_write_each() {
    let tables = Tables::new().await;
    for used in 1..=3 {
        tables.faults.take_calls();
        assert_eq!(count(&tables, u8::try_from(used).unwrap(), 3).await, Use::Counted { used });
        assert_eq!(tables.faults.count(), 1);
    }
    let ttl = month().ends_at().as_second() + 60;
    assert!(ttl > START);
    let key = key("exports", month());
    let expected = json!({"pk": key, "used": 3, "by": request(3).bare(), "ttl": ttl, "v": 1});
    assert_eq!(tables.row("limits", &key).await, expected);
    tables.faults.take_calls();
    assert_eq!(tables.untouched(count(&tables, 4, 3)).await, Use::Refused { used: 3 });
    assert_eq!(tables.faults.count(), 1);
    assert_eq!(tables.untouched(count(&tables, 5, 2)).await, Use::Refused { used: 3 }, "a plan with a lower limit");
    assert_eq!(count(&tables, 6, 4).await, Use::Counted { used: 4 }, "a plan with a higher limit");
}

#[tokio::test]
async fn users_names_and_months_have_separate_counters() {
    let tables = Tables::new().await;
    let next = Month::of(month().ends_at());
    for (n, user, name, month) in [
        (1, user(1), "exports", month()),
        (2, user(2), "exports", month()),
        (3, user(1), "imports", month()),
        (4, user(1), "exports", next),
    ] {
        let counted = tables.store.count_use(&user, name, month, 1, &request(n)).await.unwrap();
        assert_eq!(counted, Use::Counted { used: 1 }, "{name} {month}");
    }
    assert_eq!(tables.count("limits").await, 4);
}

// R8
#[tokio::test]
async fn a_use_whose_answer_was_lost_is_counted_once() {
    let tables = Tables::new().await;
    tables.faults.next("UpdateItem", [Fault::LostAnswer]);
    assert_eq!(count(&tables, 1, 1).await, Use::Counted { used: 1 }, "also the last one of a limit");
    assert_eq!(count(&tables, 2, 1).await, Use::Refused { used: 1 });
}

#[tokio::test]
async fn a_counter_that_is_not_a_number_is_corrupt() {
    let tables = Tables::new().await;
    tables.put("limits", json!({"pk": key("exports", month()), "used": "many", "v": 1})).await;
    let refused = tables.store.count_use(&user(1), "exports", month(), 1, &request(1)).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { .. } | StoreError::Unexpected(_))), "{refused:?}");
}

/// The number of concurrent ones.
const WORKERS: u64 = 50;
/// The limit.
const LIMIT: u64 = 100;

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_parallel_uses_never_exceed_the_limit() {
    parallel_uses_never_exceed_the_limit(2_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes longer: a part of nightly.yml"]
async fn ten_thousand_parallel_uses_never_exceed_the_limit() {
    parallel_uses_never_exceed_the_limit(10_000).await;
}

async fn parallel_uses_never_exceed_the_limit(uses: u64) {
    let tables = Tables::new().await;
    let counted = Arc::new(AtomicU64::new(0));
    let workers = (0..WORKERS).map(|worker| {
        let (store, counted) = (tables.rival.clone(), Arc::clone(&counted));
        tokio::spawn(async move {
            for n in 0..uses / WORKERS {
                let mut random = [0; 10];
                random[..8].copy_from_slice(&(worker * uses + n).to_be_bytes());
                let id = RequestId::new(at(0), random);
                match store.count_use(&user(1), "exports", month(), LIMIT, &id).await.unwrap() {
                    Use::Counted { used } => {
                        assert!(used <= LIMIT, "{used}");
                        counted.fetch_add(1, Ordering::Relaxed);
                    }
                    Use::Refused { used } => assert_eq!(used, LIMIT),
                }
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    assert_eq!(counted.load(Ordering::Relaxed), LIMIT);
    assert_eq!(tables.row("limits", &key("exports", month())).await["used"], LIMIT);
}
