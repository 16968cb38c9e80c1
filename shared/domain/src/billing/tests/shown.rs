//! Which subscription a user sees.

use super::*;

/// Subscription number `n` to a plan.
fn planned(n: u8, status: Status) -> Subscription {
    Subscription { plan_id: Some(plan(2).id), ..listed(n, status) }
}

fn shown(all: &[Subscription]) -> Option<SubscriptionId> {
    ShownSubscription::among(all, GRACE).map(|shown| shown.id)
}

#[test]
fn the_live_subscription_is_shown_else_the_one_that_started_last() {
    let (live, ended, later) =
        (planned(1, Status::PastDue), planned(2, Status::Canceled), planned(3, Status::Canceled));
    let all = [later.clone(), ended.clone(), live.clone()];
    assert_eq!(shown(&all), Some(live.id));
    assert_eq!(shown(&all[..2]), Some(later.id));
    let duplicate = Subscription { duplicate_refund: Some(DuplicateRefund::Pending), ..planned(4, Status::Active) };
    assert_eq!(shown(&[duplicate.clone(), ended.clone()]), Some(ended.id), "one that must end is shown alone");
    assert_eq!(shown(std::slice::from_ref(&duplicate)), Some(duplicate.id));
}

#[test]
fn a_subscription_without_a_plan_or_a_start_is_not_shown() {
    for status in Status::ALL {
        let has_started = !matches!(status, Status::Incomplete | Status::IncompleteExpired);
        assert_eq!(shown(&[planned(1, status)]).is_some(), has_started, "{status:?}");
        assert_eq!(shown(&[listed(1, status)]), None, "{status:?}");
        let in_debit = Subscription { payment_processing: true, ..planned(1, status) };
        assert_eq!(shown(&[in_debit]), Some(planned(1, status).id), "{status:?}");
    }
    assert_eq!(shown(&[]), None);
}

#[test]
fn the_changes_decide_what_is_shown_after_them() {
    let (first, second) = (planned(1, Status::Active), planned(2, Status::Canceled));
    let account = Account { subscriptions: vec![first.clone(), second.clone()], ..account() };
    let ended = Subscription { status: Status::Canceled, ..first.clone() };
    let third = planned(3, Status::Active);
    let changed = |after: &Subscription| Changed { before: None, after: after.clone() };
    let after = |changed: Vec<Changed>| {
        let changes = Changes { subscriptions: changed, ..Changes::default() };
        let all: Vec<_> = changes.subscriptions_after(&account).cloned().collect();
        assert_eq!(changes.shown_after(&account, GRACE), ShownSubscription::among(&all, GRACE));
        (all, changes.shown_after(&account, GRACE).map(|shown| shown.id))
    };
    assert_eq!(after(vec![]), (vec![first.clone(), second.clone()], Some(first.id)));
    assert_eq!(after(vec![changed(&ended)]), (vec![ended.clone(), second.clone()], Some(second.id)));
    let all = vec![ended.clone(), second.clone(), third.clone()];
    assert_eq!(after(vec![changed(&third), changed(&ended)]), (all, Some(third.id)));
}
