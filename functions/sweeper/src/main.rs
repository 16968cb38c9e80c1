//! The `sweeper` function as a Lambda binary.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use tollgate_platform::{Clock, Env, Outbound, aws, telemetry};
use tollgate_sweeper::{Config, State, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let env = Env::process();
    let config = Config::from_env(&env)?;
    let state = &State::new(config, &aws::load(&env)?, Outbound::system(), Clock::system());
    let sweep = async |event: LambdaEvent<_>| Box::pin(handle(event.payload, state)).await.map_err(Error::from);
    lambda_runtime::run(service_fn(sweep)).await
}
