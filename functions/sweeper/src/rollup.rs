//! The statistics: everything is counted, page by page, and the result put in the place of the one before.

use crate::{State, SweepError, Swept};
use tollgate_domain::statistics::Counting;
use tollgate_store::{BillingFilter, PageOf, UserFilter, each};

/// Counts all users, all subscriptions, and the payments of the days that are told one by one.
pub async fn sweep(state: &State) -> Result<Swept, SweepError> {
    let store = &state.store;
    let mut counting = Counting::new(state.clock.now());
    let (everybody, everything) = (&UserFilter::default(), &BillingFilter::default());
    let since = counting.first_day();
    each(
        |after| async move { store.users(everybody, PageOf::longest(after.as_deref())).await },
        |user| counting.user(user.created_at, user.email_verified, user.is_active),
    )
    .await?;
    each(
        |after| async move { store.list_subscriptions(everything, PageOf::longest(after.as_deref())).await },
        |owned| counting.subscription(&owned.of),
    )
    .await?;
    each(
        |after| async move { store.payments_since(since, PageOf::longest(after.as_deref())).await },
        |owned| counting.payment(&owned.of),
    )
    .await?;
    let statistics = counting.end();
    store.keep_statistics(&statistics).await?;
    Ok(Swept { handled: usize::try_from(statistics.users.total).unwrap_or(usize::MAX) })
}
