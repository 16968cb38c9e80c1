//! A subscription that changes to another price, paid for at once.

use crate::harness::{ASKS_LATER, DAY, Harness, PAYS, REFUSED_LATER, at, text};
use serde_json::{Value, json};

const MOMENT: &str = "2026-03-01T00:00:00Z";
const INVOICED: [(&str, &str); 1] = [("proration_behavior", "always_invoice")];

/// The lines of an invoice: their texts, their amounts, whether they are prorations.
pub fn lines(invoice: &Value) -> Vec<(String, i64, bool)> {
    let all = invoice["lines"]["data"].as_array().unwrap();
    let line = |line: &Value| {
        assert_eq!(line["invoice"], invoice["id"]);
        let is_proration = line["parent"]["subscription_item_details"]["proration"] == true;
        (text(&line["description"]), line["amount"].as_i64().unwrap(), is_proration)
    };
    all.iter().map(line).collect()
}

#[tokio::test]
async fn a_higher_price_costs_the_prorated_difference_by_the_second() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let team = harness.price("Team", "4900", "month").await;
    let bought = harness.latest_invoice(&subscription).await;
    harness.pass_to("2026-03-11T00:00:00Z");
    let before = harness.subscription(&subscription).await;
    let event_types = harness.event_types().len();
    let changed = harness.change(&subscription, &team, &INVOICED).await;
    assert_eq!((changed.status, harness.price_of(&subscription).await), (200, team));
    let (was, is) = (&before["items"]["data"][0], &changed.body["items"]["data"][0]);
    for name in ["id", "current_period_start", "current_period_end"] {
        assert_eq!(was[name], is[name], "{name}");
    }
    assert_eq!(is["plan"]["amount"], 4900);
    let invoice = harness.latest_invoice(&subscription).await;
    assert_eq!(
        lines(&invoice),
        [
            ("Unused time on Pro after 11 Mar 2026".to_owned(), -1287, true),
            ("Remaining time on Team after 11 Mar 2026".to_owned(), 3319, true),
        ]
    );
    assert_eq!(
        (text(&invoice["billing_reason"]), text(&invoice["status"]), &invoice["amount_paid"], &invoice["total"]),
        ("subscription_update".to_owned(), "paid".to_owned(), &json!(2032), &json!(2032))
    );
    assert_eq!(changed.body["latest_invoice"], invoice["id"]);
    let credited = &invoice["lines"]["data"][0]["parent"]["subscription_item_details"]["proration_details"];
    assert_eq!(credited["credited_items"]["invoice"], bought["id"]);
    assert_eq!(credited["credited_items"]["invoice_line_items"], json!([bought["lines"]["data"][0]["id"]]));
    assert_eq!(
        harness.event_types()[event_types..],
        [
            "customer.subscription.updated",
            "invoice.created",
            "invoice.finalized",
            "payment_intent.succeeded",
            "charge.succeeded",
            "invoice.paid",
            "invoice.payment_succeeded",
        ]
    );
    harness.pass_to("2026-04-01T00:00:00Z");
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 4900);
}

#[tokio::test]
async fn each_line_is_rounded_to_a_whole_cent() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let odd = harness.price("Odd", "4901", "month").await;
    let middle = at("2026-03-16T12:00:00Z");
    harness.pass_to("2026-03-16T12:00:01Z");
    let form = [INVOICED[0], ("proration_date", &middle.to_string())];
    harness.change(&subscription, &odd, &form).await;
    let costs =
        async || lines(&harness.latest_invoice(&subscription).await).iter().map(|line| line.1).collect::<Vec<_>>();
    assert_eq!(costs().await, [-950, 2451]);
    let back = harness.price("Back", "1901", "month").await;
    harness.change(&subscription, &back, &form).await;
    assert_eq!(costs().await, [-2451, 951]);
}

#[tokio::test]
async fn a_moment_outside_of_the_period_is_refused() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let team = harness.price("Team", "4900", "month").await;
    harness.pass(DAY);
    let change = async |date: i64| {
        harness.change(&subscription, &team, &[INVOICED[0], ("proration_date", &date.to_string())]).await.status
    };
    assert_eq!(change(at(MOMENT) - 1).await, 400);
    assert_eq!(change(at("2026-04-01T00:00:01Z")).await, 400);
    assert_ne!(harness.price_of(&subscription).await, team);
    assert_eq!(change(at(MOMENT)).await, 200);
}

