//! The erasure of a person whose account was deleted. Each step may be done again, and the last one takes the account out of
//! what is still to be erased: one that is cut short is taken up by the next run.

use crate::State;
use jiff::Timestamp;
use std::collections::BTreeSet;
use tollgate_convergence::{Cause, ConvergeError};
use tollgate_domain::UserId;
use tollgate_store::{AuditFilter, PageOf, Profile, StoreError};
use tollgate_stripe::GatewayError;

/// So many entries are read at once.
const PAGE: usize = 100;

/// Takes away everything that tells who the user of a deleted account was: address, name and identities are free first, so
/// that nothing new is found by them. Payments and audit entries stay under the id.
pub async fn erase(state: &State, profile: &Profile) -> Result<(), ConvergeError> {
    let user = &profile.id;
    state.store.free_names(profile).await?;
    state.store.forget_sessions(user).await?;
    for filter in [
        AuditFilter { target_id: Some(user.to_string()), ..AuditFilter::default() },
        AuditFilter { actor_id: Some(*user), ..AuditFilter::default() },
    ] {
        erase_entries(state, user, &filter).await?;
    }
    // The order of the deletion has ended the subscription; where it did not come that far, this does.
    match state.convergence.follow(user, Cause::default()).await {
        Ok(_) | Err(ConvergeError::Stripe(GatewayError::NotConfigured)) => {}
        Err(error) => return Err(error),
    }
    state.store.forget_customer(user).await?;
    state.store.forget_user(user).await?;
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

/// Parks the mails that still wait to be sent to these people, and takes out what they carry.
pub async fn park_mails(state: &State, people: &[Profile], now: Timestamp) -> Result<(), StoreError> {
    let addresses: BTreeSet<_> = people.iter().map(|profile| profile.email.as_str()).collect();
    let mut after = None::<String>;
    while !addresses.is_empty() {
        let page = state.store.unsent(now, now, after.as_deref()).await?;
        // One that cannot be read is told by the sweep of the outbox.
        for message in page.items.into_iter().flatten() {
            let body: serde_json::Value = serde_json::from_str(&message.body).unwrap_or_default();
            if body["to"].as_str().is_some_and(|to| addresses.contains(to)) {
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
