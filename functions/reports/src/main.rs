//! The `reports` function as a Lambda binary; with a hidden argument, the process that runs one statement.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use std::process::ExitCode;
use tollgate_platform::{Clock, Env, Outbound, aws, telemetry};
use tollgate_reports::{Config, State, handle, run_statement_if_asked};

fn main() -> ExitCode {
    if let Some(code) = run_statement_if_asked(std::env::args().nth(1).as_deref()) {
        return code;
    }
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "the function stopped");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Error> {
    telemetry::init();
    let env = Env::process();
    let config = Config::from_env(&env)?;
    let state = &State::new(config, &aws::load(&env)?, Outbound::system(), Clock::system());
    lambda_runtime::run(service_fn(async |event: LambdaEvent<_>| handle(event.payload, state).await)).await
}
