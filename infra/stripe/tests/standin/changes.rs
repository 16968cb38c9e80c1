//! A subscription that changes to another price, paid for at once.

use crate::play::{ASKS_LATER, DAY, PAYS, Play, REFUSED_LATER, at, text};
use serde_json::{Value, json};

const MOMENT: &str = "2026-03-01T00:00:00Z";
const INVOICED: [(&str, &str); 1] = [("proration_behavior", "always_invoice")];

/// The lines of an invoice: what they say, what they cost, whether they are prorations.
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
async fn a_dearer_price_costs_the_difference_for_the_rest_of_the_period_by_the_second() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let team = play.price("Team", "4900", "month").await;
    let bought = play.latest_invoice(&subscription).await;
    play.pass_to("2026-03-11T00:00:00Z");
    let before = play.subscription(&subscription).await;
    let told = play.told().len();
    let changed = play.change(&subscription, &team, &INVOICED).await;
    assert_eq!((changed.status, play.price_of(&subscription).await), (200, team));
    let (was, is) = (&before["items"]["data"][0], &changed.body["items"]["data"][0]);
    for name in ["id", "current_period_start", "current_period_end"] {
        assert_eq!(was[name], is[name], "{name}");
    }
    assert_eq!(is["plan"]["amount"], 4900);
    let invoice = play.latest_invoice(&subscription).await;
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
        play.told()[told..],
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
    play.pass_to("2026-04-01T00:00:00Z");
    assert_eq!(play.latest_invoice(&subscription).await["amount_paid"], 4900);
}

#[tokio::test]
async fn each_line_is_rounded_to_a_whole_cent() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let odd = play.price("Odd", "4901", "month").await;
    let middle = at("2026-03-16T12:00:00Z");
    play.pass_to("2026-03-16T12:00:01Z");
    let form = [INVOICED[0], ("proration_date", &middle.to_string())];
    play.change(&subscription, &odd, &form).await;
    let costs = async || lines(&play.latest_invoice(&subscription).await).iter().map(|line| line.1).collect::<Vec<_>>();
    assert_eq!(costs().await, [-950, 2451]);
    let back = play.price("Back", "1901", "month").await;
    play.change(&subscription, &back, &form).await;
    assert_eq!(costs().await, [-2451, 951]);
}

#[tokio::test]
async fn a_moment_outside_of_the_period_is_refused() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let team = play.price("Team", "4900", "month").await;
    play.pass(DAY);
    let change = async |date: i64| {
        play.change(&subscription, &team, &[INVOICED[0], ("proration_date", &date.to_string())]).await.status
    };
    assert_eq!(change(at(MOMENT) - 1).await, 400);
    assert_eq!(change(at("2026-04-01T00:00:01Z")).await, 400);
    assert_ne!(play.price_of(&subscription).await, team);
    assert_eq!(change(at(MOMENT)).await, 200);
}

#[tokio::test]
async fn what_is_left_of_a_dearer_price_is_the_customers_balance_and_pays_for_what_comes() {
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(PAYS, "").await;
    let basic = play.price("Basic", "700", "month").await;
    let told = play.told().len();
    play.change(&subscription, &basic, &INVOICED).await;
    let invoice = play.latest_invoice(&subscription).await;
    assert_eq!((text(&invoice["status"]), &invoice["total"]), ("paid".to_owned(), &json!(-1200)));
    assert_eq!((&invoice["amount_due"], &invoice["ending_balance"]), (&json!(0), &json!(-1200)));
    let balance = async || play.get(&format!("customers/{customer}")).await.body["balance"].clone();
    assert_eq!(balance().await, -1200);
    assert!(play.told()[told..].iter().any(|told| told == "customer.updated"));
    assert_eq!(play.get(&format!("charges?customer={customer}")).await.ids().len(), 1);
    for (month, due, starting, ending) in [(4, 0, -1200, -500), (5, 200, -500, 0), (6, 700, 0, 0)] {
        play.pass_to(&format!("2026-0{month}-01T00:00:00Z"));
        let invoice = play.latest_invoice(&subscription).await;
        assert_eq!((&invoice["total"], &invoice["amount_paid"]), (&json!(700), &json!(due)), "{month}");
        assert_eq!((&invoice["starting_balance"], &invoice["ending_balance"]), (&json!(starting), &json!(ending)));
        assert_eq!((text(&invoice["status"]), balance().await), ("paid".to_owned(), json!(ending)));
    }
    assert_eq!(play.get(&format!("charges?customer={customer}")).await.body["data"][1]["amount"], 200);
}

