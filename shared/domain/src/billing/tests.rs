//! Properties of access and of convergence.

use super::access::RENEWAL_MARGIN;
use super::*;
use crate::gate::Closing;
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
        locale: None,
    };
    Account { customer, subscriptions: vec![], payments: vec![], closing: None, access: Access::default() }
}

/// Subscription number `n` of the customer in Stripe's state, with the price of tier 2.
fn listed(n: u8, status: Status) -> Subscription {
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
        duplicate_refund: None,
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

/// The outcome of the charge of invoice number `n`.
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

/// Subscription `n` in any state of Stripe, also with a price without a plan.
fn any_seen(n: u8) -> impl Strategy<Value = Subscription> {
    let times = (0_i64..2000, 1_i64..2000, prop::option::of(0_i64..4000));
    (any_status(), times, any::<bool>(), 0_u32..=4).prop_map(move |(status, (start, length, end), cancel, tier)| {
        Subscription {
            current_period_start: at(start),
            current_period_end: at(start + length),
            ends_at: end.map(at),
            cancel_at_period_end: cancel,
            stripe_price_id: format!("price_{tier}"),
            ..listed(n, status)
        }
    })
}

fn any_invoice(n: u8) -> impl Strategy<Value = Invoice> {
    use InvoiceStatus::{Draft, Open, Paid, Uncollectible, Void};
    (prop::sample::select(vec![Draft, Open, Paid, Uncollectible, Void]), 0_u8..3, any::<bool>())
        .prop_map(move |(status, subscription, attempted)| Invoice { attempted, ..invoice(n, subscription, status) })
}

/// Any state of a customer at Stripe: up to three subscriptions and their invoices.
fn any_read() -> impl Strategy<Value = StripeState> {
    let subscriptions = (any_seen(0), any_seen(1), any_seen(2), 0_usize..=3);
    let invoices = (any_invoice(0), any_invoice(1), any_invoice(2), any_invoice(3), 0_usize..=4);
    (subscriptions, invoices).prop_map(|((a, b, c, subscriptions), (d, e, f, g, invoices))| StripeState {
        subscriptions: [a, b, c].into_iter().take(subscriptions).map(Into::into).collect(),
        invoices: [d, e, f, g].into_iter().take(invoices).collect(),
        ..StripeState::default()
    })
}

/// `account` after `changes` was written, as the store writes it.
fn written(mut account: Account, changes: Changes) -> Account {
    account.customer.version += 1;
    account.customer.had_trial |= changes.first_trial;
    for changed in changes.subscriptions {
        account.subscriptions.retain(|stored| stored.stripe_id != changed.after.stripe_id);
        account.subscriptions.push(changed.after);
    }
    account.subscriptions.sort_by_key(|stored| stored.id);
    for payment in changes.payments {
        account.payments.retain(|stored| stored.stripe_invoice_id != payment.stripe_invoice_id);
        account.payments.push(payment);
    }
    account.payments.sort_by_key(|stored| stored.id);
    if let Some(access) = changes.access {
        account.access = access;
    }
    account
}

fn after(account: Account, read: &StripeState, hour: i64) -> Account {
    let changes = converge(&account, read, &catalogue(), GRACE, at(hour));
    written(account, changes)
}

proptest! {
    #[test]
    fn access_never_exceeds_the_paid_period_by_more_than_the_margin(read in any_read(), hour in 0_i64..5000) {
        let account = after(account(), &read, hour);
        if account.access.tier > 0 {
            let now = at(hour);
            let granted = |stored: &Subscription| {
                // One that ends after its period renews until then.
                let ends_later = stored.ends_at.is_none_or(|end| end > stored.current_period_end);
                let will_renew = !stored.cancel_at_period_end && ends_later;
                let margin = if will_renew { RENEWAL_MARGIN } else { SignedDuration::ZERO };
                match stored.status {
                    Status::Trialing | Status::Active => now < stored.current_period_end + margin,
                    Status::PastDue => now < stored.unpaid_since.unwrap_or(stored.current_period_start) + GRACE.0,
                    _ => false,
                }
            };
            prop_assert!(account.subscriptions.iter().any(granted));
            prop_assert!(account.access.until.is_some_and(|until| now < until));
        }
    }

    #[test]
    fn access_never_ends_early_for_a_paying_user(read in any_read(), hour in 0_i64..5000) {
        let now = at(hour);
        let pays = |stored: &&Subscription| {
            matches!(stored.status, Status::Active | Status::Trialing)
                && stored.ends_at.is_none_or(|end| now < end)
                && now < stored.current_period_end
                && stored.stripe_price_id != "price_4"
        };
        let refundable = read.subscriptions.iter().map(|found| &found.subscription).filter(pays).map(|stored| stored.stripe_price_id.clone()).collect::<Vec<_>>();
        let account = after(account(), &read, hour);
        if !refundable.is_empty() {
            // One of them is kept, with its own tier.
            prop_assert!(refundable.contains(&format!("price_{}", account.access.tier)), "{refundable:?} {:?}", account.access);
        }
    }

    #[test]
    fn the_same_read_again_changes_nothing(read in any_read(), hour in 0_i64..5000) {
        let account = after(account(), &read, hour);
        let again = converge(&account, &read, &catalogue(), GRACE, at(hour));
        prop_assert!(again.is_unchanged(), "{again:?}");
    }

    #[test]
    fn the_latest_read_decides_the_state(
        reads in prop::collection::vec((any_seen(0), any_invoice(0), any_invoice(1)), 1..6),
        hour in 0_i64..5000,
    ) {
        let read = |(subscription, first, second): &(Subscription, Invoice, Invoice)| {
            // Stripe never changes its last statuses, nor a paid or voided invoice.
            StripeState { subscriptions: vec![subscription.clone().into()], invoices: vec![first.clone(), second.clone()], ..StripeState::default() }
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
    fn all_but_one_of_several_live_subscriptions_are_ended(read in any_read(), hour in 0_i64..5000) {
        let changes = converge(&account(), &read, &catalogue(), GRACE, at(hour));
        let ours = |stripe_state: &&Subscription| catalogue().prices.contains_key(&stripe_state.stripe_price_id);
        let live = read.subscriptions.iter().map(|found| &found.subscription).filter(ours).filter(|stripe_state| stripe_state.status.is_live()).count();
        let staying = changes.subscriptions.iter().filter(|c| c.after.is_held()).count();
        prop_assert_eq!(staying, live.min(1));
        prop_assert_eq!(changes.endings.len(), live.saturating_sub(1));
    }

    #[test]
    fn an_ended_subscription_stays_ended(read in any_read(), again in any_read(), hour in 0_i64..5000) {
        let first = after(account(), &read, hour);
        let second = after(first.clone(), &again, hour);
        for ended in first.subscriptions.iter().filter(|stored| stored.status.is_ended()) {
            prop_assert!(second.subscriptions.iter().any(|stored| stored.stripe_id == ended.stripe_id && stored.status.is_ended()));
        }
    }

    #[test]
    fn a_payment_exists_for_each_attempted_invoice_with_an_amount(read in any_read()) {
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

/// With the rules of this grace.
fn converge(
    account: &Account,
    stripe_state: &StripeState,
    catalogue: &Catalogue,
    grace: Grace,
    now: Timestamp,
) -> Changes {
    super::converge(account, stripe_state, catalogue, Rules { grace, ..Rules::default() }, now)
}

fn refundable(invoice: &str) -> Vec<InvoiceRefund> {
    let charge = ChargeRefund { stripe_id: invoice.replace("in_", "ch_"), amount_cents: None };
    vec![InvoiceRefund { stripe_invoice_id: invoice.into(), charges: vec![charge] }]
}

fn read(subscriptions: Vec<Subscription>, invoices: Vec<Invoice>) -> StripeState {
    let subscriptions = subscriptions.into_iter().map(Into::into).collect();
    let charges = (1..9).filter(|n| {
        let id = format!("in_{n}");
        invoices.iter().any(|invoice| invoice.stripe_id == id && invoice.status == InvoiceStatus::Paid)
    });
    StripeState { subscriptions, charges: charges.map(|n| charge(n, 0)).collect(), invoices, ..StripeState::default() }
}

fn payment_of(invoice: &Invoice, previous: Option<&Payment>) -> Option<Payment> {
    let (subscription, plan) =
        (previous.and_then(|previous| previous.subscription_id), previous.and_then(|previous| previous.plan_id));
    Payment::of(invoice, subscription, plan, previous, &[], at(9))
}

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
    assert_eq!(deleted.access, None, "there was no access and there is none");
}

/// An item other than that of `stripe_state`, for a longer period.
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
        let before = super::converge(&deleted, &live, &catalogue(), rules, at(180));
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
            let endings = super::converge(&account, &after(refunded), &catalogue(), rules, at(hour)).endings;
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
