//! A Stripe for one machine: the part of its API that a subscription business uses, with Stripe's shapes of one
//! version, a checkout page, an invoice page, a portal, renewals and retries by an injected clock, and signed webhooks.
//! It does not know its callers.
//!
//! Simpler than Stripe: a renewal is charged when its period ends, without the hour of waiting; the items of a
//! subscription have one interval; a schedule's phases begin with a period, and only its schedule changes or ends a
//! subscription that has one; there is one webhook endpoint.

#![recursion_limit = "256"] // the objects are written out, and some are long

mod amounts;
mod api;
mod calendar;
mod call;
mod cards;
mod control_error;
mod controls;
mod core;
mod credit_notes;
mod dashboard;
mod debits;
mod discounts;
mod disputes;
mod documents;
mod endpoints;
mod error;
mod events;
mod expand;
mod foreign;
mod html;
mod idempotency;
mod index;
mod invoices;
mod items;
mod links;
mod lists;
mod objects;
mod outcome;
mod pages;
mod params;
mod parts;
mod pauses;
mod phases;
mod portal;
mod portal_page;
mod preview;
mod proration;
mod record;
mod refusals;
mod resources;
mod rules;
mod schedules;
mod status;
mod subscriptions;
mod taxes;
mod tick;
mod updates;

pub use self::core::Records;
pub use control_error::ControlError;
pub use controls::Listed;
pub use dashboard::NewDiscount;
pub use documents::{DocumentStore, DocumentStoreError, MemoryDocumentStore};
pub use events::{Delivery, Mode};
pub use foreign::Foreign;
pub use outcome::Outcome;
pub use refusals::Refusal;

use self::core::Core;
use jiff::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The version of the API whose shapes it uses.
pub const API_VERSION: &str = "2026-08-26.dahlia";

/// Its configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address of its pages, without a slash at the end.
    pub base_url: String,
    /// The key that calls must carry.
    pub secret_key: String,
    /// The secret that signs events.
    pub webhook_secret: String,
    /// Where events are sent.
    pub webhook_url: String,
}

/// The current time.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Called when there is an event to send.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

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

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work` and writes its changes to the document store.
    fn with<T>(&self, work: impl FnOnce(&mut Core) -> T) -> T {
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
