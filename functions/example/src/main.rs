//! The `example` function as a Lambda binary.

use lambda_http::Error;
use tollgate_example::{Config, router};
use tollgate_http::misconfigured;
use tollgate_platform::{Clock, Env, aws, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let env = Env::process();
    match aws::load(&env).and_then(|sdk| Config::from_env(&env, &sdk, Clock::system())) {
        Ok(config) => lambda_http::run(router(config)).await,
        Err(error) => lambda_http::run(misconfigured(&error, Clock::system())).await,
    }
}
