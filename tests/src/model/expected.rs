//! The expected state: the state of the fake, interpreted by the contract. It uses none of the system's own rules.

use crate::app::TestApp;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const DAY: i64 = 86_400;
/// The default grace of the contract.
const GRACE: i64 = 7 * DAY;
/// How long access continues after a period that should have been renewed.
const MARGIN: i64 = DAY;
/// The statuses of a subscription that has started and not ended.
pub const LIVE: [&str; 5] = ["trialing", "active", "past_due", "unpaid", "paused"];

/// The list of all subscriptions with the coupons of their discounts.
const WITH_COUPONS: &str = "subscriptions?status=all&expand[0]=data.discounts.source.coupon";

pub struct Expected {
    pub now: i64,
    pub customers: Vec<Value>,
    /// Newest first, like all lists.
    pub subscriptions: Vec<Value>,
    pub invoices: Vec<Value>,
    pub events: Vec<Value>,
    /// The refunds, by invoice.
    pub refunded: BTreeMap<String, i64>,
    /// The number of refunds, by invoice.
    pub refunds: BTreeMap<String, i64>,
    /// The invoices with a dispute that is open or lost.
    pub disputed: BTreeSet<String>,
    /// The invoices with a dispute, also one that was won.
    pub was_disputed: BTreeSet<String>,
    /// The plans in the admin API, archived ones too, by id, which is that of the product.
    pub plans: BTreeMap<String, Value>,
    /// The open invoices with a bank debit in progress.
    pub in_debit: BTreeSet<String>,
    /// The charges of bank debits, each with its invoice.
    pub debits: Vec<(String, Value)>,
    /// When the system came to know that the debit of an invoice had failed: Stripe does not keep it.
    pub known_failures: BTreeMap<String, i64>,
    /// Stripe's disputes.
    pub disputes: Vec<Value>,
    /// By schedule: the plan with which the next period begins, if it is of a later phase with another price. A phase may last
    /// longer than a trial.
    pub scheduled: BTreeMap<String, Value>,
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

impl Expected {
    pub async fn read(app: &TestApp, plans: Vec<Value>) -> Self {
        let invoices = app.stripe("invoices").await;
        let customers = app.stripe("customers").await;
        let prices = app.stripe_list("prices").await;
        let subscriptions: Vec<Value> = app.stripe_list(WITH_COUPONS).await;
        let (mut refunded, mut refunds, mut scheduled) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (mut disputed, mut was_disputed) = (BTreeSet::new(), BTreeSet::new());
        let disputes = app.stripe("disputes").await;
        let is_won = |charge: &Value| disputes.iter().any(|d| d["charge"] == charge["id"] && d["status"] == "won");
        for customer in customers.iter().map(|customer| text(&customer["id"])) {
            let charges = app.stripe_list(&format!("charges?customer={customer}")).await;
            for invoice in
                invoices.iter().filter(|invoice| invoice["customer"] == customer && int(&invoice["amount_paid"]) > 0)
            {
                let id = text(&invoice["id"]);
                let paid_by = app.stripe_list(&format!("invoice_payments?invoice={id}")).await;
                let is_of_it = |charge: &&Value| {
                    paid_by.iter().any(|payment| payment["payment"]["payment_intent"] == charge["payment_intent"])
                };
                let back = charges.iter().filter(is_of_it).map(|charge| int(&charge["amount_refunded"])).sum();
                refunded.insert(id.to_owned(), back);
                for charge in charges.iter().filter(is_of_it).filter(|charge| charge["disputed"] == true) {
                    was_disputed.insert(id.to_owned());
                    if !is_won(charge) {
                        disputed.insert(id.to_owned());
                    }
                }
                let mut pieces = 0;
                for charge in charges.iter().filter(is_of_it).filter(|charge| int(&charge["amount_refunded"]) > 0) {
                    pieces += app.stripe_list(&format!("refunds?charge={}", text(&charge["id"]))).await.len();
                }
                refunds.insert(id.to_owned(), i64::try_from(pieces).unwrap());
            }
            for schedule in app.stripe_list(&format!("subscription_schedules?customer={customer}")).await {
                let start = int(&schedule["current_phase"]["start_date"]);
                let phases = schedule["phases"].as_array().cloned().unwrap_or_default();
                let present = phases.iter().find(|phase| int(&phase["start_date"]) == start);
                let held = subscriptions.iter().find(|found| found["id"] == schedule["subscription"]);
                let end = held.map_or(i64::MAX, |found| period(found).1);
                let next = phases.iter().find(|phase| (start + 1..=end).contains(&int(&phase["start_date"])));
                if let (Some(present), Some(next)) = (present, next)
                    && present["items"][0]["price"] != next["items"][0]["price"]
                {
                    let price = prices.iter().find(|price| price["id"] == next["items"][0]["price"]);
                    let plan = price.map(|price| price["product"].clone()).unwrap_or_default();
                    scheduled.insert(text(&schedule["id"]).to_owned(), plan);
                }
            }
        }
        let debits = debits(app, &customers, &invoices).await;
        let in_debit = in_progress(&debits, &invoices);
        Self {
            now: app.now().as_second(),
            customers,
            subscriptions,
            invoices,
            events: app.stripe("events").await,
            refunded,
            refunds,
            disputed,
            was_disputed,
            in_debit,
            debits,
            known_failures: BTreeMap::new(),
            disputes,
            plans: plans.into_iter().map(|plan| (text(&plan["id"]).to_owned(), plan)).collect(),
            scheduled,
        }
    }

