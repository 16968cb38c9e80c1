//! How a stack is started.

use crate::clock::LocalClock;
use crate::faults::Fault;
use crate::functions::Function;
use crate::permissions::Decide;
use crate::snapshot::Snapshot;
use std::path::PathBuf;
use std::sync::Arc;
use tollgate_auth::PasswordCost;
use tollgate_platform::Secret;
use tollgate_sql::Limits;

/// Where the tables live.
#[derive(Clone)]
pub enum Data {
    /// In memory only.
    Memory,
    /// In this folder.
    Folder(PathBuf),
    /// In memory too, starting with a copy of another stack's data. Its clock must begin at the snapshot's time.
    Copy(Arc<Snapshot>),
}

/// How a stack is started.
#[derive(Clone)]
pub struct Options {
    /// Where it listens on 127.0.0.1; 0 takes any free port.
    pub port: u16,
    /// The public address, if not the one where it listens. A copy takes that of its snapshot, if it has one.
    pub public_url: Option<String>,
    /// Where the tables live.
    pub data: Data,
    /// The current time.
    pub clock: LocalClock,
    /// The first admin's address and password.
    pub admin: Option<(String, Secret<String>)>,
    /// Settings for the functions, which override those of the stack.
    pub env: Vec<(String, String)>,
    /// Faults that are active from the start.
    pub faults: Vec<Fault>,
    /// Whether the first plans are created if there are none.
    pub first_plans: bool,
    /// Further functions behind the gateway, each by its path.
    pub extra_functions: Vec<(String, Function)>,
    /// The program that runs the statements of reports; `None` for this one. It calls `run_statement_if_asked` first.
    pub report_runner: Option<PathBuf>,
    /// The limits of report statements.
    pub report_limits: Limits,
    /// What a new password hash costs instead of the deployed cost: the lowest, in tests of other subjects.
    pub password_cost: Option<PasswordCost>,
    /// The roles of the functions, from their first call on; `None` allows every call.
    pub roles: Option<Arc<Decide>>,
}
