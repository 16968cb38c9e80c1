//! The state that invocations share: the tables, the bucket, and the last snapshot.

use crate::config::Config;
use aws_config::SdkConfig;
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Mutex;
use tollgate_platform::bucket::Bucket;
use tollgate_platform::sqs::SourceQueue;
use tollgate_platform::{Clock, Outbound};
use tollgate_sql::Snapshot;
use tollgate_store::Store;
use tollgate_store::roles::Reports;

/// The state that invocations share.
#[derive(Clone)]
pub struct State {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Store<Reports>,
    pub(crate) bucket: Bucket,
    pub(crate) queue: SourceQueue,
    pub(crate) outbound: Outbound,
    pub(crate) clock: Clock,
    pub(crate) snapshot: Arc<Mutex<Option<Arc<TakenSnapshot>>>>,
}

/// A snapshot, and its time. It is dropped before its folder, which is removed when empty.
pub(crate) struct TakenSnapshot {
    pub(crate) snapshot: Snapshot,
    pub(crate) as_of: Timestamp,
    pub(crate) _folder: Folder,
}

/// A folder that is removed with this if it is empty.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _in_use = std::fs::remove_dir(&self.0);
    }
}

impl State {
    /// Creates the clients. It makes no call.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, outbound: Outbound, clock: Clock) -> Self {
        Self {
            store: Store::new(sdk, &config.table_prefix),
            bucket: Bucket::new(config.bucket.clone(), sdk),
            queue: SourceQueue::new(sdk, &config.queue_url, clock.clone()),
            config: Arc::new(config),
            outbound,
            clock,
            snapshot: Arc::default(),
        }
    }
}
