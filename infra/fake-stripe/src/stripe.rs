//! The fake itself: its records under one lock.

use crate::core::{Core, Records};
use crate::documents::{DocumentStore, DocumentStoreError};
use crate::settings::{Now, Settings, Wake};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The fake. Each call and each action is one change under one lock.
#[derive(Clone)]
pub struct Stripe {
    core: Arc<Mutex<Core>>,
    wake: Wake,
}

impl Stripe {
    /// Opens it with the records of the document store.
    ///
    /// # Errors
    /// When the document store cannot be read.
    pub fn open(
        documents: Arc<dyn DocumentStore>,
        settings: Settings,
        now: Now,
        wake: Wake,
    ) -> Result<Self, DocumentStoreError> {
        Ok(Self { core: Arc::new(Mutex::new(Core::open(documents, settings, now)?)), wake })
    }

    /// Creates it in memory, with these records; [`Records::default`] has none.
    #[must_use]
    pub fn in_memory(records: Records, settings: Settings, now: Now, wake: Wake) -> Self {
        Self { core: Arc::new(Mutex::new(Core::with(records, settings, now))), wake }
    }

    /// A copy of all records.
    #[must_use]
    pub fn records(&self) -> Records {
        self.core().records()
    }

    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work` and writes its changes to the document store.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Core) -> T) -> T {
        let mut core = self.core();
        let done = work(&mut core);
        core.save();
        let is_to_send = std::mem::take(&mut core.is_to_send);
        drop(core);
        if is_to_send {
            (self.wake)();
        }
        done
    }
}
