//! Rates of calls, mails to an address, attempts at codes.

use crate::faults::Fault;
use crate::people::{START, at, at_ms, request};
use crate::tables::Tables;
use serde_json::json;
use tollgate_domain::limit::{AttemptQuotas, CODE_TRIES, DAY_MS, Quota};
use tollgate_store::{Attempt, AttemptLimit, Bucket, StoreError};

const FIVE: Quota = Quota::per_minute(5);
const START_MS: i64 = START * 1000;

async fn take(tables: &Tables, n: u8, ms: i64) -> Bucket {
    tables.store.take_call("a", FIVE, &request(n), at_ms(ms)).await.unwrap()
}

fn full(retry_after_seconds: u32) -> Bucket {
    Bucket::Full { retry_after_seconds }
}

// S7
#[tokio::test]
async fn five_calls_are_allowed_at_once_and_then_one_every_twelve_seconds() {
    let tables = Tables::new().await;
    for n in 0..5 {
        assert_eq!(take(&tables, n, 0).await, Bucket::Admitted, "{n}");
        assert_eq!(tables.row("limits", "CALLS#a").await["filled_ms"], START_MS + 12_000 * i64::from(n + 1));
        assert_eq!(tables.faults.count(), if n == 0 { 1 } else { 2 }, "writes of call {n}");
    }
    assert_eq!(tables.untouched(take(&tables, 5, 0)).await, full(12));
    assert_eq!(tables.untouched(take(&tables, 5, 11_999)).await, full(1));
    assert_eq!(take(&tables, 5, 12_000).await, Bucket::Admitted);
    assert_eq!(tables.untouched(take(&tables, 6, 12_000)).await, full(12));
    // Idle again: the bucket is empty to the millisecond.
    tables.faults.take_calls();
    assert_eq!(take(&tables, 6, 72_000).await, Bucket::Admitted);
    assert_eq!(tables.faults.count(), 1);
    let row = tables.row("limits", "CALLS#a").await;
    let expected = json!({"pk": "CALLS#a", "filled_ms": START_MS + 84_000, "by": request(6).bare(),
        "ttl": START + 72 + 60 + 60, "v": 1});
    assert_eq!(row, expected);
}

#[tokio::test]
async fn buckets_are_independent() {
    let tables = Tables::new().await;
    let one = Quota { calls: 1, window_seconds: 600 };
    for bucket in ["a", "b"] {
        let taken = tables.store.take_call(bucket, one, &request(1), at(0)).await.unwrap();
        assert_eq!(taken, Bucket::Admitted, "{bucket}");
        assert_eq!(tables.row("limits", &format!("CALLS#{bucket}")).await["ttl"], START + 660);
    }
    assert_eq!(tables.store.take_call("a", one, &request(2), at(0)).await.unwrap(), full(600));
}

// S7
#[tokio::test]
async fn a_bucket_that_others_filled_between_the_two_writes_is_full() {
    let tables = Tables::new().await;
    for n in 0..4 {
        take(&tables, n, 0).await;
    }
    let rival = tables.rival.clone();
    let last = Fault::rival(async move {
        assert_eq!(rival.take_call("a", FIVE, &request(40), at(0)).await.unwrap(), Bucket::Admitted);
    });
    tables.faults.next("UpdateItem", [Fault::Pass, last]);
    assert_eq!(take(&tables, 4, 0).await, full(12));
    assert_eq!(tables.row("limits", "CALLS#a").await["by"], request(40).bare());
}

// R8
#[tokio::test]
async fn a_call_whose_answer_was_lost_counts_once() {
    let tables = Tables::new().await;
    for n in 0..5 {
        let planned = if n == 0 { vec![Fault::LostAnswer] } else { vec![Fault::Pass, Fault::LostAnswer] };
        tables.faults.next("UpdateItem", planned);
        assert_eq!(take(&tables, n, 0).await, Bucket::Admitted);
        assert_eq!(tables.row("limits", "CALLS#a").await["filled_ms"], START_MS + 12_000 * i64::from(n + 1));
    }
    tables.faults.take_calls();
}

