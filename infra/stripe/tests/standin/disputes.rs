//! Disputes and credit notes.

use crate::play::{PAYS, Play, text};
use serde_json::json;

const MOMENT: &str = "2026-03-01T00:00:00Z";

#[tokio::test]
async fn a_dispute_that_was_won_leaves_its_charge_marked_and_refundable() {
    for (is_won, status, refunded) in [(true, "won", 200), (false, "lost", 400)] {
        let play = Play::at(MOMENT);
        let (_, subscription) = play.subscriber(PAYS, "").await;
        let invoice = text(&play.latest_invoice(&subscription).await["id"]);
        let dispute = play.stripe.dispute(&invoice).unwrap();
        let (id, charge) = (text(&dispute["id"]), text(&dispute["charge"]));
        let refund = async || play.post("refunds", &[("charge", charge.as_str()), ("amount", "100")]).await;
        assert_eq!((refund().await.status, refund().await.code()), (400, "charge_disputed"));
        assert!(play.stripe.dispute(&invoice).is_err());
        play.stripe.close_dispute(&id, is_won).unwrap();
        assert_eq!(play.told().last().unwrap(), "charge.dispute.closed");
        assert_eq!(play.get(&format!("disputes/{id}")).await.body["status"], status);
        assert_eq!(play.get(&format!("charges/{charge}")).await.body["disputed"], true);
        assert_eq!(refund().await.status, refunded);
        assert!(play.stripe.close_dispute(&id, is_won).is_err());
    }
    assert!(Play::at(MOMENT).stripe.close_dispute("du_none", true).is_err());
}

#[tokio::test]
async fn a_credit_note_refunds_and_is_counted_by_its_invoice() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let invoice = text(&play.latest_invoice(&subscription).await["id"]);
    let note = play.stripe.credit(&invoice, Some(500)).unwrap();
    assert_eq!((&note["amount"], &note["post_payment_amount"]), (&json!(500), &json!(500)));
    assert_eq!(play.get(&format!("credit_notes?invoice={invoice}")).await.ids(), [text(&note["id"])]);
    assert_eq!(play.latest_invoice(&subscription).await["post_payment_credit_notes_amount"], 500);
    assert_eq!(play.get("refunds").await.body["data"][0]["amount"], 500);
    assert!(play.stripe.credit(&invoice, Some(1401)).is_err());
    assert!(play.stripe.credit("in_none", None).is_err());
}
