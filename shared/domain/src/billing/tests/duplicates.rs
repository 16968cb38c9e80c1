//! When access ends, which of several subscriptions stays, and what is refunded.

use super::*;

#[test]
fn access_ends_a_day_after_the_period_or_with_it_or_with_the_grace() {
    let until = |change: &dyn Fn(&mut Subscription)| {
        let mut stored = Subscription { plan_id: Some(plan(2).id), ..listed(1, Status::Active) };
        change(&mut stored);
        stored.access_until(GRACE)
    };
    assert_eq!(until(&|_| {}), Some(at(744)));
    assert_eq!(until(&|stored| stored.status = Status::Trialing), Some(at(744)));
    assert_eq!(until(&|stored| stored.cancel_at_period_end = true), Some(at(720)));
    assert_eq!(until(&|stored| stored.ends_at = Some(at(9))), Some(at(9)));
    let past_due = |since: Option<i64>| {
        move |stored: &mut Subscription| {
            stored.status = Status::PastDue;
            stored.unpaid_since = since.map(at);
        }
    };
    assert_eq!(until(&past_due(Some(5))), Some(at(5 + 168)));
    assert_eq!(until(&past_due(None)), Some(at(168)), "counted from the period that is not paid");
    assert_eq!(
        until(&|stored| {
            past_due(Some(700))(stored);
            stored.cancel_at_period_end = true;
        }),
        Some(at(720))
    );
    assert_eq!(until(&|stored| stored.plan_id = None), None, "a price that is no plan's");
    assert_eq!(until(&|stored| stored.duplicate_refund = Some(DuplicateRefund::Pending)), None);
    for status in [Status::Incomplete, Status::IncompleteExpired, Status::Unpaid, Status::Paused, Status::Canceled] {
        assert_eq!(until(&|stored| stored.status = status), None, "{status:?}");
    }
}

#[test]
fn the_older_of_two_paid_subscriptions_stays_and_the_other_is_refunded() {
    let paid = [invoice(1, 1, InvoiceStatus::Paid), invoice(2, 2, InvoiceStatus::Paid)];
    let both = read(vec![listed(2, Status::Active), listed(1, Status::Active)], paid.to_vec());
    let changes = converge(&account(), &both, &catalogue(), GRACE, at(3));
    let ending = Ending::Now {
        reason: EndReason::Second,
        stripe_id: "sub_2".into(),
        schedule: None,
        is_live: true,
        paid: refundable("in_2"),
        is_refund_pending: false,
    };
    assert_eq!(changes.endings, [ending]);
    let account = written(account(), changes);
    assert_eq!((account.access.tier, account.access.until), (2, Some(at(744))));

    // The process stops before the call of Stripe: the next fetch still finds a refund to make, cancelled or not.
    let half = read(vec![listed(2, Status::Canceled), listed(1, Status::Active)], paid.to_vec());
    let endings = converge(&account, &half, &catalogue(), GRACE, at(4)).endings;
    assert_eq!(
        endings,
        [Ending::Now {
            reason: EndReason::Second,
            stripe_id: "sub_2".into(),
            schedule: None,
            is_live: false,
            paid: refundable("in_2"),
            is_refund_pending: false,
        }]
    );

    let ended_duplicates =
        StripeState { ended_duplicates: vec!["sub_2".into()], charges: vec![charge(2, 1900)], ..half };
    let account = after(account, &ended_duplicates, 4);
    assert_eq!(account.payments[1].status, PaymentStatus::Refunded);
    assert_eq!(account.subscriptions[1].duplicate_refund, Some(DuplicateRefund::Done));
    let again =
        converge(&account, &StripeState { ended_duplicates: vec![], ..ended_duplicates }, &catalogue(), GRACE, at(5));
    assert!(again.is_unchanged() && again.endings.is_empty(), "{again:?}");
}