    /// The part that is compared between the steps.
    pub async fn of_changes(app: &TestApp) -> Self {
        let (customers, invoices) = (app.stripe("customers").await, app.stripe("invoices").await);
        let debits = debits(app, &customers, &invoices).await;
        let in_debit = in_progress(&debits, &invoices);
        Self {
            now: app.now().as_second(),
            customers,
            subscriptions: app.stripe("subscriptions").await,
            invoices,
            events: app.stripe("events").await,
            refunded: BTreeMap::new(),
            refunds: BTreeMap::new(),
            disputed: BTreeSet::new(),
            was_disputed: BTreeSet::new(),
            in_debit,
            debits,
            known_failures: BTreeMap::new(),
            disputes: Vec::new(),
            plans: BTreeMap::new(),
            scheduled: BTreeMap::new(),
        }
    }

    /// Whether the first payment of a subscription is a bank debit in progress: it excludes another one.
    pub fn is_first_debit(&self, subscription: &Value) -> bool {
        subscription["status"] == "incomplete" && self.is_in_debit(subscription)
    }

    /// Whether a bank debit of a subscription that has not ended is in progress.
    pub fn is_in_debit(&self, subscription: &Value) -> bool {
        let has_ended = matches!(text(&subscription["status"]), "canceled" | "incomplete_expired");
        !has_ended && self.invoices_of(subscription).any(|invoice| self.in_debit.contains(text(&invoice["id"])))
    }

    /// When each attempt at an invoice was refused, newest first.
    pub fn refusals(&self, invoice: &Value) -> impl Iterator<Item = i64> {
        let is_refusal = |event: &&Value| {
            event["type"] == "invoice.payment_failed" && event["data"]["object"]["id"] == invoice["id"]
        };
        self.events.iter().filter(is_refusal).map(|event| int(&event["created"]))
    }

