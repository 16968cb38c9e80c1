//! Upgrades, reminders, bank debits, refunds and disputes.

use super::*;

#[test]
fn a_change_is_an_upgrade_by_tier_then_period_then_price() {
    let plans: Vec<_> = (0..=3).map(plan).collect();
    let stored = Subscription { plan_id: Some(plan(2).id), ..listed(1, Status::Active) };
    let to = |tier: u32, billing_period: BillingPeriod, price_cents: i64| {
        stored.rises_to(&Plan { terms: Terms { billing_period, price_cents, ..terms() }, ..plan(tier) }, &plans)
    };
    let (month, year) = (BillingPeriod::Month, BillingPeriod::Year);
    for (tier, period, price, rises) in [
        (3, month, 1, true),
        (1, year, 99_000, false),
        (2, year, 1, true),
        (2, month, 1900, true),
        (2, month, 1901, true),
        (2, month, 1899, false),
    ] {
        assert_eq!(to(tier, period, price), rises, "{tier} {period:?} {price}");
    }
    let yearly = Subscription { terms: Terms { billing_period: year, ..terms() }.into(), ..stored.clone() };
    assert!(!yearly.rises_to(&plan(2), &plans), "a shorter period");
    let of_no_plan = Subscription { plan_id: None, ..stored };
    assert!(of_no_plan.rises_to(&plan(1), &plans), "a plan without access is the lowest");
}

#[test]
fn a_payment_reminder_is_for_the_latest_due_day_within_the_grace() {
    let account =
        after(account(), &read(vec![listed(1, Status::PastDue)], vec![invoice(1, 1, InvoiceStatus::Open)]), 3);
    let stored = &account.subscriptions[0];
    let day = |hour: i64| match stored.reminder(&account.payments, GRACE, at(1 + hour)) {
        Some(Reminder::PaymentFailed { day, until, .. }) => {
            assert_eq!(until, at(1 + 168));
            Some(day)
        }
        other => other.map(|_| 0),
    };
    for (hour, wanted) in
        [(23, None), (24, Some(1)), (71, Some(1)), (72, Some(3)), (120, Some(5)), (167, Some(5)), (168, None)]
    {
        assert_eq!(day(hour), wanted, "{hour}");
    }
    let paid =
        after(account.clone(), &read(vec![listed(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)]), 30);
    assert_eq!(paid.subscriptions[0].reminder(&paid.payments, GRACE, at(40)), None);
}

#[test]
fn a_trial_reminder_is_due_in_the_last_three_days_of_a_longer_trial() {
    let stored = Subscription { plan_id: Some(plan(2).id), ..listed(1, Status::Trialing) };
    let reminder = |stored: &Subscription, hour| stored.reminder(&[], GRACE, at(hour));
    let wanted = Some(Reminder::TrialEnding { subscription: stored.id, at: at(720) });
    for (hour, wanted) in [(647, &None), (648, &wanted), (719, &wanted), (720, &None)] {
        assert_eq!(&reminder(&stored, hour), wanted, "{hour}");
    }
    assert_eq!(reminder(&Subscription { cancel_at_period_end: true, ..stored }, 700), None);
}

/// A debit of invoice 1 of subscription 1, in progress since hour 10.
fn debit(status: ChargeStatus) -> Charge {
    Charge { status, is_debit: true, created_at: at(10), ..charge(1, 0) }
}

