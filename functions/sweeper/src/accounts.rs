//! The sweep of accounts: personal data of deleted accounts is erased, and unverified accounts are removed after a
//! week, which frees address and name (S23). Finished accounts leave the indexes, which are the position of the sweep.

use crate::erasure::{erase, erase_what_came_late, park_mails};
use crate::state::State;
use crate::swept::{SweepError, Swept, Tally};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::{AuditId, UserId};
use tollgate_platform::random_bytes;
use tollgate_store::StoreError;

/// How long an account can stay unverified.
const WAITS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The time after an erasure until all requests that had found the person have ended.
const SETTLES: SignedDuration = SignedDuration::from_mins(15);

/// Removes accounts page by page. A failure does not stop the others.
pub async fn sweep(state: &State) -> Result<Swept, SweepError> {
    let now = state.clock.now();
    let mut tally = Tally::default();
    for part in [
        deleted(state, now, &mut tally).await,
        erased(state, now, &mut tally).await,
        unverified(state, now, &mut tally).await,
    ] {
        if let Err(error) = part {
            tally.count(Err(error.into()));
        }
    }
    tally.end()
}

fn before(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.saturating_sub(span).unwrap_or(Timestamp::MIN)
}

async fn deleted(state: &State, now: Timestamp, tally: &mut Tally) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = state.store.deleted(after.as_deref()).await?;
        park_mails(state, &page.items, now).await?;
        for profile in page.items {
            tally.count(erase(state, &profile, now).await.map(|()| 1));
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Checks accounts a second time that were erased a while ago.
async fn erased(state: &State, now: Timestamp, tally: &mut Tally) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = state.store.erased(before(now, SETTLES), after.as_deref()).await?;
        for user in page.items {
            tally.count(erase_what_came_late(state, &user).await.map(|()| 0));
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn unverified(state: &State, now: Timestamp, tally: &mut Tally) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = state.store.unverified_accounts(before(now, WAITS), after.as_deref()).await?;
        for profile in page.items {
            let removed = state.store.remove_unverified(&profile, &entry(profile.id, now)).await;
            tally.count(removed.map(usize::from).map_err(Into::into));
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// The audit entry of a removed unverified account, without personal data.
fn entry(user: UserId, now: Timestamp) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(now, random_bytes()),
        actor_id: None,
        action: Action::Deleted,
        target_id: Some(user.to_string()),
        before: Some(json!({"email_verified": false})),
        after: None,
        ip: None,
        request_id: None,
        created_at: now,
    }
}
