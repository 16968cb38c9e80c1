//! `cargo run -p tollgate-ops -- …`: the operator's commands, with the AWS credentials and region of the environment.

use aws_config::BehaviorVersion;
use aws_sdk_secretsmanager::Client;
use clap::{Parser, Subcommand, ValueEnum};
use std::io::Write;
use std::process::ExitCode;
use tollgate_ops::{RotateError, rotate};
use tollgate_platform::Clock;

/// What an operator does to a deployment by hand.
#[derive(Parser)]
#[command(name = "tollgate-ops", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Appends a new random string to the secrets that keys are derived from; nobody is signed out by it.
    RotateKeys {
        /// The stage of the deployment, as in samconfig.toml.
        #[arg(long)]
        stage: String,
        /// One of them alone.
        #[arg(long)]
        secret: Option<Keys>,
    },
}

/// A secret that keys are derived from.
#[derive(Clone, Copy, ValueEnum)]
enum Keys {
    /// Access and refresh tokens, device cookies, OAuth states.
    Auth,
    /// Mailed codes and links.
    Codes,
}

impl Keys {
    const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Codes => "codes",
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Command::RotateKeys { stage, secret } = Arguments::parse().command;
    let secrets = secret.map_or_else(|| vec![Keys::Auth, Keys::Codes], |one| vec![one]);
    match rotate_all(&stage, &secrets).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _closed = writeln!(std::io::stderr(), "tollgate-ops: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn rotate_all(stage: &str, secrets: &[Keys]) -> Result<(), RotateError> {
    let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let (client, clock) = (Client::new(&sdk), Clock::system());
    for secret in secrets {
        let id = format!("tollgate-{stage}-{}", secret.name());
        rotate(&client, &id, &clock).await?;
        let _closed = writeln!(std::io::stdout(), "{id} is rotated: its new key signs in 15 minutes");
    }
    Ok(())
}
