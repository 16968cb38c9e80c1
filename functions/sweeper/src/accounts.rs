//! The daily look at accounts that nobody has proved: they go after a week and free address and name (S23).

use crate::{State, SweepError, Swept};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::{AuditId, UserId};
use tollgate_platform::random_bytes;
use tollgate_store::RegistrationPlace;

const NAME: &str = "accounts";
/// So long an account waits for a proof of its address.
const WAITS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The start of 2026: no account is older than the program.
const FIRST_MONTH: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// Takes the unproved accounts away that were registered since the last sweep's place and long enough ago, page by page.
/// The place moves on with each page that is done, and stays before one that could not be done whole.
pub async fn sweep(state: &State) -> Result<Swept, SweepError> {
    let now = state.clock.now();
    let until = now.saturating_sub(WAITS).unwrap_or(Timestamp::MIN);
    let kept = state.store.sweep_place(NAME).await?.unwrap_or(FIRST_MONTH);
    let (mut handled, mut failed, mut error) = (0, 0, None);
    let mut place = Some(RegistrationPlace::new(kept)).filter(|_| kept <= until);
    while let Some(from) = place {
        let page = state.store.unproved(&from, until).await?;
        for profile in page.items {
            match state.store.remove_unproved(&profile, &entry(profile.id, now)).await {
                Ok(is_removed) => handled += usize::from(is_removed),
                Err(failure) => {
                    tracing::error!(user = %profile.id, error = %failure, "account not taken away");
                    failed += 1;
                    error = Some(failure);
                }
            }
        }
        place = page.next;
        if error.is_none() {
            let done = place.map_or(until, |next| next.time());
            state.store.keep_sweep_place(NAME, done).await?;
        }
    }
    match error {
        None => Ok(Swept { handled }),
        Some(last) => Err(SweepError::NotRemoved { failed, last }),
    }
}

/// The entry of it: nothing in it tells who it was.
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
