//! The settings of this function.

use std::path::PathBuf;
use tollgate_domain::billing::Grace;
use tollgate_platform::bucket::BucketAddress;
use tollgate_platform::{ConfigError, Env};
use tollgate_sql::Limits;

/// All settings, parsed once.
#[derive(Debug, Clone)]
pub struct Config {
    /// The prefix of table names.
    pub table_prefix: String,
    /// How long access continues after a failed payment.
    pub grace: Grace,
    /// The queue that calls this function.
    pub queue_url: String,
    /// The bucket of CSV files.
    pub bucket: BucketAddress,
    /// The folder of snapshots and files, which only this process uses.
    pub folder: PathBuf,
    /// The program that runs a statement; `None` for this one.
    pub runner: Option<PathBuf>,
    /// The limits of a statement.
    pub limits: Limits,
    /// How often a message is received before it is given up, as configured for the queue.
    pub max_receives: u32,
}

/// The number of receives after which SQS moves a message to the dead letters, as in the template.
const MAX_RECEIVES: u32 = 5;

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            table_prefix: env.required("TABLE_PREFIX", "what the names of the tables start with")?.to_owned(),
            grace: env.grace()?,
            queue_url: env.required("REPORTS_QUEUE_URL", "the address of the queue of reports")?.to_owned(),
            bucket: BucketAddress::from_env(env)?,
            folder: PathBuf::from("/tmp/reports"),
            runner: None,
            limits: Limits::CONTRACT,
            max_receives: MAX_RECEIVES,
        })
    }
}
