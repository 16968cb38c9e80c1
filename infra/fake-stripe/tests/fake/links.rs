//! An invoice's links, which differ on each read.

use crate::harness::{Harness, PAYS, text};
use http::StatusCode;
use tollgate_fake_stripe::Listed;

const MOMENT: &str = "2026-03-01T00:00:00Z";

#[tokio::test]
async fn the_links_of_an_invoice_carry_the_second_of_the_read() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let id = text(&harness.latest_invoice(&subscription).await["id"]);
    let paths = [
        format!("invoices/{id}"),
        format!("invoices?subscription={subscription}"),
        format!("subscriptions/{subscription}?expand[]=latest_invoice"),
    ];
    for path in paths {
        let mut links = Vec::new();
        for _ in 0..2 {
            harness.pass(1);
            let body = harness.get(&path).await.body;
            let places = [&body, &body["data"][0], &body["latest_invoice"]];
            let invoice = places.into_iter().find(|it| it["hosted_invoice_url"].is_string()).unwrap();
            for name in ["hosted_invoice_url", "invoice_pdf"] {
                let link = text(&invoice[name]);
                assert!(link.ends_with(&format!("?s={}", harness.now())), "{link}");
                links.push(link);
            }
        }
        assert!(links[0] != links[2] && links[1] != links[3], "{links:?}");
    }
    // All of them lead to the same pages.
    let link = text(&harness.latest_invoice(&subscription).await["hosted_invoice_url"]);
    let page = link.strip_prefix("https://pay.example/").unwrap();
    assert_eq!(harness.page(page).await.0, StatusCode::OK);
    assert_eq!(harness.page(&format!("invoice/{id}/pdf?s=1")).await.0, StatusCode::OK);
    assert_eq!(harness.page("invoice/in_none/pdf").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_event_carries_the_link_of_its_second_and_keeps_it() {
    let harness = Harness::at(MOMENT);
    harness.subscriber(PAYS, "").await;
    let made = format!("?s={}", harness.now());
    harness.pass(60);
    let event_types = harness.stripe.list(Listed::Events);
    let paid = event_types.iter().find(|event| event["type"] == "invoice.paid").unwrap();
    assert!(text(&paid["data"]["object"]["hosted_invoice_url"]).ends_with(&made));
    let listed = harness.get("events?type=invoice.paid").await.body;
    assert!(text(&listed["data"][0]["data"]["object"]["hosted_invoice_url"]).ends_with(&made));
}
