//! The walk that a deployed stack is judged by, through the stack on this machine.

use tollgate_local::Options;
use tollgate_tests::app::{TestApp, limited};
use tollgate_tests::journey::Deployment;

#[tokio::test]
async fn a_person_walks_the_whole_way_from_outside() {
    let unset = ["GOOGLE_CLIENT_ID", "GITHUB_CLIENT_ID"].map(|name| (name.to_owned(), "unset".to_owned()));
    let app = TestApp::start_with(Options { env: unset.into(), ..limited() }).await;
    let base = app.stack.base_url();
    Deployment::new(&base, &format!("{base}/_local/emails")).walk().await;
}
