//! Properties of access and of convergence.

use super::access::RENEWAL_MARGIN;
use super::*;
use crate::gate::Left;
use crate::{PaymentId, PlanId, SubscriptionId, UserId};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const GRACE: Grace = Grace(SignedDuration::from_hours(7 * 24));

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap()
}

fn plan(tier: u32) -> Plan {
    let id = PlanId::new(at(0), [u8::try_from(tier).unwrap(); 10]);
    Plan {
        id,
        code: format!("plan-{tier}").parse().unwrap(),
        name: "A plan".into(),
        description: None,
        terms: terms(),
        tier,
        trial_days: 0,
        features: Features::default(),
        is_active: true,
        stripe_product_id: Some(id.to_string()),
        stripe_price_id: Some(format!("price_{tier}")),
        created_at: at(0),
        updated_at: at(0),
    }
}

fn terms() -> Terms {
    Terms { price_cents: 1900, currency: "usd".parse().unwrap(), billing_period: BillingPeriod::Month }
}

fn catalogue() -> Catalogue {
    let plans: Vec<_> = (0..=3).map(plan).collect();
    let prices = plans.iter().map(|plan| (plan.stripe_price_id.clone().unwrap(), plan.id)).collect();
    Catalogue { plans, prices }
}

fn account() -> Account {
    let user_id = UserId::new(at(0), [1; 10]);
    let customer = Customer {
        attempt_email: None,
        user_id,
        email: crate::Email::parse("ann@example.com").ok(),
        version: 1,
        stripe_customer_id: Some("cus_1".into()),
        attempt: None,
        checkout: None,
        had_trial: false,
    };
    Account { customer, subscriptions: vec![], payments: vec![], left: None, access: Access::default() }
}

/// Subscription number `n` of the customer as Stripe has it, with the price of tier 2.
fn seen(n: u8, status: Status) -> Subscription {
    Subscription {
        id: SubscriptionId::new(at(i64::from(n)), [n; 10]),
        stripe_id: format!("sub_{n}"),
        plan_id: None,
        stripe_item_id: format!("si_{n}"),
        stripe_price_id: "price_2".into(),
        quantity: 1,
        terms: terms().into(),
        status,
        started_at: at(i64::from(n)),
        current_period_start: at(0),
        current_period_end: at(720),
        cancel_at_period_end: false,
        canceled_at: None,
        ends_at: None,
        had_trial: status == Status::Trialing,
        unpaid_since: None,
        payment_processing: false,
        is_end_refused: false,
        collection_paused: false,
        schedule: None,
        surplus: None,
        trial_refused: false,
    }
}

fn invoice(n: u8, subscription: u8, status: InvoiceStatus) -> Invoice {
    let paid = status == InvoiceStatus::Paid;
    Invoice {
        stripe_id: format!("in_{n}"),
        payment_id: PaymentId::new(at(i64::from(n)), [n; 10]),
        stripe_subscription_id: Some(format!("sub_{subscription}")),
        stripe_price_ids: vec!["price_1".into()],
        status,
        amount_due_cents: 1900,
        amount_paid_cents: if paid { 1900 } else { 0 },
        currency: "usd".parse().unwrap(),
        is_renewal: false,
        attempted: status != InvoiceStatus::Draft,
        payment_intents: vec![format!("pi_{n}")],
        invoice_url: None,
        description: None,
        created_at: at(i64::from(n)),
        paid_at: paid.then(|| at(i64::from(n))),
        due_at: None,
    }
}

/// What became of the money of invoice number `n`.
fn charge(n: u8, refunded_cents: i64) -> Charge {
    Charge {
        stripe_id: format!("ch_{n}"),
        payment_intent: format!("pi_{n}"),
        status: ChargeStatus::Succeeded,
        is_debit: false,
        paid_cents: 1900,
        refunded_cents,
        dispute: None,
        created_at: at(i64::from(n)),
    }
}

fn any_status() -> impl Strategy<Value = Status> {
    prop::sample::select(Status::ALL.to_vec())
}

/// Subscription `n` in any state that Stripe can show, the price of no plan too.
fn any_seen(n: u8) -> impl Strategy<Value = Subscription> {
    let times = (0_i64..2000, 1_i64..2000, prop::option::of(0_i64..4000));
    (any_status(), times, any::<bool>(), 0_u32..=4).prop_map(move |(status, (start, length, end), cancel, tier)| {
        Subscription {
            current_period_start: at(start),
            current_period_end: at(start + length),
            ends_at: end.map(at),
            cancel_at_period_end: cancel,
            stripe_price_id: format!("price_{tier}"),
            ..seen(n, status)
        }
    })
}

fn any_invoice(n: u8) -> impl Strategy<Value = Invoice> {
    use InvoiceStatus::{Draft, Open, Paid, Uncollectible, Void};
    (prop::sample::select(vec![Draft, Open, Paid, Uncollectible, Void]), 0_u8..3, any::<bool>())
        .prop_map(move |(status, subscription, attempted)| Invoice { attempted, ..invoice(n, subscription, status) })
}

/// What Stripe may show of a customer: up to three subscriptions and their invoices.
fn any_read() -> impl Strategy<Value = Seen> {
    let subscriptions = (any_seen(0), any_seen(1), any_seen(2), 0_usize..=3);
    let invoices = (any_invoice(0), any_invoice(1), any_invoice(2), any_invoice(3), 0_usize..=4);
    (subscriptions, invoices).prop_map(|((a, b, c, subscriptions), (d, e, f, g, invoices))| Seen {
        subscriptions: [a, b, c].into_iter().take(subscriptions).map(Into::into).collect(),
        invoices: [d, e, f, g].into_iter().take(invoices).collect(),
        ..Seen::default()
    })
}

/// `account` after `converged` was written, as the store writes it.
fn written(mut account: Account, converged: Converged) -> Account {
    account.customer.version += 1;
    account.customer.had_trial |= converged.first_trial;
    for changed in converged.subscriptions {
        account.subscriptions.retain(|kept| kept.stripe_id != changed.after.stripe_id);
        account.subscriptions.push(changed.after);
    }
    account.subscriptions.sort_by_key(|kept| kept.id);
    for payment in converged.payments {
        account.payments.retain(|kept| kept.stripe_invoice_id != payment.stripe_invoice_id);
        account.payments.push(payment);
    }
    account.payments.sort_by_key(|kept| kept.id);
    if let Some(access) = converged.access {
        account.access = access;
    }
    account
}

fn after(account: Account, read: &Seen, hour: i64) -> Account {
    let converged = converge(&account, read, &catalogue(), GRACE, at(hour));
    written(account, converged)
}

