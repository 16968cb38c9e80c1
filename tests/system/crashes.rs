//! Calls that fail in the middle of an operation: tried again, there is exactly one effect (R1, R8). Here each call of
//! each operation is made and loses its answer; `enumerate` goes through the other failures too, and through what has to do
//! with Stripe.

use serde_json::Value;
use tollgate_local::faults::{Kind, Service};
use tollgate_tests::app::{TestApp, World};
use tollgate_tests::crashes::{self, operations};
use tollgate_tests::races::{self, races};

// R1, R8
#[tokio::test(flavor = "multi_thread")]
async fn whichever_call_of_an_operation_is_made_and_not_answered_the_next_try_completes_it_once() {
    let mut failures = Vec::new();
    for operation in operations().filter(|operation| operation.world == World::WithoutPlans) {
        failures.extend(crashes::enumerate(operation, &[(Kind::LostResponse, 3)]).await.failures);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

// R9, R10
#[tokio::test(flavor = "multi_thread")]
async fn two_who_race_agree_in_every_order_of_their_calls() {
    for race in races().filter(|race| race.world == World::WithoutPlans) {
        let report = races::enumerate(race).await;
        assert!(report.orders > 1 && report.failures.is_empty(), "{}: {}", race.name, report.failures.join("\n"));
    }
}

// R8
#[tokio::test]
async fn a_transaction_that_meets_another_is_tried_again_and_in_the_end_left_whole_or_undone() {
    for (times, status, accounts) in [(1, 202, 1), (3, 202, 1), (100, 503, 0)] {
        let app = TestApp::start().await;
        app.fail_operation(Service::Dynamodb, "TransactWriteItems", Kind::Conflict, times);
        app.register("ann").await.expect(status);
        app.stack.wire().clear();
        assert_eq!(app.table("credentials").await.len(), accounts, "{times} conflicts");
    }
}

// R8
#[tokio::test]
async fn nothing_is_written_where_the_tables_take_nothing() {
    let app = TestApp::start().await;
    app.fail_operation(Service::Dynamodb, "TransactWriteItems", Kind::Throttle, 1000);
    app.register("ann").await.refused(503, "unavailable");
    app.stack.wire().clear();
    for table in ["identity", "credentials", "gate", "sessions", "outbox", "audit"] {
        assert_eq!(app.table(table).await, Vec::<Value>::new(), "{table}");
    }
}
