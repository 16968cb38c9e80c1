//! Plans, changes of plan and answers with Stripe's real behaviour: several items, discounts, schedules and pauses made
//! in Stripe's dashboard, refusals.

use reqwest::Method;
use serde_json::{Value, json};
use tollgate_tests::app::{Answer, PASSWORD, Session, TestApp};
use tollgate_tests::request::Request;

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

/// An action in Stripe's dashboard on the only subscription.
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

/// The parts of a subscription that a downgrade must not change: each item with its price, and the rest.
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
async fn a_downgrade_changes_only_the_price_of_the_plan() {
    for is_on_item in [false, true] {
        let app = TestApp::start().await;
        let (email, ann) = team_subscriber(&app).await;
        let (team, pro) = (price_of(&app, "team").await, price_of(&app, "pro").await);
        act(&app, "items", json!({"quantity": 3})).await.expect(200);
        act(&app, "discount", json!({"percent_off": 10, "months": 6, "on_item": is_on_item})).await.expect(200);
        act(&app, "tax_rate", json!({"percentage": 19})).await.expect(200);
        let addon = json!({"kind": "price", "fields": {
            "unit_amount": 500, "currency": "usd", "active": true, "type": "recurring",
            "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
        }});
        let addon = app.at_stripe("foreign", addon).await.expect(201).body["id"].clone();
        act(&app, "items", json!({"price": addon, "quantity": 2})).await.expect(200);
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

// A7: a second downgrade, with the schedule that exists.
#[tokio::test]
async fn a_second_downgrade_retains_the_terms_of_the_first() {
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
    assert_eq!(
        (&waiting["scheduled_plan"]["code"], &waiting["current_period_end"]),
        (&json!("pro"), &found["current_period_end"])
    );
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
        app.post_as(&ann, PREVIEW, json!({"plan_code": "team"})).await.refused(409, "same_plan");
        let found = app.subscription(&ann).await;
        assert_eq!((&found["plan"]["code"], &found["scheduled_plan"]), (&json!("team"), &Value::Null));
        app.post_as(&ann, RESUME, json!({})).await.refused(409, "not_canceling");
        assert!(at_stripe(&app).await["schedule"].is_string(), "the schedule stays");
    }
    act(&app, "schedule", with("price", json!(price_of(&app, "pro").await))).await.expect(200);
    app.post_as(&ann, PREVIEW, json!({"plan_code": "team"})).await.refused(409, "same_plan");
    app.drain().await;
    assert_eq!(app.subscription(&ann).await["scheduled_plan"]["code"], "pro");
    let kinds: Vec<_> = app.mails(&email).await.into_iter().map(|mail| mail["kind"].clone()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "downgrade_scheduled").count(), 1, "{kinds:?}");
}

/// An admin.
async fn admin(app: &TestApp) -> Session {
    let (_, admin) = app.person("root").await;
    app.make_admins(&[&admin]).await;
    admin
}

async fn change_plan(app: &TestApp, admin: &Session, code: &str, to: Value) {
    let plans = app.get("/billing/plans").await.expect(200).body["items"].clone();
    let id = plans.as_array().unwrap().iter().find(|plan| plan["code"] == code).unwrap()["id"].clone();
    Request::patch_as(admin, &format!("/billing/plans/{}", text(&id)), to).send(app).await.expect(200);
}

async fn refuse(app: &TestApp, operation: &str, status: u16, message: &str) {
    let refusal = json!({"operation": operation, "status": status, "message": message});
    app.at_stripe("refusals", refusal).await.expect(200);
}

async fn clear_refusals(app: &TestApp) {
    app.send(Method::DELETE, "/_local/stripe/refusals", &[], None).await.expect(204);
}