proptest! {
    #[test]
    fn access_never_outlives_what_stripe_grants_by_more_than_the_margin(read in any_read(), hour in 0_i64..5000) {
        let account = after(account(), &read, hour);
        if account.access.tier > 0 {
            let now = at(hour);
            let granted = |kept: &Subscription| {
                // One that is to end later than with its period renews until then.
                let ends_later = kept.ends_at.is_none_or(|end| end > kept.current_period_end);
                let will_renew = !kept.cancel_at_period_end && ends_later;
                let margin = if will_renew { RENEWAL_MARGIN } else { SignedDuration::ZERO };
                match kept.status {
                    Status::Trialing | Status::Active => now < kept.current_period_end + margin,
                    Status::PastDue => now < kept.unpaid_since.unwrap_or(kept.current_period_start) + GRACE.0,
                    _ => false,
                }
            };
            prop_assert!(account.subscriptions.iter().any(granted));
            prop_assert!(account.access.until.is_some_and(|until| now < until));
        }
    }

    #[test]
    fn access_never_ends_early_for_whoever_pays(read in any_read(), hour in 0_i64..5000) {
        let now = at(hour);
        let pays = |kept: &&Subscription| {
            matches!(kept.status, Status::Active | Status::Trialing)
                && kept.ends_at.is_none_or(|end| now < end)
                && now < kept.current_period_end
                && kept.stripe_price_id != "price_4"
        };
        let owed = read.subscriptions.iter().map(|found| &found.subscription).filter(pays).map(|kept| kept.stripe_price_id.clone()).collect::<Vec<_>>();
        let account = after(account(), &read, hour);
        if !owed.is_empty() {
            // One of them is kept, with its own tier.
            prop_assert!(owed.contains(&format!("price_{}", account.access.tier)), "{owed:?} {:?}", account.access);
        }
    }

    #[test]
    fn the_same_read_again_changes_nothing(read in any_read(), hour in 0_i64..5000) {
        let account = after(account(), &read, hour);
        let again = converge(&account, &read, &catalogue(), GRACE, at(hour));
        prop_assert!(again.is_unchanged(), "{again:?}");
    }

    #[test]
    fn the_last_read_decides_whatever_was_read_before(
        reads in prop::collection::vec((any_seen(0), any_invoice(0), any_invoice(1)), 1..6),
        hour in 0_i64..5000,
    ) {
        let read = |(subscription, first, second): &(Subscription, Invoice, Invoice)| {
            // Stripe leaves neither of its last statuses, nor a paid invoice or one that was taken back.
            Seen { subscriptions: vec![subscription.clone().into()], invoices: vec![first.clone(), second.clone()], ..Seen::default() }
        };
        let is_final = |(subscription, first, second): &(Subscription, Invoice, Invoice)| {
            subscription.status.is_ended() || [first, second].iter().any(|invoice| !matches!(invoice.status, InvoiceStatus::Open))
        };
        let (last, before) = reads.split_last().unwrap();
        let once = after(account(), &read(last), hour);
        let all = before.iter().filter(|read| !is_final(read)).chain([last]).fold(account(), |account, step| after(account, &read(step), hour));
        prop_assert_eq!(&once.subscriptions.iter().map(|s| (s.status, s.plan_id)).collect::<Vec<_>>(), &all.subscriptions.iter().map(|s| (s.status, s.plan_id)).collect::<Vec<_>>());
        prop_assert_eq!(&once.access, &all.access);
        let money = |account: &Account| account.payments.iter().filter(|p| p.status == PaymentStatus::Succeeded).map(|p| p.amount_cents).sum::<i64>();
        prop_assert_eq!(money(&once), money(&all));
    }

    #[test]
    fn of_several_live_subscriptions_one_stays_and_all_others_are_to_end(read in any_read(), hour in 0_i64..5000) {
        let converged = converge(&account(), &read, &catalogue(), GRACE, at(hour));
        let ours = |seen: &&Subscription| catalogue().prices.contains_key(&seen.stripe_price_id);
        let live = read.subscriptions.iter().map(|found| &found.subscription).filter(ours).filter(|seen| seen.status.is_live()).count();
        let staying = converged.subscriptions.iter().filter(|c| c.after.is_held()).count();
        prop_assert_eq!(staying, live.min(1));
        prop_assert_eq!(converged.endings.len(), live.saturating_sub(1));
    }

    #[test]
    fn nothing_revives_what_has_ended(read in any_read(), again in any_read(), hour in 0_i64..5000) {
        let first = after(account(), &read, hour);
        let second = after(first.clone(), &again, hour);
        for ended in first.subscriptions.iter().filter(|kept| kept.status.is_ended()) {
            prop_assert!(second.subscriptions.iter().any(|kept| kept.stripe_id == ended.stripe_id && kept.status.is_ended()));
        }
    }

    #[test]
    fn a_payment_stands_for_each_invoice_that_asks_for_money_and_was_tried(read in any_read()) {
        let account = after(account(), &read, 0);
        for invoice in &read.invoices {
            let payment = account.payments.iter().find(|payment| payment.stripe_invoice_id == invoice.stripe_id);
            let wanted = match invoice.status {
                InvoiceStatus::Paid => Some(PaymentStatus::Succeeded),
                InvoiceStatus::Open | InvoiceStatus::Uncollectible if invoice.attempted => Some(PaymentStatus::Failed),
                _ => None,
            };
            prop_assert_eq!(payment.map(|payment| payment.status), wanted);
        }
    }
}

/// By the rules with this grace.
fn converge(account: &Account, seen: &Seen, catalogue: &Catalogue, grace: Grace, now: Timestamp) -> Converged {
    super::converge(account, seen, catalogue, Rules { grace, ..Rules::default() }, now)
}

fn owed(invoice: &str) -> Vec<Owed> {
    let charge = OwedCharge { stripe_id: invoice.replace("in_", "ch_"), amount_cents: None };
    vec![Owed { stripe_invoice_id: invoice.into(), charges: vec![charge] }]
}

fn read(subscriptions: Vec<Subscription>, invoices: Vec<Invoice>) -> Seen {
    let subscriptions = subscriptions.into_iter().map(Into::into).collect();
    let charges = (1..9).filter(|n| {
        let id = format!("in_{n}");
        invoices.iter().any(|invoice| invoice.stripe_id == id && invoice.status == InvoiceStatus::Paid)
    });
    Seen { subscriptions, charges: charges.map(|n| charge(n, 0)).collect(), invoices, ..Seen::default() }
}

fn payment_of(invoice: &Invoice, known: Option<&Payment>) -> Option<Payment> {
    let (subscription, plan) = (known.and_then(|known| known.subscription_id), known.and_then(|known| known.plan_id));
    Payment::of(invoice, subscription, plan, known, &[], at(9))
}