// A4
#[test]
fn a_debit_in_progress_is_not_overdue_and_its_grace_starts_when_it_fails() {
    let open = |status, charge| StripeState {
        charges: vec![charge],
        ..read(vec![listed(1, status)], vec![invoice(1, 1, InvoiceStatus::Open)])
    };
    let pending = after(account(), &open(Status::Active, debit(ChargeStatus::Pending)), 11);
    assert_eq!((pending.payments[0].status, pending.payments[0].failed_at), (PaymentStatus::Processing, None));
    let stored = &pending.subscriptions[0];
    assert_eq!((stored.unpaid_since, stored.payment_processing), (None, true));
    assert_eq!(stored.reminder(&pending.payments, GRACE, at(200)), None);

    // A list of the latest charges does not contain it: nothing is decided.
    let partial = StripeState { charges: vec![], ..open(Status::Active, debit(ChargeStatus::Pending)) };
    assert!(partial.is_undecided(&pending));
    assert!(converge(&pending, &partial, &catalogue(), GRACE, at(100)).is_unchanged());

    let failed = after(pending.clone(), &open(Status::PastDue, debit(ChargeStatus::Failed)), 200);
    assert_eq!((failed.payments[0].status, failed.payments[0].failed_at), (PaymentStatus::Failed, Some(at(200))));
    assert_eq!(failed.access.until, Some(at(200 + 168)), "not from the day of the invoice");
    let again = converge(&failed, &open(Status::PastDue, debit(ChargeStatus::Failed)), &catalogue(), GRACE, at(210));
    assert!(again.is_unchanged(), "{again:?}");
    let reminder = failed.subscriptions[0].reminder(&failed.payments, GRACE, at(200 + 24));
    assert!(matches!(reminder, Some(Reminder::PaymentFailed { day: 1, .. })), "{reminder:?}");

    let paid = StripeState {
        charges: vec![debit(ChargeStatus::Succeeded)],
        ..read(vec![listed(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)])
    };
    let paid = after(pending.clone(), &paid, 34);
    assert_eq!((paid.payments[0].status, paid.subscriptions[0].payment_processing), (PaymentStatus::Succeeded, false));

    // At the first payment: the invoice is void at the next fetch.
    let void = StripeState {
        charges: vec![debit(ChargeStatus::Failed)],
        ..read(vec![listed(1, Status::IncompleteExpired)], vec![invoice(1, 1, InvoiceStatus::Void)])
    };
    assert_eq!(after(pending, &void, 200).payments[0].status, PaymentStatus::Failed);
}

// A4
#[test]
fn a_first_debit_excludes_another_subscription_until_it_fails() {
    let incomplete = |charge| StripeState {
        charges: vec![charge],
        ..read(vec![listed(1, Status::Incomplete)], vec![invoice(1, 1, InvoiceStatus::Open)])
    };
    let pending = after(account(), &incomplete(debit(ChargeStatus::Pending)), 11);
    let stored = &pending.subscriptions[0];
    assert!(stored.excludes_another() && !stored.has_access(GRACE, at(11)) && !stored.is_held());
    let deleted = Account { closing: Some(Closing::Deleted), ..pending.clone() };
    let endings = converge(&deleted, &incomplete(debit(ChargeStatus::Pending)), &catalogue(), GRACE, at(12)).endings;
    assert!(matches!(&endings[..], [Ending::Now { is_live: true, .. }]), "{endings:?}");
    let failed = after(pending, &incomplete(debit(ChargeStatus::Failed)), 200);
    assert!(!failed.subscriptions[0].excludes_another());
    let card = Charge { is_debit: false, created_at: at(12), ..debit(ChargeStatus::Failed) };
    assert_eq!(after(account(), &incomplete(card), 20).payments[0].failed_at, Some(at(12)), "a card says so at once");
}

// A4
#[test]
fn an_open_invoice_that_is_older_or_of_another_subscription_is_ignored() {
    let month = |n: u8, status| Invoice { created_at: at(720 * i64::from(n)), ..invoice(n, 1, status) };
    let since = |invoices: Vec<Invoice>| {
        after(account(), &read(vec![listed(1, Status::PastDue)], invoices), 3000).subscriptions[0].unpaid_since
    };
    let (open, paid) = (InvoiceStatus::Open, InvoiceStatus::Paid);
    assert_eq!(since(vec![month(1, open), month(2, open)]), Some(at(720)));
    assert_eq!(since(vec![month(1, open), month(2, paid), month(3, open)]), Some(at(720 * 3)));
    assert_eq!(since(vec![month(1, open), month(2, paid)]), None);
    let other = Invoice { stripe_subscription_id: Some("sub_2".into()), ..month(1, open) };
    assert_eq!(since(vec![other, month(2, open)]), Some(at(720 * 2)));
    let by_mail = Invoice { attempted: false, due_at: Some(at(2000)), ..month(2, open) };
    assert_eq!(since(vec![by_mail]), Some(at(2000)));
    // The stored state of the last paid one counts if a list of the latest invoices does not contain it.
    let stored = after(account(), &read(vec![listed(1, Status::Active)], vec![month(2, paid)]), 1500);
    let latest = read(vec![listed(1, Status::PastDue)], vec![month(1, open)]);
    assert_eq!(after(stored, &latest, 1600).subscriptions[0].unpaid_since, None);
}

