//! A service of your own with nothing but the guards: the code of docs/adopting.md.

use axum::{Router, routing::get};
use tollgate_guard::{Guard, RequireTier};
use tollgate_platform::{Clock, Env, aws};

async fn report(RequireTier(user): RequireTier<2>) -> String {
    format!("the report of {}", user.id)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let env = Env::process();
    let guard = Guard::from_env(&env, &aws::load(&env)?, Clock::system())?;
    lambda_http::run(Router::new().route("/report", get(report)).with_state(guard)).await
}
