//! The folder of a stack's data: its lock, its version, its database.

use super::options::Data;
use crate::clock::LocalClock;
use crate::documents::TABLE_PREFIX;
use crate::documents::{self, Documents};
use crate::engine;
use crate::environment::hex;
use crate::error::StartError;
use dynoxide::Database;
use std::fs::{File, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use tollgate_platform::random_bytes;

/// The version of the data in a folder: raised when tables get indexes, or their items get attributes, that earlier
/// folders lack.
const DATA_VERSION: u32 = 4;
/// The name that the table `system` had up to version 3.
const OLD_SYSTEM_TABLE: &str = "desk";

/// The folder of the snapshots: inside the data folder, which is removed as a whole, or one of this stack's own.
pub(super) fn reports_folder(data: &Data) -> PathBuf {
    match data {
        Data::Folder(folder) => {
            let own = folder.join("reports");
            // Left by a process that was killed.
            let _not_there = std::fs::remove_dir_all(&own);
            own
        }
        Data::Memory | Data::Copy(_) => std::env::temp_dir().join(format!("tollgate-{}", hex(&random_bytes::<8>()))),
    }
}

/// The database, and the lock that excludes a second process; the lock ends with the process, even by a crash.
pub(super) fn open(data: &Data, clock: &LocalClock) -> Result<(Database, Documents, Option<File>), StartError> {
    let folder = match data {
        Data::Folder(folder) => folder,
        Data::Memory => {
            return Ok((engine::memory()?, Documents::memory(), None));
        }
        Data::Copy(snapshot) => {
            let (database, documents) = snapshot.open().map_err(|error| StartError::Failed(error.to_string()))?;
            return Ok((database, documents, None));
        }
    };
    let refused = |reason: String| StartError::Data { folder: folder.display().to_string(), reason };
    // It contains secrets: only its owner may read it.
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| refused(error.to_string()))?;
    let lock = File::options().create(true).append(true).mode(0o600).open(folder.join("lock"));
    let lock = lock.map_err(|error| refused(error.to_string()))?;
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => refused("another tollgate uses this folder".into()),
        TryLockError::Error(error) => refused(error.to_string()),
    })?;
    let file = folder.join("tables.db");
    let made = File::options().create(true).append(true).mode(0o600).open(&file);
    let own = made.and_then(|file| file.set_permissions(Permissions::from_mode(0o600)));
    own.map_err(|error| refused(error.to_string()))?;
    let database = engine::on_file(&file.to_string_lossy()).map_err(|error| refused(error.to_string()))?;
    let documents = Documents::open(database.clone()).map_err(|error| refused(error.to_string()))?;
    if documents::table_names(&database)?.iter().any(|name| *name == format!("{TABLE_PREFIX}{OLD_SYSTEM_TABLE}")) {
        return Err(refused(format!(
            "holds data of an earlier version: its table `{OLD_SYSTEM_TABLE}` is called `system` now. Delete the folder to start anew"
        )));
    }
    let version: u32 = documents.get("stack", "version")?.unwrap_or(DATA_VERSION);
    if version != DATA_VERSION {
        let way_out = if version < DATA_VERSION { "delete the folder to start anew" } else { "take a newer program" };
        let reason = format!("holds data of version {version}, this program knows version {DATA_VERSION}: {way_out}");
        return Err(refused(reason));
    }
    documents.put("stack", "version", &DATA_VERSION).map_err(|error| refused(error.to_string()))?;
    if let Some(seconds) = documents.get::<i64>("stack", "clock")? {
        clock.advance(jiff::SignedDuration::from_secs(seconds));
    }
    Ok((database, documents, Some(lock)))
}