#[test]
fn a_payment_for_an_ended_duplicate_is_refunded() {
    let open = [invoice(1, 1, InvoiceStatus::Paid), invoice(2, 2, InvoiceStatus::Open)];
    let both = vec![listed(2, Status::PastDue), listed(1, Status::Active)];
    let account = after(
        account(),
        &StripeState { ended_duplicates: vec!["sub_2".into()], ..read(both.clone(), open.to_vec()) },
        3,
    );
    assert_eq!(account.subscriptions[1].duplicate_refund, Some(DuplicateRefund::Done));
    let paid = [invoice(1, 1, InvoiceStatus::Paid), invoice(2, 2, InvoiceStatus::Paid)];
    let ended = vec![listed(2, Status::Canceled), listed(1, Status::Active)];
    let changes = converge(&account, &read(ended.clone(), paid.to_vec()), &catalogue(), GRACE, at(4));
    let ending = Ending::Now {
        reason: EndReason::Second,
        stripe_id: "sub_2".into(),
        schedule: None,
        is_live: false,
        paid: refundable("in_2"),
        is_refund_pending: false,
    };
    assert_eq!(changes.endings, [ending]);
    let account = written(account, changes);
    let ended_duplicates = StripeState {
        ended_duplicates: vec!["sub_2".into()],
        charges: vec![charge(2, 1900)],
        ..read(ended, paid.to_vec())
    };
    let account = after(account, &ended_duplicates, 5);
    assert!(converge(&account, &ended_duplicates, &catalogue(), GRACE, at(6)).is_unchanged());
    assert!(account.subscriptions.iter().all(|stored| stored.duplicate_refund != Some(DuplicateRefund::Pending)));
}

#[test]
fn a_payment_made_during_a_refund_is_refunded_too() {
    let invoices = |last| [invoice(1, 1, InvoiceStatus::Paid), invoice(2, 2, InvoiceStatus::Paid), invoice(3, 2, last)];
    let both = vec![listed(2, Status::PastDue), listed(1, Status::Active)];
    let account = after(account(), &read(both, invoices(InvoiceStatus::Open).to_vec()), 3);
    assert_eq!(account.subscriptions[1].duplicate_refund, Some(DuplicateRefund::Pending));

    // One payment was refunded; meanwhile the other invoice was paid.
    let ended =
        read(vec![listed(2, Status::Canceled), listed(1, Status::Active)], invoices(InvoiceStatus::Paid).to_vec());
    let half =
        StripeState { ended_duplicates: vec!["sub_2".into()], charges: vec![charge(2, 1900), charge(3, 0)], ..ended };
    let changes = converge(&account, &half, &catalogue(), GRACE, at(4));
    let ending = Ending::Now {
        reason: EndReason::Second,
        stripe_id: "sub_2".into(),
        schedule: None,
        is_live: false,
        paid: refundable("in_3"),
        is_refund_pending: false,
    };
    assert_eq!(changes.endings, [ending]);
    let account = written(account, changes);
    assert_eq!(account.subscriptions[1].duplicate_refund, Some(DuplicateRefund::Pending));

    let whole = StripeState { charges: vec![charge(2, 1900), charge(3, 1900)], ..half };
    let account = after(account, &whole, 5);
    assert_eq!(account.subscriptions[1].duplicate_refund, Some(DuplicateRefund::Done));
}

#[test]
fn a_late_payment_for_an_ended_subscription_is_refunded() {
    let ended = Subscription { ends_at: Some(at(340)), ..listed(1, Status::Canceled) };
    let paid_at = |hour: i64| Invoice { paid_at: Some(at(hour)), ..invoice(1, 1, InvoiceStatus::Paid) };
    let endings = |account: &Account, subscription: &Subscription, invoice: Invoice| {
        let read = read(vec![subscription.clone()], vec![invoice]);
        converge(account, &read, &catalogue(), GRACE, at(500)).endings
    };
    let back = Ending::Refund { stripe_id: "sub_1".into(), paid: refundable("in_1") };
    assert_eq!(endings(&account(), &ended, paid_at(400)), [back]);
    assert_eq!(endings(&account(), &ended, paid_at(340)), [], "it may have been the last thing before the end");
    let last_bill = Invoice { created_at: at(341), ..paid_at(400) };
    assert_eq!(endings(&account(), &ended, last_bill), [], "due after the end: for the used time");
    let of_no_plan = Subscription { stripe_price_id: "price_unknown".into(), ..ended.clone() };
    assert_eq!(endings(&account(), &of_no_plan, paid_at(400)), []);

    // A12: the period that was paid in time stays paid.
    let in_time = Invoice { created_at: at(330), paid_at: Some(at(330)), ..invoice(2, 1, InvoiceStatus::Paid) };
    let late = read(vec![ended], vec![paid_at(400), in_time]);
    let back = Ending::Refund { stripe_id: "sub_1".into(), paid: refundable("in_1") };
    let changes = converge(&account(), &late, &catalogue(), GRACE, at(500));
    assert_eq!(changes.endings, [back]);
    let account = written(account(), changes);
    assert_eq!(account.subscriptions[0].duplicate_refund, None);
    assert!(account.payments[0].is_late && !account.payments[1].is_late);
    let refunded = StripeState { charges: vec![charge(1, 1900), charge(2, 0)], ..late.clone() };
    let account = after(account, &refunded, 501);
    let again = converge(&account, &refunded, &catalogue(), GRACE, at(502));
    assert!(again.is_unchanged() && again.endings.is_empty(), "{again:?}");
    // Marked as paid outside of Stripe: there is no charge, so nothing is refunded.
    let elsewhere = StripeState { charges: vec![charge(2, 0)], ..late };
    assert_eq!(converge(&account, &elsewhere, &catalogue(), GRACE, at(503)).endings, []);
}

