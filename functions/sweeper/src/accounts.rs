//! The look at accounts that are to go: of those that were deleted everything goes that tells who it was, those that nobody
//! has proved go after a week and free address and name (S23). What is done stands in the indexes no more, so that they are
//! the sweep's place.

use crate::erasure::{erase, erase_what_came_late, park_mails};
use crate::{State, SweepError, Swept, Tally};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::{AuditId, UserId};
use tollgate_platform::random_bytes;
use tollgate_store::StoreError;

/// So long an account waits for a proof of its address.
const WAITS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// So long after an erasure nothing is under way any more that had found the person before.
const SETTLES: SignedDuration = SignedDuration::from_mins(15);

/// Takes away what is to go, page by page. What cannot be done stops nothing else.
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

/// Looks once more at those that were erased a while ago.
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

/// The entry of an account that nobody had proved: nothing in it tells who it was.
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