    /// Which results this world has.
    pub fn results(&self) -> [(&'static str, bool); 6] {
        let has_debit = |status: &str| self.debits.iter().any(|(_, charge)| charge["status"] == status);
        let is_discounted = |invoice: &Value| {
            let off = invoice["total_discount_amounts"].as_array().into_iter().flatten();
            off.map(|off| int(&off["amount"])).sum::<i64>() > 0
        };
        let has_units = |found: &Value| int(&found["items"]["data"][0]["quantity"]) > 1;
        [
            ("debit in progress", has_debit("pending")),
            ("debit that failed", has_debit("failed")),
            ("debit that was paid", has_debit("succeeded")),
            ("discounted invoice", self.invoices.iter().any(is_discounted)),
            ("dispute that was won", self.disputes.iter().any(|dispute| dispute["status"] == "won")),
            ("subscription of several units", self.subscriptions.iter().any(has_units)),
        ]
    }

    /// The customers of a user.
    pub fn customers_of(&self, user: &str) -> BTreeSet<String> {
        let own = self.customers.iter().filter(|customer| customer["metadata"]["tollgate_user"] == user);
        own.map(|customer| text(&customer["id"]).to_owned()).collect()
    }

    /// The entries of `list` that belong to a user.
    pub fn of<'a>(&self, user: &str, list: &'a [Value]) -> Vec<&'a Value> {
        let customers = self.customers_of(user);
        list.iter().filter(|object| customers.contains(text(&object["customer"]))).collect()
    }

    pub fn invoices_of(&self, subscription: &Value) -> impl Iterator<Item = &Value> {
        self.invoices
            .iter()
            .filter(|invoice| invoice.pointer("/parent/subscription_details/subscription") == Some(&subscription["id"]))
    }

    /// The plan of a subscription.
    pub fn plan(&self, subscription: &Value) -> Option<&Value> {
        self.plans.get(text(&price(subscription)["product"]))
    }

    pub fn subscription_of(&self, invoice: &Value) -> Option<&Value> {
        let of = invoice.pointer("/parent/subscription_details/subscription")?;
        self.subscriptions.iter().find(|found| found["id"] == *of)
    }

    /// The plan of the subscription of an invoice.
    pub fn plan_of_invoice(&self, invoice: &Value) -> Option<&Value> {
        self.plan(self.subscription_of(invoice)?)
    }

    /// Whether the events of one object came before those of another: many have the same second.
    pub fn came_before(&self, one: &Value, other: &Value) -> bool {
        let first_of =
            |object: &Value| self.events.iter().rposition(|event| event["data"]["object"]["id"] == object["id"]);
        first_of(one) > first_of(other)
    }

    /// The past states of a subscription, oldest first, by its events: its status, and whether it renews.
    pub fn states(&self, subscription: &Value) -> Vec<(String, bool)> {
        let of_it = self.events.iter().rev().filter(|event| {
            let object = &event["data"]["object"];
            object["object"] == "subscription" && object["id"] == subscription["id"]
        });
        let state = |event: &Value| {
            let object = &event["data"]["object"];
            (text(&object["status"]).to_owned(), !ends(object))
        };
        of_it.map(state).collect()
    }

    /// Until when a subscription gives access; `None` where it never does.
    pub fn access_until(&self, subscription: &Value) -> Option<i64> {
        let (start, end) = period(subscription);
        let last = subscription["cancel_at"].as_i64().map_or(end, |at| at.min(end));
        match text(&subscription["status"]) {
            "trialing" | "active" if ends(subscription) => Some(last),
            "trialing" | "active" => Some(end + MARGIN),
            "past_due" => {
                let open = self.invoices_of(subscription).filter(|invoice| invoice["status"] == "open");
                let refused_at = |invoice: &Value| {
                    let known = self.known_failures.get(text(&invoice["id"])).copied();
                    known.unwrap_or_else(|| int(&invoice["created"]))
                };
                let oldest = open.map(refused_at).min().unwrap_or(start);
                let grace = oldest + GRACE;
                Some(if ends(subscription) { grace.min(last) } else { grace })
            }
            _ => None,
        }
    }

    /// The cost of a period of a subscription with one item: its price times the quantity, less each discount in turn.
    pub fn net(&self, subscription: &Value) -> i64 {
        let gross = int(&price(subscription)["unit_amount"]) * int(&subscription["items"]["data"][0]["quantity"]);
        self.cuts(subscription, gross).into_iter().fold(gross, |net, (_, off)| net - off)
    }

