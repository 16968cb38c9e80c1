//! The erasure of a person whose account was deleted. Each step may be done again, and the last one takes the account out of
//! what is still to be erased: one that is cut short is taken up by the next run. A request that had found the person before
//! may write a trace a moment later, so that a later run looks once more.

use crate::State;
use jiff::Timestamp;
use tollgate_convergence::{Cause, ConvergeError};
use tollgate_domain::UserId;
use tollgate_store::outbox::is_command;
use tollgate_store::{AuditFilter, OutboxMessage, PageOf, Profile, StoreError};
use tollgate_stripe::GatewayError;

/// So many entries are read at once.
const PAGE: usize = 100;

/// Takes away everything that tells who the user of a deleted account was: address, name and identities are free first, so
/// that nothing new is found by them. Payments and audit entries stay under the id.
pub async fn erase(state: &State, profile: &Profile, now: Timestamp) -> Result<(), ConvergeError> {
    let user = &profile.id;
    state.store.free_names(profile).await?;
    erase_traces(state, user).await?;
    // The order of the deletion has ended the subscription; where it did not come that far, this does.
    match state.convergence.sync(user, Cause::default()).await {
        Ok(_) | Err(ConvergeError::Stripe(GatewayError::NotConfigured)) => {}
        Err(error) => return Err(error),
    }
    state.store.forget_customer(user).await?;
    state.store.forget_user(user, now).await?;
    Ok(())
}

/// Takes away what was written by requests that were under way at the erasure. Then nothing is left to do.
pub async fn erase_what_came_late(state: &State, user: &UserId) -> Result<(), ConvergeError> {
    erase_traces(state, user).await?;
    state.store.forget_customer(user).await?;
    state.store.forget_erasure(user).await?;
    Ok(())
}

/// Sessions, mailed secrets, and what of the audit trail tells who it was.
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

/// Parks the mails that still wait to be sent about these people, and takes out what they carry.
pub async fn park_mails(state: &State, people: &[Profile], now: Timestamp) -> Result<(), StoreError> {
    let mut after = None::<String>;
    while !people.is_empty() {
        let page = state.store.unsent(now, now, after.as_deref()).await?;
        // One that cannot be read is told by the sweep of the outbox.
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

/// Whether it is a mail to the person or one that names the person, whatever address it goes to.
fn is_about(mail: &OutboxMessage, person: &Profile) -> bool {
    let body: serde_json::Value = serde_json::from_str(&mail.body).unwrap_or_default();
    let is = |name: &str, value: &str| body[name].as_str() == Some(value);
    let names = is("to", person.email.as_str()) || is("username", person.username.as_str());
    !is_command(&mail.kind) && (names || body["otp"]["user_id"] == person.id.to_string())
}
