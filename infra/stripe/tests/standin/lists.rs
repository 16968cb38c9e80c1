//! Lists for whoever looks for what they did not hear of: refunds, disputes, charges, invoices. What is found by a name.

use crate::play::{DAY, PAYS, Play, REFUSED_LATER, text};
use tollgate_stripe_standin::DeskError;

const MOMENT: &str = "2026-01-10T08:00:00Z";

#[tokio::test]
async fn what_was_made_since_a_moment_is_found_without_a_customer() {
    let play = Play::at(MOMENT);
    let mut before = 0;
    for _ in 0..2 {
        play.pass(DAY);
        before = play.now();
        let (_, subscription) = play.subscriber(PAYS, "").await;
        let invoice = text(&play.latest_invoice(&subscription).await["id"]);
        play.stripe.refund(&invoice, Some(100)).unwrap();
        play.stripe.dispute(&invoice).unwrap();
        assert!(matches!(play.stripe.refund(&invoice, None), Err(DeskError::Refused(_))), "it is charged back");
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
        let all = play.get(kind).await.ids();
        assert_eq!(all.len(), 2, "{kind}");
        for filter in
            [format!("created[gte]={before}"), format!("created={before}"), format!("created[gt]={}", before - 1)]
        {
            assert_eq!(play.get(&format!("{kind}?{filter}")).await.ids(), all[..1], "{kind} {filter}");
        }
        let next = play.get(&format!("{kind}?limit=1&starting_after={}", all[0])).await;
        assert_eq!((next.ids(), &next.body["has_more"]), (all[1..].to_vec(), &false.into()), "{kind}");
    }
}

#[tokio::test]
async fn a_charge_is_found_by_its_customer_and_its_invoice_by_its_payment() {
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(PAYS, "").await;
    play.subscriber(PAYS, "").await;
    let invoice = text(&play.latest_invoice(&subscription).await["id"]);
    let charges = play.get(&format!("charges?customer={customer}")).await;
    assert_eq!(charges.ids().len(), 1);
    let intent = text(&charges.body["data"][0]["payment_intent"]);
    let payments =
        play.get(&format!("invoice_payments?payment[type]=payment_intent&payment[payment_intent]={intent}")).await;
    assert_eq!((payments.ids().len(), text(&payments.body["data"][0]["invoice"])), (1, invoice.clone()));
    let invoices = play.get(&format!("invoices?customer={customer}&expand[]=data.payments")).await;
    assert_eq!(invoices.body["data"][0]["payments"]["data"][0]["id"], payments.ids()[0]);
    assert_eq!(play.get(&format!("invoices/{invoice}")).await.body.get("payments"), None);
}

#[tokio::test]
async fn a_dispute_stands_beside_its_charge_and_is_made_once() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let invoice = text(&play.latest_invoice(&subscription).await["id"]);
    let dispute = play.stripe.dispute(&invoice).unwrap();
    assert!(matches!(play.stripe.dispute(&invoice), Err(DeskError::Refused(_))));
    let event = play.get("events?type=charge.dispute.created").await.body["data"][0].clone();
    assert_eq!(event["data"]["object"], dispute);
    let charge = play.get(&format!("charges/{}", text(&dispute["charge"]))).await.body;
    assert_eq!((&charge["disputed"], &charge["amount"]), (&true.into(), &dispute["amount"]));
    for filter in ["charge", "payment_intent"] {
        let found = play.get(&format!("disputes?{filter}={}", text(&dispute[filter]))).await;
        assert_eq!(found.ids(), [text(&dispute["id"])]);
        assert!(play.get(&format!("disputes?{filter}=none")).await.ids().is_empty());
    }
}

#[tokio::test]
async fn a_filter_that_a_list_does_not_have_is_refused() {
    let play = Play::at(MOMENT);
    for list in ["customers?active=true", "refunds?customer=cus_1", "charges?charge=ch_1", "disputes?status=won"] {
        let refused = play.get(list).await;
        assert_eq!((refused.status, refused.code()), (400, "parameter_unknown"), "{list}");
    }
}

#[tokio::test]
async fn what_names_an_object_is_found_by_it_whatever_happened_and_after_a_restart() {
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
    let play = Play::at(MOMENT);
    for card in [PAYS, REFUSED_LATER] {
        let (_, subscription) = play.subscriber(card, "").await;
        play.post("subscription_schedules", &[("from_subscription", &subscription)]).await;
        let invoice = text(&play.latest_invoice(&subscription).await["id"]);
        play.stripe.refund(&invoice, Some(100)).unwrap();
        play.stripe.dispute(&invoice).unwrap();
    }
    play.pass(40 * DAY);
    let play = play.again();
    for (list, name, field) in NAMES {
        let all = play.get(&format!("{list}?limit=100")).await.body["data"].as_array().unwrap().clone();
        assert!(all.len() >= 2, "{list}");
        for named in all.iter().map(|object| text(object.pointer(field).unwrap())) {
            let names_it = all.iter().filter(|object| object.pointer(field) == Some(&named.as_str().into()));
            let wanted: Vec<_> = names_it.map(|object| text(&object["id"])).collect();
            assert_eq!(play.get(&format!("{list}?limit=100&{name}={named}")).await.ids(), wanted, "{list} {name}");
        }
    }
}

#[tokio::test]
async fn who_subscribes_at_the_dashboard_has_what_a_checkout_gives() {
    let play = Play::at(MOMENT);
    let price = play.price("Pro", "1900", "month").await;
    let customer = text(&play.stripe.create_customer("ann@example.com")["id"]);
    let subscription = play.stripe.subscribe(&customer, &price, REFUSED_LATER).unwrap();
    let id = text(&subscription["id"]);
    assert_eq!((&subscription["status"], play.price_of(&id).await), (&"active".into(), price.clone()));
    assert_eq!(play.latest_invoice(&id).await["status"], "paid");
    for kind in ["customer.created", "customer.subscription.created", "invoice.paid", "charge.succeeded"] {
        assert!(play.told().iter().any(|told| told == kind), "{kind}");
    }
    play.pass(31 * DAY);
    assert_eq!(play.subscription(&id).await["status"], "past_due", "by its card");
    play.stripe.cancel_at_period_end(&id).unwrap();
    play.pass(31 * DAY);
    assert!(matches!(play.stripe.cancel_at_period_end(&id), Err(DeskError::Refused(_))));
    assert_eq!(play.stripe.subscribe(&customer, "price_none", PAYS), Err(DeskError::NotFound));
    assert_eq!(play.stripe.subscribe("cus_none", &price, PAYS), Err(DeskError::NotFound));
}
