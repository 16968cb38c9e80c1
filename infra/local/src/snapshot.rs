//! A copy of the whole state of a stack: tables and stream, queues, documents of the fakes, secrets, the time. Any
//! number of stacks can start from one snapshot, each with its own copy, so a test prepares a situation once and tries
//! it many times.

use crate::clock::LocalClock;
use crate::documents::{DatabaseError, Documents};
use crate::environment::hex;
use crate::queues::{Queue, QueueSpec, Recent};
use dynoxide::Database;
use jiff::Timestamp;
use std::path::PathBuf;
use std::{fs, io};
use tollgate_fake_stripe::Records;
use tollgate_platform::random_bytes;

/// Everything that a stack held at one moment.
pub struct Snapshot {
    /// The file of the tables.
    tables: Vec<u8>,
    documents: Documents,
    /// The recent messages of each queue, by the queue's name.
    recent: Vec<(&'static str, Recent)>,
    /// The records of the fake Stripe.
    stripe: Records,
    taken_at: Timestamp,
    /// The public address that the stack was given.
    public_url: Option<String>,
}

/// Why a snapshot cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The stack keeps its data in a folder: only one in memory can be copied.
    #[error("only a stack in memory can be copied")]
    NotInMemory,
    /// A fault has not happened yet; a copy would not have it.
    #[error("a fault is active")]
    ActiveFault,
    /// The tables could not be written.
    #[error("the tables: {0}")]
    Tables(String),
    /// The folder for the tables' file cannot be used.
    #[error("the folder of the snapshot: {0}")]
    Folder(#[from] io::Error),
}

/// A folder for the file of the tables, which is deleted after its use.
struct TablesFile(PathBuf);

impl TablesFile {
    fn new() -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("tollgate-snapshot-{}", hex(&random_bytes::<16>())));
        fs::create_dir(&folder)?;
        Ok(Self(folder))
    }

    fn path(&self) -> String {
        self.0.join("tables.db").to_string_lossy().into_owned()
    }
}

impl Drop for TablesFile {
    fn drop(&mut self) {
        let _best_effort = fs::remove_dir_all(&self.0);
    }
}

impl Snapshot {
    /// Copies the data in memory. Nothing may write meanwhile.
    pub(crate) fn take(
        database: &Database,
        documents: &Documents,
        queues: &[Queue],
        stripe: Records,
        clock: &LocalClock,
        public_url: Option<String>,
    ) -> Result<Self, SnapshotError> {
        let documents = documents.copy().ok_or(SnapshotError::NotInMemory)?;
        let file = TablesFile::new()?;
        database.vacuum_into(&file.path()).map_err(|error| SnapshotError::Tables(error.to_string()))?;
        let tables = fs::read(file.path())?;
        let recent = queues.iter().map(|queue| (queue.name(), queue.recent())).collect();
        Ok(Self { tables, documents, recent, stripe, taken_at: clock.now(), public_url })
    }

    /// When it was taken, by the clock of its stack; the clock of a copy starts at this time.
    #[must_use]
    pub fn taken_at(&self) -> Timestamp {
        self.taken_at
    }

    /// The public address of its stack, which tokens, links and pages of the fakes contain. `None` when it was the one
    /// where the stack listened: then a copy has its own, and what contains the address is not valid in it.
    #[must_use]
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// Copies the tables and the documents.
    pub(crate) fn open(&self) -> Result<(Database, Documents), SnapshotError> {
        let failed = |error: dynoxide::DynoxideError| SnapshotError::Tables(error.to_string());
        let file = TablesFile::new()?;
        fs::write(file.path(), &self.tables)?;
        let database = Database::memory().map_err(failed)?;
        database.restore_from(&file.path()).map_err(failed)?;
        Ok((database, self.documents.copy().ok_or(SnapshotError::NotInMemory)?))
    }

    /// A copy of the fake Stripe's records.
    pub(crate) fn stripe(&self) -> Records {
        self.stripe.clone()
    }

    /// A queue with its messages and its recent messages.
    pub(crate) fn open_queue(
        &self,
        spec: QueueSpec,
        documents: Documents,
        clock: LocalClock,
    ) -> Result<Queue, DatabaseError> {
        let recent = self.recent.iter().find(|(name, _)| *name == spec.name).map(|(_, recent)| recent.clone());
        Ok(Queue::open(spec, documents, clock)?.remembering(recent.unwrap_or_default()))
    }
}
