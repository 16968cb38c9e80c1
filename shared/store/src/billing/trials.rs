//! The ledger of trials: one item for each address and each card that had a trial, by its hash. It holds no other
//! personal data, and an erasure keeps it.

use super::rows::{Key, key};
use crate::roles::Converge;
use crate::table::codec::{Item, item, read};
use crate::table::schema::BILLING;
use crate::{Store, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::SubscriptionId;

const TRIAL: &str = "TRIAL";

fn trial_key(hash: &str) -> Key {
    key(format!("TRIAL#{hash}"), TRIAL)
}

/// The record that an address or a card had a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialEntry {
    /// The hash of the address or the card.
    pub hash: String,
    /// The subscription that began with the trial.
    pub subscription_id: SubscriptionId,
    /// When it was recorded.
    pub created_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    subscription_id: SubscriptionId,
    created_at: Timestamp,
}

pub(super) fn trial_item(entry: &TrialEntry) -> Result<Item, StoreError> {
    let stored = Entry { subscription_id: entry.subscription_id, created_at: entry.created_at };
    item(&stored, trial_key(&entry.hash))
}

impl<R: Converge> Store<R> {
    /// The subscription that had the trial under this hash.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn trial_of(&self, hash: &str) -> Result<Option<SubscriptionId>, StoreError> {
        let row = self.billing_item(trial_key(hash)).await?;
        row.map(|row| read::<Entry>(BILLING, row).map(|entry| entry.subscription_id)).transpose()
    }
}
