//! Changes of the plan, at once and at the end of a period, and of the items.

use crate::harness::{ASKS_LATER, DAY, Harness, PAYS, REFUSED_LATER, text};
use serde_json::json;
use tollgate_fake_stripe::NewDiscount;

const ALWAYS: (&str, &str) = ("proration_behavior", "always_invoice");
const WAITS: (&str, &str) = ("payment_behavior", "pending_if_incomplete");

pub async fn changes(harness: &Harness) {
    let (customer, subscription) = harness.subscriber(PAYS, "").await;
    let team = harness.price("Team", "4900", "month").await;
    let basic = harness.price("Basic", "700", "month").await;
    let yearly = harness.price("Team", "49000", "year").await;
    harness.pass(7 * DAY);
    let date = harness.now().to_string();
    for price in [&team, &basic, &yearly] {
        let details = [
            ("subscription_details[items][0][quantity]", "1"),
            ("subscription_details[proration_behavior]", "always_invoice"),
            ("subscription_details[proration_date]", &date),
        ];
        harness.preview(&subscription, price, &details).await;
        let more = [ALWAYS, WAITS, ("proration_date", &date), ("items[0][quantity]", "1"), ("metadata[attempt]", "1")];
        harness.change(&subscription, price, &more).await;
    }
    harness.post("invoices/create_preview", &[("customer", &customer), ("subscription", &subscription)]).await;
    harness.post("invoices/create_preview", &[("subscription", "sub_none")]).await;
    harness.preview(&subscription, &team, &[("subscription_details[proration_behavior]", "none")]).await;
    harness
        .change(&subscription, &team, &[("proration_behavior", "none"), ("payment_behavior", "allow_incomplete")])
        .await;
    harness.change(&subscription, &team, &[ALWAYS, ("proration_date", "1")]).await;
    harness.change(&subscription, &team, &[]).await;
    // The credit for the rest of the year pays for this and for a renewal.
    harness.pass(40 * DAY);
    harness.get(&format!("invoices?customer={customer}&limit=100&expand[]=data.payments")).await;
    harness.get(&format!("customers/{customer}")).await;
    let (_, subscription) = harness.subscriber(PAYS, "14").await;
    harness.change(&subscription, &team, &[ALWAYS]).await;
    let (_, subscription) = harness.subscriber(REFUSED_LATER, "").await;
    harness.change(&subscription, &team, &[ALWAYS]).await;
    harness.delete(&format!("subscriptions/{subscription}")).await;
    harness.change(&subscription, &basic, &[ALWAYS]).await;
}

pub async fn changes_that_wait(harness: &Harness) {
    let team = harness.price("Team", "4900", "month").await;
    let yearly = harness.price("Team", "49000", "year").await;
    for card in [REFUSED_LATER, ASKS_LATER] {
        let (_, subscription) = harness.subscriber(card, "").await;
        harness.pass(DAY);
        harness.change(&subscription, &team, &[ALWAYS, WAITS]).await;
        let waits = harness.change(&subscription, &yearly, &[ALWAYS, WAITS, ("metadata[attempt]", "1")]).await;
        harness.pay(&format!("invoice/{}", text(&waits.body["latest_invoice"])), PAYS).await;
        harness.get(&format!("subscriptions/{subscription}?expand[]=latest_invoice.payments")).await;
        let (_, subscription) = harness.subscriber(card, "").await;
        harness.change(&subscription, &team, &[ALWAYS, WAITS]).await;
        harness.pass(DAY);
        harness.get(&format!("subscriptions/{subscription}?expand[]=latest_invoice")).await;
    }
}

