//! The cost and the pauses of a subscription with Stripe's real terms: quantities, discounts, pauses.

use reqwest::Method;
use serde_json::{Value, json};
use tollgate_tests::app::{PASSWORD, Session, TestApp};

const ME: &str = "/billing/subscriptions/me";
const RESUME: &str = "/billing/subscriptions/resume";

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

async fn at_stripe(app: &TestApp) -> Value {
    app.stripe("subscriptions").await.remove(0)
}

/// An action in Stripe's dashboard on the only subscription.
async fn act(app: &TestApp, name: &str, body: Value) {
    let id = at_stripe(app).await["id"].clone();
    app.at_stripe(&format!("subscriptions/{}/{name}", text(&id)), body).await.expect(200);
    app.drain().await;
}

/// The amount of the newest invoice for the plan's price, by its own lines, and the discounts.
async fn invoiced(app: &TestApp, price: &str) -> (i64, i64) {
    let invoice = app.stripe("invoices").await.remove(0);
    let lines = invoice["lines"]["data"].as_array().unwrap();
    let off = |line: &Value| {
        let off = line["discount_amounts"].as_array().into_iter().flatten().map(|off| off["amount"].as_i64().unwrap());
        off.sum::<i64>()
    };
    let is_of_period = |line: &&Value| {
        line["pricing"]["price_details"]["price"] == price
            && line["parent"]["subscription_item_details"]["proration"] != true
    };
    let own = lines.iter().filter(is_of_period).map(|line| (line["amount"].as_i64().unwrap(), off(line)));
    own.fold((0, 0), |(net, all_off), (amount, off)| (net + amount - off, all_off + off))
}

// A9
#[tokio::test]
async fn a_subscription_shows_the_price_of_the_next_invoice() {
    let (on_all, on_item) = (json!({"months": 6}), json!({"months": 6, "on_item": true}));
    let with = |base: &Value, name: &str, off: Value| {
        let mut discount = base.clone();
        discount[name] = off;
        discount
    };
    let cases = [
        (1, vec![]),
        (3, vec![]),
        (1, vec![with(&on_all, "percent_off", json!(10))]),
        (3, vec![with(&on_all, "amount_off", json!(700))]),
        (2, vec![with(&on_item, "percent_off", json!(33.3))]),
        (2, vec![with(&on_item, "amount_off", json!(500)), with(&on_all, "percent_off", json!(25))]),
        (1, vec![with(&on_all, "percent_off", json!(100))]),
    ];
    for has_addon in [false, true] {
        for (quantity, discounts) in &cases {
            let app = TestApp::start().await;
            let (_, ann) = app.subscriber("ann").await;
            let price = text(&at_stripe(&app).await["items"]["data"][0]["price"]["id"]).to_owned();
            if has_addon {
                act(&app, "items", json!({"price": addon_price(&app, 500).await, "quantity": 2})).await;
            }
            act(&app, "items", json!({"quantity": quantity})).await;
            for discount in discounts {
                act(&app, "discount", discount.clone()).await;
            }
            let shown = app.get_as(&ann, ME).await.expect(200).body;
            let id = text(&at_stripe(&app).await["id"]).to_owned();
            app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": "paid"})).await.expect(200);
            let (charged, off) = invoiced(&app, &price).await;
            assert_eq!(shown["price_cents"], charged, "{has_addon} {quantity} {discounts:?}: {shown}");
            assert_eq!(shown["discount"].is_null(), off == 0, "{shown}");
            if let ([discount], true) = (&discounts[..], off > 0) {
                let found = &shown["discount"];
                assert_eq!(found["percent_off"].as_f64(), discount["percent_off"].as_f64());
                assert_eq!(found["amount_off_cents"], discount["amount_off"]);
                assert!(found["ends_at"].is_string());
            }
            let (quantity, unit) = (&shown["quantity"], &shown["billing_period"]);
            let plan = app.stripe("subscriptions").await[0]["items"]["data"].clone();
            let item = plan.as_array().unwrap().iter().find(|item| item["price"]["id"] == price).unwrap();
            assert_eq!((quantity, unit, &shown["interval_count"]), (&item["quantity"], &json!("month"), &json!(1)));
            // The statistics count the paid amount.
            app.drain().await;
            app.sweep("rollup").await.expect(200);
            let admin = app.person("root").await.1;
            app.make_admins(&[&admin]).await;
            let mrr = app.get_as(&admin, "/admin/stats").await.expect(200).body["mrr_cents"]["usd"].clone();
            // A currency without payments is left out.
            assert_eq!(mrr.as_i64().unwrap_or(0), charged);
        }
    }
}