#[tokio::test]
async fn credit_of_a_higher_price_becomes_balance_and_pays_later_invoices() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(PAYS, "").await;
    let basic = harness.price("Basic", "700", "month").await;
    let event_types = harness.event_types().len();
    harness.change(&subscription, &basic, &INVOICED).await;
    let invoice = harness.latest_invoice(&subscription).await;
    assert_eq!((text(&invoice["status"]), &invoice["total"]), ("paid".to_owned(), &json!(-1200)));
    assert_eq!((&invoice["amount_due"], &invoice["ending_balance"]), (&json!(0), &json!(-1200)));
    let balance = async || harness.get(&format!("customers/{customer}")).await.body["balance"].clone();
    assert_eq!(balance().await, -1200);
    assert!(harness.event_types()[event_types..].iter().any(|event_types| event_types == "customer.updated"));
    assert_eq!(harness.get(&format!("charges?customer={customer}")).await.ids().len(), 1);
    for (month, due, starting, ending) in [(4, 0, -1200, -500), (5, 200, -500, 0), (6, 700, 0, 0)] {
        harness.pass_to(&format!("2026-0{month}-01T00:00:00Z"));
        let invoice = harness.latest_invoice(&subscription).await;
        assert_eq!((&invoice["total"], &invoice["amount_paid"]), (&json!(700), &json!(due)), "{month}");
        assert_eq!((&invoice["starting_balance"], &invoice["ending_balance"]), (&json!(starting), &json!(ending)));
        assert_eq!((text(&invoice["status"]), balance().await), ("paid".to_owned(), json!(ending)));
    }
    assert_eq!(harness.get(&format!("charges?customer={customer}")).await.body["data"][1]["amount"], 200);
}

#[tokio::test]
async fn another_interval_restarts_the_period_at_the_full_price() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let yearly = harness.price("Team", "49000", "year").await;
    harness.post(&format!("subscriptions/{subscription}"), &[("cancel_at_period_end", "true")]).await;
    harness.pass_to("2026-03-11T00:00:00Z");
    let changed = harness.change(&subscription, &yearly, &INVOICED).await.body;
    let item = &changed["items"]["data"][0];
    let (start, end) = (at("2026-03-11T00:00:00Z"), at("2027-03-11T00:00:00Z"));
    assert_eq!((&item["current_period_start"], &item["current_period_end"]), (&json!(start), &json!(end)));
    assert_eq!((&changed["billing_cycle_anchor"], &changed["cancel_at"]), (&json!(start), &json!(end)));
    let invoice = harness.latest_invoice(&subscription).await;
    assert_eq!(
        lines(&invoice),
        [("Unused time on Pro after 11 Mar 2026".to_owned(), -1287, true), ("1 × Team".to_owned(), 49000, false),]
    );
    assert_eq!(invoice["lines"]["data"][1]["period"], json!({"start": start, "end": end}));
    harness.post(&format!("subscriptions/{subscription}"), &[("cancel_at_period_end", "false")]).await;
    harness.pass_to("2027-03-11T00:00:00Z");
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 49000);
    assert_eq!(
        harness.subscription(&subscription).await["items"]["data"][0]["current_period_end"],
        at("2028-03-11T00:00:00Z")
    );
}

#[tokio::test]
async fn a_change_from_free_to_paid_restarts_the_period() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let free = harness.price("Free", "0", "month").await;
    let team = harness.price("Team", "4900", "month").await;
    harness.change(&subscription, &free, &[("proration_behavior", "none")]).await;
    harness.pass(10 * DAY);
    let changed = harness.change(&subscription, &team, &[("proration_behavior", "none")]).await.body;
    assert_eq!(changed["items"]["data"][0]["current_period_end"], at("2026-04-11T00:00:00Z"));
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 4900);
}

#[tokio::test]
async fn without_prorations_the_new_price_is_paid_from_the_next_period_on() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let team = harness.price("Team", "4900", "month").await;
    let before = harness.latest_invoice(&subscription).await["id"].clone();
    harness.pass(10 * DAY);
    harness.change(&subscription, &team, &[("proration_behavior", "none"), ("metadata[tier]", "2")]).await;
    assert_eq!(
        (harness.price_of(&subscription).await, &harness.latest_invoice(&subscription).await["id"]),
        (team, &before)
    );
    assert_eq!(harness.subscription(&subscription).await["metadata"], json!({"tier": "2"}));
    harness.pass_to("2026-04-01T00:00:00Z");
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 4900);
}

#[tokio::test]
async fn metadata_is_merged_and_an_empty_text_removes_a_key() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let path = format!("subscriptions/{subscription}");
    harness.post(&path, &[("metadata[a]", "1"), ("metadata[b]", "2")]).await;
    let changed = harness.post(&path, &[("metadata[a]", ""), ("metadata[c]", "3")]).await;
    assert_eq!(changed.body["metadata"], json!({"b": "2", "c": "3"}));
}

#[tokio::test]
async fn a_change_during_a_trial_is_free_and_keeps_the_trial() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(PAYS, "14").await;
    let yearly = harness.price("Team", "49000", "year").await;
    harness.pass(3 * DAY);
    let changed = harness.change(&subscription, &yearly, &INVOICED).await.body;
    let end = at(MOMENT) + 14 * DAY;
    assert_eq!((text(&changed["status"]), changed["trial_end"].as_i64()), ("trialing".to_owned(), Some(end)));
    assert_eq!(changed["items"]["data"][0]["current_period_end"], end);
    let invoice = harness.latest_invoice(&subscription).await;
    assert_eq!((&invoice["total"], text(&invoice["billing_reason"])), (&json!(0), "subscription_update".to_owned()));
    assert!(lines(&invoice).iter().all(|line| (line.1, line.2) == (0, false)));
    harness.pass(11 * DAY);
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 49000);
    assert_eq!(
        harness.subscription(&subscription).await["items"]["data"][0]["current_period_end"],
        at("2027-03-15T00:00:00Z")
    );
    assert_eq!(harness.get(&format!("customers/{customer}")).await.body["balance"], 0);
}

