//! Lists for reconciliation: refunds, disputes, charges, invoices. Lookups by name.

use crate::harness::{DAY, Harness, PAYS, REFUSED_LATER, text};
use tollgate_fake_stripe::ControlError;

const MOMENT: &str = "2026-01-10T08:00:00Z";

#[tokio::test]
async fn objects_are_listed_by_creation_time_without_a_customer_filter() {
    let harness = Harness::at(MOMENT);
    let mut before = 0;
    for _ in 0..2 {
        harness.pass(DAY);
        before = harness.now();
        let (_, subscription) = harness.subscriber(PAYS, "").await;
        let invoice = text(&harness.latest_invoice(&subscription).await["id"]);
        harness.stripe.refund(&invoice, Some(100)).unwrap();
        harness.stripe.dispute(&invoice).unwrap();
        assert!(matches!(harness.stripe.refund(&invoice, None), Err(ControlError::Refused(_))), "it is charged back");
    }
    for kind in [
        "products",
        "prices",
        "customers",
        "subscriptions",
        "invoices",
        "invoice_payments",
        "charges",
        "refunds",
        "disputes",
    ] {
        let all = harness.get(kind).await.ids();
        assert_eq!(all.len(), 2, "{kind}");
        for filter in
            [format!("created[gte]={before}"), format!("created={before}"), format!("created[gt]={}", before - 1)]
        {
            assert_eq!(harness.get(&format!("{kind}?{filter}")).await.ids(), all[..1], "{kind} {filter}");
        }
        let next = harness.get(&format!("{kind}?limit=1&starting_after={}", all[0])).await;
        assert_eq!((next.ids(), &next.body["has_more"]), (all[1..].to_vec(), &false.into()), "{kind}");
    }
}

#[tokio::test]
async fn a_charge_is_found_by_its_customer_and_its_invoice_by_its_payment() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(PAYS, "").await;
    harness.subscriber(PAYS, "").await;
    let invoice = text(&harness.latest_invoice(&subscription).await["id"]);
    let charges = harness.get(&format!("charges?customer={customer}")).await;
    assert_eq!(charges.ids().len(), 1);
    let intent = text(&charges.body["data"][0]["payment_intent"]);
    let payments =
        harness.get(&format!("invoice_payments?payment[type]=payment_intent&payment[payment_intent]={intent}")).await;
    assert_eq!((payments.ids().len(), text(&payments.body["data"][0]["invoice"])), (1, invoice.clone()));
    let invoices = harness.get(&format!("invoices?customer={customer}&expand[]=data.payments")).await;
    assert_eq!(invoices.body["data"][0]["payments"]["data"][0]["id"], payments.ids()[0]);
    assert_eq!(harness.get(&format!("invoices/{invoice}")).await.body.get("payments"), None);
}

#[tokio::test]
async fn a_dispute_is_linked_to_its_charge_and_created_once() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let invoice = text(&harness.latest_invoice(&subscription).await["id"]);
    let dispute = harness.stripe.dispute(&invoice).unwrap();
    assert!(matches!(harness.stripe.dispute(&invoice), Err(ControlError::Refused(_))));
    let event = harness.get("events?type=charge.dispute.created").await.body["data"][0].clone();
    assert_eq!(event["data"]["object"], dispute);
    let charge = harness.get(&format!("charges/{}", text(&dispute["charge"]))).await.body;
    assert_eq!((&charge["disputed"], &charge["amount"]), (&true.into(), &dispute["amount"]));
    for filter in ["charge", "payment_intent"] {
        let found = harness.get(&format!("disputes?{filter}={}", text(&dispute[filter]))).await;
        assert_eq!(found.ids(), [text(&dispute["id"])]);
        assert!(harness.get(&format!("disputes?{filter}=none")).await.ids().is_empty());
    }
}

#[tokio::test]
async fn a_filter_that_a_list_does_not_have_is_refused() {
    let harness = Harness::at(MOMENT);
    for list in ["customers?active=true", "refunds?customer=cus_1", "charges?charge=ch_1", "disputes?status=won"] {
        let refused = harness.get(list).await;
        assert_eq!((refused.status, refused.code()), (400, "parameter_unknown"), "{list}");
    }
}

#[tokio::test]
async fn objects_are_found_by_reference_after_every_change_and_a_restart() {
    const NAMES: &[(&str, &str, &str)] = &[
        ("prices", "product", "/product"),
        ("checkout/sessions", "customer", "/customer"),
        ("checkout/sessions", "subscription", "/subscription"),
        ("subscriptions", "customer", "/customer"),
        ("subscription_schedules", "customer", "/customer"),
        ("invoices", "customer", "/customer"),
        ("invoices", "subscription", "/parent/subscription_details/subscription"),
        ("invoice_payments", "invoice", "/invoice"),
        ("invoice_payments", "payment[payment_intent]", "/payment/payment_intent"),
        ("payment_intents", "customer", "/customer"),
        ("charges", "customer", "/customer"),
        ("charges", "payment_intent", "/payment_intent"),
        ("refunds", "charge", "/charge"),
        ("disputes", "payment_intent", "/payment_intent"),
    ];
    let harness = Harness::at(MOMENT);
    for card in [PAYS, REFUSED_LATER] {
        let (_, subscription) = harness.subscriber(card, "").await;
        harness.post("subscription_schedules", &[("from_subscription", &subscription)]).await;
        let invoice = text(&harness.latest_invoice(&subscription).await["id"]);
        harness.stripe.refund(&invoice, Some(100)).unwrap();
        harness.stripe.dispute(&invoice).unwrap();
    }
    harness.pass(40 * DAY);
    let harness = harness.again();
    for (list, name, field) in NAMES {
        let all = harness.get(&format!("{list}?limit=100")).await.body["data"].as_array().unwrap().clone();
        assert!(all.len() >= 2, "{list}");
        for named in all.iter().map(|object| text(object.pointer(field).unwrap())) {
            let names_it = all.iter().filter(|object| object.pointer(field) == Some(&named.as_str().into()));
            let requested: Vec<_> = names_it.map(|object| text(&object["id"])).collect();
            assert_eq!(
                harness.get(&format!("{list}?limit=100&{name}={named}")).await.ids(),
                requested,
                "{list} {name}"
            );
        }
    }
}

#[tokio::test]
async fn a_dashboard_subscription_equals_one_from_checkout() {
    let harness = Harness::at(MOMENT);
    let price = harness.price("Pro", "1900", "month").await;
    let customer = text(&harness.stripe.create_customer("ann@example.com")["id"]);
    let subscription = harness.stripe.subscribe(&customer, &price, REFUSED_LATER).unwrap();
    let id = text(&subscription["id"]);
    assert_eq!((&subscription["status"], harness.price_of(&id).await), (&"active".into(), price.clone()));
    assert_eq!(harness.latest_invoice(&id).await["status"], "paid");
    for kind in ["customer.created", "customer.subscription.created", "invoice.paid", "charge.succeeded"] {
        assert!(harness.event_types().iter().any(|event_types| event_types == kind), "{kind}");
    }
    harness.pass(31 * DAY);
    assert_eq!(harness.subscription(&id).await["status"], "past_due", "by its card");
    harness.stripe.cancel_at_period_end(&id).unwrap();
    harness.pass(31 * DAY);
    assert!(matches!(harness.stripe.cancel_at_period_end(&id), Err(ControlError::Refused(_))));
    assert_eq!(harness.stripe.subscribe(&customer, "price_none", PAYS), Err(ControlError::NotFound));
    assert_eq!(harness.stripe.subscribe("cus_none", &price, PAYS), Err(ControlError::NotFound));
}
