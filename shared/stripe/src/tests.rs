//! The form of requests, and how Stripe's objects are read.

mod lists;

use crate::GatewayError;
use crate::lists::{List, ListParams, UnreadableError};
use crate::objects::{
    ChangedSubscription, Charge, ChargeCustomer, CheckoutSession, Coupons, Customer, Dispute, Expandable, Id, Invoice,
    InvoicePayment, PortalSession, Price, Product, Refund, Subscription, SubscriptionSchedule,
};
use crate::reads;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io::{self, Write};
use tollgate_domain::billing::{self, ChargeStatus, Interval, InvoiceStatus, Status};

/// A subscription whose discounts name their coupons as objects, or have none.
fn read_subscription(object: Subscription) -> Result<billing::StripeSubscription, UnreadableError> {
    reads::subscription(object, &Coupons::new())
}

// The version is that of the library, whose requests have it.
#[test]
fn every_call_asks_for_the_librarys_version() {
    assert_eq!(stripe_client_core::VERSION.as_str(), crate::API_VERSION);
}

fn parse<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

fn is_readable<T: DeserializeOwned>(value: &Value) -> bool {
    serde_json::from_value::<T>(value.clone()).is_ok()
}

/// `value` with these fields in place of its own.
fn with(value: &Value, fields: &Value) -> Value {
    let mut value = value.clone();
    let (Value::Object(all), Value::Object(new)) = (&mut value, fields.clone()) else { panic!("objects") };
    all.extend(new);
    value
}

/// `value` with null in each of these fields, and with unknown fields.
fn with_nulls(value: &Value, names: &[&str]) -> Value {
    let nulls = names.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    let unknown = json!({"a_field_of_tomorrow": {"deep": [1, null, "x"]}, "another": "word"});
    with(&with(value, &Value::Object(nulls)), &unknown)
}

fn item() -> Value {
    json!({
        "id": "si_1", "price": {"id": "price_1"}, "current_period_start": 1_000, "current_period_end": 2_000,
    })
}

fn subscription() -> Value {
    json!({
        "id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active", "currency": "usd",
        "created": 900, "items": {"data": [item()]},
    })
}

const SUBSCRIPTION_NULLS: [&str; 7] =
    ["start_date", "cancel_at_period_end", "cancel_at", "canceled_at", "ended_at", "trial_start", "schedule"];

fn invoice() -> Value {
    json!({
        "id": "in_1", "object": "invoice", "created": 900, "currency": "usd", "amount_due": 1900, "amount_paid": 0,
        "lines": {"data": []},
    })
}

const INVOICE_NULLS: [&str; 9] = [
    "customer",
    "parent",
    "status",
    "billing_reason",
    "attempted",
    "payments",
    "status_transitions",
    "hosted_invoice_url",
    "description",
];

fn charge() -> Value {
    json!({
        "id": "ch_1", "object": "charge", "paid": true, "amount_captured": 1900, "amount_refunded": 300,
        "disputed": false, "created": 900,
    })
}

fn schedule() -> Value {
    json!({"id": "sub_sched_1", "object": "subscription_schedule", "phases": []})
}

#[test]
fn a_minimal_subscription_is_read_and_null_counts_as_missing() {
    for value in [subscription(), with_nulls(&subscription(), &SUBSCRIPTION_NULLS)] {
        let read = read_subscription(parse(&value)).unwrap();
        let stored = &read.subscription;
        assert_eq!((stored.stripe_id.as_str(), stored.status, read.is_status_known), ("sub_1", Status::Active, true));
        assert_eq!((stored.stripe_item_id.as_str(), stored.stripe_price_id.as_str()), ("si_1", "price_1"));
        assert_eq!((stored.quantity, stored.terms.price_cents, stored.terms.currency.as_str()), (1, 0, "usd"));
        assert_eq!((stored.started_at.as_second(), stored.current_period_end.as_second()), (900, 2_000));
        assert!(!stored.cancel_at_period_end && !stored.had_trial && stored.schedule.is_none());
        assert_eq!((stored.canceled_at, stored.ends_at, read.cancel_at), (None, None, None));
    }
}

