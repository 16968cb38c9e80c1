//! What is read from Stripe's objects: items, prices, schedules, charges, and what is unknown.

use super::*;

#[test]
fn the_item_of_a_plan_counts_at_any_position_with_its_quantity() {
    let (add_on, of_plan, other) = (item("price_of_an_add_on", 5), item("price_2", 3), item("price_of_another", 7));
    let first = listed(1, Status::Active);
    let orders = [
        vec![of_plan.clone(), add_on.clone(), other.clone()],
        vec![add_on.clone(), of_plan.clone(), other.clone()],
        vec![add_on.clone(), other.clone(), of_plan.clone()],
    ];
    for items in orders {
        let found = StripeSubscription { items, ..first.clone().into() };
        let read = StripeState { subscriptions: vec![found], ..StripeState::default() };
        let account = after(account(), &read, 3);
        let [stored] = &account.subscriptions[..] else { panic!("one") };
        assert_eq!((stored.plan_id, account.access.tier), (Some(plan(2).id), 2));
        assert_eq!((stored.stripe_item_id.as_str(), stored.quantity), ("si_of_price_2", 3));
        let terms = SubscriptionTerms { price_cents: 900, ..of_plan.terms };
        assert_eq!((stored.stripe_price_id.as_str(), stored.terms), ("price_2", terms), "three times the price of one");
        assert_eq!((stored.current_period_start, stored.current_period_end), (at(10), at(1440)));
    }
    let found = StripeSubscription { items: vec![other, add_on], ..first.clone().into() };
    let none = found.resolve(|price| price == "price_2");
    assert_eq!((none.stripe_item_id.as_str(), none.quantity), ("si_of_price_of_another", 7));
    let empty = StripeSubscription { items: vec![], ..first.clone().into() };
    assert_eq!(empty.resolve(|_| true), first);
}

#[test]
fn a_named_end_is_that_of_the_period_of_the_item_that_counts() {
    let items =
        vec![item("price_of_an_add_on", 1), SubscriptionItem { current_period_end: at(100), ..item("price_2", 1) }];
    let ends = |hour| {
        let cancel_at = Some(at(hour));
        let found = StripeSubscription { items: items.clone(), cancel_at, ..listed(1, Status::Active).into() };
        found.resolve(|price| price == "price_2").cancel_at_period_end
    };
    assert!(ends(99) && ends(100) && !ends(101));
}

#[test]
fn the_scheduled_price_of_a_plan_counts_at_any_position() {
    let schedule = Some(Schedule { stripe_id: "sub_sched_1".into(), next_price_id: None, next_plan_id: None });
    let managed = Subscription { schedule, ..listed(1, Status::Active) };
    let next = |prices: &[&str]| {
        let next_price_ids = prices.iter().map(ToString::to_string).collect();
        let found = StripeSubscription { next_price_ids, ..managed.clone().into() };
        let account = after(account(), &StripeState { subscriptions: vec![found], ..StripeState::default() }, 1);
        (account.subscriptions[0].next_plan_id(), account.subscriptions[0].schedule.clone().unwrap().next_price_id)
    };
    assert_eq!(next(&["price_of_an_add_on", "price_1"]), (Some(plan(1).id), Some("price_1".into())));
    assert_eq!(next(&["price_1", "price_of_an_add_on"]), (Some(plan(1).id), Some("price_1".into())));
    assert_eq!(next(&["price_of_an_add_on"]), (None, Some("price_of_an_add_on".into())));
    assert_eq!(next(&[]), (None, None));
}

#[test]
fn a_payment_is_for_the_plan_among_the_prices_of_its_invoice() {
    let plan_of = |prices: &[&str]| {
        let stripe_price_ids = prices.iter().map(ToString::to_string).collect();
        let invoice = Invoice { stripe_price_ids, ..invoice(1, 1, InvoiceStatus::Paid) };
        after(account(), &read(vec![listed(1, Status::Active)], vec![invoice]), 1).payments[0].plan_id
    };
    assert_eq!(plan_of(&["price_of_an_add_on", "price_2"]), Some(plan(2).id));
    assert_eq!(plan_of(&["price_3", "price_1"]), Some(plan(3).id), "charges before credits");
    assert_eq!(plan_of(&["price_of_an_add_on"]), None);
}

