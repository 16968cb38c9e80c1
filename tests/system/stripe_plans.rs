//! Plans, changes of plan and answers against Stripe as it is: several items, discounts, schedules and pauses made in Stripe's
//! dashboard, refusals.

use serde_json::{Value, json};
use tollgate_tests::app::{Answer, Session, TestApp};

const PREVIEW: &str = "/billing/subscriptions/preview";
const UPGRADE: &str = "/billing/subscriptions/upgrade";
const RESUME: &str = "/billing/subscriptions/resume";
const DAY: i64 = 86_400;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

async fn upgrade(app: &TestApp, session: &Session, code: &str) -> Answer {
    app.post_as(session, UPGRADE, json!({"plan_code": code})).await
}

async fn advance(app: &TestApp, seconds: i64) {
    app.post("/_local/clock", json!({"advance_seconds": seconds})).await.expect(200);
    app.drain().await;
}

/// The only subscription, as Stripe has it.
async fn at_stripe(app: &TestApp) -> Value {
    app.stripe("subscriptions").await.remove(0)
}

/// An act in Stripe's dashboard on the only subscription.
async fn act(app: &TestApp, name: &str, body: Value) -> Answer {
    let id = at_stripe(app).await["id"].clone();
    let answer = app.at_stripe(&format!("subscriptions/{}/{name}", text(&id)), body).await;
    app.drain().await;
    answer
}

/// Ann, who pays for `team`.
async fn team_subscriber(app: &TestApp) -> (String, Session) {
    let (email, ann) = app.person("ann").await;
    let checkout = app.subscribe(&ann, "team").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    app.drain().await;
    (email, ann)
}

/// Stripe's price of the plan with this code.
async fn price_of(app: &TestApp, code: &str) -> String {
    let plans = app.get("/billing/plans").await.expect(200).body["items"].clone();
    let plan = plans.as_array().unwrap().iter().find(|plan| plan["code"] == code).unwrap()["id"].clone();
    let prices = app.stripe_list("prices").await;
    let price = prices.iter().find(|price| price["product"] == plan && price["active"] == true);
    text(&price.unwrap()["id"]).to_owned()
}

/// Of a subscription what a downgrade must not touch: each item by its price, and the rest.
fn carried(subscription: &Value, plan_price: &str) -> Value {
    let items = subscription["items"]["data"].as_array().unwrap().iter();
    let mut items: Vec<Value> = items
        .map(|item| {
            let price = &item["price"]["id"];
            let price = if price == plan_price { json!("the plan's") } else { price.clone() };
            json!([price, item["quantity"], item["discounts"], item["tax_rates"], item["metadata"]])
        })
        .collect();
    items.sort_by_key(Value::to_string);
    json!([items, subscription["discounts"], subscription["default_tax_rates"], subscription["default_payment_method"]])
}

// A7
#[tokio::test]
async fn a_downgrade_keeps_everything_but_the_price_of_the_plan() {
    for is_on_item in [false, true] {
        let app = TestApp::start().await;
        let (email, ann) = team_subscriber(&app).await;
        let (team, pro) = (price_of(&app, "team").await, price_of(&app, "pro").await);
        act(&app, "items", json!({"quantity": 3})).await.expect(200);
        act(&app, "discount", json!({"percent_off": 10, "months": 6, "on_item": is_on_item})).await.expect(200);
        act(&app, "tax_rate", json!({"percentage": 19})).await.expect(200);
        let addon = json!({"kind": "price", "fields": {
            "id": "price_addon", "unit_amount": 500, "currency": "usd", "active": true, "type": "recurring",
            "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
        }});
        app.at_stripe("foreign", addon).await.expect(201);
        act(&app, "items", json!({"price": "price_addon", "quantity": 2})).await.expect(200);
        let before = at_stripe(&app).await;
        let wanted = carried(&before, &team);
        assert!(before["default_payment_method"].is_string() && before["items"]["data"].as_array().unwrap().len() == 2);
        let waiting = upgrade(&app, &ann, "pro").await.expect(200).body;
        assert_eq!(waiting["scheduled_plan"]["code"], "pro");
        assert_eq!(carried(&at_stripe(&app).await, &team), wanted, "nothing changes before the period ends");
        advance(&app, 32 * DAY).await;
        let after = at_stripe(&app).await;
        assert_eq!(carried(&after, &pro), wanted, "only the price of the plan's item changes");
        let ann = app.sign_in(&email).await;
        assert_eq!(app.subscription(&ann).await["plan"]["code"], "pro");
    }
}