#[test]
fn a_whole_subscription_is_read_with_all_its_items() {
    let price = json!({"id": "price_2", "unit_amount": 4900, "recurring": {"interval": "year", "interval_count": 1}});
    let second = json!({
        "id": "si_2", "price": price, "quantity": 3, "current_period_start": 1_100, "current_period_end": 2_200,
    });
    let nulls = with_nulls(&item(), &["quantity"]);
    let value = with(
        &subscription(),
        &json!({
            "customer": {"id": "cus_1", "object": "customer", "deleted": true}, "start_date": 950,
            "items": {"object": "list", "data": [nulls, second], "has_more": false}, "cancel_at_period_end": true,
            "cancel_at": 2_200, "canceled_at": 1_500, "trial_start": 950, "schedule": "sub_sched_1",
        }),
    );
    let object: Subscription = parse(&value);
    assert_eq!(object.customer, Id("cus_1".into()));
    let read = read_subscription(object).unwrap();
    let [first, second] = &read.items[..] else { panic!("two items") };
    assert_eq!((first.stripe_id.as_str(), first.quantity), ("si_1", 1));
    assert_eq!((second.stripe_price_id.as_str(), second.quantity, second.terms.unit_price_cents), ("price_2", 3, 4900));
    assert_eq!(second.terms.billing_period, Interval::Year);
    assert_eq!((second.current_period_start.as_second(), second.current_period_end.as_second()), (1_100, 2_200));
    let stored = read.resolve(|price| price == "price_2");
    assert!(stored.cancel_at_period_end && stored.had_trial);
    assert_eq!(stored.schedule.map(|schedule| schedule.stripe_id).as_deref(), Some("sub_sched_1"));
    assert_eq!((stored.ends_at.unwrap().as_second(), stored.canceled_at.unwrap().as_second()), (2_200, 1_500));
}

// A1
#[test]
fn a_subscription_and_an_invoice_in_any_currency_are_read() {
    for code in ["kwd", "bhd", "omr", "ghs", "hrk", "zzq"] {
        let currency = json!({"currency": code});
        let read = read_subscription(parse(&with(&subscription(), &currency))).unwrap();
        assert_eq!(read.subscription.terms.currency.as_str(), code);
        let paid = with(&invoice(), &json!({"currency": code, "status": "paid", "amount_paid": 19_000}));
        let read = reads::invoice(parse(&paid)).unwrap();
        assert_eq!((read.currency.as_str(), read.amount_paid_cents), (code, 19_000));
    }
    for code in ["", "KWD", "us", "dollar"] {
        let read = read_subscription(parse(&with(&subscription(), &json!({"currency": code}))));
        assert_eq!(read, Err(UnreadableError), "{code:?}");
    }
}

// A5
#[test]
fn a_subscription_of_an_unknown_status_is_read() {
    let of = |fields: Value| read_subscription(parse(&with(&subscription(), &fields))).unwrap();
    let unknown = of(json!({"status": "suspended_tomorrow"}));
    assert_eq!((unknown.is_status_known, unknown.subscription.status), (false, Status::Paused));
    let ended = of(json!({"status": "archived_tomorrow", "ended_at": 1_500}));
    assert_eq!((ended.is_status_known, ended.subscription.status), (true, Status::Canceled));
    for status in Status::ALL {
        let known = of(json!({"status": status.as_str()}));
        assert_eq!((known.is_status_known, known.subscription.status), (true, status));
    }
}

#[test]
fn an_unknown_interval_or_price_shape_keeps_a_subscription_readable() {
    for price in [
        json!({"id": "price_1", "recurring": null, "unit_amount": null, "metadata": null, "active": null}),
        json!({"id": "price_1", "recurring": {"interval": "fortnight"}}),
        json!({"id": "price_1", "recurring": "monthly", "metadata": "none"}),
    ] {
        let items = json!({"items": {"data": [with(&item(), &json!({"price": price}))]}});
        let read = read_subscription(parse(&with(&subscription(), &items))).unwrap();
        assert_eq!(read.subscription.terms.billing_period, Interval::Month);
    }
}

