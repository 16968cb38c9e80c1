//! The `admin` function as a Lambda binary.

use lambda_http::Error;
use tollgate_admin::{Config, State, router};
use tollgate_http::misconfigured;
use tollgate_platform::{Clock, Env, Outbound, aws, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let env = Env::process();
    let (config, sdk) = match Config::from_env(&env).and_then(|config| Ok((config, aws::load(&env)?))) {
        Ok(settings) => settings,
        Err(error) => return lambda_http::run(misconfigured(&error, Clock::system())).await,
    };
    let state = State::new(config, &sdk, Outbound::system(), Clock::system());
    lambda_http::run(router(state)).await
}