// A10
#[tokio::test]
async fn a_permanent_refusal_is_reported_to_users_and_explained_to_admins() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let admin = admin(&app).await;
    app.at_stripe("portal", json!({"configured": false})).await.expect(200);
    let refused = app.post_as(&ann, "/billing/portal", json!({})).await.refused(502, "stripe_refused").body;
    assert!(text(&refused["detail"]).contains("will not help"), "{refused}");
    for (status, code) in [(400, "stripe_refused"), (403, "stripe_refused"), (404, "stripe_refused")] {
        refuse(&app, "POST /v1/invoices/create_preview", status, "Not this one.").await;
        let preview = app.post_as(&ann, PREVIEW, json!({"plan_code": "team"})).await;
        assert!(!preview.refused(502, code).text.contains("Not this one."));
        clear_refusals(&app).await;
    }
    refuse(&app, "POST /v1/invoices/create_preview", 401, "Invalid API Key provided").await;
    app.post_as(&ann, PREVIEW, json!({"plan_code": "team"})).await.refused(503, "stripe_not_configured");
    refuse(&app, "POST /v1/prices", 400, "The currency xof is not enabled.").await;
    let plan = json!({
        "code": "gold", "name": "Gold", "price_cents": 900, "currency": "eur", "billing_period": "month", "tier": 1,
    });
    let refused = app.post_as(&admin, "/billing/plans", plan.clone()).await.refused(422, "stripe_refused").body;
    assert!(text(&refused["detail"]).contains("The currency xof is not enabled."), "{refused}");
    clear_refusals(&app).await;
    app.post_as(&admin, "/billing/plans", plan).await.expect(201);
}

// A10
#[tokio::test]
async fn a_refused_address_ends_its_command() {
    let app = TestApp::start().await;
    let (email, ann) = app.subscriber("ann").await;
    refuse(&app, "POST /v1/customers/{id}", 400, "Invalid email address").await;
    let body = json!({"new_email": "other@example.com", "password": PASSWORD});
    app.post_as(&ann, "/change-email", body).await.expect(202);
    let token = app.link_token("other@example.com", "verify").await;
    app.post("/verify", json!({"token": token})).await.expect(200);
    // It leaves no dead letter, and the next command of this user is executed.
    app.drain().await;
    clear_refusals(&app).await;
    assert_eq!(app.stripe("customers").await[0]["email"], email);
    assert_eq!(app.stack.dead_letters(), 0);
}

// A19
#[tokio::test]
async fn a_plan_that_stripe_would_refuse_is_refused_without_a_call() {
    let app = TestApp::start().await;
    let admin = admin(&app).await;
    let (products, prices) = (app.stripe_list("products").await.len(), app.stripe_list("prices").await.len());
    let deep = |levels: usize| (1..levels).fold(json!({"a": 1}), |inner, _| json!({"a": inner}));
    let plan = |fields: Value| {
        let mut plan = json!({
            "code": "gold", "name": "Gold", "price_cents": 900, "currency": "eur", "billing_period": "month", "tier": 1,
        });
        plan.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        plan
    };
    for (field, fields) in [
        ("features", json!({"features": deep(31)})),
        ("features", json!({"features": deep(29)})),
        ("features", json!({"features": {"": true}})),
        ("features", json!({"features": {"a": [{"": 1}]}})),
        ("features", json!({"features": {"a": 1e126}})),
        ("features", json!({"features": {"a": {"b": -1e-131}}})),
        ("price_cents", json!({"currency": "isk", "price_cents": 1990})),
        ("price_cents", json!({"currency": "ugx", "price_cents": 150})),
        ("price_cents", json!({"currency": "kwd", "price_cents": 19_001})),
        ("price_cents", json!({"currency": "bhd", "price_cents": 5})),
        ("currency", json!({"currency": "EUR"})),
    ] {
        let refused =
            app.post_as(&admin, "/billing/plans", plan(fields.clone())).await.refused(422, "validation_failed");
        assert_eq!(refused.body["errors"][0]["field"], field, "{fields}");
    }
    assert_eq!((app.stripe_list("products").await.len(), app.stripe_list("prices").await.len()), (products, prices));
    for (code, fields) in [
        ("deep", json!({"features": deep(28)})),
        ("wide", json!({"features": {"a": 1e124, "b": u64::MAX, "c": -1e-129, "d": [[]], "e": ""}})),
        ("isk", json!({"currency": "isk", "price_cents": 199_000})),
        ("kwd", json!({"currency": "kwd", "price_cents": 19_000})),
    ] {
        let mut plan = plan(fields);
        plan["code"] = json!(code);
        let answer = app.post_as(&admin, "/billing/plans", plan).await;
        assert_eq!(answer.status, 201, "{code}: {}", answer.text);
    }
    let kwd = app.get("/billing/plans").await.body["items"].as_array().unwrap().clone();
    let kwd = kwd.iter().find(|plan| plan["code"] == "kwd").unwrap()["id"].clone();
    let to = json!({"price_cents": 19_005});
    let refused = Request::patch_as(&admin, &format!("/billing/plans/{}", text(&kwd)), to).send(&app).await;
    assert_eq!(refused.refused(422, "validation_failed").body["errors"][0]["field"], "price_cents");
}

