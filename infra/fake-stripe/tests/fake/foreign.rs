//! Objects of another application in the same account.

use crate::harness::{DAY, Harness, PAYS, text};
use serde_json::{Map, Value, json};
use tollgate_fake_stripe::Foreign;

const MOMENT: &str = "2026-03-01T00:00:00Z";

/// An object without the links, which differ on each read.
fn without_links(mut object: Value) -> Value {
    for name in ["hosted_invoice_url", "invoice_pdf"] {
        if let Some(object) = object.as_object_mut() {
            object.remove(name);
        }
    }
    object
}

fn foreign(kind: &str, fields: Value) -> Foreign {
    let fields = fields.as_object().cloned().unwrap_or_else(Map::new);
    Foreign { kind: kind.to_owned(), fields }
}

#[tokio::test]
async fn a_foreign_object_is_listed_fetched_and_sent_in_events_unchanged() {
    for (kind, path, event) in [
        ("product", "products", "product.created"),
        ("price", "prices", "price.created"),
        ("customer", "customers", "customer.created"),
        ("subscription", "subscriptions", "customer.subscription.created"),
        ("invoice", "invoices", "invoice.created"),
        ("charge", "charges", "charge.succeeded"),
        ("refund", "refunds", "refund.created"),
        ("dispute", "disputes", "charge.dispute.created"),
    ] {
        let harness = Harness::at(MOMENT);
        let fields = json!({"currency": "hrk", "status": "unheard_of", "metadata": null, "surprise": [1]});
        let made = harness.stripe.make_foreign(foreign(kind, fields)).unwrap();
        let id = text(&made["id"]);
        let read = harness.get(&format!("{path}/{id}")).await.body;
        assert_eq!(without_links(read), without_links(made.clone()), "{kind}");
        assert_eq!((&made["currency"], &made["metadata"]), (&json!("hrk"), &Value::Null));
        assert_eq!(harness.event_types(), [event], "{kind}");
        let query = if kind == "subscription" { "?status=all" } else { "" };
        assert!(harness.get(&format!("{path}{query}")).await.ids().contains(&id), "{kind}");
        harness.stripe.make_foreign(foreign("cat", json!({}))).unwrap_err();
    }
}

#[tokio::test]
async fn a_foreign_object_without_references_is_listed() {
    let harness = Harness::at(MOMENT);
    let (customer, _) = harness.subscriber(PAYS, "").await;
    for schedule in [json!("sub_sched_none"), json!(7), json!([null]), json!({"id": 7})] {
        harness
            .stripe
            .make_foreign(foreign("subscription", json!({"customer": customer, "schedule": schedule})))
            .unwrap();
    }
    let listed = harness.get("subscriptions?status=all&expand[]=data.schedule").await;
    assert_eq!((listed.status, listed.ids().len()), (200, 5));
}

#[tokio::test]
async fn a_foreign_invoice_is_listed_with_the_customers_and_never_changed() {
    let harness = Harness::at(MOMENT);
    let (customer, _) = harness.subscriber(PAYS, "").await;
    let of_it =
        json!({"customer": customer, "status": "open", "currency": "hrk", "next_payment_attempt": harness.now() + 1});
    let made = harness.stripe.make_foreign(foreign("invoice", of_it)).unwrap();
    assert_eq!(harness.get(&format!("invoices?customer={customer}")).await.ids().len(), 2);
    harness.pass(31 * DAY);
    let read = harness.get(&format!("invoices/{}", text(&made["id"]))).await.body;
    assert_eq!(without_links(read), without_links(made));
    let status = json!({"customer": customer, "status": "trialing", "items": {"data": []}});
    let made = harness.stripe.make_foreign(foreign("subscription", status)).unwrap();
    harness.pass(31 * DAY);
    assert_eq!(harness.get(&format!("subscriptions/{}", text(&made["id"]))).await.body, made);
    assert_eq!(harness.delete(&format!("customers/{customer}")).await.status, 200);
}
