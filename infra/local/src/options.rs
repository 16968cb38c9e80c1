//! The options of the command.

use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;
use tollgate_local::Data;

/// Tollgate on this machine: accounts, sessions and mail, whole and offline.
#[derive(Parser)]
#[command(name = "tollgate", version)]
pub struct Arguments {
    /// The port on 127.0.0.1.
    #[arg(long, env = "PORT", default_value_t = 8080)]
    pub port: u16,
    /// The folder of the tables, secrets and keys; `:memory:` stores nothing on disk.
    #[arg(long, env = "TOLLGATE_DATA", default_value = ".tollgate")]
    data: String,
    /// The address of the first admin, made on the first start.
    #[arg(long, env = "TOLLGATE_ADMIN_EMAIL", default_value = "admin@localhost.test")]
    pub admin_email: String,
    /// The password of the first admin; a random one is printed once.
    #[arg(long, env = "TOLLGATE_ADMIN_PASSWORD", hide_env_values = true)]
    pub admin_password: Option<String>,
    /// No 429 and no cap on mails: for load measurements and tests.
    #[arg(long)]
    pub no_rate_limits: bool,
    /// Runs no function, and serves what a single one calls that is run elsewhere (`sam local invoke`): empty tables,
    /// queues, mail, secrets, here and at the next port. Nothing is kept.
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:4566")]
    pub serve_aws: Option<SocketAddr>,
}

impl Arguments {
    /// Where the tables live.
    pub fn data(&self) -> Data {
        match self.data.as_str() {
            ":memory:" => Data::Memory,
            folder => Data::Folder(PathBuf::from(folder)),
        }
    }
}