pub async fn schedules(harness: &Harness) {
    let basic = harness.price("Basic", "700", "month").await;
    for card in [PAYS, PAYS, REFUSED_LATER, PAYS] {
        let (customer, subscription) = harness.subscriber(card, "").await;
        let made = harness.post("subscription_schedules", &[("from_subscription", &subscription)]).await;
        let path = format!("subscription_schedules/{}", made.id());
        let [start, end] = ["start_date", "end_date"].map(|name| made.body["phases"][0][name].to_string());
        let form = [
            ("end_behavior", "release"),
            ("proration_behavior", "none"),
            ("metadata[attempt]", "1"),
            ("phases[0][items][0][price]", &text(&made.body["phases"][0]["items"][0]["price"])),
            ("phases[0][items][0][quantity]", "1"),
            ("phases[0][start_date]", &start),
            ("phases[0][end_date]", &end),
            ("phases[1][items][0][price]", &basic),
            ("phases[1][duration][interval]", "month"),
            ("phases[1][duration][interval_count]", "1"),
            ("phases[1][proration_behavior]", "none"),
        ];
        harness.post(&path, &form).await;
        harness.post(&path, &[("end_behavior", "cancel")]).await;
        harness.get(&format!("{path}?expand[]=subscription&expand[]=customer&expand[]=phases.items.price")).await;
        harness.get(&format!("subscriptions?customer={customer}&expand[]=data.schedule")).await;
        harness.get(&format!("subscriptions/{subscription}?expand[]=schedule")).await;
        harness.delete(&format!("subscriptions/{subscription}")).await;
        harness.change(&subscription, &basic, &[ALWAYS]).await;
    }
    let all = harness.get("subscription_schedules").await.ids();
    harness.post(&format!("subscription_schedules/{}/release", all[0]), &[("preserve_cancel_date", "true")]).await;
    harness.post(&format!("subscription_schedules/{}/release", all[0]), &[]).await;
    let managed = harness.get(&format!("subscription_schedules/{}", all[2])).await;
    harness.saw(harness.stripe.cancel(&text(&managed.body["subscription"])).expect("a subscription"));
    let (_, trial) = harness.subscriber(PAYS, "7").await;
    harness.post("subscription_schedules", &[("from_subscription", &trial)]).await;
    harness.pass(70 * DAY);
    harness.get("subscription_schedules?limit=100").await;
}

pub async fn items_and_discounts(harness: &Harness) {
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let path = format!("subscriptions/{subscription}");
    let add_on = harness.price("Add-on", "500", "month").await;
    harness.saw(harness.stripe.change_items(&subscription, Some(&add_on), Some(2)).expect("a subscription"));
    let form = [("percent_off", "12.5"), ("duration", "repeating"), ("duration_in_months", "2"), ("name", "Spring")];
    let percent = harness.post("coupons", &form).await.id();
    let form = [("amount_off", "100"), ("currency", "usd"), ("duration", "once"), ("metadata[a]", "b")];
    let once = harness.post("coupons", &form).await.id();
    harness.post("coupons", &[("percent_off", "101")]).await;
    harness.post(&path, &[("discounts[0][coupon]", &percent), ("discounts[1][coupon]", &once)]).await;
    let rate = [("display_name", "VAT"), ("percentage", "19.5"), ("inclusive", "false"), ("country", "DE")];
    let rate = harness.post("tax_rates", &rate).await.id();
    let item = text(&harness.subscription(&subscription).await["items"]["data"][1]["id"]);
    let form = [
        ("default_tax_rates[0]", rate.as_str()),
        ("items[0][id]", &item),
        ("items[0][quantity]", "3"),
        ("items[0][discounts][0][coupon]", &percent),
        ("items[0][tax_rates][0]", &rate),
        ("items[0][metadata][a]", "b"),
        ALWAYS,
    ];
    harness.post(&path, &form).await;
    harness.get(&format!("{path}?expand[]=discounts.source.coupon&expand[]=items.data.discounts")).await;
    harness.post("invoices/create_preview", &[("subscription", &subscription)]).await;
    harness.pass(31 * DAY);
    harness.get(&format!("invoices?subscription={subscription}&limit=100&expand[]=data.discounts")).await;
    let made = harness.post("subscription_schedules", &[("from_subscription", &subscription)]).await;
    harness.get(&format!("subscription_schedules/{}?expand[]=phases.discounts.discount", made.id())).await;
    harness.post(&format!("subscription_schedules/{}/release", made.id()), &[]).await;
    let month = json!({"interval": "month", "interval_count": 1});
    let phases = [json!({"duration": month}), json!({"percent_off": 50.0, "duration": month})];
    harness.saw(harness.stripe.schedule(&subscription, &phases).expect("a subscription"));
    harness.pass(62 * DAY);
    let given = NewDiscount { amount_off: Some(100), on_item: true, ..NewDiscount::default() };
    let (_, other) = harness.subscriber(PAYS, "").await;
    harness.saw(harness.stripe.give_discount(&other, given).expect("a subscription"));
    harness.saw(harness.stripe.give_tax_rate(&other, 20.0, true).expect("a subscription"));
    harness.saw(harness.stripe.cancel_at(&other, harness.now() + 10 * DAY).expect("a subscription"));
    let more = [("cancel_at", ""), ("discounts", ""), ("default_tax_rates", ""), ("description", "Two")];
    harness.post(&format!("subscriptions/{other}"), &more).await;
    harness.pass(31 * DAY);
}
