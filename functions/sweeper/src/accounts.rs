//! The look at accounts that are to go: those that nobody has proved go after a week and free address and name (S23), of
//! those that were deleted everything goes that tells who it was. What is done stands in the indexes no more, so that they
//! are the sweep's place.

use crate::erasure::{erase, park_mails};
use crate::{State, SweepError, Swept, Tally};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::{AuditId, UserId};
use tollgate_platform::random_bytes;

/// So long an account waits for a proof of its address.
const WAITS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Takes away what is to go, page by page.
pub async fn sweep(state: &State) -> Result<Swept, SweepError> {
    let now = state.clock.now();
    let until = now.saturating_sub(WAITS).unwrap_or(Timestamp::MIN);
    let mut tally = Tally::default();
    let mut after = None;
    loop {
        let page = state.store.unproved(until, after.as_deref()).await?;
        for profile in page.items {
            let removed = state.store.remove_unproved(&profile, &entry(profile.id, now)).await;
            tally.count(removed.map(usize::from).map_err(Into::into));
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    loop {
        let page = state.store.deleted(after.as_deref()).await?;
        park_mails(state, &page.items, now).await?;
        for profile in page.items {
            tally.count(erase(state, &profile).await.map(|()| 1));
        }
        after = page.next;
        if after.is_none() {
            return tally.end();
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