// A9
#[test]
fn every_interval_of_stripes_is_read_with_its_count() {
    for (name, interval) in
        [("day", Interval::Day), ("week", Interval::Week), ("month", Interval::Month), ("year", Interval::Year)]
    {
        for (count, wanted) in [(json!(1), 1), (json!(3), 3), (Value::Null, 1)] {
            let price =
                json!({"id": "price_1", "unit_amount": 700, "recurring": {"interval": name, "interval_count": count}});
            let items = json!({"items": {"data": [with(&item(), &json!({"price": price}))]}});
            let terms = read_subscription(parse(&with(&subscription(), &items))).unwrap().subscription.terms;
            assert_eq!((terms.billing_period, terms.interval_count, terms.unit_price_cents), (interval, wanted, 700));
        }
    }
}

// A9, A13
#[test]
fn unknown_discounts_and_fingerprints_keep_a_subscription_readable() {
    let of = |fields: Value| read_subscription(parse(&with(&subscription(), &fields))).unwrap();
    for discounts in [
        json!(null),
        json!([]),
        json!(["di_1"]),
        json!([{"id": "di_1", "source": null}]),
        json!([7]),
        json!([{"id": "di_1", "source": {"coupon": "co_unknown"}}]),
        json!([{"id": "di_1", "end": "soon", "source": {"coupon": {"id": "co_1", "percent_off": 5.0}}}]),
    ] {
        assert_eq!(of(json!({"discounts": discounts})).discounts, [], "{discounts}");
    }
    let known =
        json!([{"id": "di_1", "end": 7, "source": {"coupon": {"id": "co_1", "percent_off": null, "amount_off": 5}}}]);
    let [discount] = &of(json!({"discounts": known})).discounts[..] else { panic!("one discount") };
    assert_eq!((discount.amount_off_cents, discount.percent_off), (Some(5), None));
    for (method, wanted) in [
        (json!(null), None),
        (json!("pm_1"), None),
        (json!({"id": "pm_1"}), None),
        (json!({"id": "pm_1", "type": "link", "link": {}}), None),
        (json!({"id": "pm_1", "type": "card", "card": {"fingerprint": null}}), None),
        (json!({"id": "pm_1", "type": "card", "card": {"fingerprint": "f1"}}), Some("f1")),
        (json!({"id": "pm_1", "type": "sepa_debit", "sepa_debit": {"fingerprint": "f2"}}), Some("f2")),
    ] {
        assert_eq!(of(json!({"default_payment_method": method})).fingerprint.as_deref(), wanted, "{method}");
    }
}

#[test]
fn an_unreadable_item_does_not_affect_the_others() {
    let of = |items: Value| serde_json::from_value(with(&subscription(), &json!({"items": {"data": items}})));
    let bad = json!({"id": "si_0", "price": 7});
    for items in [json!([bad, item()]), json!([item(), bad]), json!([bad, item(), bad])] {
        let read = read_subscription(of(items).unwrap()).unwrap();
        assert_eq!((read.items.len(), read.subscription.stripe_item_id.as_str()), (1, "si_1"));
    }
    for none in [json!([]), json!([bad])] {
        assert_eq!(read_subscription(of(none).unwrap()), Err(UnreadableError));
    }
}

#[test]
fn a_subscription_without_a_required_field_is_unreadable() {
    for name in ["id", "customer", "status", "currency", "created", "items"] {
        assert!(!is_readable::<Subscription>(&with(&subscription(), &json!({name: null}))), "{name}");
        let mut value = subscription();
        value.as_object_mut().unwrap().remove(name);
        assert!(!is_readable::<Subscription>(&value), "{name}");
    }
    let never = with(&subscription(), &json!({"created": i64::MAX}));
    assert_eq!(read_subscription(parse(&never)), Err(UnreadableError));
}