    /// The discounts of a subscription, and the reduction by each.
    fn cuts<'a>(&self, subscription: &'a Value, gross: i64) -> Vec<(&'a Value, i64)> {
        let mut remaining = gross;
        let discounts = subscription["discounts"].as_array().into_iter().flatten();
        let cut = |discount: &'a Value| {
            let percent = discount["source"]["coupon"]["percent_off"].as_f64().unwrap_or_default();
            // Whole percents, half a minor unit rounded up.
            let off = (remaining * format!("{percent:.0}").parse::<i64>().unwrap() + 50).div_euclid(100);
            remaining -= off;
            (discount, off)
        };
        discounts.map(cut).collect()
    }

    /// The largest discount, as the contract shows it.
    pub fn largest_discount(&self, subscription: &Value) -> Value {
        let gross = int(&price(subscription)["unit_amount"]) * int(&subscription["items"]["data"][0]["quantity"]);
        let cuts = self.cuts(subscription, gross);
        let most = cuts.iter().map(|(_, off)| *off).max().filter(|off| *off > 0);
        let Some((discount, _)) = cuts.into_iter().find(|(_, off)| Some(*off) == most) else { return Value::Null };
        let ends_at = discount["end"].as_i64().map(moment);
        let percent = discount["source"]["coupon"]["percent_off"].as_f64();
        json!({"percent_off": percent, "amount_off_cents": null, "ends_at": ends_at})
    }

    /// The paid amount of an invoice, and the refunded one.
    pub fn money(&self, invoice: &Value) -> (i64, i64) {
        let back = self.refunded.get(text(&invoice["id"])).copied().unwrap_or_default();
        (int(&invoice["amount_paid"]), back)
    }
}

/// The charges of bank debits, each with its invoice.
async fn debits(app: &TestApp, customers: &[Value], invoices: &[Value]) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for customer in customers.iter().map(|customer| text(&customer["id"])) {
        let mut charges = app.stripe_list(&format!("charges?customer={customer}")).await;
        charges.retain(|charge| charge["payment_method_details"]["type"] != "card");
        if charges.is_empty() {
            continue;
        }
        for invoice in invoices.iter().filter(|invoice| invoice["customer"] == customer) {
            let id = text(&invoice["id"]);
            let paid_by = app.stripe_list(&format!("invoice_payments?invoice={id}")).await;
            let is_of_it = |charge: &&Value| {
                paid_by.iter().any(|payment| payment["payment"]["payment_intent"] == charge["payment_intent"])
            };
            all.extend(charges.iter().filter(is_of_it).map(|charge| (id.to_owned(), charge.clone())));
        }
    }
    all
}

/// The open invoices of the debits that are in progress.
fn in_progress(debits: &[(String, Value)], invoices: &[Value]) -> BTreeSet<String> {
    let is_open = |id: &str| invoices.iter().any(|invoice| invoice["id"] == id && invoice["status"] == "open");
    let pending = debits.iter().filter(|(id, charge)| charge["status"] == "pending" && is_open(id));
    pending.map(|(id, _)| id.clone()).collect()
}

pub fn price(subscription: &Value) -> &Value {
    &subscription["items"]["data"][0]["price"]
}

pub fn period(subscription: &Value) -> (i64, i64) {
    let item = &subscription["items"]["data"][0];
    (int(&item["current_period_start"]), int(&item["current_period_end"]))
}

pub fn is_live(subscription: &Value) -> bool {
    LIVE.contains(&text(&subscription["status"]))
}

/// Whether it will not renew.
pub fn ends(subscription: &Value) -> bool {
    subscription["cancel_at_period_end"] == true
        || subscription["cancel_at"].as_i64().is_some_and(|at| at <= period(subscription).1)
}

/// Whether Stripe ended it by its settings: with its period, or for lack of payment.
pub fn ended_by_itself(subscription: &Value) -> bool {
    let at_end = ends(subscription) && subscription["ended_at"] == subscription["cancel_at"];
    at_end || subscription["cancellation_details"]["reason"] == "payment_failed"
}

/// A time as the system writes it.
pub fn moment(seconds: i64) -> Value {
    json!(Timestamp::from_second(seconds).unwrap())
}
