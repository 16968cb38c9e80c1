//! The walk that a deployed stack is judged by, through the stack on this machine.

use tollgate_local::{Options, TABLE_PREFIX};
use tollgate_ops::make_admin;
use tollgate_store::Store;
use tollgate_tests::app::{TestApp, limited};
use tollgate_tests::journey::Deployment;

#[tokio::test]
async fn a_person_walks_the_whole_way_from_outside() {
    let unset = ["GOOGLE_CLIENT_ID", "GITHUB_CLIENT_ID"].map(|name| (name.to_owned(), "unset".to_owned()));
    let app = TestApp::start_with(Options { env: unset.into(), ..limited() }).await;
    let base = app.stack.base_url();
    let deployment = Deployment::new(&base, &format!("{base}/_local/emails"));
    deployment.walk().await;
    let store = Store::new(app.stack.sdk(), TABLE_PREFIX);
    make_admin(&store, "ann@example.com", &app.stack.clock().platform()).await.unwrap();
    app.advance(60);
    deployment.walk_the_desk().await;
    let swept = app.sweep("accounts").await.expect(200).body;
    assert_eq!(swept["handled"], 1, "who left for good");
}
