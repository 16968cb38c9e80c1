//! The `auth` function as a Lambda binary.

use lambda_http::Error;
use tollgate_auth::{Config, State, router};
use tollgate_platform::{Clock, Env, aws, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&Env::process())?;
    let state = State::new(config, &aws::load().await, Clock::system());
    state.keys.warm().await;
    lambda_http::run(router(state)).await
}