#[test]
fn a_schedule_names_every_price_of_the_phase_that_follows() {
    let phase = |start: i64, prices: &[&str]| {
        let items: Vec<_> = prices.iter().map(|price| json!({"price": price, "quantity": 1})).collect();
        json!({"start_date": start, "end_date": start + 1_000, "items": items, "trial_end": null})
    };
    let next = |schedule: &Value| {
        let value = with(&subscription(), &json!({"schedule": schedule}));
        let read = read_subscription(parse(&value)).unwrap();
        (read.subscription.schedule.map(|schedule| schedule.stripe_id), read.next_price_ids)
    };
    let id = Some("sub_sched_1".to_owned());
    assert_eq!(next(&schedule()), (id.clone(), vec![]));
    assert_eq!(next(&with_nulls(&schedule(), &["current_phase"])), (id.clone(), vec![]));
    let current = json!({"start_date": 1_000, "end_date": 2_000});
    let phases = json!([phase(1_000, &["price_1"]), phase(2_000, &["price_of_an_add_on", "price_2"])]);
    let running = with(&schedule(), &json!({"current_phase": current, "phases": phases}));
    assert_eq!(next(&running), (id.clone(), vec!["price_of_an_add_on".to_owned(), "price_2".to_owned()]));
    let last = with(&running, &json!({"current_phase": {"start_date": 2_000, "end_date": 3_000}}));
    assert_eq!(next(&last), (id.clone(), vec![]));
    assert_eq!(next(&json!({"id": "sub_sched_1", "phases": "of another shape"})), (id, vec![]));
}

#[test]
fn a_minimal_invoice_is_read_and_null_counts_as_missing() {
    for value in [invoice(), with_nulls(&invoice(), &INVOICE_NULLS)] {
        let read = reads::invoice(parse(&value)).unwrap();
        assert_eq!((read.stripe_id.as_str(), read.status), ("in_1", InvoiceStatus::Draft));
        assert_eq!((read.amount_due_cents, read.amount_paid_cents), (1900, 0));
        assert_eq!((read.stripe_subscription_id, read.invoice_url, read.description), (None, None, None));
        assert_eq!((read.is_renewal, read.attempted, read.paid_at), (false, false, None));
        assert!(read.stripe_price_ids.is_empty() && read.payment_intents.is_empty());
    }
    for name in ["created", "currency", "amount_due", "amount_paid", "lines"] {
        assert!(!is_readable::<Invoice>(&with(&invoice(), &json!({name: null}))), "{name}");
    }
    assert_eq!(reads::invoice(parse(&with(&invoice(), &json!({"id": null})))), Err(UnreadableError), "a preview");
}

#[test]
fn a_whole_invoice_is_read() {
    let line = |amount: i64, price: &str| {
        let pricing = json!({"type": "price_details", "price_details": {"price": price, "product": "prod_1"}});
        json!({"id": "il_1", "amount": amount, "description": format!("for {price}"), "pricing": pricing})
    };
    let paid =
        |intent: Value| json!({"id": "inpay_1", "payment": {"type": "payment_intent", "payment_intent": intent}});
    let lines = json!([
        line(-900, "price_1"),
        line(4900, "price_2"),
        {"amount": 100, "description": null, "pricing": null},
        {"amount": 50, "pricing": "of another shape"},
        {"amount": "unreadable"},
    ]);
    let payments = json!([
        paid(json!("pi_1")),
        paid(json!({"id": "pi_2", "status": "succeeded"})),
        paid(Value::Null),
        {"id": "inpay_4", "amount_paid": null, "payment": {"type": "charge", "charge": "ch_1"}},
        {"id": "inpay_5"},
    ]);
    let value = with(
        &invoice(),
        &json!({
            "customer": "cus_1", "status": "paid", "billing_reason": "subscription_cycle", "attempted": true,
            "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}},
            "lines": {"data": lines}, "payments": {"data": payments}, "status_transitions": {"paid_at": 950},
            "hosted_invoice_url": "https://pay.example/in_1",
        }),
    );
    let read = reads::invoice(parse(&value)).unwrap();
    assert_eq!(read.stripe_price_ids, ["price_2", "price_1"], "charges before credits");
    assert_eq!(read.payment_intents, ["pi_1", "pi_2"]);
    assert_eq!(read.stripe_subscription_id.as_deref(), Some("sub_1"));
    assert_eq!((read.status, read.is_renewal, read.attempted), (InvoiceStatus::Paid, true, true));
    assert_eq!((read.paid_at.unwrap().as_second(), read.description.as_deref()), (950, Some("for price_2")));
    let invoice = reads::invoice(parse(&with(&value, &json!({"description": "Pro"})))).unwrap();
    assert_eq!(invoice.description.as_deref(), Some("Pro"));
}