// R5
#[test]
fn an_unknown_status_changes_no_stored_one_and_ends_no_access() {
    let unknown = |subscription: Subscription| {
        let found = StripeSubscription { is_status_known: false, ..subscription.into() };
        StripeState { subscriptions: vec![found], ..StripeState::default() }
    };
    let active = after(account(), &read(vec![listed(1, Status::Active)], vec![]), 3);
    let renewed = Subscription { current_period_end: at(1440), ..listed(1, Status::Paused) };
    let still = after(active, &unknown(renewed), 720);
    assert_eq!((still.subscriptions[0].status, still.access.tier), (Status::Active, 2));
    assert_eq!(still.subscriptions[0].current_period_end, at(1440), "the other fields are updated");
    let new = after(account(), &unknown(listed(1, Status::Paused)), 3);
    assert!(new.subscriptions[0].is_held() && new.access.tier == 0, "it cannot be bought a second time");
    let ended = after(account(), &read(vec![listed(1, Status::Canceled)], vec![]), 3);
    assert!(after(ended, &unknown(listed(1, Status::Paused)), 4).subscriptions[0].status.is_ended());
}

// R5
#[test]
fn unreadable_objects_keep_their_stored_state() {
    let whole = read(vec![listed(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)]);
    let before = after(account(), &whole, 3);
    assert_eq!((before.access.tier, before.payments.len()), (2, 1));
    for nothing in
        [read(vec![], vec![]), read(vec![], whole.invoices.clone()), read(vec![listed(1, Status::Active)], vec![])]
    {
        assert_eq!(after(before.clone(), &nothing, 4).access, before.access);
        assert_eq!(after(before.clone(), &nothing, 4).subscriptions, before.subscriptions);
        assert_eq!(after(before.clone(), &nothing, 4).payments, before.payments);
    }
}

// S27
#[test]
fn a_price_without_a_plan_gives_no_access() {
    let foreign = Subscription { stripe_price_id: "price_of_another".into(), ..listed(1, Status::Active) };
    let changes = converge(&account(), &read(vec![foreign], vec![]), &catalogue(), GRACE, at(3));
    assert_eq!((changes.access, changes.subscriptions[0].after.plan_id), (None, None));
}

#[test]
fn a_payment_that_succeeds_later_keeps_its_id_and_can_be_partly_refunded() {
    let failed = after(account(), &read(vec![listed(1, Status::PastDue)], vec![invoice(1, 1, InvoiceStatus::Open)]), 3);
    assert_eq!((failed.payments[0].status, failed.payments[0].amount_cents), (PaymentStatus::Failed, 1900));
    assert_eq!(failed.access.until, Some(at(1 + 168)));
    let paid = after(failed, &read(vec![listed(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)]), 4);
    assert_eq!((paid.payments.len(), paid.payments[0].status), (1, PaymentStatus::Succeeded));
    let part = paid.payments[0].clone().charged(&[charge(1, 900)]);
    assert_eq!((part.status, part.refunded_cents), (PaymentStatus::Succeeded, 900));
    let of_part = payment_of(&invoice(1, 1, InvoiceStatus::Paid), Some(&part));
    assert_eq!(of_part, Some(part.clone()), "the refund is stored");
    let whole = part.charged(&[charge(1, 5000)]);
    assert_eq!((whole.status, whole.refunded_cents), (PaymentStatus::Refunded, 1900));
    let of_whole = payment_of(&invoice(1, 1, InvoiceStatus::Paid), Some(&whole));
    assert_eq!(of_whole, Some(whole.clone()));
    let failed_to_go_back = whole.charged(&[charge(1, 0)]);
    assert_eq!((failed_to_go_back.status, failed_to_go_back.refunded_cents), (PaymentStatus::Succeeded, 0));
}

#[test]
fn a_charge_updates_a_payment_whose_invoice_is_not_listed() {
    let paid = after(account(), &read(vec![listed(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)]), 1);
    let disputed = Charge { dispute: Some(Dispute::Open), ..charge(1, 500) };
    let stripe_state = StripeState { charges: vec![charge(2, 1900), disputed], ..StripeState::default() };
    let [payment] = &converge(&paid, &stripe_state, &catalogue(), GRACE, at(2)).payments[..] else {
        panic!("one changed")
    };
    assert_eq!((payment.refunded_cents, payment.is_disputed), (500, true));
}

