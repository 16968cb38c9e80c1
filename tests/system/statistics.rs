//! The statistics, compared with the same numbers in SQL, in each range.

use crate::admin::{app_and_admin, patch};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_tests::app::{ADMIN, Session, TestApp};

const DAY: i64 = 86_400;

/// The rows of a report.
pub async fn rows(app: &TestApp, admin: &Session, sql: &str) -> Vec<Value> {
    let body = json!({"sql": sql, "format": "preview", "fresh": true});
    let id = app.post_as(admin, "/admin/reports", body).await.expect(202).body["id"].clone();
    app.drain().await;
    let report = app.get_as(admin, &format!("/admin/reports/{}", id.as_str().unwrap())).await.expect(200).body;
    assert_eq!(report["status"], "succeeded", "{sql}: {report}");
    report["rows"].as_array().unwrap().clone()
}

pub async fn admin(app: &TestApp) -> Session {
    Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200))
}

pub async fn stats(app: &TestApp, days: u16) -> Value {
    let admin = admin(app).await;
    app.drain().await;
    app.get_as(&admin, &format!("/admin/stats?days={days}")).await.expect(200).body
}

/// Renews the newest subscription of `email`.
pub async fn renew(app: &TestApp, email: &str, outcome: &str) {
    let customers = app.stripe("customers").await;
    let customer = customers.iter().find(|customer| customer["email"] == email).unwrap()["id"].clone();
    let held = app.stripe("subscriptions").await;
    let id = held.iter().find(|held| held["customer"] == customer).unwrap()["id"].clone();
    let path = format!("subscriptions/{}/renew", id.as_str().unwrap());
    app.at_stripe(&path, json!({"outcome": outcome})).await.expect(200);
    app.drain().await;
}

/// Four months of five customers, with a count after each step.
async fn four_months(app: &TestApp) {
    let (ann_email, _) = app.subscriber("ann").await;
    stats(app, 7).await;
    app.advance(DAY);
    let (bob_email, bob) = app.person("bob").await;
    let checkout = app.subscribe(&bob, "team").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    stats(app, 7).await;
    app.advance(31 * DAY);
    renew(app, &ann_email, "paid").await;
    renew(app, &bob_email, "paid").await;
    app.register("eva").await.expect(202);
    stats(app, 7).await;
    app.advance(20 * DAY);
    let (cem_email, cem) = app.person("cem").await;
    let checkout = app.subscribe(&cem, "pro").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    app.drain().await;
    app.advance(12 * DAY);
    let held = app.stripe("subscriptions").await;
    app.at_stripe(&format!("subscriptions/{}/cancel", held[0]["id"].as_str().unwrap()), json!({})).await.expect(200);
    renew(app, &ann_email, "paid").await;
    stats(app, 7).await;
    app.advance(3 * DAY);
    // Cem comes back, with a larger subscription.
    let cem = app.sign_in(&cem_email).await;
    let checkout = app.subscribe(&cem, "team").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    app.drain().await;
    let paid = app.stripe("invoices").await;
    let refunded = paid.iter().rfind(|invoice| invoice["amount_paid"] == 4900).unwrap();
    let path = format!("invoices/{}/refund", refunded["id"].as_str().unwrap());
    app.at_stripe(&path, json!({"amount_cents": 900})).await.expect(200);
    stats(app, 7).await;
    app.advance(30 * DAY);
    renew(app, &ann_email, "failed").await;
    app.person("dan").await;
    stats(app, 7).await;
    app.advance(2 * DAY);
}

/// The values of `days` that are not zero, by date; amounts only in USD.
pub fn by_day(stats: &Value, name: &str) -> BTreeMap<String, i64> {
    let value = |day: &Value| day[name].as_i64().or_else(|| day[name]["usd"].as_i64()).unwrap_or(0);
    let days = stats["days"].as_array().unwrap().iter();
    days.map(|day| (day["date"].as_str().unwrap().to_owned(), value(day))).filter(|(_, value)| *value != 0).collect()
}

#[tokio::test]
async fn each_number_is_the_one_that_sql_counts_in_each_range() {
    let (app, _) = app_and_admin().await;
    four_months(&app).await;
    for range in [7, 30, 90, 365] {
        let found = stats(&app, range).await;
        let admin = admin(&app).await;
        let first = found["days"][0]["date"].as_str().unwrap();
        assert_eq!(found["days"].as_array().unwrap().len(), usize::from(range));
        for (name, sql) in [
            ("sign_ups", "SELECT date(created_at), count(*) FROM users WHERE created_at >= 'FIRST' GROUP BY 1"),
            ("sign_ins", "SELECT day, sum(sign_ins) FROM sign_ins_by_day WHERE day >= 'FIRST' GROUP BY 1"),
            (
                "revenue_cents",
                "SELECT date(created_at), sum(amount_cents) FROM payments \
                 WHERE status IN ('succeeded', 'refunded') AND created_at >= 'FIRST' GROUP BY 1",
            ),
            (
                "failed_payments",
                "SELECT date(created_at), count(*) FROM payments WHERE status = 'failed' AND created_at >= 'FIRST' GROUP BY 1",
            ),
        ] {
            let counted = rows(&app, &admin, &sql.replace("FIRST", first)).await;
            let mut expected: BTreeMap<_, _> =
                counted.iter().map(|row| (row[0].as_str().unwrap().to_owned(), row[1].as_i64().unwrap())).collect();
            // The sign-in for the count is a sign-in itself, after the count.
            if name == "sign_ins" {
                let today = found["days"].as_array().unwrap().last().unwrap();
                expected.insert(today["date"].as_str().unwrap().to_owned(), today["sign_ins"].as_i64().unwrap());
            }
            assert_eq!(by_day(&found, name), expected, "{name} of {range} days");
        }
        let movements = &found["mrr_movements"]["usd"];
        let net =
            ["new", "expansion", "reactivation"].map(|name| movements[name].as_i64().unwrap_or(0)).iter().sum::<i64>()
                - ["contraction", "churn"].map(|name| movements[name].as_i64().unwrap_or(0)).iter().sum::<i64>();
        let year = stats(&app, 365).await;
        let mrr = by_day(&year, "mrr_cents");
        let before = mrr.range(..first.to_owned()).next_back().map_or(0, |(_, cents)| *cents);
        assert_eq!(before + net, found["mrr_cents"]["usd"].as_i64().unwrap(), "{range} days");
    }
}

