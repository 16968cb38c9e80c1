//! The numbers of the dashboard's overview that follow from several days: beside what SQL counts at the end of each day.

use crate::admin::{app_and_admin, patch};
use crate::statistics::{admin, by_day, renew, rows, stats};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tollgate_tests::app::TestApp;

const DAY: i64 = 86_400;
const UPGRADE: &str = "/billing/subscriptions/upgrade";
const RUNNING: &str = "SELECT count(*) FROM subscriptions WHERE status IN ('trialing', 'active', 'past_due')";
const REFUNDED: &str = "SELECT coalesce(sum(refunded_cents), 0) FROM payments";
const PAID_BY_USER: &str = "SELECT user_id, sum(price_cents) FROM subscriptions \
     WHERE status IN ('active', 'past_due') GROUP BY 1";

/// What SQL counts at the end of a day.
#[derive(Debug, Clone, Default)]
struct Counted {
    /// What each customer pays a month.
    paid: BTreeMap<String, i64>,
    running: i64,
    /// Since the first day.
    refunded: i64,
}

impl Counted {
    fn mrr(&self) -> i64 {
        self.paid.values().sum()
    }
}

/// The days on which something happened.
#[derive(Default)]
struct Record(BTreeMap<String, Counted>);

impl Record {
    /// Counts the state, and moves the clock ahead by `days`.
    async fn end_day(&mut self, app: &TestApp, days: i64) {
        app.drain().await;
        let admin = admin(app).await;
        let number = |rows: Vec<Value>| rows[0][0].as_i64().unwrap();
        let paid = rows(app, &admin, PAID_BY_USER).await;
        let counted = Counted {
            paid: paid.iter().map(|row| (row[0].as_str().unwrap().into(), row[1].as_i64().unwrap())).collect(),
            running: number(rows(app, &admin, RUNNING).await),
            refunded: number(rows(app, &admin, REFUNDED).await),
        };
        self.0.insert(app.now().strftime("%F").to_string(), counted);
        app.advance(days * DAY);
    }

    /// What SQL counted at the end of `date` or, as nothing happened since, on the last day before.
    fn at(&self, date: &str) -> Counted {
        self.0.range(..=date.to_owned()).next_back().map(|(_, counted)| counted.clone()).unwrap_or_default()
    }

    /// Each change of what a customer pays from the day `first` on, by its name.
    fn movements(&self, first: &str) -> BTreeMap<&'static str, i64> {
        let mut found =
            BTreeMap::from(["new", "expansion", "contraction", "churn", "reactivation"].map(|name| (name, 0)));
        let mut known = BTreeSet::new();
        let mut before = Counted::default();
        for (date, counted) in &self.0 {
            for user in counted.paid.keys().chain(before.paid.keys().filter(|user| !counted.paid.contains_key(*user))) {
                let [from, to] = [&before, counted].map(|of| of.paid.get(user).copied().unwrap_or(0));
                let name = match (from, to) {
                    (0, _) if known.contains(user) => "reactivation",
                    (0, _) => "new",
                    (_, 0) => "churn",
                    _ if to > from => "expansion",
                    _ => "contraction",
                };
                if date.as_str() >= first {
                    *found.get_mut(name).unwrap() += (to - from).abs();
                }
            }
            known.extend(counted.paid.keys());
            before = counted.clone();
        }
        found
    }
}

async fn at_stripe_of_newest(app: &TestApp, path: &str) {
    let held = app.stripe("subscriptions").await;
    let path = path.replace("ID", held[0]["id"].as_str().unwrap());
    app.at_stripe(&path, json!({})).await.expect(200);
}

/// Every movement of revenue once, refunds on two days, a trial and a payment that fails.
async fn all_movements(app: &TestApp) -> Record {
    let mut record = Record::default();
    let (ann_email, _) = app.subscriber("ann").await;
    let (bob_email, bob) = app.person("bob").await;
    let checkout = app.subscribe(&bob, "team").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    record.end_day(app, 20).await;
    let ann = app.sign_in(&ann_email).await;
    app.post_as(&ann, UPGRADE, json!({"plan_code": "team"})).await.expect(200);
    let (cem_email, cem) = app.person("cem").await;
    let checkout = app.subscribe(&cem, "pro").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    record.end_day(app, 40).await;
    at_stripe_of_newest(app, "subscriptions/ID/cancel").await;
    let bob = app.sign_in(&bob_email).await;
    app.post_as(&bob, UPGRADE, json!({"plan_code": "pro"})).await.expect(200);
    record.end_day(app, 1).await;
    renew(app, &bob_email, "paid").await;
    record.end_day(app, 60).await;
    let cem = app.sign_in(&cem_email).await;
    let checkout = app.subscribe(&cem, "team").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    app.drain().await;
    let paid = app.stripe("invoices").await;
    let [first, second] =
        [0, 1].map(|at| paid.iter().filter(|one| one["amount_paid"] == 4900).nth(at).unwrap()["id"].clone());
    let refund = |id: &Value| format!("invoices/{}/refund", id.as_str().unwrap());
    app.at_stripe(&refund(&first), json!({"amount_cents": 900})).await.expect(200);
    record.end_day(app, 21).await;
    app.at_stripe(&refund(&second), json!({})).await.expect(200);
    let (_, eva) = app.subscriber("eva").await;
    renew(app, &ann_email, "failed").await;
    let path = format!("/admin/users/{}/status", eva.user["id"].as_str().unwrap());
    patch(app, &admin(app).await, &path, json!({"is_active": false})).await.expect(200);
    app.register("dan").await.expect(202);
    record.end_day(app, 3).await;
    at_stripe_of_newest(app, "subscriptions/ID/cancel").await;
    let plan = json!({
        "code": "tried", "name": "Tried", "price_cents": 900, "currency": "usd", "billing_period": "month", "tier": 1,
        "trial_days": 14,
    });
    app.post_as(&admin(app).await, "/billing/plans", plan).await.expect(201);
    let (_, fay) = app.person("fay").await;
    let checkout = app.subscribe(&fay, "tried").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    record.end_day(app, 1).await;
    record
}