#[test]
fn access_ends_a_day_after_the_period_or_with_it_or_with_the_grace() {
    let until = |change: &dyn Fn(&mut Subscription)| {
        let mut kept = Subscription { plan_id: Some(plan(2).id), ..seen(1, Status::Active) };
        change(&mut kept);
        kept.access_until(GRACE)
    };
    assert_eq!(until(&|_| {}), Some(at(744)));
    assert_eq!(until(&|kept| kept.status = Status::Trialing), Some(at(744)));
    assert_eq!(until(&|kept| kept.cancel_at_period_end = true), Some(at(720)));
    assert_eq!(until(&|kept| kept.ends_at = Some(at(9))), Some(at(9)));
    let past_due = |since: Option<i64>| {
        move |kept: &mut Subscription| {
            kept.status = Status::PastDue;
            kept.unpaid_since = since.map(at);
        }
    };
    assert_eq!(until(&past_due(Some(5))), Some(at(5 + 168)));
    assert_eq!(until(&past_due(None)), Some(at(168)), "counted from the period that is not paid");
    assert_eq!(
        until(&|kept| {
            past_due(Some(700))(kept);
            kept.cancel_at_period_end = true;
        }),
        Some(at(720))
    );
    assert_eq!(until(&|kept| kept.plan_id = None), None, "a price that is no plan's");
    assert_eq!(until(&|kept| kept.surplus = Some(Surplus::Owed)), None);
    for status in [Status::Incomplete, Status::IncompleteExpired, Status::Unpaid, Status::Paused, Status::Canceled] {
        assert_eq!(until(&|kept| kept.status = status), None, "{status:?}");
    }
}

#[test]
fn of_two_paid_subscriptions_the_older_stays_and_the_other_goes_back_once() {
    let paid = [invoice(1, 1, InvoiceStatus::Paid), invoice(2, 2, InvoiceStatus::Paid)];
    let both = read(vec![seen(2, Status::Active), seen(1, Status::Active)], paid.to_vec());
    let converged = converge(&account(), &both, &catalogue(), GRACE, at(3));
    let ending = Ending::Now {
        reason: EndReason::Second,
        stripe_id: "sub_2".into(),
        schedule: None,
        is_live: true,
        paid: owed("in_2"),
        is_refund_pending: false,
    };
    assert_eq!(converged.endings, [ending]);
    let account = written(account(), converged);
    assert_eq!((account.access.tier, account.access.until), (2, Some(at(744))));

    // The process stops before Stripe is asked: the next look still finds it owed, cancelled or not.
    let half = read(vec![seen(2, Status::Canceled), seen(1, Status::Active)], paid.to_vec());
    let endings = converge(&account, &half, &catalogue(), GRACE, at(4)).endings;
    assert_eq!(
        endings,
        [Ending::Now {
            reason: EndReason::Second,
            stripe_id: "sub_2".into(),
            schedule: None,
            is_live: false,
            paid: owed("in_2"),
            is_refund_pending: false,
        }]
    );

    let settled = Seen { settled: vec!["sub_2".into()], charges: vec![charge(2, 1900)], ..half };
    let account = after(account, &settled, 4);
    assert_eq!(account.payments[1].status, PaymentStatus::Refunded);
    assert_eq!(account.subscriptions[1].surplus, Some(Surplus::Settled));
    let again = converge(&account, &Seen { settled: vec![], ..settled }, &catalogue(), GRACE, at(5));
    assert!(again.is_unchanged() && again.endings.is_empty(), "{again:?}");
}

#[test]
fn what_is_paid_for_one_that_was_ended_goes_back_as_well() {
    let open = [invoice(1, 1, InvoiceStatus::Paid), invoice(2, 2, InvoiceStatus::Open)];
    let both = vec![seen(2, Status::PastDue), seen(1, Status::Active)];
    let account = after(account(), &Seen { settled: vec!["sub_2".into()], ..read(both.clone(), open.to_vec()) }, 3);
    assert_eq!(account.subscriptions[1].surplus, Some(Surplus::Settled));
    let paid = [invoice(1, 1, InvoiceStatus::Paid), invoice(2, 2, InvoiceStatus::Paid)];
    let ended = vec![seen(2, Status::Canceled), seen(1, Status::Active)];
    let converged = converge(&account, &read(ended.clone(), paid.to_vec()), &catalogue(), GRACE, at(4));
    let ending = Ending::Now {
        reason: EndReason::Second,
        stripe_id: "sub_2".into(),
        schedule: None,
        is_live: false,
        paid: owed("in_2"),
        is_refund_pending: false,
    };
    assert_eq!(converged.endings, [ending]);
    let account = written(account, converged);
    let settled = Seen { settled: vec!["sub_2".into()], charges: vec![charge(2, 1900)], ..read(ended, paid.to_vec()) };
    let account = after(account, &settled, 5);
    assert!(converge(&account, &settled, &catalogue(), GRACE, at(6)).is_unchanged());
    assert!(account.subscriptions.iter().all(|kept| kept.surplus != Some(Surplus::Owed)));
}

#[test]
fn what_is_paid_while_the_rest_goes_back_goes_back_as_well() {
    let invoices = |last| [invoice(1, 1, InvoiceStatus::Paid), invoice(2, 2, InvoiceStatus::Paid), invoice(3, 2, last)];
    let both = vec![seen(2, Status::PastDue), seen(1, Status::Active)];
    let account = after(account(), &read(both, invoices(InvoiceStatus::Open).to_vec()), 3);
    assert_eq!(account.subscriptions[1].surplus, Some(Surplus::Owed));

    // One payment has gone back; meanwhile the other invoice was paid.
    let ended = read(vec![seen(2, Status::Canceled), seen(1, Status::Active)], invoices(InvoiceStatus::Paid).to_vec());
    let half = Seen { settled: vec!["sub_2".into()], charges: vec![charge(2, 1900), charge(3, 0)], ..ended };
    let converged = converge(&account, &half, &catalogue(), GRACE, at(4));
    let ending = Ending::Now {
        reason: EndReason::Second,
        stripe_id: "sub_2".into(),
        schedule: None,
        is_live: false,
        paid: owed("in_3"),
        is_refund_pending: false,
    };
    assert_eq!(converged.endings, [ending]);
    let account = written(account, converged);
    assert_eq!(account.subscriptions[1].surplus, Some(Surplus::Owed));

    let whole = Seen { charges: vec![charge(2, 1900), charge(3, 1900)], ..half };
    let account = after(account, &whole, 5);
    assert_eq!(account.subscriptions[1].surplus, Some(Surplus::Settled));
}

#[test]
fn what_is_paid_after_a_subscription_has_ended_for_what_was_asked_for_before_goes_back() {
    let ended = Subscription { ends_at: Some(at(340)), ..seen(1, Status::Canceled) };
    let paid_at = |hour: i64| Invoice { paid_at: Some(at(hour)), ..invoice(1, 1, InvoiceStatus::Paid) };
    let endings = |account: &Account, subscription: &Subscription, invoice: Invoice| {
        let read = read(vec![subscription.clone()], vec![invoice]);
        converge(account, &read, &catalogue(), GRACE, at(500)).endings
    };
    let back = Ending::Refund { stripe_id: "sub_1".into(), paid: owed("in_1") };
    assert_eq!(endings(&account(), &ended, paid_at(400)), [back]);
    assert_eq!(endings(&account(), &ended, paid_at(340)), [], "it may have been the last thing before the end");
    let last_bill = Invoice { created_at: at(341), ..paid_at(400) };
    assert_eq!(endings(&account(), &ended, last_bill), [], "asked for when it had ended: for what was used");
    let of_no_plan = Subscription { stripe_price_id: "price_of_nobody".into(), ..ended.clone() };
    assert_eq!(endings(&account(), &of_no_plan, paid_at(400)), []);

    // A12: the period that was paid in time stays paid.
    let in_time = Invoice { created_at: at(330), paid_at: Some(at(330)), ..invoice(2, 1, InvoiceStatus::Paid) };
    let late = read(vec![ended], vec![paid_at(400), in_time]);
    let back = Ending::Refund { stripe_id: "sub_1".into(), paid: owed("in_1") };
    let converged = converge(&account(), &late, &catalogue(), GRACE, at(500));
    assert_eq!(converged.endings, [back]);
    let account = written(account(), converged);
    assert_eq!(account.subscriptions[0].surplus, None);
    assert!(account.payments[0].is_late && !account.payments[1].is_late);
    let refunded = Seen { charges: vec![charge(1, 1900), charge(2, 0)], ..late.clone() };
    let account = after(account, &refunded, 501);
    let again = converge(&account, &refunded, &catalogue(), GRACE, at(502));
    assert!(again.is_unchanged() && again.endings.is_empty(), "{again:?}");
    // Marked as paid outside of Stripe: there is no charge, so nothing is refunded.
    let elsewhere = Seen { charges: vec![charge(2, 0)], ..late };
    assert_eq!(converge(&account, &elsewhere, &catalogue(), GRACE, at(503)).endings, []);
}

