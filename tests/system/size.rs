//! More subscriptions than a page holds at once; `enumerate` uses a thousand.

use tollgate_tests::size::compare_and_sweep;

// R4, R12
#[tokio::test]
async fn reconciliation_takes_few_calls_and_a_killed_sweep_resumes() {
    compare_and_sweep(120).await;
}
