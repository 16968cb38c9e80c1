//! The `ticker` function as a Lambda binary.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use tollgate_platform::{Clock, Env, aws, telemetry};
use tollgate_ticker::{Config, State, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let env = Env::process();
    let config = Config::from_env(&env)?;
    let state = &State::new(config, &aws::load(&env)?, Clock::system());
    let tick = async |event: LambdaEvent<_>| handle(event.payload, state).await.map_err(Error::from);
    lambda_runtime::run(service_fn(tick)).await
}