#[test]
fn a_duplicate_refunds_its_last_period_and_later_payments() {
    let month = |n: u8| Invoice { created_at: at(720 * i64::from(n)), ..invoice(n, 1, InvoiceStatus::Paid) };
    let of_three_months = |status| Subscription {
        started_at: at(720),
        current_period_start: at(720 * 3),
        current_period_end: at(720 * 4),
        ..listed(1, status)
    };
    let paid = |account: &Account, subscriptions: Vec<Subscription>, invoices: Vec<Invoice>| {
        let endings = converge(account, &read(subscriptions, invoices), &catalogue(), GRACE, at(720 * 3 + 1)).endings;
        match &endings[..] {
            [Ending::Now { paid, .. }] => {
                paid.iter().map(|refundable| refundable.stripe_invoice_id.clone()).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    let months = vec![month(1), month(2), month(3)];
    let deleted = Account { closing: Some(Closing::Deleted), ..account() };
    assert_eq!(paid(&deleted, vec![of_three_months(Status::Active)], months.clone()), Vec::<String>::new());
    // Since the first month there is another, older one.
    let older = Subscription { current_period_end: at(720 * 4), ..listed(0, Status::Active) };
    assert_eq!(paid(&account(), vec![of_three_months(Status::Active), older], months), ["in_1", "in_2", "in_3"]);
    // The new one stays, as it is paid; the months before it were not paid twice.
    let newer =
        Subscription { started_at: at(720 * 3 + 1), current_period_end: at(720 * 4), ..listed(2, Status::Active) };
    let unpaid = vec![month(1), month(2), Invoice { status: InvoiceStatus::Open, ..month(3) }];
    assert_eq!(paid(&account(), vec![of_three_months(Status::PastDue), newer], unpaid), Vec::<String>::new());
}

#[test]
fn a_disputed_payment_is_not_refunded() {
    let deleted = Account { closing: Some(Closing::Deleted), ..account() };
    let disputed = Charge { dispute: Some(Dispute::Open), ..charge(1, 0) };
    let read = StripeState {
        charges: vec![disputed],
        ..read(vec![listed(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)])
    };
    let ending = Ending::Now {
        reason: EndReason::AccountDeleted,
        stripe_id: "sub_1".into(),
        schedule: None,
        is_live: true,
        paid: vec![],
        is_refund_pending: false,
    };
    assert_eq!(converge(&deleted, &read, &catalogue(), GRACE, at(2)).endings, [ending]);
}

#[test]
fn a_subscription_to_an_unknown_price_is_never_ended() {
    let other = Subscription { stripe_price_id: "price_unknown".into(), ..listed(2, Status::Active) };
    for closing in [None, Some(Closing::Deactivated), Some(Closing::Deleted)] {
        let account = Account { closing, ..account() };
        let changes = converge(&account, &read(vec![other.clone()], vec![]), &catalogue(), GRACE, at(3));
        assert_eq!((changes.endings, changes.access), (vec![], None));
    }
    let beside = read(vec![other, listed(1, Status::Active)], vec![]);
    let changes = converge(&account(), &beside, &catalogue(), GRACE, at(3));
    assert_eq!((changes.endings, changes.access.unwrap().tier), (vec![], 2));
}

#[test]
fn a_subscription_that_ends_after_the_next_renewal_renews() {
    let until = |ends_at: i64| Subscription {
        plan_id: Some(plan(2).id),
        ends_at: Some(at(ends_at)),
        ..listed(1, Status::Active)
    };
    assert!(!until(720).will_renew() && until(721).will_renew());
    assert_eq!((until(720).access_until(GRACE), until(721).access_until(GRACE)), (Some(at(720)), Some(at(744))));
    let closed = Account { closing: Some(Closing::Deactivated), ..account() };
    let read = |ends_at| read(vec![until(ends_at)], vec![]);
    assert_eq!(converge(&closed, &read(720), &catalogue(), GRACE, at(1)).endings, []);
    let ending = Ending::AtPeriodEnd { stripe_id: "sub_1".into(), schedule: None };
    assert_eq!(converge(&closed, &read(721), &catalogue(), GRACE, at(1)).endings, [ending]);
}

#[test]
fn a_failed_payment_succeeds_when_one_of_its_charges_does() {
    let failed = after(account(), &read(vec![listed(1, Status::PastDue)], vec![invoice(1, 1, InvoiceStatus::Open)]), 2);
    assert_eq!(failed.payments[0].status, PaymentStatus::Failed);
    // Reconciliation lists open and new invoices: this one is neither.
    let charged = |charges| StripeState { charges, ..read(vec![listed(1, Status::Active)], vec![]) };
    let paid = after(failed.clone(), &charged(vec![charge(1, 0)]), 3);
    assert_eq!(paid.payments[0].status, PaymentStatus::Succeeded);
    // Open and paid in the same fetch: the consequences follow from the next fetch, which finds the invoice paid.
    let both = StripeState { invoices: vec![invoice(1, 1, InvoiceStatus::Open)], ..charged(vec![charge(1, 0)]) };
    assert_eq!(after(failed.clone(), &both, 3).payments[0].status, PaymentStatus::Failed);
    let in_part = Charge { paid_cents: 900, ..charge(1, 0) };
    assert_eq!(after(failed, &charged(vec![in_part]), 3).payments[0].status, PaymentStatus::Failed);
}

#[test]
fn a_subscription_with_access_is_kept_over_an_older_one_without() {
    let both = read(vec![listed(1, Status::Unpaid), listed(2, Status::Active)], vec![]);
    let changes = converge(&account(), &both, &catalogue(), GRACE, at(3));
    assert!(matches!(&changes.endings[..], [Ending::Now { stripe_id, .. }] if stripe_id == "sub_1"));
}

#[test]
fn a_paid_subscription_is_kept_over_an_older_one_in_grace() {
    let both = read(vec![listed(1, Status::PastDue), listed(2, Status::Active)], vec![]);
    let changes = converge(&account(), &both, &catalogue(), GRACE, at(3));
    assert!(matches!(&changes.endings[..], [Ending::Now { stripe_id, .. }] if stripe_id == "sub_1"));
}

#[test]
fn a_deactivated_user_keeps_the_paid_period_and_a_deleted_one_does_not() {
    let live = read(vec![listed(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)]);
    let with = |closing| Account { closing: Some(closing), ..account() };
    let closed = converge(&with(Closing::Deactivated), &live, &catalogue(), GRACE, at(3));
    assert_eq!(closed.endings, [Ending::AtPeriodEnd { stripe_id: "sub_1".into(), schedule: None }]);
    let ending = read(vec![Subscription { cancel_at_period_end: true, ..listed(1, Status::Active) }], vec![]);
    assert!(converge(&with(Closing::Deactivated), &ending, &catalogue(), GRACE, at(3)).endings.is_empty());
    let deleted = converge(&with(Closing::Deleted), &live, &catalogue(), GRACE, at(3));
    assert_eq!(
        deleted.endings,
        [Ending::Now {
            reason: EndReason::AccountDeleted,
            stripe_id: "sub_1".into(),
            schedule: None,
            is_live: true,
            paid: vec![],
            is_refund_pending: false,
        }]
    );
    assert_eq!(deleted.access, None, "a user without access gets none");
}
