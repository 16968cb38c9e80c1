//! The `hello` function as a Lambda binary.

use lambda_http::Error;
use tollgate_hello::{Config, router};
use tollgate_http::misconfigured;
use tollgate_platform::{Clock, Env, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    match Config::from_env(&Env::process()) {
        Ok(config) => lambda_http::run(router(config, Clock::system())).await,
        Err(error) => lambda_http::run(misconfigured(&error, Clock::system())).await,
    }
}
