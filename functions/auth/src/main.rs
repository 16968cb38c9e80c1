//! The `auth` function as a Lambda binary.

use lambda_http::Error;
use tollgate_auth::{Config, ProviderClients, State, router};
use tollgate_http::misconfigured;
use tollgate_platform::{Clock, Env, Outbound, aws, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = match Config::from_env(&Env::process()) {
        Ok(config) => config,
        Err(error) => return lambda_http::run(misconfigured(&error, Clock::system())).await,
    };
    let providers = ProviderClients::new(Outbound::system(), Outbound::system());
    let state = State::new(config, &aws::load().await, providers, Clock::system());
    state.keys.warm().await;
    lambda_http::run(router(state)).await
}
