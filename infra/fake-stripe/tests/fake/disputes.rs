//! Disputes and credit notes.

use crate::harness::{Harness, PAYS, text};
use serde_json::json;

const MOMENT: &str = "2026-03-01T00:00:00Z";

#[tokio::test]
async fn a_won_dispute_keeps_its_charge_disputed_and_refundable() {
    for (is_won, status, refunded) in [(true, "won", 200), (false, "lost", 400)] {
        let harness = Harness::at(MOMENT);
        let (_, subscription) = harness.subscriber(PAYS, "").await;
        let invoice = text(&harness.latest_invoice(&subscription).await["id"]);
        let dispute = harness.stripe.dispute(&invoice).unwrap();
        let (id, charge) = (text(&dispute["id"]), text(&dispute["charge"]));
        let refund = async || harness.post("refunds", &[("charge", charge.as_str()), ("amount", "100")]).await;
        assert_eq!((refund().await.status, refund().await.code()), (400, "charge_disputed"));
        assert!(harness.stripe.dispute(&invoice).is_err());
        harness.stripe.close_dispute(&id, is_won).unwrap();
        assert_eq!(harness.event_types().last().unwrap(), "charge.dispute.closed");
        assert_eq!(harness.get(&format!("disputes/{id}")).await.body["status"], status);
        assert_eq!(harness.get(&format!("charges/{charge}")).await.body["disputed"], true);
        assert_eq!(refund().await.status, refunded);
        assert!(harness.stripe.close_dispute(&id, is_won).is_err());
    }
    assert!(Harness::at(MOMENT).stripe.close_dispute("du_none", true).is_err());
}

#[tokio::test]
async fn a_credit_note_refunds_and_is_counted_by_its_invoice() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let invoice = text(&harness.latest_invoice(&subscription).await["id"]);
    let note = harness.stripe.credit(&invoice, Some(500)).unwrap();
    assert_eq!((&note["amount"], &note["post_payment_amount"]), (&json!(500), &json!(500)));
    assert_eq!(harness.get(&format!("credit_notes?invoice={invoice}")).await.ids(), [text(&note["id"])]);
    assert_eq!(harness.latest_invoice(&subscription).await["post_payment_credit_notes_amount"], 500);
    assert_eq!(harness.get("refunds").await.body["data"][0]["amount"], 500);
    assert!(harness.stripe.credit(&invoice, Some(1401)).is_err());
    assert!(harness.stripe.credit("in_none", None).is_err());
}