#[test]
fn a_partial_read_keeps_the_refunds_of_the_other_charges() {
    let two = Invoice { payment_intents: vec!["pi_1".into(), "pi_2".into()], ..invoice(1, 1, InvoiceStatus::Paid) };
    let payment = payment_of(&two, None).unwrap().charged(&[charge(1, 700), charge(2, 400)]);
    assert_eq!(payment.refunded_cents, 1100);
    assert_eq!(payment.clone().charged(&[charge(2, 400)]).refunded_cents, 1100);
    assert_eq!(payment.charged(&[charge(1, 700), charge(2, 0)]).refunded_cents, 700, "all of it is seen");
}

#[test]
fn the_plan_of_a_scheduled_price_is_known_and_gives_no_access_yet() {
    let schedule = |price: &str| {
        Some(Schedule { stripe_id: "sub_sched_1".into(), next_price_id: Some(price.into()), next_plan_id: None })
    };
    let waiting = Subscription { schedule: schedule("price_1"), ..listed(1, Status::Active) };
    let account = after(account(), &read(vec![waiting], vec![]), 1);
    assert_eq!(account.subscriptions[0].next_plan_id(), Some(plan(1).id));
    assert_eq!(account.access.tier, 2);
    let released = after(account, &read(vec![listed(1, Status::Active)], vec![]), 2);
    assert_eq!(released.subscriptions[0].next_plan_id(), None);
    let foreign = Subscription { schedule: schedule("price_of_another"), ..listed(1, Status::Active) };
    assert_eq!(after(released, &read(vec![foreign], vec![]), 3).subscriptions[0].next_plan_id(), None);
}

#[test]
fn a_schedule_is_released_before_its_subscription_is_ended() {
    let schedule = Some(Schedule { stripe_id: "sub_sched_1".into(), next_price_id: None, next_plan_id: None });
    let managed = |n| Subscription { schedule: schedule.clone(), ..listed(n, Status::Active) };
    let both = read(vec![managed(2), listed(1, Status::Active)], vec![]);
    let [Ending::Now { schedule: Some(released), .. }] =
        &converge(&account(), &both, &catalogue(), GRACE, at(1)).endings[..]
    else {
        panic!("the second one ends")
    };
    assert_eq!(released, "sub_sched_1");
    let closed = Account { closing: Some(Closing::Deactivated), ..account() };
    let endings = converge(&closed, &read(vec![managed(1)], vec![]), &catalogue(), GRACE, at(1)).endings;
    assert_eq!(endings, [Ending::AtPeriodEnd { stripe_id: "sub_1".into(), schedule: Some("sub_sched_1".into()) }]);
}

#[test]
fn a_zero_invoice_makes_no_payment_and_a_voided_one_keeps_the_status() {
    let nothing = Invoice { amount_due_cents: 0, amount_paid_cents: 0, ..invoice(1, 1, InvoiceStatus::Paid) };
    assert_eq!(payment_of(&nothing, None), None);
    let failed = payment_of(&invoice(1, 1, InvoiceStatus::Open), None);
    assert_eq!(payment_of(&invoice(1, 1, InvoiceStatus::Void), failed.as_ref()), failed);
}

#[test]
fn a_trial_is_recorded_when_its_subscription_is_live() {
    let incomplete =
        converge(&account(), &read(vec![listed(1, Status::Incomplete)], vec![]), &catalogue(), GRACE, at(1));
    assert!(!incomplete.first_trial);
    let trial = converge(&account(), &read(vec![listed(1, Status::Trialing)], vec![]), &catalogue(), GRACE, at(1));
    assert!(trial.first_trial);
    let account = written(account(), trial);
    let active = converge(&account, &read(vec![listed(1, Status::Active)], vec![]), &catalogue(), GRACE, at(1));
    assert!(!active.first_trial);
    assert!(active.subscriptions[0].after.had_trial, "it had one, whatever Stripe reports later");
}

#[test]
fn large_changes_are_split_and_only_the_last_part_completes_the_sync() {
    let payments = |count| (1..=count).map(|n| invoice(n, 1, InvoiceStatus::Paid)).collect();
    let gone = |count| StripeState { is_customer_gone: true, ..read(vec![], payments(count)) };
    let mut customer = account();
    customer.customer.stripe_customer_id = Some("cus_1".into());
    let mut much = converge(&customer, &gone(3), &catalogue(), GRACE, at(1));
    assert!(!much.keep_first(2));
    assert_eq!((much.payments.len(), much.customer_is_gone, much.endings.len()), (2, false, 0));
    let mut last = converge(&customer, &gone(2), &catalogue(), GRACE, at(1));
    assert!(last.keep_first(2));
    assert_eq!((last.payments.len(), last.customer_is_gone), (2, true));
}