// A7: a second downgrade, under the schedule that is there.
#[tokio::test]
async fn a_second_downgrade_keeps_what_the_first_one_kept() {
    let app = TestApp::start().await;
    let (_, ann) = team_subscriber(&app).await;
    let plan = json!({
        "code": "basic", "name": "Basic", "price_cents": 900, "currency": "usd", "billing_period": "month", "tier": 1,
    });
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    app.post_as(&admin, "/billing/plans", plan).await.expect(201);
    let (team, basic) = (price_of(&app, "team").await, price_of(&app, "basic").await);
    act(&app, "items", json!({"quantity": 4})).await.expect(200);
    act(&app, "discount", json!({"amount_off": 300, "months": 6})).await.expect(200);
    let wanted = carried(&at_stripe(&app).await, &team);
    upgrade(&app, &ann, "pro").await.expect(200);
    let waiting = upgrade(&app, &ann, "basic").await.expect(200).body;
    assert_eq!(waiting["scheduled_plan"]["code"], "basic");
    advance(&app, 32 * DAY).await;
    assert_eq!(carried(&at_stripe(&app).await, &basic), wanted);
}

// A8
#[tokio::test]
async fn a_phase_of_a_year_does_not_delay_a_downgrade() {
    let app = TestApp::start().await;
    let (email, ann) = team_subscriber(&app).await;
    let pro = price_of(&app, "pro").await;
    let phases = json!([{"duration": {"interval": "year"}}, {"duration": {"interval": "year"}, "price": pro}]);
    act(&app, "schedule", json!({"phases": phases})).await.expect(200);
    let found = app.subscription(&ann).await;
    assert!(found["scheduled_plan"].is_null(), "the next period is still in the first phase: {found}");
    let waiting = upgrade(&app, &ann, "pro").await.expect(200).body;
    assert_eq!((&waiting["scheduled_plan"]["code"], &waiting["current_period_end"]), (&json!("pro"), &found["current_period_end"]));
    app.drain().await;
    let mail = app.mail(&email, "downgrade_scheduled").await;
    let end = text(&found["current_period_end"]).parse::<jiff::Timestamp>().unwrap();
    assert!(text(&mail["text"]).contains(&end.strftime("%Y").to_string()), "{mail}");
    advance(&app, 32 * DAY).await;
    let ann = app.sign_in(&email).await;
    assert_eq!(app.subscription(&ann).await["plan"]["code"], "pro");
}

// A8
#[tokio::test]
async fn a_scheduled_plan_is_shown_only_where_the_plan_changes() {
    let app = TestApp::start().await;
    let (email, ann) = team_subscriber(&app).await;
    let month = || json!({"duration": {"interval": "month"}});
    let with = |name: &str, value: Value| {
        let mut phase = month();
        phase[name] = value;
        json!({"phases": [month(), phase]})
    };
    for next in [with("percent_off", json!(20)), with("metadata", json!({"campaign": "spring"}))] {
        act(&app, "schedule", next).await.expect(200);
        let found = app.subscription(&ann).await;
        assert_eq!((&found["plan"]["code"], &found["scheduled_plan"]), (&json!("team"), &Value::Null));
        app.post_as(&ann, RESUME, json!({})).await.refused(409, "not_canceling");
        assert!(at_stripe(&app).await["schedule"].is_string(), "the schedule stays");
    }
    act(&app, "schedule", with("price", json!(price_of(&app, "pro").await))).await.expect(200);
    assert_eq!(app.subscription(&ann).await["scheduled_plan"]["code"], "pro");
    let kinds: Vec<_> = app.mails(&email).await.into_iter().map(|mail| mail["kind"].clone()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "downgrade_scheduled").count(), 1, "{kinds:?}");
}
