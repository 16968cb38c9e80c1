//! The erasure of a deleted account. Each step is repeatable, and the last one removes the account from the index of
//! accounts to erase: the next run resumes an interrupted erasure. A request that ran at the same time may write data a
//! moment later, so a later run checks again.

use crate::state::State;
use jiff::Timestamp;
use tollgate_convergence::{Cause, ConvergeError};
use tollgate_domain::UserId;
use tollgate_store::outbox::is_command;
use tollgate_store::{AuditFilter, OutboxMessage, PageOf, Profile, StoreError};
use tollgate_stripe::GatewayError;

/// The number of entries that are read at once.
const PAGE: usize = 100;

/// Removes all data that identifies the user of a deleted account: address, name and identities are freed first, so
/// that no new data is found by them. Payments and audit entries stay under the id.
pub async fn erase(state: &State, profile: &Profile, now: Timestamp) -> Result<(), ConvergeError> {
    let user = &profile.id;
    state.store.free_names(profile).await?;
    state.store.forget_invitation(&profile.email).await?;
    erase_traces(state, user).await?;
    // The command of the deletion has ended the subscription; if it has not run yet, this does.
    if state.has_billing {
        match state.convergence.sync(user, Cause::default()).await {
            Ok(_) | Err(ConvergeError::Stripe(GatewayError::NotConfigured)) => {}
            Err(error) => return Err(error),
        }
    }
    state.store.forget_customer(user).await?;
    state.store.forget_user(user, now).await?;
    Ok(())
}

/// Removes data that requests wrote during the erasure. Then the erasure is complete.
pub async fn erase_what_came_late(state: &State, user: &UserId) -> Result<(), ConvergeError> {
    erase_traces(state, user).await?;
    state.store.forget_customer(user).await?;
    state.store.forget_erasure(user).await?;
    Ok(())
}

/// Sessions, mailed secrets, and personal data in the audit trail.
async fn erase_traces(state: &State, user: &UserId) -> Result<(), StoreError> {
    state.store.forget_sessions(user).await?;
    for filter in [
        AuditFilter { target_id: Some(user.to_string()), ..AuditFilter::default() },
        AuditFilter { actor_id: Some(*user), ..AuditFilter::default() },
    ] {
        erase_entries(state, user, &filter).await?;
    }
    Ok(())
}

async fn erase_entries(state: &State, user: &UserId, filter: &AuditFilter) -> Result<(), StoreError> {
    let mut after = None::<String>;
    loop {
        let page = state.store.entries(filter, PageOf { after: after.as_deref(), limit: PAGE }).await?;
        for erased in page.items.iter().filter_map(|entry| entry.erased(user)) {
            state.store.erase_entry(&erased).await?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Parks the pending mails about these users and removes their bodies.
pub async fn park_mails(state: &State, people: &[Profile], now: Timestamp) -> Result<(), StoreError> {
    let mut after = None::<String>;
    while !people.is_empty() {
        let page = state.store.unsent(now, now, after.as_deref()).await?;
        // The sweep of the outbox reports an unreadable one.
        for message in page.items.into_iter().flatten() {
            if people.iter().any(|profile| is_about(&message, profile)) {
                state.store.park_message(&message.id, "the account is deleted", now).await?;
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(())
}

/// Whether it is a mail to the person or one that names the person, to any address.
fn is_about(mail: &OutboxMessage, person: &Profile) -> bool {
    let body: serde_json::Value = serde_json::from_str(&mail.body).unwrap_or_default();
    let is = |name: &str, value: &str| body[name].as_str() == Some(value);
    let names = is("to", person.email.as_str()) || is("username", person.username.as_str());
    !is_command(&mail.kind) && (names || body["otp"]["user_id"] == person.id.to_string())
}