#[test]
fn of_a_subscription_that_must_not_stay_the_last_period_goes_back_and_what_was_paid_beside_the_one_that_stays() {
    let month = |n: u8| Invoice { created_at: at(720 * i64::from(n)), ..invoice(n, 1, InvoiceStatus::Paid) };
    let of_three_months = |status| Subscription {
        started_at: at(720),
        current_period_start: at(720 * 3),
        current_period_end: at(720 * 4),
        ..seen(1, status)
    };
    let paid = |account: &Account, subscriptions: Vec<Subscription>, invoices: Vec<Invoice>| {
        let endings = converge(account, &read(subscriptions, invoices), &catalogue(), GRACE, at(720 * 3 + 1)).endings;
        match &endings[..] {
            [Ending::Now { paid, .. }] => paid.iter().map(|owed| owed.stripe_invoice_id.clone()).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    let months = vec![month(1), month(2), month(3)];
    let deleted = Account { left: Some(Left::Deleted), ..account() };
    assert_eq!(paid(&deleted, vec![of_three_months(Status::Active)], months.clone()), Vec::<String>::new());
    // Since the first month there is another, older one.
    let older = Subscription { current_period_end: at(720 * 4), ..seen(0, Status::Active) };
    assert_eq!(paid(&account(), vec![of_three_months(Status::Active), older], months), ["in_1", "in_2", "in_3"]);
    // The new one stays, as it is paid; the months before it were not paid twice.
    let newer =
        Subscription { started_at: at(720 * 3 + 1), current_period_end: at(720 * 4), ..seen(2, Status::Active) };
    let unpaid = vec![month(1), month(2), Invoice { status: InvoiceStatus::Open, ..month(3) }];
    assert_eq!(paid(&account(), vec![of_three_months(Status::PastDue), newer], unpaid), Vec::<String>::new());
}

#[test]
fn what_is_disputed_is_not_given_back_beside() {
    let deleted = Account { left: Some(Left::Deleted), ..account() };
    let disputed = Charge { dispute: Some(Dispute::Open), ..charge(1, 0) };
    let read = Seen {
        charges: vec![disputed],
        ..read(vec![seen(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)])
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
fn a_subscription_to_a_price_of_no_plan_is_left_alone() {
    let other = Subscription { stripe_price_id: "price_of_nobody".into(), ..seen(2, Status::Active) };
    for left in [None, Some(Left::Deactivated), Some(Left::Deleted)] {
        let account = Account { left, ..account() };
        let converged = converge(&account, &read(vec![other.clone()], vec![]), &catalogue(), GRACE, at(3));
        assert_eq!((converged.endings, converged.access), (vec![], None));
    }
    let beside = read(vec![other, seen(1, Status::Active)], vec![]);
    let converged = converge(&account(), &beside, &catalogue(), GRACE, at(3));
    assert_eq!((converged.endings, converged.access.unwrap().tier), (vec![], 2));
}

#[test]
fn one_that_ends_after_the_next_renewal_is_one_that_renews() {
    let until = |ends_at: i64| Subscription {
        plan_id: Some(plan(2).id),
        ends_at: Some(at(ends_at)),
        ..seen(1, Status::Active)
    };
    assert!(!until(720).will_renew() && until(721).will_renew());
    assert_eq!((until(720).access_until(GRACE), until(721).access_until(GRACE)), (Some(at(720)), Some(at(744))));
    let closed = Account { left: Some(Left::Deactivated), ..account() };
    let read = |ends_at| read(vec![until(ends_at)], vec![]);
    assert_eq!(converge(&closed, &read(720), &catalogue(), GRACE, at(1)).endings, []);
    let ending = Ending::AtPeriodEnd { stripe_id: "sub_1".into(), schedule: None };
    assert_eq!(converge(&closed, &read(721), &catalogue(), GRACE, at(1)).endings, [ending]);
}

#[test]
fn a_payment_that_failed_has_succeeded_when_a_charge_of_it_has() {
    let failed = after(account(), &read(vec![seen(1, Status::PastDue)], vec![invoice(1, 1, InvoiceStatus::Open)]), 2);
    assert_eq!(failed.payments[0].status, PaymentStatus::Failed);
    // Reconciliation lists what is open and what was made since: the invoice is neither.
    let charged = |charges| Seen { charges, ..read(vec![seen(1, Status::Active)], vec![]) };
    let paid = after(failed.clone(), &charged(vec![charge(1, 0)]), 3);
    assert_eq!(paid.payments[0].status, PaymentStatus::Succeeded);
    // Seen open and paid in one look: what is to follow from it follows from the next one, which sees the invoice paid.
    let both = Seen { invoices: vec![invoice(1, 1, InvoiceStatus::Open)], ..charged(vec![charge(1, 0)]) };
    assert_eq!(after(failed.clone(), &both, 3).payments[0].status, PaymentStatus::Failed);
    let in_part = Charge { paid_cents: 900, ..charge(1, 0) };
    assert_eq!(after(failed, &charged(vec![in_part]), 3).payments[0].status, PaymentStatus::Failed);
}

#[test]
fn what_gives_access_stays_before_what_is_older_and_gives_none() {
    let both = read(vec![seen(1, Status::Unpaid), seen(2, Status::Active)], vec![]);
    let converged = converge(&account(), &both, &catalogue(), GRACE, at(3));
    assert!(matches!(&converged.endings[..], [Ending::Now { stripe_id, .. }] if stripe_id == "sub_1"));
}

#[test]
fn what_is_paid_stays_before_what_is_older_and_in_its_grace() {
    let both = read(vec![seen(1, Status::PastDue), seen(2, Status::Active)], vec![]);
    let converged = converge(&account(), &both, &catalogue(), GRACE, at(3));
    assert!(matches!(&converged.endings[..], [Ending::Now { stripe_id, .. }] if stripe_id == "sub_1"));
}

#[test]
fn whoever_closed_the_account_keeps_the_period_and_whoever_deleted_it_nothing() {
    let live = read(vec![seen(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)]);
    let left = |left| Account { left: Some(left), ..account() };
    let closed = converge(&left(Left::Deactivated), &live, &catalogue(), GRACE, at(3));
    assert_eq!(closed.endings, [Ending::AtPeriodEnd { stripe_id: "sub_1".into(), schedule: None }]);
    let ending = read(vec![Subscription { cancel_at_period_end: true, ..seen(1, Status::Active) }], vec![]);
    assert!(converge(&left(Left::Deactivated), &ending, &catalogue(), GRACE, at(3)).endings.is_empty());
    let deleted = converge(&left(Left::Deleted), &live, &catalogue(), GRACE, at(3));
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
    assert_eq!(deleted.access, None, "there was none and is none");
}

/// An item other than that of `seen`, for a longer period.
fn item(price: &str, quantity: u64) -> SubscriptionItem {
    SubscriptionItem {
        stripe_id: format!("si_of_{price}"),
        stripe_price_id: price.into(),
        quantity,
        terms: Terms { price_cents: 300, ..terms() }.into(),
        discounts: Vec::new(),
        current_period_start: at(10),
        current_period_end: at(1440),
    }
}

#[test]
fn the_item_of_a_plan_counts_at_any_position_with_its_quantity() {
    let (add_on, of_plan, other) = (item("price_of_an_add_on", 5), item("price_2", 3), item("price_of_another", 7));
    let first = seen(1, Status::Active);
    let orders = [
        vec![of_plan.clone(), add_on.clone(), other.clone()],
        vec![add_on.clone(), of_plan.clone(), other.clone()],
        vec![add_on.clone(), other.clone(), of_plan.clone()],
    ];
    for items in orders {
        let found = StripeSubscription { items, ..first.clone().into() };
        let read = Seen { subscriptions: vec![found], ..Seen::default() };
        let account = after(account(), &read, 3);
        let [kept] = &account.subscriptions[..] else { panic!("one") };
        assert_eq!((kept.plan_id, account.access.tier), (Some(plan(2).id), 2));
        assert_eq!((kept.stripe_item_id.as_str(), kept.quantity), ("si_of_price_2", 3));
        let terms = SubscriptionTerms { price_cents: 900, ..of_plan.terms };
        assert_eq!((kept.stripe_price_id.as_str(), kept.terms), ("price_2", terms), "three times the price of one");
        assert_eq!((kept.current_period_start, kept.current_period_end), (at(10), at(1440)));
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
        let found = StripeSubscription { items: items.clone(), cancel_at, ..seen(1, Status::Active).into() };
        found.resolve(|price| price == "price_2").cancel_at_period_end
    };
    assert!(ends(99) && ends(100) && !ends(101));
}

#[test]
fn the_waiting_price_of_a_plan_counts_at_any_position() {
    let schedule = Some(Schedule { stripe_id: "sub_sched_1".into(), next_price_id: None, next_plan_id: None });
    let managed = Subscription { schedule, ..seen(1, Status::Active) };
    let next = |prices: &[&str]| {
        let next_price_ids = prices.iter().map(ToString::to_string).collect();
        let found = StripeSubscription { next_price_ids, ..managed.clone().into() };
        let account = after(account(), &Seen { subscriptions: vec![found], ..Seen::default() }, 1);
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
        after(account(), &read(vec![seen(1, Status::Active)], vec![invoice]), 1).payments[0].plan_id
    };
    assert_eq!(plan_of(&["price_of_an_add_on", "price_2"]), Some(plan(2).id));
    assert_eq!(plan_of(&["price_3", "price_1"]), Some(plan(3).id), "what is charged before what is credited");
    assert_eq!(plan_of(&["price_of_an_add_on"]), None);
}

// R5
#[test]
fn an_unknown_status_changes_no_stored_one_and_ends_no_access() {
    let unknown = |subscription: Subscription| {
        let found = StripeSubscription { is_status_known: false, ..subscription.into() };
        Seen { subscriptions: vec![found], ..Seen::default() }
    };
    let active = after(account(), &read(vec![seen(1, Status::Active)], vec![]), 3);
    let renewed = Subscription { current_period_end: at(1440), ..seen(1, Status::Paused) };
    let still = after(active, &unknown(renewed), 720);
    assert_eq!((still.subscriptions[0].status, still.access.tier), (Status::Active, 2));
    assert_eq!(still.subscriptions[0].current_period_end, at(1440), "the rest follows");
    let new = after(account(), &unknown(seen(1, Status::Paused)), 3);
    assert!(new.subscriptions[0].is_held() && new.access.tier == 0, "it cannot be bought a second time");
    let ended = after(account(), &read(vec![seen(1, Status::Canceled)], vec![]), 3);
    assert!(after(ended, &unknown(seen(1, Status::Paused)), 4).subscriptions[0].status.is_ended());
}

// R5
#[test]
fn what_could_not_be_read_stays_as_it_is_stored() {
    let whole = read(vec![seen(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)]);
    let before = after(account(), &whole, 3);
    assert_eq!((before.access.tier, before.payments.len()), (2, 1));
    for nothing in
        [read(vec![], vec![]), read(vec![], whole.invoices.clone()), read(vec![seen(1, Status::Active)], vec![])]
    {
        assert_eq!(after(before.clone(), &nothing, 4).access, before.access);
        assert_eq!(after(before.clone(), &nothing, 4).subscriptions, before.subscriptions);
        assert_eq!(after(before.clone(), &nothing, 4).payments, before.payments);
    }
}

// S27
#[test]
fn a_price_that_is_no_plans_gives_nothing() {
    let foreign = Subscription { stripe_price_id: "price_of_another".into(), ..seen(1, Status::Active) };
    let converged = converge(&account(), &read(vec![foreign], vec![]), &catalogue(), GRACE, at(3));
    assert_eq!((converged.access, converged.subscriptions[0].after.plan_id), (None, None));
}

#[test]
fn a_failed_payment_that_is_made_later_is_the_same_payment_and_part_of_it_may_go_back() {
    let failed = after(account(), &read(vec![seen(1, Status::PastDue)], vec![invoice(1, 1, InvoiceStatus::Open)]), 3);
    assert_eq!((failed.payments[0].status, failed.payments[0].amount_cents), (PaymentStatus::Failed, 1900));
    assert_eq!(failed.access.until, Some(at(1 + 168)));
    let paid = after(failed, &read(vec![seen(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)]), 4);
    assert_eq!((paid.payments.len(), paid.payments[0].status), (1, PaymentStatus::Succeeded));
    let part = paid.payments[0].clone().charged(&[charge(1, 900)]);
    assert_eq!((part.status, part.refunded_cents), (PaymentStatus::Succeeded, 900));
    let of_part = payment_of(&invoice(1, 1, InvoiceStatus::Paid), Some(&part));
    assert_eq!(of_part, Some(part.clone()), "what went back is remembered");
    let whole = part.charged(&[charge(1, 5000)]);
    assert_eq!((whole.status, whole.refunded_cents), (PaymentStatus::Refunded, 1900));
    let of_whole = payment_of(&invoice(1, 1, InvoiceStatus::Paid), Some(&whole));
    assert_eq!(of_whole, Some(whole.clone()));
    let failed_to_go_back = whole.charged(&[charge(1, 0)]);
    assert_eq!((failed_to_go_back.status, failed_to_go_back.refunded_cents), (PaymentStatus::Succeeded, 0));
}

#[test]
fn what_became_of_a_charge_is_seen_though_its_invoice_is_not_among_the_newest() {
    let paid = after(account(), &read(vec![seen(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)]), 1);
    let disputed = Charge { dispute: Some(Dispute::Open), ..charge(1, 500) };
    let seen = Seen { charges: vec![charge(2, 1900), disputed], ..Seen::default() };
    let [payment] = &converge(&paid, &seen, &catalogue(), GRACE, at(2)).payments[..] else { panic!("one changed") };
    assert_eq!((payment.refunded_cents, payment.is_disputed), (500, true));
}

#[test]
fn of_a_payment_in_parts_what_went_back_before_is_not_forgotten_when_one_part_is_seen() {
    let two = Invoice { payment_intents: vec!["pi_1".into(), "pi_2".into()], ..invoice(1, 1, InvoiceStatus::Paid) };
    let payment = payment_of(&two, None).unwrap().charged(&[charge(1, 700), charge(2, 400)]);
    assert_eq!(payment.refunded_cents, 1100);
    assert_eq!(payment.clone().charged(&[charge(2, 400)]).refunded_cents, 1100);
    assert_eq!(payment.charged(&[charge(1, 700), charge(2, 0)]).refunded_cents, 700, "all of it is seen");
}

#[test]
fn the_plan_of_a_waiting_price_is_known_and_gives_nothing_yet() {
    let schedule = |price: &str| {
        Some(Schedule { stripe_id: "sub_sched_1".into(), next_price_id: Some(price.into()), next_plan_id: None })
    };
    let waiting = Subscription { schedule: schedule("price_1"), ..seen(1, Status::Active) };
    let account = after(account(), &read(vec![waiting], vec![]), 1);
    assert_eq!(account.subscriptions[0].next_plan_id(), Some(plan(1).id));
    assert_eq!(account.access.tier, 2);
    let released = after(account, &read(vec![seen(1, Status::Active)], vec![]), 2);
    assert_eq!(released.subscriptions[0].next_plan_id(), None);
    let foreign = Subscription { schedule: schedule("price_of_another"), ..seen(1, Status::Active) };
    assert_eq!(after(released, &read(vec![foreign], vec![]), 3).subscriptions[0].next_plan_id(), None);
}

#[test]
fn what_a_schedule_manages_is_released_before_it_is_ended() {
    let schedule = Some(Schedule { stripe_id: "sub_sched_1".into(), next_price_id: None, next_plan_id: None });
    let managed = |n| Subscription { schedule: schedule.clone(), ..seen(n, Status::Active) };
    let both = read(vec![managed(2), seen(1, Status::Active)], vec![]);
    let [Ending::Now { schedule: Some(released), .. }] =
        &converge(&account(), &both, &catalogue(), GRACE, at(1)).endings[..]
    else {
        panic!("the second one ends")
    };
    assert_eq!(released, "sub_sched_1");
    let closed = Account { left: Some(Left::Deactivated), ..account() };
    let endings = converge(&closed, &read(vec![managed(1)], vec![]), &catalogue(), GRACE, at(1)).endings;
    assert_eq!(endings, [Ending::AtPeriodEnd { stripe_id: "sub_1".into(), schedule: Some("sub_sched_1".into()) }]);
}

#[test]
fn an_invoice_of_nothing_makes_no_payment_and_one_taken_back_leaves_what_stood_there() {
    let nothing = Invoice { amount_due_cents: 0, amount_paid_cents: 0, ..invoice(1, 1, InvoiceStatus::Paid) };
    assert_eq!(payment_of(&nothing, None), None);
    let failed = payment_of(&invoice(1, 1, InvoiceStatus::Open), None);
    assert_eq!(payment_of(&invoice(1, 1, InvoiceStatus::Void), failed.as_ref()), failed);
}

#[test]
fn a_trial_is_remembered_once_its_subscription_lives() {
    let incomplete = converge(&account(), &read(vec![seen(1, Status::Incomplete)], vec![]), &catalogue(), GRACE, at(1));
    assert!(!incomplete.first_trial);
    let trial = converge(&account(), &read(vec![seen(1, Status::Trialing)], vec![]), &catalogue(), GRACE, at(1));
    assert!(trial.first_trial);
    let account = written(account(), trial);
    let active = converge(&account, &read(vec![seen(1, Status::Active)], vec![]), &catalogue(), GRACE, at(1));
    assert!(!active.first_trial);
    assert!(active.subscriptions[0].after.had_trial, "it had one, whatever Stripe says later");
}

#[test]
fn what_is_too_much_for_one_write_comes_in_parts_and_what_ends_the_looks_with_the_last() {
    let payments = |count| (1..=count).map(|n| invoice(n, 1, InvoiceStatus::Paid)).collect();
    let gone = |count| Seen { is_customer_gone: true, ..read(vec![], payments(count)) };
    let mut customer = account();
    customer.customer.stripe_customer_id = Some("cus_1".into());
    let mut much = converge(&customer, &gone(3), &catalogue(), GRACE, at(1));
    assert!(!much.keep_first(2));
    assert_eq!((much.payments.len(), much.customer_is_gone, much.endings.len()), (2, false, 0));
    let mut last = converge(&customer, &gone(2), &catalogue(), GRACE, at(1));
    assert!(last.keep_first(2));
    assert_eq!((last.payments.len(), last.customer_is_gone), (2, true));
}

#[test]
fn a_change_is_for_more_by_tier_then_period_then_price() {
    let plans: Vec<_> = (0..=3).map(plan).collect();
    let kept = Subscription { plan_id: Some(plan(2).id), ..seen(1, Status::Active) };
    let to = |tier: u32, billing_period: BillingPeriod, price_cents: i64| {
        kept.rises_to(&Plan { terms: Terms { billing_period, price_cents, ..terms() }, ..plan(tier) }, &plans)
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
    let yearly = Subscription { terms: Terms { billing_period: year, ..terms() }.into(), ..kept.clone() };
    assert!(!yearly.rises_to(&plan(2), &plans), "a shorter period");
    let of_no_plan = Subscription { plan_id: None, ..kept };
    assert!(of_no_plan.rises_to(&plan(1), &plans), "what gives nothing is the lowest");
}

#[test]
fn a_failed_payment_is_told_of_by_the_last_day_that_has_come_while_there_is_grace() {
    let account = after(account(), &read(vec![seen(1, Status::PastDue)], vec![invoice(1, 1, InvoiceStatus::Open)]), 3);
    let kept = &account.subscriptions[0];
    let day = |hour: i64| match kept.reminder(&account.payments, GRACE, at(1 + hour)) {
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
        after(account.clone(), &read(vec![seen(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)]), 30);
    assert_eq!(paid.subscriptions[0].reminder(&paid.payments, GRACE, at(40)), None);
}

#[test]
fn a_trial_is_told_of_in_its_last_three_days_unless_it_ends_with_them() {
    let kept = Subscription { plan_id: Some(plan(2).id), ..seen(1, Status::Trialing) };
    let reminder = |kept: &Subscription, hour| kept.reminder(&[], GRACE, at(hour));
    let wanted = Some(Reminder::TrialEnding { subscription: kept.id, at: at(720) });
    for (hour, wanted) in [(647, &None), (648, &wanted), (719, &wanted), (720, &None)] {
        assert_eq!(&reminder(&kept, hour), wanted, "{hour}");
    }
    assert_eq!(reminder(&Subscription { cancel_at_period_end: true, ..kept }, 700), None);
}

/// A debit of invoice 1 of subscription 1, where it is in progress since hour 10.
fn debit(status: ChargeStatus) -> Charge {
    Charge { status, is_debit: true, created_at: at(10), ..charge(1, 0) }
}

// A4
#[test]
fn a_debit_in_progress_is_neither_owed_nor_failed_and_its_grace_begins_when_it_fails() {
    let open = |status, charge| Seen {
        charges: vec![charge],
        ..read(vec![seen(1, status)], vec![invoice(1, 1, InvoiceStatus::Open)])
    };
    let pending = after(account(), &open(Status::Active, debit(ChargeStatus::Pending)), 11);
    assert_eq!((pending.payments[0].status, pending.payments[0].failed_at), (PaymentStatus::Processing, None));
    let kept = &pending.subscriptions[0];
    assert_eq!((kept.unpaid_since, kept.payment_processing), (None, true));
    assert_eq!(kept.reminder(&pending.payments, GRACE, at(200)), None);

    // A list of what is new does not hold the charge: nothing is decided by it.
    let partial = Seen { charges: vec![], ..open(Status::Active, debit(ChargeStatus::Pending)) };
    assert!(partial.is_undecided(&pending));
    assert!(converge(&pending, &partial, &catalogue(), GRACE, at(100)).is_unchanged());

    let failed = after(pending.clone(), &open(Status::PastDue, debit(ChargeStatus::Failed)), 200);
    assert_eq!((failed.payments[0].status, failed.payments[0].failed_at), (PaymentStatus::Failed, Some(at(200))));
    assert_eq!(failed.access.until, Some(at(200 + 168)), "not from the day of the invoice");
    let again = converge(&failed, &open(Status::PastDue, debit(ChargeStatus::Failed)), &catalogue(), GRACE, at(210));
    assert!(again.is_unchanged(), "{again:?}");
    let reminder = failed.subscriptions[0].reminder(&failed.payments, GRACE, at(200 + 24));
    assert!(matches!(reminder, Some(Reminder::PaymentFailed { day: 1, .. })), "{reminder:?}");

    let paid = Seen {
        charges: vec![debit(ChargeStatus::Succeeded)],
        ..read(vec![seen(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)])
    };
    let paid = after(pending.clone(), &paid, 34);
    assert_eq!((paid.payments[0].status, paid.subscriptions[0].payment_processing), (PaymentStatus::Succeeded, false));

    // At the first payment: the invoice is void when it is seen next.
    let void = Seen {
        charges: vec![debit(ChargeStatus::Failed)],
        ..read(vec![seen(1, Status::IncompleteExpired)], vec![invoice(1, 1, InvoiceStatus::Void)])
    };
    assert_eq!(after(pending, &void, 200).payments[0].status, PaymentStatus::Failed);
}

// A4
#[test]
fn the_first_payment_by_debit_excludes_another_subscription_until_it_failed() {
    let incomplete = |charge| Seen {
        charges: vec![charge],
        ..read(vec![seen(1, Status::Incomplete)], vec![invoice(1, 1, InvoiceStatus::Open)])
    };
    let pending = after(account(), &incomplete(debit(ChargeStatus::Pending)), 11);
    let kept = &pending.subscriptions[0];
    assert!(kept.excludes_another() && !kept.has_access(GRACE, at(11)) && !kept.is_held());
    let deleted = Account { left: Some(Left::Deleted), ..pending.clone() };
    let endings = converge(&deleted, &incomplete(debit(ChargeStatus::Pending)), &catalogue(), GRACE, at(12)).endings;
    assert!(matches!(&endings[..], [Ending::Now { is_live: true, .. }]), "{endings:?}");
    let failed = after(pending, &incomplete(debit(ChargeStatus::Failed)), 200);
    assert!(!failed.subscriptions[0].excludes_another());
    let card = Charge { is_debit: false, created_at: at(12), ..debit(ChargeStatus::Failed) };
    assert_eq!(after(account(), &incomplete(card), 20).payments[0].failed_at, Some(at(12)), "a card says so at once");
}

// A4
#[test]
fn an_invoice_left_open_before_the_last_paid_one_or_of_another_does_not_count() {
    let month = |n: u8, status| Invoice { created_at: at(720 * i64::from(n)), ..invoice(n, 1, status) };
    let since = |invoices: Vec<Invoice>| {
        after(account(), &read(vec![seen(1, Status::PastDue)], invoices), 3000).subscriptions[0].unpaid_since
    };
    let (open, paid) = (InvoiceStatus::Open, InvoiceStatus::Paid);
    assert_eq!(since(vec![month(1, open), month(2, open)]), Some(at(720)));
    assert_eq!(since(vec![month(1, open), month(2, paid), month(3, open)]), Some(at(720 * 3)));
    assert_eq!(since(vec![month(1, open), month(2, paid)]), None);
    let other = Invoice { stripe_subscription_id: Some("sub_2".into()), ..month(1, open) };
    assert_eq!(since(vec![other, month(2, open)]), Some(at(720 * 2)));
    let by_mail = Invoice { attempted: false, due_at: Some(at(2000)), ..month(2, open) };
    assert_eq!(since(vec![by_mail]), Some(at(2000)));
    // What is stored of the last paid one counts, where a list of the latest does not hold it.
    let stored = after(account(), &read(vec![seen(1, Status::Active)], vec![month(2, paid)]), 1500);
    let latest = read(vec![seen(1, Status::PastDue)], vec![month(1, open)]);
    assert_eq!(after(stored, &latest, 1600).subscriptions[0].unpaid_since, None);
}

// A3
#[test]
fn a_refund_or_an_end_that_stripe_refused_is_recorded_and_not_requested_again() {
    let deleted = Account { left: Some(Left::Deleted), ..account() };
    let paid = read(vec![seen(1, Status::Canceled)], vec![invoice(1, 1, InvoiceStatus::Paid)]);
    let live = read(vec![seen(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)]);
    let account = after(deleted, &live, 3);
    let refused = Seen { settled: vec!["sub_1".into()], refused_refunds: vec!["in_1".into()], ..paid.clone() };
    let account = after(account, &refused, 4);
    assert_eq!(account.subscriptions[0].surplus, Some(Surplus::Settled));
    assert!(account.payments[0].is_refund_refused && account.payments[0].status == PaymentStatus::Succeeded);
    let again = converge(&account, &paid, &catalogue(), GRACE, at(5));
    assert!(again.is_unchanged() && again.endings.is_empty(), "{again:?}");

    for left in [Left::Deactivated, Left::Deleted] {
        let account = after(Account { left: Some(left), ..self::account() }, &live, 3);
        let settled = if left == Left::Deleted { vec!["sub_1".into()] } else { vec![] };
        let refused = Seen { settled, refused_ends: vec!["sub_1".into()], ..live.clone() };
        let account = after(account, &refused, 4);
        assert!(account.subscriptions[0].is_end_refused);
        let again = converge(&account, &live, &catalogue(), GRACE, at(5));
        assert!(again.is_unchanged() && again.endings.is_empty(), "{left:?} {again:?}");
    }
}

// A17
#[test]
fn of_a_payment_in_parts_the_rest_of_each_charge_is_refunded() {
    let two = Invoice { payment_intents: vec!["pi_1".into(), "pi_2".into()], ..invoice(1, 2, InvoiceStatus::Paid) };
    let owed = |charges: Vec<Charge>| {
        let both = vec![seen(1, Status::Active), seen(2, Status::Active)];
        let read = Seen { charges, ..read(both, vec![two.clone()]) };
        match &converge(&account(), &read, &catalogue(), GRACE, at(2)).endings[..] {
            [Ending::Now { paid, .. }] => {
                paid.iter().flat_map(|owed| owed.charges.clone()).map(|charge| charge.stripe_id).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    let part = |n, refunded| Charge { paid_cents: 950, ..charge(n, refunded) };
    assert_eq!(owed(vec![part(1, 0), part(2, 0)]), ["ch_1", "ch_2"]);
    assert_eq!(owed(vec![part(1, 950), part(2, 0)]), ["ch_2"]);
    assert_eq!(owed(vec![part(1, 300), part(2, 950)]), ["ch_1"]);
    let lost = Charge { dispute: Some(Dispute::Lost), ..part(2, 0) };
    assert_eq!(owed(vec![part(1, 0), lost]), ["ch_1"]);
    let refused = Charge { status: ChargeStatus::Failed, ..part(3, 0) };
    assert_eq!(owed(vec![refused, part(1, 0)]), ["ch_1"]);
}

// A11
#[test]
fn a_dispute_that_was_won_returns_the_status_before_and_one_that_was_lost_stays() {
    let disputed = |dispute, refunded| Seen {
        charges: vec![Charge { dispute: Some(dispute), ..charge(1, refunded) }],
        ..read(vec![seen(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)])
    };
    for (refunded, before) in [(0, PaymentStatus::Succeeded), (700, PaymentStatus::Succeeded)] {
        let open = after(account(), &disputed(Dispute::Open, refunded), 2);
        assert_eq!((open.payments[0].status, open.payments[0].is_disputed), (PaymentStatus::Disputed, true));
        assert!(Seen::default().is_undecided(&open), "it may be decided in silence");
        // A list that does not say where it is changes nothing.
        assert!(converge(&open, &disputed(Dispute::Unread, refunded), &catalogue(), GRACE, at(3)).is_unchanged());
        let won = after(open.clone(), &disputed(Dispute::Won, refunded), 4);
        assert_eq!((won.payments[0].status, won.payments[0].is_disputed), (before, false));
        let lost = after(open, &disputed(Dispute::Lost, refunded), 4);
        assert_eq!((lost.payments[0].status, lost.payments[0].is_dispute_lost), (PaymentStatus::Disputed, true));
        assert!(!Seen::default().is_undecided(&lost), "that is the end of it");
    }
}

// A13
#[test]
fn a_deleted_account_gets_back_nothing_or_the_unused_share() {
    let deleted = Account { left: Some(Left::Deleted), ..account() };
    let live = read(vec![seen(1, Status::Active)], vec![invoice(1, 1, InvoiceStatus::Paid)]);
    let canceled = Subscription { ends_at: Some(at(180)), ..seen(1, Status::Canceled) };
    let after = |refunded: i64| Seen {
        charges: vec![charge(1, refunded)],
        ..read(vec![canceled.clone()], vec![invoice(1, 1, InvoiceStatus::Paid)])
    };
    for (refund_on_deletion, share) in [(RefundOnDeletion::Nothing, None), (RefundOnDeletion::Unused, Some(1425))] {
        let rules = Rules { grace: GRACE, refund_on_deletion };
        let before = super::converge(&deleted, &live, &catalogue(), rules, at(180));
        let [Ending::Now { reason: EndReason::AccountDeleted, is_live: true, paid, is_refund_pending, .. }] =
            &before.endings[..]
        else {
            panic!("{:?}", before.endings)
        };
        assert_eq!((paid.len(), *is_refund_pending), (0, share.is_some()), "the end says how much it is");
        let mut left = deleted.clone();
        left.subscriptions = before.subscriptions.into_iter().map(|changed| changed.after).collect();
        // Of 720 hours 540 were left when it ended, whenever it is computed, and what was refunded counts.
        for (hour, refunded, wanted) in
            [(180, 0, share), (700, 0, share), (180, 1000, share.map(|cents| cents - 1000)), (180, 1425, None)]
        {
            let endings = super::converge(&left, &after(refunded), &catalogue(), rules, at(hour)).endings;
            let [Ending::Now { is_live: false, paid, is_refund_pending: false, .. }] = &endings[..] else {
                panic!("{endings:?}")
            };
            let amounts: Vec<_> =
                paid.iter().flat_map(|owed| &owed.charges).map(|charge| charge.amount_cents).collect();
            assert_eq!(amounts, wanted.map(Some).into_iter().collect::<Vec<_>>(), "{hour} {refunded}");
        }
    }
}

// A13
#[test]
fn a_refused_trial_ends_and_gives_nothing() {
    let found = Subscription { had_trial: true, ..seen(1, Status::Trialing) };
    let refused = Seen { refused_trials: vec!["sub_1".into()], ..read(vec![found], vec![]) };
    assert_eq!(refused.new_trials(&account(), &catalogue()).count(), 1);
    let converged = converge(&account(), &refused, &catalogue(), GRACE, at(2));
    assert!(converged.first_trial && converged.access.is_none());
    assert!(
        matches!(&converged.endings[..], [Ending::Now { reason: EndReason::TrialRefused, is_live: true, paid, .. }] if paid.is_empty())
    );
    let account =
        Account { subscriptions: converged.subscriptions.into_iter().map(|c| c.after).collect(), ..account() };
    assert!(account.subscriptions[0].trial_refused && !account.subscriptions[0].has_access(GRACE, at(2)));
    assert_eq!(refused.new_trials(&account, &catalogue()).count(), 0, "it is judged once");
}

// A9
#[test]
fn a_subscription_costs_its_quantity_less_its_discounts() {
    let half = Discount { percent_off: Percent::new(50.0), amount_off_cents: None, ends_at: Some(at(1)) };
    let mut found = StripeSubscription::from(Subscription { quantity: 3, ..seen(1, Status::Active) });
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
