//! The daily comparison with Stripe: one call for a hundred subscriptions, and a closer look where something differs.

use crate::{State, SweepError, Swept, Tally};
use std::collections::BTreeMap;
use tollgate_convergence::Cause;
use tollgate_domain::UserId;
use tollgate_domain::billing::Subscription;

/// Looks at every user of whom Stripe has a subscription that is kept here otherwise, or not at all.
pub async fn sweep(state: &State) -> Result<Swept, SweepError> {
    let mut tally = Tally::default();
    let mut after = None;
    loop {
        let page = state.gateway.subscriptions(after.as_deref()).await?;
        let mut customers: BTreeMap<String, Vec<Subscription>> = BTreeMap::new();
        for (customer, subscription) in page.items {
            customers.entry(customer).or_default().push(subscription);
        }
        for (customer, seen) in customers {
            // Other products of the same Stripe account have customers of their own.
            let Some(user) = state.store.user_of_customer(&customer).await? else { continue };
            if differs(state, &user, &seen).await? {
                tracing::warn!(%user, metric = "repaired", "kept otherwise than Stripe has it");
                tally.count(state.convergence.follow(&user, Cause::default()).await);
            }
        }
        after = page.next;
        if after.is_none() {
            return tally.end();
        }
    }
}

/// Whether one of the subscriptions is kept otherwise, leaving aside what only this side knows.
async fn differs(state: &State, user: &UserId, seen: &[Subscription]) -> Result<bool, SweepError> {
    let kept = state.store.subscriptions(user).await?;
    let is_kept = |seen: &Subscription| {
        let same = |kept: &&Subscription| {
            let known = (kept.plan_id, kept.unpaid_since, kept.surplus, kept.had_trial);
            let (plan_id, unpaid_since, surplus, had_trial) = known;
            **kept == Subscription { plan_id, unpaid_since, surplus, had_trial, ..seen.clone() }
        };
        kept.iter().find(same).is_some()
    };
    Ok(!seen.iter().all(is_kept))
}
