//! The arguments of the command line.

use crate::LOCAL;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What an operator does to a deployment by hand.
#[derive(Parser)]
#[command(
    name = "tollgate-ops",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 usage or refused, 3 nothing to do, 4 done in part (run it again)."
)]
pub struct Arguments {
    /// Prints exactly one JSON object on stdout, for errors too.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Checks a deployment and says how to mend what is wrong.
    Doctor {
        #[command(flatten)]
        stack: Stack,
    },
    /// Moves dead letters back to their queue; continues a move that is under way.
    Redrive {
        #[command(flatten)]
        stack: Stack,
        #[command(flatten)]
        write: Write,
        /// Only the dead letters of this queue.
        #[arg(long)]
        queue: Option<Queue>,
    },
    /// Shows dead letters, without personal data.
    DeadLetters {
        #[command(subcommand)]
        command: DeadLetters,
    },
    /// Compares everything Stripe has with what is stored, and repairs differences; continues a run that was cut short.
    Reconcile {
        #[command(flatten)]
        stack: Stack,
        #[command(flatten)]
        write: Write,
    },
    /// Creates or updates the webhook endpoint at Stripe, stores its secret, and configures the customer portal.
    StripeSetup {
        #[command(flatten)]
        stack: Stack,
        #[command(flatten)]
        write: Write,
    },
    /// Makes a user with a verified address an admin.
    MakeAdmin {
        #[command(flatten)]
        stack: Stack,
        #[command(flatten)]
        write: Write,
        /// The address of the account.
        #[arg(long)]
        email: String,
    },
    /// Appends a new random string to the secrets that keys are derived from. Users stay signed in.
    RotateKeys {
        #[command(flatten)]
        stack: Stack,
        #[command(flatten)]
        write: Write,
        /// Only this secret; without it, `auth` and `codes`.
        #[arg(long)]
        secret: Option<Keys>,
    },
    /// Shows or changes one user.
    User {
        #[command(subcommand)]
        command: User,
    },
    /// Runs reports.
    Report {
        #[command(subcommand)]
        command: Report,
    },
    /// Prints the log lines of one request.
    Logs {
        #[command(flatten)]
        stack: Stack,
        /// The request's id, as in the header `x-request-id`.
        request_id: String,
    },
    /// Prints the completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Subcommand)]
pub enum DeadLetters {
    /// Lists them by queue, with what they are.
    List {
        #[command(flatten)]
        stack: Stack,
        /// Only those of this queue.
        #[arg(long)]
        queue: Option<DeadQueue>,
        /// At most this number of each queue.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Shows one. Texts that may be personal are replaced.
    Show {
        #[command(flatten)]
        stack: Stack,
        /// Its id, as `list` shows it.
        id: String,
    },
}

#[derive(Subcommand)]
pub enum User {
    /// Shows a user's state.
    Show(OneUser),
    /// Disables a user: every session ends, the subscription continues.
    Disable {
        #[command(flatten)]
        user: OneUser,
        #[command(flatten)]
        write: Write,
        /// Also cancels the subscription at the end of its period.
        #[arg(long)]
        cancel_subscription: bool,
    },
    /// Enables a user.
    Enable {
        #[command(flatten)]
        user: OneUser,
        #[command(flatten)]
        write: Write,
    },
    /// Prints all data that is held about a user, as JSON.
    Export {
        #[command(flatten)]
        user: OneUser,
        #[command(flatten)]
        write: Write,
    },
    /// Deletes a user: sessions and subscription end at once, personal data is erased within a day.
    Delete {
        #[command(flatten)]
        user: OneUser,
        #[command(flatten)]
        write: Write,
    },
}

#[derive(Args)]
pub struct OneUser {
    #[command(flatten)]
    pub stack: Stack,
    /// The address, or an id: a user's, a subscription's, a payment's, or Stripe's.
    pub user: String,
}

#[derive(Subcommand)]
pub enum Report {
    /// Runs the statement of a file and prints its rows.
    Run {
        #[command(flatten)]
        stack: Stack,
        #[command(flatten)]
        write: Write,
        /// The file, with one SELECT.
        file: PathBuf,
        /// The whole result as CSV, instead of at most 200 rows.
        #[arg(long)]
        csv: bool,
    },
}

/// Which stack.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Stack {
    /// The stage of the deployment, as in samconfig.toml.
    #[arg(long)]
    pub stage: Option<String>,
    /// The stack that `cargo run` has started on this machine.
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = false, default_missing_value = LOCAL)]
    pub local: Option<String>,
}

/// How a command that writes is allowed to.
#[derive(Args, Clone, Copy)]
pub struct Write {
    /// Shows what would be done, and changes nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Answers the question that is asked in the stage `prod`.
    #[arg(long)]
    pub yes: bool,
}

/// A secret that keys are derived from.
#[derive(Clone, Copy, ValueEnum)]
pub enum Keys {
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
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Codes => "codes",
            Self::Trials => "trials",
            Self::Edge => "edge",
        }
    }
}

/// A queue whose dead letters can be moved back.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Queue {
    /// Mails.
    Mail,
    /// Stripe's events, and commands for Stripe.
    Stripe,
}

impl Queue {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Stripe => "stripe",
        }
    }
}

/// A queue that has dead letters.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeadQueue {
    /// Mails.
    Mail,
    /// Stripe's events, and commands for Stripe.
    Stripe,
    /// Reports.
    Reports,
}

impl DeadQueue {
    pub const ALL: [Self; 3] = [Self::Mail, Self::Stripe, Self::Reports];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Stripe => "stripe",
            Self::Reports => "reports",
        }
    }

    /// The name of the queue that holds the dead letters.
    pub const fn dead_name(self) -> &'static str {
        match self {
            Self::Mail => "mail-dead",
            Self::Stripe => "stripe-dead.fifo",
            Self::Reports => "reports-dead",
        }
    }
}
