//! The statistics: all current values are counted, page by page, and the rows of the days that can still change.

use crate::state::State;
use crate::swept::{SweepError, Swept};
use jiff::civil::Date;
use tollgate_domain::UserId;
use tollgate_domain::statistics::{Counting, Window, date_of};
use tollgate_store::{AuditFilter, BillingFilter, PageOf, UserFilter, each};

/// Counts all users and subscriptions, and the entries and payments of the window.
pub async fn sweep(state: &State) -> Result<Swept, SweepError> {
    let store = &state.store;
    let window = Window::new(state.clock.now(), store.statistics().await?.as_ref());
    let mut counting = Counting::new(window, store.statistics_days(window.first_day()).await?);
    for action in Counting::ACTIONS {
        let since = Some(window.entries_since());
        let filter = &AuditFilter { action: Some(action), from: since, ..AuditFilter::default() };
        let read =
            |after: Option<String>| async move { store.entries(filter, PageOf::longest(after.as_deref())).await };
        each(read, |entry| counting.entry(entry)).await?;
    }
    let (all_users, all_subscriptions) = (&UserFilter::default(), &BillingFilter::default());
    each(
        |after| async move { store.users(all_users, PageOf::longest(after.as_deref())).await },
        |user| counting.user(user.created_at, user.email_verified, user.is_active),
    )
    .await?;
    each(
        |after| async move { store.list_subscriptions(all_subscriptions, PageOf::longest(after.as_deref())).await },
        |owned| counting.subscription(owned.user_id, &owned.of),
    )
    .await?;
    each(
        |after| async move { store.payments_since(window.payments_since(), PageOf::longest(after.as_deref())).await },
        |owned| counting.payment(&owned.of),
    )
    .await?;
    for (date, user) in counting.gained() {
        if has_paid_before(state, user, date).await? {
            counting.returning(date, user);
        }
    }
    let (totals, rows) = counting.end();
    store.store_statistics(&totals, &rows).await?;
    Ok(Swept { handled: usize::try_from(totals.users.total).unwrap_or(usize::MAX) })
}

/// Whether a user has a payment of an earlier day.
async fn has_paid_before(state: &State, user: UserId, date: Date) -> Result<bool, SweepError> {
    let (filter, mut has_paid) = (&BillingFilter { user_id: Some(user), ..BillingFilter::default() }, false);
    let read = |after: Option<String>| async move {
        state.store.list_payments(filter, PageOf::longest(after.as_deref())).await
    };
    each(read, |owned| has_paid |= owned.of.status.is_paid() && date_of(owned.of.created_at) < date).await?;
    Ok(has_paid)
}
