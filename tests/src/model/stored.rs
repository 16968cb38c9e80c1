//! The stored state of the system as plain JSON, and its comparison with the expected state.

use super::expected::{Expected, ends, int, is_live, moment, period, price, text};
use crate::app::TestApp;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Items of a table without DynamoDB's types.
pub async fn rows(app: &TestApp, table: &str) -> Vec<Value> {
    let answer = app.get(&format!("/_local/tables/{table}")).await.expect(200);
    let items = answer.body["items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| plain(&json!({"M": item}))).collect()
}

fn plain(typed: &Value) -> Value {
    let Some((kind, value)) = typed.as_object().and_then(|typed| typed.iter().next()) else { return Value::Null };
    match (kind.as_str(), value) {
        ("N", Value::String(number)) => number.parse::<i64>().map_or_else(|_| value.clone(), Value::from),
        ("M", Value::Object(fields)) => {
            Value::Object(fields.iter().map(|(name, field)| (name.clone(), plain(field))).collect::<Map<_, _>>())
        }
        ("L", Value::Array(items)) => items.iter().map(plain).collect(),
        ("NULL", _) => Value::Null,
        _ => value.clone(),
    }
}

/// The stored state of a user.
pub struct Stored {
    pub subscriptions: Vec<Value>,
    pub payments: Vec<Value>,
    pub customer: Value,
    pub gate: Value,
}

impl Stored {
    pub async fn all(app: &TestApp, users: &[&str]) -> Vec<Self> {
        let (billing, gates) = (rows(app, "billing").await, rows(app, "gate").await);
        let of = |user: &&str| {
            let own = |prefix: &str| -> Vec<Value> {
                let partition = json!(format!("USER#{user}"));
                let is_own = |row: &&Value| row["pk"] == partition && text(&row["sk"]).starts_with(prefix);
                billing.iter().filter(is_own).cloned().collect()
            };
            Self {
                subscriptions: own("SUB#"),
                payments: own("PAY#"),
                customer: own("CUSTOMER").pop().unwrap_or_default(),
                gate: gates.iter().find(|gate| gate["pk"] == format!("USER#{user}")).cloned().unwrap_or_default(),
            }
        };
        users.iter().map(of).collect()
    }

    pub fn row(&self, subscription: &Value) -> Option<&Value> {
        self.subscriptions.iter().find(|row| row["stripe_id"] == subscription["id"])
    }

    /// Whether the system marked it as a duplicate.
    pub fn is_duplicate(&self, subscription: &Value) -> bool {
        self.row(subscription).is_some_and(|row| !row["surplus"].is_null())
    }
}

/// Collects differences.
#[derive(Default)]
pub struct Differences(pub Vec<String>);

impl Differences {
    pub fn same(&mut self, what: &str, here: &Value, there: &Value) {
        if here != there {
            self.0.push(format!("{what}: {here} here, {there} by Stripe and the contract"));
        }
    }

    pub fn hold(&mut self, is_so: bool, what: impl FnOnce() -> String) {
        if !is_so {
            self.0.push(what());
        }
    }
}

/// Each subscription at Stripe is stored in the same state, and no other is stored.
pub fn subscriptions(wrong: &mut Differences, user: &str, expected: &Expected, stored: &Stored) {
    let at_stripe = expected.of(user, &expected.subscriptions);
    for row in &stored.subscriptions {
        let there = at_stripe.iter().any(|subscription| subscription["id"] == row["stripe_id"]);
        wrong.hold(there, || format!("{} is kept, Stripe has none", row["stripe_id"]));
    }
    let live = at_stripe.iter().filter(|subscription| is_live(subscription)).count();
    wrong.hold(live <= 1, || format!("{live} live subscriptions at Stripe"));
    for subscription in at_stripe {
        let id = text(&subscription["id"]);
        let Some(row) = stored.row(subscription) else {
            wrong.0.push(format!("{id} ({}) is not kept", subscription["status"]));
            continue;
        };
        let (price, (start, end)) = (price(subscription), period(subscription));
        let plan = expected.plan(subscription).map_or(Value::Null, |plan| plan["id"].clone());
        for (field, there) in [
            ("status", subscription["status"].clone()),
            ("stripe_price_id", price["id"].clone()),
            ("plan_id", plan),
            ("price_cents", json!(expected.net(subscription))),
            ("quantity", subscription["items"]["data"][0]["quantity"].clone()),
            ("currency", price["currency"].clone()),
            ("billing_period", price["recurring"]["interval"].clone()),
            ("current_period_start", moment(start)),
            ("current_period_end", moment(end)),
            ("cancel_at_period_end", json!(ends(subscription))),
            ("canceled_at", subscription["canceled_at"].as_i64().map_or(Value::Null, moment)),
        ] {
            wrong.same(&format!("{field} of {id}"), &row[field], &there);
        }
    }
}

/// Whether a payment for a duplicate must be refunded: it was for the last period, or paid at the same time as another
/// one. A disputed payment is not refunded.
fn must_go_back(subscription: &Value, invoice: &Value, expected: &Expected, stored: &Stored) -> bool {
    let end = int(&subscription["ended_at"]);
    let is_beside = |other: &Value| {
        other["customer"] == subscription["customer"]
            && !stored.is_duplicate(other)
            && expected.came_before(other, invoice)
            && other["ended_at"].as_i64().is_none_or(|ended| end < ended)
    };
    let is_last = int(&invoice["created"]) >= period(subscription).0;
    let is_refused = stored
        .payments
        .iter()
        .any(|payment| payment["stripe_invoice_id"] == invoice["id"] && payment["is_refund_refused"] == true);
    !expected.was_disputed.contains(text(&invoice["id"]))
        && !is_refused
        && (is_last || expected.subscriptions.iter().any(is_beside))
}

/// The payments for a duplicate are refunded, and only duplicates were ended by the system.
pub fn given_back(
    wrong: &mut Differences,
    user: &str,
    expected: &Expected,
    stored: &Stored,
    ended_by_people: &[String],
) {
    for subscription in expected.of(user, &expected.subscriptions) {
        let id = text(&subscription["id"]).to_owned();
        let by_system = subscription["status"] == "canceled"
            && !super::expected::ended_by_itself(subscription)
            && !ended_by_people.contains(&id);
        if by_system || stored.is_duplicate(subscription) {
            let has_ended = matches!(text(&subscription["status"]), "canceled" | "incomplete_expired");
            wrong.hold(has_ended, || format!("{id} is one too many and lives"));
            for invoice in expected
                .invoices_of(subscription)
                .filter(|invoice| must_go_back(subscription, invoice, expected, stored))
            {
                let (paid, back) = expected.money(invoice);
                wrong.hold(back == paid, || {
                    format!(
                        "of {id}, which was one too many, {paid} was paid by {} and {back} went back",
                        invoice["id"]
                    )
                });
            }
        }
    }
}

/// A payment for each attempted invoice, with its paid and refunded amounts.
pub fn payments(wrong: &mut Differences, user: &str, expected: &Expected, stored: &Stored) {
    let invoices = expected.of(user, &expected.invoices);
    for payment in &stored.payments {
        let there = invoices.iter().any(|invoice| invoice["id"] == payment["stripe_invoice_id"]);
        wrong.hold(there, || format!("a payment of {}, which Stripe has not", payment["stripe_invoice_id"]));
    }
    for invoice in &invoices {
        let id = text(&invoice["id"]);
        let of_it: Vec<_> = stored.payments.iter().filter(|payment| payment["stripe_invoice_id"] == id).collect();
        wrong.hold(of_it.len() <= 1, || format!("{} payments of {id}", of_it.len()));
        let (paid, due) = (int(&invoice["amount_paid"]), int(&invoice["amount_due"]));
        let back = expected.refunded.get(id).copied().unwrap_or_default();
        let in_debit = &expected.in_debit;
        let expected = match text(&invoice["status"]) {
            "paid" if paid == 0 => None,
            "paid" if expected.disputed.contains(id) => Some((paid, "disputed")),
            "paid" => Some((paid, if back == paid { "refunded" } else { "succeeded" })),
            "open" if due > 0 && in_debit.contains(id) => Some((due, "processing")),
            "open" | "uncollectible" if invoice["attempted"] == true && due > 0 => Some((due, "failed")),
            // A voided invoice that was attempted may have been synchronised before, or not.
            "void" if invoice["attempted"] == true && !of_it.is_empty() => Some((due, "failed")),
            _ => None,
        };
        let here = of_it.first().map(|payment| {
            json!([payment["amount_cents"], payment["refunded_cents"], payment["status"], payment["currency"]])
        });
        let there = expected.map(|(amount, status)| json!([amount, back, status, invoice["currency"]]));
        wrong.same(&format!("payment of {id}"), &json!(here), &json!(there));
    }
    let sum = |field: &str| -> i64 {
        let came =
            stored.payments.iter().filter(|payment| payment["status"] != "failed" && payment["status"] != "processing");
        came.map(|payment| int(&payment[field])).sum()
    };
    let paid: i64 = invoices.iter().map(|invoice| int(&invoice["amount_paid"])).sum();
    wrong.same("money paid", &json!(sum("amount_cents")), &json!(paid));
}

/// Since when each debit that failed is known to have failed: not before it did, and not in the future.
pub fn known_failures(wrong: &mut Differences, expected: &mut Expected, stored: &[Stored]) {
    for payment in stored.iter().flat_map(|stored| &stored.payments) {
        let id = text(&payment["stripe_invoice_id"]);
        let has_debit = expected.debits.iter().any(|(invoice, charge)| invoice == id && charge["status"] == "failed");
        let known = payment["failed_at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
        let Some(known) = known.filter(|_| has_debit).map(Timestamp::as_second) else { continue };
        let invoice = json!({"id": id});
        let first = expected.refusals(&invoice).last().unwrap_or(i64::MAX);
        wrong.hold((first..=expected.now).contains(&known), || {
            format!("{id} is kept as failed at {known}, and was refused first at {first}")
        });
        expected.known_failures.insert(id.to_owned(), known);
    }
}

/// Which results the stored state has.
pub fn results(stored: &[Stored]) -> [(&'static str, bool); 1] {
    let mut payments = stored.iter().flat_map(|stored| &stored.payments);
    [("refund that Stripe refused", payments.any(|payment| payment["is_refund_refused"] == true))]
}

/// The access by the live subscription of a user: tier, features, end.
pub fn access(expected: &Expected, stored: &Stored, user: &str) -> Option<(Value, Value, i64)> {
    let given = expected.of(user, &expected.subscriptions).into_iter().filter(|found| !stored.is_duplicate(found));
    let given = given.filter_map(|subscription| {
        let until = expected.access_until(subscription).filter(|until| expected.now < *until)?;
        let plan = expected.plan(subscription)?;
        Some((plan["tier"].clone(), plan["features"].clone(), until))
    });
    given.max_by_key(|(tier, _, until)| (int(tier), *until))
}

/// The gate grants access exactly to users who have it.
pub fn gate(wrong: &mut Differences, user: &str, expected: &Expected, stored: &Stored) {
    let until = stored.gate["access_until"].as_str().and_then(|until| until.parse::<Timestamp>().ok());
    let is_open = until.is_some_and(|until| expected.now < until.as_second());
    match access(expected, stored, user) {
        Some((tier, features, until)) => {
            wrong.same("tier of the gate", &stored.gate["tier"], &tier);
            wrong.same("features of the gate", &stored.gate["features"], &features);
            wrong.same("access_until of the gate", &stored.gate["access_until"], &moment(until));
        }
        None => wrong.hold(!is_open || stored.gate["tier"] == 0, || {
            format!(
                "the gate gives tier {} until {}, the contract nothing",
                stored.gate["tier"], stored.gate["access_until"]
            )
        }),
    }
}

/// The possible answers of `/billing/subscriptions/me`: the live subscription, else the last that ended, or one of two
/// that started in the same second.
pub fn shown(expected: &Expected, stored: &Stored, user: &str) -> Vec<Value> {
    let is_refused = |found: &Value| stored.row(found).is_some_and(|row| row["trial_refused"] == true);
    let began = |found: &&&Value| {
        let has_begun =
            !matches!(text(&found["status"]), "incomplete" | "incomplete_expired") || expected.is_first_debit(found);
        has_begun && (!stored.is_duplicate(found) || is_refused(found))
    };
    let all = expected.of(user, &expected.subscriptions);
    let mut candidates: Vec<_> = all.iter().filter(began).filter(|found| expected.plan(found).is_some()).collect();
    // A subscription with a refused trial is shown if there is no other.
    let rank = |found: &Value| (!is_refused(found), is_live(found), int(&found["start_date"]));
    let last = candidates.iter().map(|found| rank(found)).max();
    candidates.retain(|found| Some(rank(found)) == last);
    let view = |found: &&&Value| {
        let (start, end) = period(found);
        let until = expected.access_until(found);
        // Another price of the same plan is not another plan.
        let is_other = |plan: &&Value| expected.plan(found).is_none_or(|own| own["id"] != **plan);
        let scheduled = expected.scheduled.get(text(&found["schedule"])).filter(|_| is_live(found)).filter(is_other);
        json!({
            "plan": expected.plan(found).map(|plan| plan["id"].clone()),
            "scheduled_plan": scheduled,
            "price_cents": expected.net(found), "currency": price(found)["currency"],
            "billing_period": price(found)["recurring"]["interval"], "status": found["status"],
            "started_at": moment(int(&found["start_date"])), "current_period_start": moment(start),
            "current_period_end": moment(end), "cancel_at_period_end": ends(found),
            "canceled_at": found["canceled_at"].as_i64().map(moment),
            "cancel_at": found["cancel_at"].as_i64().filter(|_| is_live(found)).map(moment),
            "quantity": found["items"]["data"][0]["quantity"], "payment_processing": expected.is_in_debit(found),
            "interval_count": price(found)["recurring"]["interval_count"], "discount": expected.largest_discount(found),
            "collection_paused": !found["pause_collection"].is_null(),
            "access_until": until.map(moment), "has_access": until.is_some_and(|until| expected.now < until),
        })
    };
    candidates.iter().map(view).collect()
}

/// The copy in the customer's item belongs to the current version, and is that of one of the stored subscriptions.
pub fn copy(wrong: &mut Differences, user: &str, stored: &Stored) {
    if stored.customer.is_null() {
        return;
    }
    let (version, shown) = (&stored.customer["version"], &stored.customer["shown"]);
    if *version == json!(0) {
        return wrong.hold(stored.subscriptions.is_empty(), || format!("{user} has subscriptions without a write"));
    }
    wrong.same(&format!("version of the copy of {user}"), &shown["version"], version);
    let copy = &shown["subscription"];
    let may_be_shown = |row: &&Value| !row["plan_id"].is_null() && row["payment_processing"] != true;
    let never_started = |row: &&Value| matches!(text(&row["status"]), "incomplete" | "incomplete_expired");
    if copy.is_null() {
        let missed = stored.subscriptions.iter().filter(may_be_shown).find(|row| !never_started(row));
        return wrong.hold(missed.is_none(), || format!("{user} has no copy of {missed:?}"));
    }
    let Some(row) = stored.subscriptions.iter().find(|row| row["id"] == copy["id"]) else {
        return wrong.0.push(format!("the copy of {user} is of no stored subscription: {copy}"));
    };
    let is_better = |row: &Value| (row["surplus"].is_null(), is_live(row));
    let best = stored.subscriptions.iter().filter(may_be_shown).filter(|row| !never_started(row)).map(is_better).max();
    wrong.hold(best.is_none_or(|best| is_better(row) >= best), || format!("another one than {copy} is to be shown"));
    for field in ["plan_id", "price_cents", "status", "quantity", "currency", "billing_period"] {
        wrong.same(&format!("{field} of the copy of {}", row["id"]), &copy[field], &row[field]);
    }
    for field in ["started_at", "current_period_start", "current_period_end", "canceled_at"] {
        let copied = copy[field].as_i64().map_or(Value::Null, moment);
        wrong.same(&format!("{field} of the copy of {}", row["id"]), &copied, &row[field]);
    }
}

/// The answer of `/billing/subscriptions/me` in the form of [`shown`].
pub fn as_shown(answer: &Value) -> Value {
    let mut view = answer.clone();
    let id_of = |plan: &Value| plan.get("id").cloned().unwrap_or_default();
    (view["plan"], view["scheduled_plan"]) = (id_of(&answer["plan"]), id_of(&answer["scheduled_plan"]));
    if let Some(fields) = view.as_object_mut() {
        fields.remove("id");
    }
    view
}

/// A closed account has no renewing subscription.
pub fn closed(wrong: &mut Differences, user: &str, expected: &Expected) {
    for subscription in expected.of(user, &expected.subscriptions).into_iter().filter(|found| is_live(found)) {
        wrong.hold(ends(subscription), || format!("{} goes on after the account was closed", subscription["id"]));
    }
}

/// A deleted account has no live subscription, and nothing was refunded beyond the contract.
pub fn deleted(wrong: &mut Differences, user: &str, expected: &Expected) {
    for subscription in expected.of(user, &expected.subscriptions) {
        let id = &subscription["id"];
        wrong.hold(!is_live(subscription) && !expected.is_first_debit(subscription), || {
            format!("{id} lives after the account was deleted")
        });
    }
}

/// At most one checkout of a customer can be paid at a time, and a trial is given once.
pub async fn checkouts(wrong: &mut Differences, user: &str, expected: &Expected, app: &TestApp) {
    let customers = expected.customers_of(user);
    wrong.hold(customers.len() <= 1, || format!("{} customers at Stripe", customers.len()));
    for customer in customers {
        let open = app.stripe_list(&format!("checkout/sessions?status=open&customer={customer}")).await.len();
        wrong.hold(open <= 1, || format!("{open} checkouts are open"));
    }
    let trials =
        expected.of(user, &expected.subscriptions).into_iter().filter(|found| !found["trial_start"].is_null()).count();
    wrong.hold(trials <= 1, || format!("{trials} trials"));
}
