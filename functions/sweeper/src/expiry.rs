//! The hourly sweep over what is due.

use crate::{State, SweepError, Swept, Tally};
use std::collections::BTreeSet;
use tollgate_convergence::Cause;
use tollgate_store::DUE_SHARDS;

/// Looks at every user with a subscription that is due, page by page. A sweep that is cut short is taken up by the next:
/// what was handled is not due any more.
pub async fn sweep(state: &State) -> Result<Swept, SweepError> {
    let now = state.clock.now();
    let (mut seen, mut tally) = (BTreeSet::new(), Tally::default());
    for shard in 0..DUE_SHARDS {
        let mut from = None;
        loop {
            let page = state.store.due(shard, now, from).await?;
            for due in page.items {
                if seen.insert(due.user_id) {
                    tally.count(state.convergence.follow(&due.user_id, Cause::default()).await);
                }
            }
            from = page.next;
            if from.is_none() {
                break;
            }
        }
    }
    tally.end()
}
