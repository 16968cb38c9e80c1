//! `cargo run -p tollgate-ops -- …`: the operator's commands, with the AWS credentials and region of the environment.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tollgate_ops::main().await
}
