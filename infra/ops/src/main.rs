//! `cargo run -p tollgate-ops -- …`: the operator's commands, with the AWS credentials and region of the environment.

use aws_config::BehaviorVersion;
use aws_sdk_secretsmanager::Client;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;
use tollgate_ops::{
    DEAD_LETTERS, LOCAL, MadeAdmin, MakeAdminError, Progress, RedriveError, RotateError, UnreachableStack, local_stack,
    local_store, make_admin, redrive, rotate,
};
use tollgate_platform::Clock;
use tollgate_store::Store;

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
    /// Moves dead letters back to their queue; where a move is under way already, follows it.
    Redrive {
        #[command(flatten)]
        stack: Stack,
        /// The dead letters of one queue alone.
        #[arg(long)]
        queue: Option<Queue>,
    },
    /// Makes somebody an admin who has registered and proved the address.
    MakeAdmin {
        #[command(flatten)]
        stack: Stack,
        /// The address of the account.
        #[arg(long)]
        email: String,
    },
}

/// Which stack.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Stack {
    /// The stage of the deployment, as in samconfig.toml.
    #[arg(long)]
    stage: Option<String>,
    /// The stack that `cargo run` has started on this machine.
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = LOCAL)]
    local: Option<String>,
}

/// A secret that keys are derived from.
#[derive(Clone, Copy, ValueEnum)]
enum Keys {
    /// Access and refresh tokens, device cookies, OAuth states.
    Auth,
    /// Mailed codes and links.
    Codes,
    /// The ledger of trials.
    Trials,
    /// What the operator's own proxy sends along.
    Edge,
}

impl Keys {
    const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Codes => "codes",
            Self::Trials => "trials",
            Self::Edge => "edge",
        }
    }
}

/// A queue that has dead letters.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Queue {
    /// Mails.
    Mail,
    /// Stripe's events, and commands for Stripe.
    Stripe,
}

impl Queue {
    const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Stripe => "stripe",
        }
    }
}

/// The exit code of a command that found nothing to do.
const NOTHING_TO_DO: u8 = 3;
/// How often the command asks how far a move is.
const PAUSE: Duration = Duration::from_secs(2);

/// Why a command did not do what it says.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Rotate(#[from] RotateError),
    #[error(transparent)]
    MakeAdmin(#[from] MakeAdminError),
    #[error(transparent)]
    Redrive(#[from] RedriveError),
    #[error(transparent)]
    Unreachable(#[from] UnreachableStack),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::RotateKeys { stage, secret } => {
            let secrets = secret.map_or_else(|| vec![Keys::Auth, Keys::Codes], |one| vec![one]);
            rotate_all(&stage, &secrets).await.map(|()| ExitCode::SUCCESS)
        }
        Command::Redrive { stack, queue } => redrive_all(stack, queue).await,
        Command::MakeAdmin { stack, email } => promote(stack, &email).await.map(|()| ExitCode::SUCCESS),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            let _closed = writeln!(std::io::stderr(), "tollgate-ops: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn redrive_all(stack: Stack, only: Option<Queue>) -> Result<ExitCode, Failure> {
    let (client, prefix) = match (stack.local, stack.stage) {
        (Some(url), _) => (local_stack(&url).await?.queues(), String::new()),
        (None, stage) => {
            let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
            (aws_sdk_sqs::Client::new(&sdk), format!("tollgate-{}-", stage.unwrap_or_default()))
        }
    };
    let mut is_idle = true;
    for (_, dead) in DEAD_LETTERS.iter().filter(|(name, _)| only.is_none_or(|only| only.name() == *name)) {
        let dead = format!("{prefix}{dead}");
        let show = |Progress { moved, of }: Progress| {
            let _closed = writeln!(std::io::stderr(), "{dead}: {moved} of {of} messages are moved");
        };
        match redrive(&client, &dead, PAUSE, show).await? {
            None => say(&format!("{dead}: no dead letters")),
            Some(moved) => {
                is_idle = false;
                say(&format!("{dead}: {moved} messages are back in their queue"));
            }
        }
    }
    Ok(if is_idle { ExitCode::from(NOTHING_TO_DO) } else { ExitCode::SUCCESS })
}

fn say(line: &str) {
    let _closed = writeln!(std::io::stdout(), "{line}");
}

async fn rotate_all(stage: &str, secrets: &[Keys]) -> Result<(), Failure> {
    let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let (client, clock) = (Client::new(&sdk), Clock::system());
    for secret in secrets {
        let id = format!("tollgate-{stage}-{}", secret.name());
        rotate(&client, &id, &clock).await?;
        say(&match secret {
            Keys::Edge => {
                format!("{id} has a new value: the old one is accepted too until you remove it (docs/proxy.md)")
            }
            _ => format!("{id} is rotated: its new key signs in 15 minutes"),
        });
    }
    Ok(())
}

async fn promote(stack: Stack, email: &str) -> Result<(), Failure> {
    let store = match (stack.local, stack.stage) {
        (Some(url), _) => local_store(&url).await?,
        (None, stage) => {
            let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
            Store::new(&sdk, format!("tollgate-{}-", stage.unwrap_or_default()))
        }
    };
    match make_admin(&store, email, &Clock::system()).await? {
        MadeAdmin::Now(user) => say(&format!("{email} ({user}) is an admin now")),
        MadeAdmin::Before(user) => say(&format!("{email} ({user}) was an admin before")),
    }
    Ok(())
}
