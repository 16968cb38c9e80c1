//! The journey that checks a deployed stack, on the local stack.

use tollgate_local::{Options, TABLE_PREFIX};
use tollgate_ops::make_admin;
use tollgate_platform::Secret;
use tollgate_store::Store;
use tollgate_tests::app::{ADMIN, TestApp, limited};
use tollgate_tests::journey::Deployment;
use tollgate_tests::journey::billing::Customers;

#[tokio::test]
async fn a_user_completes_the_journey_from_outside() {
    let unset = ["GOOGLE_CLIENT_ID", "GITHUB_CLIENT_ID"].map(|name| (name.to_owned(), "unset".to_owned()));
    let app = TestApp::start_with(Options { env: unset.into(), ..limited() }).await;
    let base = app.stack.base_url();
    let deployment = Deployment::new(&base, &format!("{base}/_local/emails"));
    deployment.walk().await;
    let store: Store = Store::new(app.stack.sdk(), TABLE_PREFIX);
    make_admin(&store, "ann@example.com", &app.stack.clock().platform()).await.unwrap();
    app.advance(60);
    deployment.walk_the_admin_api().await;
    let swept = app.sweep("accounts").await.expect(200).body;
    assert_eq!(swept["handled"], 1, "the user who deleted the account");
}

// D3
#[tokio::test]
async fn paying_users_complete_the_journey_from_outside() {
    let no_grace = [("BILLING_GRACE_DAYS", "0"), ("RATE_LIMIT_PER_MINUTE", "0")];
    let env = no_grace.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let admin = Some((ADMIN.0.to_owned(), Secret::new(ADMIN.1.to_owned())));
    let app = TestApp::start_with(Options { env, admin, first_plans: false, ..limited() }).await;
    let base = app.stack.base_url();
    let deployment = Deployment::new(&base, &format!("{base}/_local/emails"));
    let customers = Customers::new(&deployment, &base);
    customers.subscribe(ADMIN).await;
    for (schedule, handled) in [("expiry", 1), ("reminders", 0), ("reconcile", 1), ("outbox", 0), ("accounts", 0)] {
        assert_eq!(app.sweep(schedule).await.expect(200).body["handled"], handled, "{schedule}");
    }
    customers.close_account(ADMIN).await;
    assert_eq!(app.sweep("accounts").await.expect(200).body["handled"], 1, "the user who deleted the account");
}
