//! The `authorizer` function as a Lambda binary.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use tollgate_authorizer::{Config, State, handle};
use tollgate_platform::{Clock, Env, aws, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let env = Env::process();
    let config = Config::from_env(&env)?;
    let state = &State::new(config, &aws::load(&env)?, Clock::system());
    let decide = async |event: LambdaEvent<_>| handle(event.payload, state).await.map_err(Error::from);
    lambda_runtime::run(service_fn(decide)).await
}
