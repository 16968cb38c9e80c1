//! The hourly sweep over what is due.

use crate::{State, SweepError, Swept, Tally};
use jiff::Timestamp;
use std::collections::BTreeSet;
use tollgate_convergence::{Cause, ConvergeError};
use tollgate_domain::UserId;
use tollgate_domain::billing::DuePlace;

/// Looks at every user with a subscription that is due, page by page. A sweep that is cut short is taken up by the next:
/// what was handled is not due any more.
pub async fn sweep(state: &State) -> Result<Swept, SweepError> {
    let now = state.clock.now();
    let (mut stripe_state, mut tally) = (BTreeSet::new(), Tally::default());
    let mut place = Some(DuePlace::default());
    while let Some(from) = place {
        let page = state.store.due(now, &from).await?;
        for due in page.items {
            if stripe_state.insert(due.user_id) {
                tally.count(sync_due(state, &due.user_id, now).await.map(|()| 1));
            }
        }
        place = page.next;
    }
    tally.end()
}

async fn sync_due(state: &State, user: &UserId, now: Timestamp) -> Result<(), ConvergeError> {
    let subscriptions = state.convergence.sync(user, Cause::default()).await?;
    for past in subscriptions.iter().filter(|subscription| subscription.is_out_of_grace(state.grace, now)) {
        state.store.remove_due(user, past, state.grace).await?;
    }
    Ok(())
}
