//! Reminders: the end of a trial, and open payments.

use crate::state::State;
use crate::swept::{SweepError, Swept, Tally};
use jiff::Timestamp;
use std::collections::BTreeSet;
use tollgate_domain::billing::reminder::TRIAL_NOTICE;
use tollgate_domain::billing::{DuePlace, Status};

/// Reminds every user whose trial ends soon or whose payment failed, page by page of the index of due subscriptions: a
/// trial is in it by its end, a failed payment by the end of its grace.
pub async fn sweep(state: &State) -> Result<Swept, SweepError> {
    let ahead = TRIAL_NOTICE.max(state.grace.0);
    let horizon = state.clock.now().saturating_add(ahead).unwrap_or(Timestamp::MAX);
    let (mut stripe_state, mut tally) = (BTreeSet::new(), Tally::default());
    let mut place = Some(DuePlace::default());
    while let Some(from) = place {
        let page = state.store.due(horizon, &from).await?;
        for due in page.items {
            if matches!(due.status, Status::Trialing | Status::PastDue) && stripe_state.insert(due.user_id) {
                tally.count(state.convergence.remind(&due.user_id).await);
            }
        }
        place = page.next;
    }
    tally.end()
}