#[tokio::test]
async fn another_interval_begins_the_periods_anew_with_the_whole_price() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let yearly = play.price("Team", "49000", "year").await;
    play.post(&format!("subscriptions/{subscription}"), &[("cancel_at_period_end", "true")]).await;
    play.pass_to("2026-03-11T00:00:00Z");
    let changed = play.change(&subscription, &yearly, &INVOICED).await.body;
    let item = &changed["items"]["data"][0];
    let (start, end) = (at("2026-03-11T00:00:00Z"), at("2027-03-11T00:00:00Z"));
    assert_eq!((&item["current_period_start"], &item["current_period_end"]), (&json!(start), &json!(end)));
    assert_eq!((&changed["billing_cycle_anchor"], &changed["cancel_at"]), (&json!(start), &json!(end)));
    let invoice = play.latest_invoice(&subscription).await;
    assert_eq!(
        lines(&invoice),
        [("Unused time on Pro after 11 Mar 2026".to_owned(), -1287, true), ("1 × Team".to_owned(), 49000, false),]
    );
    assert_eq!(invoice["lines"]["data"][1]["period"], json!({"start": start, "end": end}));
    play.post(&format!("subscriptions/{subscription}"), &[("cancel_at_period_end", "false")]).await;
    play.pass_to("2027-03-11T00:00:00Z");
    assert_eq!(play.latest_invoice(&subscription).await["amount_paid"], 49000);
    assert_eq!(
        play.subscription(&subscription).await["items"]["data"][0]["current_period_end"],
        at("2028-03-11T00:00:00Z")
    );
}

#[tokio::test]
async fn from_free_to_paid_begins_the_periods_anew_though_the_interval_is_the_same() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let free = play.price("Free", "0", "month").await;
    let team = play.price("Team", "4900", "month").await;
    play.change(&subscription, &free, &[("proration_behavior", "none")]).await;
    play.pass(10 * DAY);
    let changed = play.change(&subscription, &team, &[("proration_behavior", "none")]).await.body;
    assert_eq!(changed["items"]["data"][0]["current_period_end"], at("2026-04-11T00:00:00Z"));
    assert_eq!(play.latest_invoice(&subscription).await["amount_paid"], 4900);
}

#[tokio::test]
async fn without_prorations_the_new_price_is_paid_from_the_next_period_on() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let team = play.price("Team", "4900", "month").await;
    let before = play.latest_invoice(&subscription).await["id"].clone();
    play.pass(10 * DAY);
    play.change(&subscription, &team, &[("proration_behavior", "none"), ("metadata[tier]", "2")]).await;
    assert_eq!((play.price_of(&subscription).await, &play.latest_invoice(&subscription).await["id"]), (team, &before));
    assert_eq!(play.subscription(&subscription).await["metadata"], json!({"tier": "2"}));
    play.pass_to("2026-04-01T00:00:00Z");
    assert_eq!(play.latest_invoice(&subscription).await["amount_paid"], 4900);
}

#[tokio::test]
async fn metadata_is_merged_and_an_empty_text_takes_a_key_away() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let path = format!("subscriptions/{subscription}");
    play.post(&path, &[("metadata[a]", "1"), ("metadata[b]", "2")]).await;
    let changed = play.post(&path, &[("metadata[a]", ""), ("metadata[c]", "3")]).await;
    assert_eq!(changed.body["metadata"], json!({"b": "2", "c": "3"}));
}