#[tokio::test]
async fn the_totals_are_those_of_sql() {
    let (app, _) = app_and_admin().await;
    four_months(&app).await;
    let (_, bob) = app.person("gil").await;
    let path = format!("/admin/users/{}/status", bob.user["id"].as_str().unwrap());
    patch(&app, &admin(&app).await, &path, json!({"is_active": false})).await.expect(200);
    let found = stats(&app, 365).await;
    let admin = admin(&app).await;
    let users = rows(&app, &admin, "SELECT count(*), sum(email_verified), sum(is_active) FROM users").await;
    let counts = &found["users"];
    assert_eq!(users[0], json!([counts["total"], counts["verified"], counts["active"]]));
    for row in rows(&app, &admin, "SELECT status, count(*) FROM subscriptions GROUP BY 1").await {
        assert_eq!(found["subscriptions"][row[0].as_str().unwrap()], row[1]);
    }
    let mrr = rows(
        &app,
        &admin,
        "SELECT sum(price_cents) FROM subscriptions WHERE status IN ('active', 'past_due') AND billing_period = 'month'",
    );
    assert_eq!(found["mrr_cents"]["usd"], mrr.await[0][0]);
    let by_plan = "SELECT plan_id, count(*), sum(price_cents) FROM subscriptions WHERE status IN ('active', 'past_due') GROUP BY 1";
    let by_plan = rows(&app, &admin, by_plan).await;
    let mut plans = found["by_plan"].as_array().unwrap().clone();
    plans.sort_by_key(|plan| plan["plan_id"].as_str().unwrap().to_owned());
    let plans: Vec<_> =
        plans.iter().map(|plan| json!([plan["plan_id"], plan["subscriptions"], plan["mrr_cents"]["usd"]])).collect();
    assert_eq!(plans, by_plan);
    let paying = rows(&app, &admin, "SELECT count(*) FROM subscriptions WHERE status IN ('active', 'past_due')").await;
    assert_eq!(found["funnel"]["paying"], paying[0][0]);
    let refunded = by_day(&found, "refunded_cents").values().sum::<i64>();
    assert_eq!(json!(refunded), rows(&app, &admin, "SELECT sum(refunded_cents) FROM payments").await[0][0]);
    let churned = found["churn"].clone();
    assert_eq!(churned, json!({"customers": 0, "revenue": {}}), "the last 30 days lost no customer");
}

/// The statement of the report that the number "MRR" of the dashboard links.
fn linked_mrr_report() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions/pages/web/dashboard/views/overview/questions.js");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, statement) = text.split_once("mrr: () => `").unwrap();
    statement.split_once('`').unwrap().0.to_owned()
}

#[tokio::test]
async fn the_linked_report_rounds_mrr_as_the_number_of_the_dashboard() {
    let (app, admin) = app_and_admin().await;
    let yearly = json!({
        "code": "yearly", "name": "Yearly", "price_cents": 10_001, "currency": "usd", "billing_period": "year", "tier": 3,
    });
    app.post_as(&admin, "/billing/plans", yearly).await.expect(201);
    app.subscriber("ann").await;
    for name in ["bob", "cem", "dan"] {
        let (_, session) = app.person(name).await;
        let checkout = app.subscribe(&session, "yearly").await.expect(201);
        app.pay(&checkout.body).await.expect(303);
    }
    let found = stats(&app, 30).await;
    // 833.4 cents each are rounded down one by one: together they would be 2,500.
    assert_eq!(found["mrr_cents"], json!({"usd": 1900 + 3 * 833}));
    assert_eq!(rows(&app, &admin, &linked_mrr_report()).await, [json!(["usd", 4, 1900 + 3 * 833])]);
}

#[tokio::test]
async fn the_range_is_7_to_365_days() {
    let (app, admin) = app_and_admin().await;
    for days in ["6", "366", "-7", "x", "", "7.5"] {
        app.get_as(&admin, &format!("/admin/stats?days={days}")).await.refused(422, "validation_failed");
    }
    let default = app.get_as(&admin, "/admin/stats").await.expect(200).body;
    assert_eq!(default["days"].as_array().unwrap().len(), 30);
}
