//! The `auth` function as a Lambda binary.

use lambda_http::Error;
use tollgate_auth::{Config, State, router};
use tollgate_http::misconfigured;
use tollgate_platform::{Clock, Env, aws, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = match Config::from_env(&Env::process()) {
        Ok(config) => config,
        Err(error) => return lambda_http::run(misconfigured(&error, Clock::system())).await,
    };
    let state = State::new(config, &aws::load().await, Clock::system());
    state.keys.warm().await;
    lambda_http::run(router(state)).await
}