// A1
#[tokio::test]
async fn a_plan_in_any_currency_is_paid_and_gives_access() {
    // With three decimals, which a client library of Stripe's does not list, and with none.
    for (currency, cents) in [("kwd", 19_000), ("bhd", 5_500), ("omr", 4_900), ("jpy", 1_900), ("isk", 199_000)] {
        let app = TestApp::start().await;
        let (_, admin) = app.person("root").await;
        app.make_admins(&[&admin]).await;
        let plan = json!({
            "code": "local", "name": "Local", "price_cents": cents, "currency": currency, "billing_period": "month",
            "tier": 3,
        });
        app.post_as(&admin, "/billing/plans", plan).await.expect(201);
        let (email, ann) = app.person("ann").await;
        let checkout = app.subscribe(&ann, "local").await.expect(201);
        app.pay(&checkout.body).await.expect(303);
        app.drain().await;
        let found = app.subscription(&ann).await;
        assert_eq!(
            (&found["status"], &found["currency"], &found["price_cents"], &found["has_access"]),
            (&json!("active"), &json!(currency), &json!(cents), &json!(true))
        );
        assert_eq!(app.get_as(&ann, "/me").await.expect(200).body["tier"], 3, "{currency}");
        let paid = app.get_as(&ann, "/billing/payments/me").await.expect(200).body["items"].clone();
        assert_eq!(
            (&paid[0]["status"], &paid[0]["currency"], &paid[0]["amount_cents"], paid.as_array().unwrap().len()),
            (&json!("succeeded"), &json!(currency), &json!(cents), 1)
        );
        app.subscribe(&ann, "pro").await.refused(409, "already_subscribed");
        app.mail(&email, "subscription_confirmed").await;
        assert_eq!(app.sweep("reconcile").await.expect(200).body["handled"], 0, "{currency}");
        app.post_as(&ann, "/me/delete", json!({"password": PASSWORD})).await.expect(202);
        app.drain().await;
        assert_eq!(at_stripe(&app).await["status"], "canceled", "{currency}: it charges no more");
    }
}

/// Creates a price that is no plan's.
async fn addon_price(app: &TestApp, cents: i64) -> String {
    let fields = json!({
        "unit_amount": cents, "currency": "usd", "active": true, "type": "recurring",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
    });
    let made = app.at_stripe("foreign", json!({"kind": "price", "fields": fields})).await.expect(201).body;
    text(&made["id"]).to_owned()
}