// A20
#[tokio::test]
async fn a_preview_is_valid_only_for_an_equal_amount() {
    let app = TestApp::start().await;
    let (email, ann) = app.subscriber("ann").await;
    let admin = admin(&app).await;
    let preview = async || app.post_as(&ann, PREVIEW, json!({"plan_code": "team"})).await.expect(200).body;
    let ask = async |said: &Value| {
        app.post_as(&ann, UPGRADE, json!({"plan_code": "team", "proration_date": said["proration_date"]})).await
    };
    // All within one second.
    for to in [json!({"price_cents": 5900}), json!({"tier": 0}), json!({"billing_period": "year"})] {
        change_plan(&app, &admin, "team", json!({"price_cents": 4900, "tier": 2, "billing_period": "month"})).await;
        let said = preview().await;
        change_plan(&app, &admin, "team", to).await;
        ask(&said).await.refused(422, "invalid_proration_date");
    }
    change_plan(&app, &admin, "team", json!({"price_cents": 6900, "tier": 2, "billing_period": "month"})).await;
    let said = preview().await;
    change_plan(&app, &admin, "team", json!({"name": "The team", "features": {"seats": 5}})).await;
    ask(&said).await.expect(200);
    let paid = app.get_as(&ann, "/billing/payments/me").await.expect(200).body;
    let paid: Vec<_> = paid["items"].as_array().unwrap().iter().map(|paid| paid["amount_cents"].clone()).collect();
    assert!(paid.contains(&said["amount_due_cents"]), "{email}: {paid:?} without {}", said["amount_due_cents"]);
}

/// Ann, in a trial of `pro` of 14 days that began three days ago.
async fn in_trial(app: &TestApp, trial_of_team: i64) -> Session {
    let admin = admin(app).await;
    change_plan(app, &admin, "pro", json!({"trial_days": 14})).await;
    change_plan(app, &admin, "team", json!({"trial_days": trial_of_team})).await;
    let (email, _) = app.subscriber("ann").await;
    advance(app, 3 * DAY).await;
    app.sign_in(&email).await
}

// A14
#[tokio::test]
async fn an_upgrade_in_a_trial_gives_the_new_plans_own_trial() {
    for (trial_of_team, remaining) in [(0, None), (3, None), (2, None), (7, Some(4)), (30, Some(27)), (14, Some(11))] {
        let app = TestApp::start().await;
        let ann = in_trial(&app, trial_of_team).await;
        let began = app.subscription(&ann).await["started_at"].clone();
        let said = app.post_as(&ann, PREVIEW, json!({"plan_code": "team"})).await.expect(200).body;
        let team = upgrade(&app, &ann, "team").await.expect(200).body;
        assert_eq!(team["plan"]["code"], "team");
        let due = if remaining.is_some() { 0 } else { 4900 };
        assert_eq!(said["amount_due_cents"], due, "{trial_of_team}");
        let paid = app.get_as(&ann, "/billing/payments/me").await.expect(200).body["items"].clone();
        let paid: Vec<_> = paid.as_array().unwrap().iter().map(|paid| paid["amount_cents"].clone()).collect();
        match remaining {
            None => assert_eq!((team["status"].as_str(), paid), (Some("active"), vec![json!(4900)])),
            Some(days) => {
                assert_eq!((team["status"].as_str(), paid), (Some("trialing"), vec![]));
                let start: jiff::Timestamp = text(&began).parse().unwrap();
                let end = start + jiff::SignedDuration::from_hours(24 * trial_of_team);
                assert_eq!(text(&team["current_period_end"]), end.to_string());
                // Then the first period is charged, and lasts a month.
                advance(&app, days * DAY + 7200).await;
                let ann = app.sign_in("ann@example.com").await;
                let paid = app.get_as(&ann, "/billing/payments/me").await.expect(200).body["items"].clone();
                assert_eq!((paid.as_array().unwrap().len(), &paid[0]["amount_cents"]), (1, &json!(4900)));
                assert_eq!(app.subscription(&ann).await["current_period_start"], end.to_string());
            }
        }
    }
}

