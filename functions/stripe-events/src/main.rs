//! The `stripe-events` function as a Lambda binary.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use tollgate_platform::{Clock, Env, Outbound, aws, telemetry};
use tollgate_stripe_events::{Config, State, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let env = Env::process();
    let config = Config::from_env(&env)?;
    let state = &State::new(config, &aws::load(&env)?, Outbound::system(), Clock::system());
    lambda_runtime::run(service_fn(async |event: LambdaEvent<_>| handle(event.payload, state).await)).await
}