#[tokio::test]
async fn a_bucket_of_another_shape_is_corrupt_and_no_answer_is_unavailable() {
    let tables = Tables::new().await;
    tables.put("limits", json!({"pk": "CALLS#a", "filled_ms": "soon"})).await;
    let error = tables.store.take_call("a", FIVE, &request(1), at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "limits", .. }), "{error}");
    tables.faults.next("UpdateItem", (0..3).map(|_| Fault::Unreachable));
    let error = tables.store.take_call("a", FIVE, &request(1), at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

async fn count(tables: &Tables, kind: &str, n: u8, ms: i64) -> bool {
    tables.store.count_mail("ann", kind, &format!("client{}", n / 10), &request(n), at_ms(ms)).await.unwrap()
}

// B7, S7
#[tokio::test]
async fn an_address_gets_five_mails_a_minute_and_ten_of_a_kind_by_one_client() {
    let tables = Tables::new().await;
    for n in 0..5 {
        assert!(count(&tables, "reset", n, 0).await);
    }
    assert!(!tables.untouched(count(&tables, "verify", 5, 0)).await, "the sixth");
    for n in 5..10 {
        assert!(count(&tables, "reset", n, 60_000 * i64::from(n)).await, "{n}");
    }
    let later = 60_000 * 20;
    assert!(!tables.untouched(count(&tables, "reset", 9, later)).await, "the eleventh of this client");
    assert!(count(&tables, "reset", 10, later).await, "another client");
    let (by, at) = (request(21), at_ms(later));
    assert!(tables.store.count_mail("bob", "reset", "client0", &by, at).await.unwrap(), "another user");
    assert!(count(&tables, "verify", 22, later).await, "another kind");
    assert!(count(&tables, "reset", 23, DAY_MS).await, "the next day");
    tables.faults.take_calls();
    count(&tables, "reset", 24, DAY_MS).await;
    assert_eq!(tables.faults.count(), 2, "a read and a write, whatever was sent before");
    let row = tables.row("limits", "MAIL#ann").await;
    assert_eq!((&row["by"], &row["v"]), (&json!(request(24).bare()), &json!(1)));
    assert_eq!(row["ttl"], START + 2 * 86_400 + 60, "a minute past its end");
}

#[tokio::test]
async fn only_one_of_two_simultaneous_mails_is_sent() {
    for first in [false, true] {
        let tables = Tables::new().await;
        assert!(first || count(&tables, "reset", 1, 0).await);
        let rival = tables.rival.clone();
        let other = Fault::rival(async move {
            assert!(rival.count_mail("ann", "reset", "client0", &request(40), at(0)).await.unwrap());
        });
        tables.faults.next("PutItem", [other]);
        assert!(!count(&tables, "reset", 2, 0).await);
        assert_eq!(tables.row("limits", "MAIL#ann").await["by"], request(40).bare());
    }
}

// R8
#[tokio::test]
async fn a_mail_whose_answer_was_lost_counts_once() {
    let tables = Tables::new().await;
    for n in 1..3 {
        tables.faults.next("PutItem", [Fault::LostAnswer]);
        assert!(count(&tables, "reset", n, 0).await);
        assert_eq!(tables.row("limits", "MAIL#ann").await["kinds"]["reset"]["count"], n);
    }
}

#[tokio::test]
async fn a_malformed_mail_count_is_corrupt_and_no_answer_is_unavailable() {
    let tables = Tables::new().await;
    tables.put("limits", json!({"pk": "MAIL#ann", "kinds": 5})).await;
    let error = tables.store.count_mail("ann", "reset", "client0", &request(1), at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "limits", .. }), "{error}");
    tables.faults.next("PutItem", (0..3).map(|_| Fault::Unreachable));
    let error = tables.store.count_mail("bob", "reset", "client0", &request(1), at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

async fn try_code(tables: &Tables, n: u8, ms: i64) -> bool {
    tables.store.count_code_try("ann", true, &request(n), at_ms(ms)).await.unwrap()
}

// S11
#[tokio::test]
async fn twenty_tries_a_day_are_counted_and_no_more() {
    let tables = Tables::new().await;
    assert_eq!(CODE_TRIES, 20);
    for n in 1..=20 {
        assert!(try_code(&tables, n, i64::from(n)).await);
        assert_eq!(tables.row("limits", "TRIES#ann").await["count"], n);
    }
    let row = tables.row("limits", "TRIES#ann").await;
    let expected = json!({"pk": "TRIES#ann", "count": 20, "ends_ms": START_MS + 1 + DAY_MS, "by": request(20).bare(),
        "decoys": 0, "ttl": START + 86_400 + 60, "v": 1});
    assert_eq!(row, expected);
    assert!(!tables.untouched(try_code(&tables, 21, DAY_MS)).await, "one millisecond before the day ends");
    assert!(tables.store.count_code_try("bob", true, &request(21), at(0)).await.unwrap(), "another user");
    assert!(try_code(&tables, 21, DAY_MS + 1).await, "the next day");
    assert_eq!(tables.row("limits", "TRIES#ann").await["count"], 1);
}

// R8
#[tokio::test]
async fn a_code_attempt_whose_answer_was_lost_counts_once() {
    let tables = Tables::new().await;
    for n in 1..=20 {
        let planned = if n == 1 { vec![Fault::LostAnswer] } else { vec![Fault::Pass, Fault::LostAnswer] };
        tables.faults.next("UpdateItem", planned);
        assert!(try_code(&tables, n, 0).await);
        assert_eq!(tables.row("limits", "TRIES#ann").await["count"], n);
    }
    tables.faults.next("UpdateItem", [Fault::LostAnswer]);
    tables.store.forgive_code_try("ann", &request(20)).await.unwrap();
    assert_eq!(tables.row("limits", "TRIES#ann").await["count"], 19, "and returned once");
    tables.faults.take_calls();
}

// S11
#[tokio::test]
async fn a_right_try_is_not_counted() {
    let tables = Tables::new().await;
    for n in 1..4 {
        try_code(&tables, n, 0).await;
    }
    for (n, remaining) in [(3, 2), (2, 1), (1, 0)] {
        tables.store.forgive_code_try("ann", &request(n)).await.unwrap();
        assert_eq!(tables.row("limits", "TRIES#ann").await["count"], remaining);
    }
    tables.untouched(tables.store.forgive_code_try("ann", &request(9))).await.unwrap();
    tables.untouched(tables.store.forgive_code_try("bob", &request(9))).await.unwrap();
    // A count of zero starts a new day.
    assert!(try_code(&tables, 4, 7).await);
    assert_eq!(tables.row("limits", "TRIES#ann").await["ends_ms"], START_MS + 7 + DAY_MS);
}

// S6, S11
#[tokio::test]
async fn an_attempt_without_a_live_code_costs_the_same_and_uses_up_none() {
    let tables = Tables::new().await;
    let orders = [("ann", [true, true]), ("bob", [false, false]), ("cem", [true, false]), ("dan", [false, true])];
    for (account, lives) in orders {
        tables.faults.take_calls();
        for (n, live) in (1..).zip(lives) {
            assert!(tables.store.count_code_try(account, live, &request(n), at(0)).await.unwrap());
        }
        assert_eq!(tables.faults.count(), 3, "{account}");
        let row = tables.row("limits", &format!("TRIES#{account}")).await;
        let count = lives.iter().filter(|live| **live).count();
        assert_eq!((&row["count"], &row["decoys"]), (&json!(count), &json!(2 - count)), "{account}");
    }
    for n in 1..=30 {
        assert!(tables.store.count_code_try("bob", false, &request(n), at(1)).await.unwrap());
    }
    assert!(tables.store.count_code_try("bob", true, &request(31), at(1)).await.unwrap(), "the owner has all attempts");
}

#[tokio::test]
async fn a_try_without_an_answer_is_unavailable() {
    let tables = Tables::new().await;
    tables.faults.next("UpdateItem", (0..6).map(|_| Fault::Unreachable));
    let error = tables.store.count_code_try("ann", true, &request(1), at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    let error = tables.store.forgive_code_try("ann", &request(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

const ATTEMPTS: AttemptQuotas = AttemptQuotas { client: FIVE, client_an_hour: 7, account_an_hour: 9 };

async fn attempt(tables: &Tables, client: &str, n: u8, seconds: i64) -> Attempt {
    tables.store.take_attempt("a", client, &ATTEMPTS, &request(n), at(seconds)).await.unwrap()
}

fn refused(by: AttemptLimit, retry_after_seconds: u32) -> Attempt {
    Attempt::Refused { by, retry_after_seconds }
}

/// The seconds from the start of a test to the end of its hour.
fn hour_left() -> u32 {
    3600 - u32::try_from(START % 3600).unwrap()
}

// B7, S7
#[tokio::test]
async fn a_client_is_limited_by_minute_by_hour_and_with_all_others() {
    let tables = Tables::new().await;
    for n in 0..5 {
        assert_eq!(attempt(&tables, "x", n, 0).await, Attempt::Admitted, "{n}");
        assert_eq!(tables.faults.count(), if n == 0 { 1 } else { 2 }, "writes of attempt {n}");
    }
    let full = tables.untouched(attempt(&tables, "x", 5, 0)).await;
    assert_eq!(full, refused(AttemptLimit::ClientMinute, 12));
    for n in 5..7 {
        assert_eq!(attempt(&tables, "x", n, 60).await, Attempt::Admitted, "{n}");
    }
    let full = tables.untouched(attempt(&tables, "x", 7, 120)).await;
    assert_eq!(full, refused(AttemptLimit::ClientHour, hour_left() - 120));
    for n in 8..10 {
        assert_eq!(attempt(&tables, "y", n, 120).await, Attempt::Admitted, "another client, {n}");
    }
    for client in ["y", "z"] {
        let full = tables.untouched(attempt(&tables, client, 10, 180)).await;
        assert_eq!(full, refused(AttemptLimit::AccountHour, hour_left() - 180), "{client}");
    }
    for client in ["x", "z"] {
        assert_eq!(attempt(&tables, client, 11, i64::from(hour_left())).await, Attempt::Admitted, "the next hour");
    }
}

// B7, R8
#[tokio::test]
async fn a_sign_in_attempt_whose_answer_was_lost_counts_once() {
    let tables = Tables::new().await;
    for n in 0..5 {
        let planned = if n == 0 { vec![Fault::LostAnswer] } else { vec![Fault::Pass, Fault::LostAnswer] };
        tables.faults.next("UpdateItem", planned);
        assert_eq!(attempt(&tables, "x", n, 0).await, Attempt::Admitted);
        let row = tables.row("limits", &format!("ATTEMPTS#a#{}", START / 3600)).await;
        assert_eq!((&row["all"], &row["hour#x"]), (&json!(n + 1), &json!(n + 1)));
    }
    tables.faults.take_calls();
}

// B7, S7
#[tokio::test]
async fn an_attempt_is_refused_where_others_were_faster() {
    let tables = Tables::new().await;
    for n in 0..4 {
        attempt(&tables, "x", n, 0).await;
    }
    let rival = tables.rival.clone();
    let last = Fault::rival(async move {
        let taken = rival.take_attempt("a", "x", &ATTEMPTS, &request(40), at(0)).await.unwrap();
        assert_eq!(taken, Attempt::Admitted);
    });
    tables.faults.next("UpdateItem", [Fault::Pass, last]);
    assert_eq!(attempt(&tables, "x", 4, 0).await, refused(AttemptLimit::ClientMinute, 12));
}

#[tokio::test]
async fn attempts_of_another_shape_are_corrupt_and_no_answer_is_unavailable() {
    let tables = Tables::new().await;
    tables
        .put("limits", json!({"pk": format!("ATTEMPTS#a#{}", START / 3600), "all": "many", "minute#x": START * 9000}))
        .await;
    let error = tables.store.take_attempt("a", "x", &ATTEMPTS, &request(1), at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "limits", .. }), "{error}");
    tables.faults.next("UpdateItem", (0..3).map(|_| Fault::Unreachable));
    let error = tables.store.take_attempt("b", "x", &ATTEMPTS, &request(1), at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

// B7
#[tokio::test]
async fn a_daily_bucket_admits_its_number_and_returns_the_end_of_the_day() {
    let tables = Tables::new().await;
    let take = async |n: u8, seconds: i64| tables.store.take_of_day("a", 3, &request(n), at(seconds)).await.unwrap();
    tables.faults.next("UpdateItem", [Fault::LostAnswer]);
    for n in 0..3 {
        assert_eq!(take(n, 0).await, None, "{n}");
    }
    let remaining = 86_400 - u32::try_from(START % 86_400).unwrap();
    assert_eq!(tables.untouched(take(3, 10)).await, Some(remaining - 10));
    assert_eq!(take(4, i64::from(remaining)).await, None, "the next day");
    tables.faults.take_calls();
}