#[test]
fn an_invoice_of_unknown_status_is_skipped_and_any_reason_is_accepted() {
    let of = |fields: Value| reads::invoice(parse(&with(&invoice(), &fields)));
    assert_eq!(of(json!({"status": "escrowed_tomorrow"})), Err(UnreadableError));
    assert!(!of(json!({"billing_reason": "whim", "status": "open"})).unwrap().is_renewal);
    for (name, status) in [
        ("draft", InvoiceStatus::Draft),
        ("open", InvoiceStatus::Open),
        ("paid", InvoiceStatus::Paid),
        ("uncollectible", InvoiceStatus::Uncollectible),
        ("void", InvoiceStatus::Void),
    ] {
        assert_eq!(of(json!({"status": name})).unwrap().status, status);
    }
}

#[test]
fn a_charge_is_read_with_the_payment_intent_that_it_is_for() {
    assert_eq!(reads::charge(parse(&charge())), Ok(None), "for no invoice");
    assert_eq!(reads::charge(parse(&with_nulls(&charge(), &["customer", "payment_intent"]))), Ok(None));
    for intent in [json!("pi_1"), json!({"id": "pi_1", "status": "a_status_of_tomorrow"})] {
        let of_intent = with(&charge(), &json!({"payment_intent": intent, "customer": "cus_1"}));
        let read = reads::charge(parse(&of_intent)).unwrap().unwrap();
        assert_eq!((read.payment_intent.as_str(), read.paid_cents, read.refunded_cents), ("pi_1", 1900, 300));
        assert_eq!((read.stripe_id.as_str(), read.is_debit, read.dispute), ("ch_1", false, None));
    }
    for name in ["id", "paid", "amount_captured", "amount_refunded", "disputed", "created"] {
        assert!(!is_readable::<Charge>(&with(&charge(), &json!({name: null}))), "{name}: 0 would be another amount");
    }
    assert!(is_readable::<ChargeCustomer>(&json!({"customer": null})) && is_readable::<ChargeCustomer>(&json!({})));
    assert_eq!(parse::<ChargeCustomer>(&json!({"customer": {"id": "cus_1"}})).customer, Some(Id("cus_1".into())));
}

// A4
#[test]
fn a_charge_is_pending_failed_or_paid_regardless_of_other_fields() {
    let status = |fields: Value| {
        let charge = with(&with(&charge(), &json!({"payment_intent": "pi_1"})), &fields);
        reads::charge(parse(&charge)).unwrap().unwrap().status
    };
    for (name, paid, wanted) in [
        ("pending", false, ChargeStatus::Pending),
        ("failed", false, ChargeStatus::Failed),
        ("succeeded", true, ChargeStatus::Succeeded),
        ("a_status_of_tomorrow", true, ChargeStatus::Succeeded),
        ("a_status_of_tomorrow", false, ChargeStatus::Failed),
    ] {
        assert_eq!(status(json!({"status": name, "paid": paid})), wanted, "{name}");
    }
    assert_eq!(status(json!({"status": null, "paid": false})), ChargeStatus::Failed);
    let is_debit = |kind: &str| {
        let fields = json!({"payment_intent": "pi_1", "payment_method_details": {"type": kind}});
        reads::charge(parse(&with(&charge(), &fields))).unwrap().unwrap().is_debit
    };
    for kind in ["sepa_debit", "us_bank_account", "bacs_debit", "acss_debit", "nz_bank_account"] {
        assert!(is_debit(kind), "{kind}");
    }
    assert!(!is_debit("card") && !is_debit("link"));
}