// A15
#[tokio::test]
async fn a_cancel_at_far_ahead_is_shown_and_undone() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let soon = app.now() + jiff::SignedDuration::from_hours(24 * 10);
    let far = app.now() + jiff::SignedDuration::from_hours(24 * 400);
    for (time, is_in_period) in [(far, false), (soon, true)] {
        let time = jiff::Timestamp::from_second(time.as_second()).unwrap().to_string();
        act(&app, "cancel_at", json!({"time": time})).await.expect(200);
        let found = app.subscription(&ann).await;
        assert_eq!((&found["cancel_at"], &found["cancel_at_period_end"]), (&json!(time), &json!(is_in_period)));
        let back = app.post_as(&ann, RESUME, json!({})).await.expect(200).body;
        assert_eq!((&back["cancel_at"], &back["cancel_at_period_end"]), (&Value::Null, &json!(false)));
        assert!(at_stripe(&app).await["cancel_at"].is_null());
    }
    app.post_as(&ann, RESUME, json!({})).await.refused(409, "not_canceling");
}

// A15
#[tokio::test]
async fn a_subscriber_moves_to_the_current_price_of_the_own_plan() {
    for (to, is_at_once) in [
        (json!({"price_cents": 2900}), true),
        (json!({"price_cents": 900}), false),
        (json!({"billing_period": "year"}), true),
    ] {
        let app = TestApp::start().await;
        let (_, ann) = app.subscriber("ann").await;
        let admin = admin(&app).await;
        upgrade(&app, &ann, "pro").await.refused(409, "same_plan");
        change_plan(&app, &admin, "pro", to).await;
        let price = price_of(&app, "pro").await;
        let changed = upgrade(&app, &ann, "pro").await.expect(200).body;
        assert_eq!((&changed["plan"]["code"], &changed["scheduled_plan"]), (&json!("pro"), &Value::Null));
        upgrade(&app, &ann, "pro").await.refused(409, "same_plan");
        if !is_at_once {
            advance(&app, 32 * DAY).await;
        }
        assert_eq!(at_stripe(&app).await["items"]["data"][0]["price"]["id"], price);
    }
}

// A15
#[tokio::test]
async fn a_trial_added_while_a_checkout_is_open_is_given() {
    for (before, after, status) in [(0, 14, "trialing"), (14, 0, "active"), (14, 30, "trialing")] {
        let app = TestApp::start().await;
        let admin = admin(&app).await;
        change_plan(&app, &admin, "pro", json!({"trial_days": before})).await;
        let (_, ann) = app.person("ann").await;
        let first = app.subscribe(&ann, "pro").await.expect(201).body;
        change_plan(&app, &admin, "pro", json!({"trial_days": after})).await;
        let second = app.subscribe(&ann, "pro").await.expect(201).body;
        assert_ne!(first["checkout_session_id"], second["checkout_session_id"]);
        app.pay(&second).await.expect(303);
        app.drain().await;
        assert_eq!(app.subscription(&ann).await["status"], status);
    }
}