#[tokio::test]
async fn a_change_stays_when_its_payment_fails_and_the_invoice_is_retried() {
    for card in [REFUSED_LATER, ASKS_LATER] {
        let harness = Harness::at(MOMENT);
        let (_, subscription) = harness.subscriber(card, "").await;
        let team = harness.price("Team", "4900", "month").await;
        harness.pass(DAY);
        let changed =
            harness.change(&subscription, &team, &[INVOICED[0], ("payment_behavior", "allow_incomplete")]).await;
        assert_eq!((changed.status, text(&changed.body["status"])), (200, "past_due".to_owned()));
        assert_eq!((harness.price_of(&subscription).await, &changed.body["pending_update"]), (team, &Value::Null));
        let invoice = harness.latest_invoice(&subscription).await;
        assert_eq!(
            (text(&invoice["status"]), invoice["next_payment_attempt"].as_i64()),
            ("open".to_owned(), Some(harness.now() + 3 * DAY))
        );
    }
}

#[tokio::test]
async fn an_unsupported_or_unknown_change_is_refused_without_effect() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let before = harness.price_of(&subscription).await;
    let team = harness.price("Team", "4900", "month").await;
    let old = harness.price("Old", "4900", "month").await;
    harness.post(&format!("prices/{old}"), &[("active", "false")]).await;
    let product = harness.post("products", &[("name", "Euro")]).await.id();
    let euro = harness.post("prices", &[("product", &product), ("currency", "eur"), ("unit_amount", "1")]).await.id();
    for (price, more) in [
        ("price_none", &INVOICED[..]),
        (&old, &INVOICED),
        (&euro, &INVOICED),
        (&team, &[("proration_behavior", "sometimes")]),
        (&team, &[INVOICED[0], ("payment_behavior", "error_if_incomplete")]),
        (&team, &[INVOICED[0], ("payment_behavior", "pending_if_incomplete"), ("cancel_at_period_end", "true")]),
        (&team, &[INVOICED[0], ("items[0][quantity]", "-1")]),
        (&team, &[INVOICED[0], ("items[0][id]", "si_none")]),
        (&team, &[INVOICED[0], ("items[1][price]", &team)]),
        (&team, &[INVOICED[0], ("proration_date", "soon")]),
    ] {
        assert_eq!(harness.change(&subscription, price, more).await.status, 400, "{price} {more:?}");
    }
    assert_eq!(harness.price_of(&subscription).await, before);
    assert_eq!(harness.subscription(&subscription).await["cancel_at_period_end"], false);
    harness.stripe.cancel(&subscription).unwrap();
    let refused = harness.change(&subscription, &team, &INVOICED).await;
    assert_eq!(refused.status, 400);
    assert!(text(&refused.body["error"]["message"]).starts_with("A canceled subscription"));
}

#[tokio::test]
async fn a_change_that_ends_the_trial_charges_the_first_period() {
    for card in [PAYS, REFUSED_LATER] {
        let harness = Harness::at(MOMENT);
        let (_, subscription) = harness.subscriber(card, "14").await;
        let team = harness.price("Team", "4900", "month").await;
        harness.pass(DAY);
        let more = [INVOICED[0], ("trial_end", "now"), ("payment_behavior", "pending_if_incomplete")];
        let details = [
            ("subscription_details[proration_behavior]", "always_invoice"),
            ("subscription_details[trial_end]", "now"),
        ];
        assert_eq!(harness.preview(&subscription, &team, &details).await.body["amount_due"], 4900);
        let changed = harness.change(&subscription, &team, &more).await.body;
        let invoice = harness.latest_invoice(&subscription).await;
        assert_eq!(lines(&invoice), [("1 × Team".to_owned(), 4900, false)]);
        if card == REFUSED_LATER {
            assert_eq!((&changed["status"], &invoice["status"]), (&json!("trialing"), &json!("open")));
            assert_eq!(changed["pending_update"]["trial_end"], harness.now());
            continue;
        }
        assert_eq!((&changed["status"], &changed["trial_end"]), (&json!("active"), &json!(harness.now())));
        assert_eq!(changed["items"]["data"][0]["current_period_end"], at("2026-04-02T00:00:00Z"));
        harness.pass_to("2026-04-02T00:00:00Z");
        assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 4900);
        let refused = harness.change(&subscription, &team, &[("trial_end", "1")]).await;
        assert_eq!(refused.status, 400);
    }
}
