//! The `pages` function as a Lambda binary.

use lambda_http::Error;
use tollgate_pages::{Config, router};
use tollgate_platform::{Clock, Env, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&Env::process())?;
    lambda_http::run(router(config, Clock::system())).await
}