// A3
#[test]
fn a_refund_or_end_that_stripe_refused_is_recorded_and_not_repeated() {
    let deleted = Account { closing: Some(Closing::Deleted), ..account() };
    let paid = read(vec![listed(1, Status::Canceled)], vec![invoice(1, 1, InvoiceStatus::Paid)]);
    let live = read(vec![listed(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)]);
    let account = after(deleted, &live, 3);
    let refused =
        StripeState { ended_duplicates: vec!["sub_1".into()], refused_refunds: vec!["in_1".into()], ..paid.clone() };
    let account = after(account, &refused, 4);
    assert_eq!(account.subscriptions[0].duplicate_refund, Some(DuplicateRefund::Done));
    assert!(account.payments[0].is_refund_refused && account.payments[0].status == PaymentStatus::Succeeded);
    let again = converge(&account, &paid, &catalogue(), GRACE, at(5));
    assert!(again.is_unchanged() && again.endings.is_empty(), "{again:?}");

    for closing in [Closing::Deactivated, Closing::Deleted] {
        let account = after(Account { closing: Some(closing), ..self::account() }, &live, 3);
        let ended_duplicates = if closing == Closing::Deleted { vec!["sub_1".into()] } else { vec![] };
        let refused = StripeState { ended_duplicates, refused_ends: vec!["sub_1".into()], ..live.clone() };
        let account = after(account, &refused, 4);
        assert!(account.subscriptions[0].is_end_refused);
        let again = converge(&account, &live, &catalogue(), GRACE, at(5));
        assert!(again.is_unchanged() && again.endings.is_empty(), "{closing:?} {again:?}");
    }
}

