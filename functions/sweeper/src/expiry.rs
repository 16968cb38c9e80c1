//! The hourly sweep of due subscriptions.

use crate::state::State;
use crate::swept::{SweepError, Swept, Tally};
use jiff::Timestamp;
use std::collections::BTreeSet;
use tollgate_convergence::{Cause, ConvergeError};
use tollgate_domain::UserId;
use tollgate_domain::billing::DuePlace;

/// Synchronises every user with a due subscription, page by page. The next sweep resumes an interrupted one, as handled
/// subscriptions are not due any more.
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
