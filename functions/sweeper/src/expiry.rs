//! The hourly sweep over what is due.

use crate::{State, SweepError, Swept, Tally};
use std::collections::BTreeSet;
use tollgate_convergence::Cause;
use tollgate_domain::billing::DuePlace;

/// Looks at every user with a subscription that is due, page by page. A sweep that is cut short is taken up by the next:
/// what was handled is not due any more.
pub async fn sweep(state: &State) -> Result<Swept, SweepError> {
    let now = state.clock.now();
    let (mut seen, mut tally) = (BTreeSet::new(), Tally::default());
    let mut place = Some(DuePlace::default());
    while let Some(from) = place {
        let page = state.store.due(now, &from).await?;
        for due in page.items {
            if seen.insert(due.user_id) {
                tally.count(state.convergence.follow(&due.user_id, Cause::default()).await.map(|_| 1));
            }
        }
        place = page.next;
    }
    tally.end()
}