#[tokio::test]
async fn a_change_in_a_trial_costs_nothing_and_leaves_the_trial_as_it_is() {
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(PAYS, "14").await;
    let yearly = play.price("Team", "49000", "year").await;
    play.pass(3 * DAY);
    let changed = play.change(&subscription, &yearly, &INVOICED).await.body;
    let end = at(MOMENT) + 14 * DAY;
    assert_eq!((text(&changed["status"]), changed["trial_end"].as_i64()), ("trialing".to_owned(), Some(end)));
    assert_eq!(changed["items"]["data"][0]["current_period_end"], end);
    let invoice = play.latest_invoice(&subscription).await;
    assert_eq!((&invoice["total"], text(&invoice["billing_reason"])), (&json!(0), "subscription_update".to_owned()));
    assert!(lines(&invoice).iter().all(|line| (line.1, line.2) == (0, false)));
    play.pass(11 * DAY);
    assert_eq!(play.latest_invoice(&subscription).await["amount_paid"], 49000);
    assert_eq!(
        play.subscription(&subscription).await["items"]["data"][0]["current_period_end"],
        at("2027-03-15T00:00:00Z")
    );
    assert_eq!(play.get(&format!("customers/{customer}")).await.body["balance"], 0);
}

#[tokio::test]
async fn a_change_whose_payment_may_fail_stands_and_its_invoice_is_asked_for_again() {
    for card in [REFUSED_LATER, ASKS_LATER] {
        let play = Play::at(MOMENT);
        let (_, subscription) = play.subscriber(card, "").await;
        let team = play.price("Team", "4900", "month").await;
        play.pass(DAY);
        let changed = play.change(&subscription, &team, &[INVOICED[0], ("payment_behavior", "allow_incomplete")]).await;
        assert_eq!((changed.status, text(&changed.body["status"])), (200, "past_due".to_owned()));
        assert_eq!((play.price_of(&subscription).await, &changed.body["pending_update"]), (team, &Value::Null));
        let invoice = play.latest_invoice(&subscription).await;
        assert_eq!(
            (text(&invoice["status"]), invoice["next_payment_attempt"].as_i64()),
            ("open".to_owned(), Some(play.now() + 3 * DAY))
        );
    }
}

#[tokio::test]
async fn what_is_not_played_or_not_there_is_refused_and_changes_nothing() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let before = play.price_of(&subscription).await;
    let team = play.price("Team", "4900", "month").await;
    let old = play.price("Old", "4900", "month").await;
    play.post(&format!("prices/{old}"), &[("active", "false")]).await;
    let product = play.post("products", &[("name", "Euro")]).await.id();
    let euro = play.post("prices", &[("product", &product), ("currency", "eur"), ("unit_amount", "1")]).await.id();
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
        assert_eq!(play.change(&subscription, price, more).await.status, 400, "{price} {more:?}");
    }
    assert_eq!(play.price_of(&subscription).await, before);
    assert_eq!(play.subscription(&subscription).await["cancel_at_period_end"], false);
    play.stripe.cancel(&subscription).unwrap();
    let refused = play.change(&subscription, &team, &INVOICED).await;
    assert_eq!(refused.status, 400);
    assert!(text(&refused.body["error"]["message"]).starts_with("A canceled subscription"));
}

#[tokio::test]
async fn a_change_that_ends_the_trial_charges_the_first_period() {
    for card in [PAYS, REFUSED_LATER] {
        let play = Play::at(MOMENT);
        let (_, subscription) = play.subscriber(card, "14").await;
        let team = play.price("Team", "4900", "month").await;
        play.pass(DAY);
        let more = [INVOICED[0], ("trial_end", "now"), ("payment_behavior", "pending_if_incomplete")];
        let details = [
            ("subscription_details[proration_behavior]", "always_invoice"),
            ("subscription_details[trial_end]", "now"),
        ];
        assert_eq!(play.preview(&subscription, &team, &details).await.body["amount_due"], 4900);
        let changed = play.change(&subscription, &team, &more).await.body;
        let invoice = play.latest_invoice(&subscription).await;
        assert_eq!(lines(&invoice), [("1 × Team".to_owned(), 4900, false)]);
        if card == REFUSED_LATER {
            assert_eq!((&changed["status"], &invoice["status"]), (&json!("trialing"), &json!("open")));
            assert_eq!(changed["pending_update"]["trial_end"], play.now());
            continue;
        }
        assert_eq!((&changed["status"], &changed["trial_end"]), (&json!("active"), &json!(play.now())));
        assert_eq!(changed["items"]["data"][0]["current_period_end"], at("2026-04-02T00:00:00Z"));
        play.pass_to("2026-04-02T00:00:00Z");
        assert_eq!(play.latest_invoice(&subscription).await["amount_paid"], 4900);
        let refused = play.change(&subscription, &team, &[("trial_end", "1")]).await;
        assert_eq!(refused.status, 400);
    }
}