/// Adds an item behind the others, as a call of Stripe's API does; in the dashboard it comes before them.
async fn append_item(app: &TestApp, price: &str) {
    let path = format!("/_stripe/v1/subscriptions/{}", text(&at_stripe(app).await["id"]));
    let key = format!("Bearer {}", app.stack.stripe_key());
    let headers = [("authorization", key.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let item = format!("items[0][price]={price}&items[0][quantity]=2");
    app.send(Method::POST, &path, &headers, Some(item)).await.expect(200);
    app.drain().await;
}

/// The prices of the items, and how many of each, in their order.
async fn items(app: &TestApp) -> Vec<(String, i64)> {
    let items = at_stripe(app).await["items"]["data"].clone();
    let item = |item: &Value| (text(&item["price"]["id"]).to_owned(), item["quantity"].as_i64().unwrap());
    items.as_array().unwrap().iter().map(item).collect()
}

// A6
#[tokio::test]
async fn the_item_of_the_plan_counts_at_any_position_with_its_quantity() {
    // How many add-ons come before the item of the plan, and how many after it.
    for (before, after, quantity) in [(1, 0, 1), (0, 1, 3), (1, 1, 1), (2, 0, 4), (3, 2, 2)] {
        let app = TestApp::start().await;
        let (_, ann) = app.subscriber("ann").await;
        let price = items(&app).await[0].0.clone();
        act(&app, "items", json!({"price": price, "quantity": quantity})).await;
        for n in 0..before {
            act(&app, "items", json!({"price": addon_price(&app, 500 + n).await, "quantity": 7})).await;
        }
        for n in 0..after {
            append_item(&app, &addon_price(&app, 900 + n).await).await;
        }
        let place = items(&app).await.iter().position(|(found, _)| *found == price);
        assert_eq!((place, items(&app).await.len()), (Some(before as usize), (before + 1 + after) as usize));
        assert_eq!(app.get_as(&ann, "/me").await.expect(200).body["tier"], 1, "{before} {after}");
        let shown = app.get_as(&ann, ME).await.expect(200).body;
        assert_eq!(
            (&shown["plan"]["code"], &shown["quantity"], &shown["price_cents"]),
            (&json!("pro"), &json!(quantity), &json!(1900 * quantity))
        );
        app.subscribe(&ann, "team").await.refused(409, "already_subscribed");
        for change in ["cancel", "resume"] {
            app.post_as(&ann, &format!("/billing/subscriptions/{change}"), json!({})).await.expect(200);
        }
        let others = async || items(&app).await.into_iter().filter(|(found, _)| *found != price).collect::<Vec<_>>();
        let addons = others().await;
        let team = json!({"plan_code": "team"});
        app.post_as(&ann, "/billing/subscriptions/upgrade", team).await.expect(200);
        app.drain().await;
        let now = items(&app).await;
        let changed: Vec<_> = now.iter().filter(|item| !addons.contains(item)).collect();
        assert_eq!(now.len(), addons.len() + 1, "{now:?}");
        assert!(changed.len() == 1 && changed[0].0 != price && changed[0].1 == quantity, "{now:?}");
        assert_eq!(app.get_as(&ann, "/me").await.expect(200).body["tier"], 2);
        assert_eq!(app.sweep("reconcile").await.expect(200).body["handled"], 0);
    }
}

// A15
#[tokio::test]
async fn a_pause_of_the_collection_is_shown_and_pays_nothing() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let admin = app.person("root").await.1;
    app.make_admins(&[&admin]).await;
    for (behavior, is_paused) in [(json!("void"), true), (json!("keep_as_draft"), true), (Value::Null, false)] {
        let body = if is_paused { json!({"behavior": behavior}) } else { json!({}) };
        act(&app, "pause", body).await;
        let shown = app.get_as(&ann, ME).await.expect(200).body;
        assert_eq!((&shown["collection_paused"], &shown["status"]), (&json!(is_paused), &json!("active")));
        app.sweep("rollup").await.expect(200);
        let mrr = app.get_as(&admin, "/admin/stats").await.expect(200).body["mrr_cents"]["usd"].clone();
        assert_eq!(mrr.as_i64().unwrap_or_default(), if is_paused { 0 } else { 1900 });
    }
}

/// Ann, whose trial of `pro` ended without a card.
async fn paused(app: &TestApp) -> Session {
    let admin = app.person("root").await.1;
    app.make_admins(&[&admin]).await;
    let plans = app.get("/billing/plans").await.expect(200).body["items"].clone();
    let pro = plans.as_array().unwrap().iter().find(|plan| plan["code"] == "pro").unwrap()["id"].clone();
    let bearer = format!("Bearer {}", admin.access);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let trial = Some(json!({"trial_days": 3}).to_string());
    app.send(Method::PATCH, &format!("/billing/plans/{}", text(&pro)), &headers, trial).await.expect(200);
    let (email, _) = app.subscriber("ann").await;
    act(app, "remove_card", json!({})).await;
    app.post("/_local/clock", json!({"advance_seconds": 4 * 86_400})).await.expect(200);
    app.drain().await;
    let ann = app.sign_in(&email).await;
    assert_eq!(app.get_as(&ann, ME).await.expect(200).body["status"], "paused");
    ann
}

// A15
#[tokio::test]
async fn a_paused_subscription_is_resumed_once_it_has_a_card() {
    let app = TestApp::start().await;
    let ann = paused(&app).await;
    assert_eq!(app.subscribe(&ann, "pro").await.refused(409, "already_subscribed").status, 409);
    let refused = app.post_as(&ann, RESUME, json!({})).await.refused(402, "payment_failed").body;
    assert!(refused["invoice_url"].is_string(), "{refused}");
    assert_eq!(app.get_as(&ann, ME).await.expect(200).body["status"], "paused");
    let url = text(&refused["invoice_url"]).replace(&app.stack.base_url(), "");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    app.send(Method::POST, &url, &form, Some("card=4242424242424242".to_owned())).await;
    let resumed = app.post_as(&ann, RESUME, json!({})).await;
    app.drain().await;
    let shown = app.get_as(&ann, ME).await.expect(200).body;
    assert_eq!((&shown["status"], &shown["has_access"]), (&json!("active"), &json!(true)), "{}", resumed.text);
    app.post_as(&ann, RESUME, json!({})).await.refused(409, "not_canceling");
}