// A17
#[test]
fn the_rest_of_each_charge_of_a_partial_payment_is_refunded() {
    let two = Invoice { payment_intents: vec!["pi_1".into(), "pi_2".into()], ..invoice(1, 2, InvoiceStatus::Paid) };
    let refundable = |charges: Vec<Charge>| {
        let both = vec![listed(1, Status::Active), listed(2, Status::Active)];
        let read = StripeState { charges, ..read(both, vec![two.clone()]) };
        match &converge(&account(), &read, &catalogue(), GRACE, at(2)).endings[..] {
            [Ending::Now { paid, .. }] => paid
                .iter()
                .flat_map(|refundable| refundable.charges.clone())
                .map(|charge| charge.stripe_id)
                .collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    let part = |n, refunded| Charge { paid_cents: 950, ..charge(n, refunded) };
    assert_eq!(refundable(vec![part(1, 0), part(2, 0)]), ["ch_1", "ch_2"]);
    assert_eq!(refundable(vec![part(1, 950), part(2, 0)]), ["ch_2"]);
    assert_eq!(refundable(vec![part(1, 300), part(2, 950)]), ["ch_1"]);
    let lost = Charge { dispute: Some(Dispute::Lost), ..part(2, 0) };
    assert_eq!(refundable(vec![part(1, 0), lost]), ["ch_1"]);
    let refused = Charge { status: ChargeStatus::Failed, ..part(3, 0) };
    assert_eq!(refundable(vec![refused, part(1, 0)]), ["ch_1"]);
}

// A11
#[test]
fn a_won_dispute_restores_the_status_and_a_lost_one_keeps_it() {
    let disputed = |dispute, refunded| StripeState {
        charges: vec![Charge { dispute: Some(dispute), ..charge(1, refunded) }],
        ..read(vec![listed(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)])
    };
    for (refunded, before) in [(0, PaymentStatus::Succeeded), (700, PaymentStatus::Succeeded)] {
        let open = after(account(), &disputed(Dispute::Open, refunded), 2);
        assert_eq!((open.payments[0].status, open.payments[0].is_disputed), (PaymentStatus::Disputed, true));
        assert!(StripeState::default().is_undecided(&open), "it may be decided without an event");
        // A list without its state changes nothing.
        assert!(converge(&open, &disputed(Dispute::Unread, refunded), &catalogue(), GRACE, at(3)).is_unchanged());
        let won = after(open.clone(), &disputed(Dispute::Won, refunded), 4);
        assert_eq!((won.payments[0].status, won.payments[0].is_disputed), (before, false));
        let lost = after(open, &disputed(Dispute::Lost, refunded), 4);
        assert_eq!((lost.payments[0].status, lost.payments[0].is_dispute_lost), (PaymentStatus::Disputed, true));
        assert!(!StripeState::default().is_undecided(&lost), "that is the end of it");
    }
}

// A13
#[test]
fn a_deleted_account_gets_no_refund_or_the_unused_share() {
    let deleted = Account { closing: Some(Closing::Deleted), ..account() };
    let live = read(vec![listed(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)]);
    let canceled = Subscription { ends_at: Some(at(180)), ..listed(1, Status::Canceled) };
    let after = |refunded: i64| StripeState {
        charges: vec![charge(1, refunded)],
        ..read(vec![canceled.clone()], vec![invoice(1, 1, InvoiceStatus::Paid)])
    };
    for (refund_on_deletion, share) in [(RefundOnDeletion::Nothing, None), (RefundOnDeletion::Unused, Some(1425))] {
        let rules = Rules { grace: GRACE, refund_on_deletion };
        let before = crate::billing::converge(&deleted, &live, &catalogue(), rules, at(180));
        let [Ending::Now { reason: EndReason::AccountDeleted, is_live: true, paid, is_refund_pending, .. }] =
            &before.endings[..]
        else {
            panic!("{:?}", before.endings)
        };
        assert_eq!((paid.len(), *is_refund_pending), (0, share.is_some()), "the end determines the amount");
        let mut account = deleted.clone();
        account.subscriptions = before.subscriptions.into_iter().map(|changed| changed.after).collect();
        // 540 of 720 hours were left when it ended, whenever it is computed, and earlier refunds count.
        for (hour, refunded, wanted) in
            [(180, 0, share), (700, 0, share), (180, 1000, share.map(|cents| cents - 1000)), (180, 1425, None)]
        {
            let endings = crate::billing::converge(&account, &after(refunded), &catalogue(), rules, at(hour)).endings;
            let [Ending::Now { is_live: false, paid, is_refund_pending: false, .. }] = &endings[..] else {
                panic!("{endings:?}")
            };
            let amounts: Vec<_> =
                paid.iter().flat_map(|refundable| &refundable.charges).map(|charge| charge.amount_cents).collect();
            assert_eq!(amounts, wanted.map(Some).into_iter().collect::<Vec<_>>(), "{hour} {refunded}");
        }
    }
}

// A13
#[test]
fn a_refused_trial_ends_and_gives_no_access() {
    let found = Subscription { had_trial: true, ..listed(1, Status::Trialing) };
    let refused = StripeState { refused_trials: vec!["sub_1".into()], ..read(vec![found], vec![]) };
    assert_eq!(refused.new_trials(&account(), &catalogue()).count(), 1);
    let changes = converge(&account(), &refused, &catalogue(), GRACE, at(2));
    assert!(changes.first_trial && changes.access.is_none());
    assert!(
        matches!(&changes.endings[..], [Ending::Now { reason: EndReason::TrialRefused, is_live: true, paid, .. }] if paid.is_empty())
    );
    let account = Account { subscriptions: changes.subscriptions.into_iter().map(|c| c.after).collect(), ..account() };
    assert!(account.subscriptions[0].trial_refused && !account.subscriptions[0].has_access(GRACE, at(2)));
    assert_eq!(refused.new_trials(&account, &catalogue()).count(), 0, "it is decided once");
}

// A9
#[test]
fn a_subscription_costs_its_quantity_less_its_discounts() {
    let half = Discount { percent_off: Percent::new(50.0), amount_off_cents: None, ends_at: Some(at(1)) };
    let mut found = StripeSubscription::from(Subscription { quantity: 3, ..listed(1, Status::Active) });
    found.items.insert(0, item("an add-on", 1));
    found.discounts = vec![half];
    let resolved = found.resolve(|price| price == "price_2");
    assert_eq!((resolved.terms.price_cents, resolved.terms.unit_price_cents), (2850, 1900));
    assert_eq!((resolved.quantity, resolved.terms.discount), (3, Some(half)));
    for (interval, count, yearly) in [
        (Interval::Day, 1, 1_040_250),
        (Interval::Week, 1, 148_200),
        (Interval::Week, 2, 74_100),
        (Interval::Month, 1, 34_200),
        (Interval::Month, 3, 11_400),
        (Interval::Year, 1, 2850),
        (Interval::Year, 3, 950),
    ] {
        assert_eq!(interval.yearly_cents(resolved.terms.price_cents, count), yearly, "{interval:?} {count}");
    }
}