#[tokio::test]
async fn each_day_and_movement_is_the_one_that_sql_counts_in_each_range() {
    let (app, _) = app_and_admin().await;
    let record = all_movements(&app).await;
    let whole = record.movements("");
    assert!(whole.values().all(|cents| *cents > 0), "the fixture has each movement: {whole:?}");
    for range in [7, 30, 90, 365] {
        let found = stats(&app, range).await;
        let days = found["days"].as_array().unwrap();
        let first = days[0]["date"].as_str().unwrap();
        let mut refunded_before = record.0.range(..first.to_owned()).next_back().map_or(0, |(_, day)| day.refunded);
        let mut refunds = BTreeMap::new();
        for day in days {
            let date = day["date"].as_str().unwrap();
            let counted = record.at(date);
            assert_eq!(day["subscriptions"], counted.running, "{date}");
            assert_eq!(day["mrr_cents"]["usd"].as_i64().unwrap_or(0), counted.mrr(), "{date}");
            if counted.refunded != refunded_before {
                refunds.insert(date.to_owned(), counted.refunded - refunded_before);
            }
            refunded_before = counted.refunded;
        }
        assert_eq!(by_day(&found, "refunded_cents"), refunds, "{range} days");
        let movements = &found["mrr_movements"]["usd"];
        for (name, cents) in record.movements(first) {
            assert_eq!(movements[name].as_i64().unwrap_or(0), cents, "{name} of {range} days");
        }
    }
    // Churn is that of the last 30 days in each range.
    let found = stats(&app, 30).await;
    let first = found["days"][0]["date"].as_str().unwrap();
    let lost = record.movements(first)["churn"];
    assert!(lost > 0, "the last 30 days lost a customer");
    assert_eq!(found["churn"], json!({"customers": 1, "revenue": {"usd": lost}}));
}

#[tokio::test]
async fn each_total_is_the_one_that_sql_counts() {
    let (app, _) = app_and_admin().await;
    all_movements(&app).await;
    let (email, _) = app.subscriber("gil").await;
    renew(&app, &email, "failed").await;
    let found = stats(&app, 30).await;
    let admin = admin(&app).await;
    let mut statuses = rows(&app, &admin, "SELECT status, count(*) FROM subscriptions GROUP BY 1 ORDER BY 1").await;
    let of_status = found["subscriptions"].as_object().unwrap();
    let mut shown: Vec<_> =
        of_status.iter().filter(|(_, count)| **count != 0).map(|(name, count)| json!([name, count])).collect();
    shown.sort_by_key(Value::to_string);
    statuses.sort_by_key(Value::to_string);
    assert_eq!(shown, statuses);
    let funnel = &found["funnel"];
    let counted = rows(
        &app,
        &admin,
        "SELECT (SELECT count(*) FROM users), (SELECT sum(email_verified) FROM users), \
         (SELECT count(*) FROM subscriptions WHERE status = 'trialing'), \
         (SELECT count(*) FROM subscriptions WHERE status IN ('active', 'past_due'))",
    );
    let shown = json!([funnel["registered"], funnel["verified"], funnel["trialing"], funnel["paying"]]);
    assert_eq!(shown, counted.await[0]);
    let failed = "SELECT count(*), sum(amount_cents) FROM payments WHERE status = 'failed'";
    let listed = app.get_as(&admin, "/admin/payments?status=failed&limit=100").await.expect(200).body;
    let listed = listed["items"].as_array().unwrap();
    let amount: i64 = listed.iter().map(|payment| payment["amount_cents"].as_i64().unwrap()).sum();
    assert_eq!(json!([listed.len(), amount]), rows(&app, &admin, failed).await[0]);
    assert_ne!(amount, 0, "a failed payment is open");
}