#[test]
fn a_refund_or_a_dispute_is_read_with_its_charge() {
    for nothing in [json!({"id": "re_1"}), with_nulls(&json!({"id": "re_1"}), &["charge"])] {
        assert!(parse::<Refund>(&nothing).charge.is_none());
    }
    let charged = parse::<Refund>(&json!({"id": "re_1", "charge": charge()})).charge.unwrap();
    assert!(charged.id == "ch_1" && charged.object.is_some());
    let unread = parse::<Refund>(&json!({"id": "re_1", "charge": {"id": "ch_1", "paid": "perhaps"}})).charge.unwrap();
    assert!(unread.id == "ch_1" && unread.object.is_none());
    let disputed = parse::<Dispute>(&json!({"id": "dp_1", "status": "won", "charge": charge()}));
    assert!(disputed.charge.is_some_and(|charge| charge.object.is_some()));
}

// A11
#[test]
fn a_dispute_is_open_until_stripe_says_that_it_was_won_or_lost() {
    let of = |status: &str| reads::dispute(&parse(&json!({"id": "dp_1", "status": status})));
    for status in ["needs_response", "under_review", "warning_needs_response", "a_status_of_tomorrow"] {
        assert_eq!(of(status), billing::Dispute::Open, "{status}");
    }
    for status in ["won", "warning_closed", "prevented"] {
        assert_eq!(of(status), billing::Dispute::Won, "{status}");
    }
    assert_eq!(of("lost"), billing::Dispute::Lost);
}

#[test]
fn the_smaller_objects_are_read_in_their_minimal_form_and_with_nulls() {
    let customer = json!({"id": "cus_1"});
    for value in [&customer, &with_nulls(&customer, &["metadata"]), &with(&customer, &json!({"metadata": [1]}))] {
        assert!(parse::<Customer>(value).metadata.is_empty());
    }
    let price = json!({"id": "price_1"});
    for value in [&price, &with_nulls(&price, &["active", "unit_amount", "recurring", "metadata"])] {
        let read: Price = parse(value);
        assert!(read.active.is_none() && read.unit_amount.is_none() && read.recurring.is_none());
    }
    let product = json!({"id": "prod_1", "name": "Pro", "active": true});
    assert!(is_readable::<Product>(&with_nulls(&product, &["description", "default_price"])));
    let session = json!({"id": "cs_1"});
    for value in [&session, &with_nulls(&session, &["url", "status", "metadata"])] {
        let read: CheckoutSession = parse(value);
        assert!(read.url.is_none() && read.status.is_none() && read.metadata.is_empty());
    }
    let payment = json!({"id": "inpay_1", "payment": {}});
    for value in [&payment, &with_nulls(&payment, &["amount_paid"])] {
        assert!(parse::<InvoicePayment>(value).payment.payment_intent.is_none());
    }
    for value in [json!({}), with_nulls(&json!({}), &["cancel_at", "pending_update", "latest_invoice"])] {
        let read: ChangedSubscription = parse(&value);
        assert!(read.cancel_at.is_none() && read.pending_update.is_none() && read.latest_invoice.is_none());
    }
    let waiting: ChangedSubscription = parse(&json!({"pending_update": {"expires_at": 1}, "latest_invoice": "in_1"}));
    assert!(waiting.pending_update.is_some() && waiting.latest_invoice.unwrap().id == "in_1");
    assert_eq!(parse::<PortalSession>(&with_nulls(&json!({"url": "https://x"}), &[])).url, "https://x");
    assert!(is_readable::<SubscriptionSchedule>(&with_nulls(&schedule(), &["current_phase"])));
}

#[test]
fn an_id_is_read_from_an_object_or_a_plain_id() {
    for value in [json!("in_1"), json!({"id": "in_1", "deleted": true})] {
        assert_eq!(parse::<Id>(&value), Id("in_1".into()));
        assert!(parse::<Expandable<Invoice>>(&value).object.is_none());
    }
    assert!(parse::<Expandable<Invoice>>(&invoice()).object.is_some());
    for other in [json!(null), json!(1), json!(["in_1"]), json!({"object": "invoice"}), json!({"id": 1})] {
        assert!(!is_readable::<Id>(&other) && !is_readable::<Expandable<Invoice>>(&other), "{other}");
    }
}
