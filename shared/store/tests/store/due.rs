//! The index of due subscriptions: its items, their times, and the order of its reads, shard after shard.

use crate::billing::{DAY, corrupt, of_ann, plan_id, subscription, unavailable, unexpected, unreachable};
use crate::people::{at, at_ms, user};
use crate::tables::Tables;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollgate_domain::SubscriptionId;
use tollgate_domain::billing::{Changed, Changes, Customer, DuePlace, Grace, Status, Subscription};
use tollgate_store::{AccountWrite, Due, StoreError};

/// The number of shards.
const SHARDS: u64 = 8;

/// Ann's subscriptions, written one after the other.
struct Written {
    tables: Tables,
    stored_customer: Customer,
}

impl Written {
    async fn new() -> Self {
        let (tables, stored_customer) = Tables::with_customer().await;
        Self { tables, stored_customer }
    }

    async fn write(&mut self, subscriptions: impl IntoIterator<Item = Subscription>) {
        let changed = |after| Changed { before: None, after };
        let subscriptions = subscriptions.into_iter().map(changed).collect();
        let changes = Changes { subscriptions, ..Changes::default() };
        let (stored_customer, grace) = (&self.stored_customer, Grace::default());
        let write = AccountWrite {
            expected: stored_customer,
            changes: &changes,
            shown: None,
            audit: &[],
            mails: &[],
            trials: &[],
            events: &[],
            grace,
        };
        assert!(self.tables.rival.write_account(&write).await.unwrap());
        self.stored_customer.version += 1;
    }

    async fn row(&self, n: u8) -> Value {
        self.tables.row("billing", &of_ann(&format!("SUB#{}", subscription(n).id))).await
    }

    /// The ids that are due.
    async fn due(&self, now: Timestamp) -> BTreeSet<SubscriptionId> {
        due(&self.tables, now).await.0.into_iter().collect()
    }
}

/// The first place of a shard.
fn shard(shard: u64) -> DuePlace {
    DuePlace { shard, after: None }
}

/// The due items from the first shard to the last, and their number on each page.
async fn due(tables: &Tables, now: Timestamp) -> (Vec<SubscriptionId>, Vec<usize>) {
    let (mut ids, mut pages, mut from) = (Vec::new(), Vec::new(), Some(DuePlace::default()));
    while let Some(place) = from {
        let page = tables.store.due(now, &place).await.unwrap();
        pages.push(page.items.len());
        assert!(pages.len() <= 20, "it never ends");
        ids.extend(page.items.into_iter().map(|due| due.id));
        from = page.next;
    }
    (ids, pages)
}

/// The same of those with plan `n`.
async fn of_plan(tables: &Tables, n: u8) -> (Vec<SubscriptionId>, Vec<usize>) {
    let (mut ids, mut pages, mut from) = (Vec::new(), Vec::new(), Some(DuePlace::default()));
    while let Some(place) = from {
        let page = tables.store.subscriptions_of_plan(&plan_id(n), &place).await.unwrap();
        pages.push(page.items.len());
        assert!(pages.len() <= 20, "it never ends");
        ids.extend(page.items.into_iter().map(|due| due.id));
        from = page.next;
    }
    (ids, pages)
}

fn id(n: u8) -> SubscriptionId {
    subscription(n).id
}

/// Subscription `n`, whose period ends this number of seconds after the start.
fn ends(n: u8, seconds: i64) -> Subscription {
    Subscription { current_period_end: at(seconds), ..subscription(n) }
}

/// Adds `n`, with plan 1, to shard 3 of the index, due this number of seconds after the start.
async fn put(tables: &Tables, n: u8, seconds: i64) {
    let row = json!({"pk": "USER#", "sk": format!("SUB#{}", id(n)), "user_id": user(1), "id": id(n), "status": "active",
        "plan_id": plan_id(1), "due_shard": "DUE#3", "due_at": format!("{}#{}", at(seconds), id(n))});
    tables.put("billing", row).await;
}

#[tokio::test]
async fn a_subscription_is_indexed_by_the_end_of_its_period_and_its_id_shard() {
    let mut written = Written::new().await;
    written.write((1..=20).map(subscription)).await;
    // The sum of the id's hex digits as bytes, modulo 8.
    for n in 1..=20 {
        let row = written.row(n).await;
        let sum: u32 = id(n).bare().chars().map(u32::from).sum();
        assert_eq!(row["due_shard"], format!("DUE#{}", sum % 8), "{n}");
        assert_eq!(row["due_at"], format!("{}#{}", at(30 * DAY), id(n)), "{n}");
    }
    let shards: BTreeSet<_> = {
        let rows = written.tables.rows("billing").await;
        rows.values().filter_map(|row| row.get("due_shard")).map(ToString::to_string).collect()
    };
    assert!(shards.len() > 4, "they are spread: {shards:?}");
    let all: BTreeSet<_> = (1..=20).map(id).collect();
    assert_eq!(written.due(at(30 * DAY)).await, all);
}

#[tokio::test]
async fn a_due_item_names_its_user_and_subscription_in_its_shard() {
    let tables = Tables::new().await;
    put(&tables, 1, 0).await;
    let only = [Due { user_id: user(1), id: id(1), status: Status::Active }];
    for n in 0..SHARDS {
        let expected = if n == 3 { &only[..] } else { &[] };
        let due = tables.store.due(at(0), &shard(n)).await.unwrap();
        assert_eq!(due.items, expected, "{n}");
        let next = (n < 7).then(|| shard(n + 1));
        assert_eq!(due.next, next, "a page that is the last of its shard leads to the next one");
        let of_plan = tables.store.subscriptions_of_plan(&plan_id(1), &shard(n)).await.unwrap();
        assert_eq!((of_plan.items.as_slice(), of_plan.next), (expected, next), "{n}");
    }
}

#[tokio::test]
async fn a_subscription_is_due_from_its_time_on() {
    let tables = Tables::new().await;
    put(&tables, 1, 60).await;
    assert_eq!(due(&tables, at_ms(59_999)).await.0, []);
    for ms in [60_000, 60_001, 60_500, 60_999, 61_000] {
        assert_eq!(due(&tables, at_ms(ms)).await.0, [id(1)], "{ms}");
    }
}

#[tokio::test]
async fn the_longest_due_come_first_in_pages_of_a_hundred() {
    let tables = Tables::new().await;
    let order: Vec<u8> = (0..201).rev().collect();
    for (n, seconds) in order.iter().zip(0..) {
        put(&tables, *n, seconds).await;
    }
    put(&tables, 250, 300).await;
    let (found, pages) = due(&tables, at(200)).await;
    assert_eq!(found, order.into_iter().map(id).collect::<Vec<_>>());
    assert_eq!(pages, [0, 0, 0, 100, 100, 1, 0, 0, 0, 0]);
}

#[tokio::test]
async fn the_subscriptions_of_a_plan_are_those_in_the_index_due_or_not() {
    let mut written = Written::new().await;
    let of = |n: u8, plan: u8| Subscription { plan_id: Some(plan_id(plan)), ..subscription(n) };
    let unknown = Subscription { plan_id: None, ..subscription(4) };
    let canceled = Subscription { status: Status::Canceled, ..of(5, 1) };
    written.write([of(1, 1), of(2, 2), of(3, 1), unknown, canceled]).await;
    let mut found = of_plan(&written.tables, 1).await.0;
    found.sort();
    assert_eq!(found, [id(1), id(3)]);
    assert_eq!(of_plan(&written.tables, 2).await.0, [id(2)]);
    assert_eq!(of_plan(&written.tables, 3).await.0, []);
}

#[tokio::test]
async fn a_page_without_the_plans_subscriptions_is_not_the_last() {
    let tables = Tables::new().await;
    for n in 0..150 {
        put(&tables, n, n.into()).await;
    }
    for n in [120, 140] {
        let key = format!("USER#/SUB#{}", id(n));
        tables.edit("billing", &key, |row| row["plan_id"] = json!(plan_id(2))).await;
    }
    assert_eq!(of_plan(&tables, 2).await, (vec![id(120), id(140)], vec![0, 0, 0, 0, 2, 0, 0, 0, 0]));
    assert_eq!(of_plan(&tables, 1).await.1, [0, 0, 0, 100, 48, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_position_that_no_page_returned_is_a_bug() {
    let tables = Tables::new().await;
    for after in ["", "{", "[]", r#"{"pk": 5}"#] {
        let place = DuePlace { shard: 3, after: Some(after.to_owned()) };
        unexpected(tables.store.due(at(0), &place).await);
        unexpected(tables.store.subscriptions_of_plan(&plan_id(1), &place).await);
    }
    assert_eq!(tables.faults.count(), 0);
}

#[tokio::test]
async fn a_handled_item_is_indexed_with_another_time_or_removed() {
    let mut written = Written::new().await;
    written.write([ends(1, 60), ends(2, 60), ends(3, 60)]).await;
    assert_eq!(written.due(at(60)).await, [id(1), id(2), id(3)].into());
    let canceled = Subscription { status: Status::Canceled, ..ends(3, 60) };
    written.write([ends(2, 90), canceled]).await;
    assert_eq!(written.due(at(60)).await, [id(1)].into());
    assert_eq!(written.due(at(90)).await, [id(1), id(2)].into());
    let row = written.row(3).await;
    assert_eq!((row.get("due_shard"), row.get("due_at")), (None, None));
}

#[tokio::test]
async fn only_subscriptions_that_change_with_time_are_due() {
    let mut written = Written::new().await;
    written.write(Status::ALL.into_iter().zip(1..).map(|(status, n)| Subscription { status, ..ends(n, 60) })).await;
    for (status, n) in Status::ALL.into_iter().zip(1..) {
        let due_at = match status {
            Status::Trialing | Status::Active => json!(format!("{}#{}", at(60), id(n))),
            // Its grace: seven days.
            Status::PastDue => json!(format!("{}#{}", at(7 * DAY), id(n))),
            _ => Value::Null,
        };
        let row = written.row(n).await;
        assert_eq!(row["due_at"], due_at, "{status:?}");
        assert_eq!(row.get("due_shard").is_some(), !due_at.is_null(), "{status:?}");
    }
    assert_eq!(written.due(at(365 * DAY)).await.len(), 3);
}

#[tokio::test]
async fn a_malformed_due_item_is_corrupt_and_no_answer_is_unavailable() {
    let tables = Tables::new().await;
    tables.put("billing", json!({"pk": "USER#", "sk": "SUB#", "due_shard": "DUE#3", "due_at": "2026"})).await;
    let reads = async || -> [Result<_, StoreError>; 2] {
        let plan = plan_id(1);
        [tables.store.due(at(0), &shard(3)).await, tables.store.subscriptions_of_plan(&plan, &shard(3)).await]
    };
    tables.edit("billing", "USER#/SUB#", |row| row["plan_id"] = json!(plan_id(1))).await;
    reads().await.into_iter().for_each(corrupt);
    tables.faults.next("Query", (0..2).flat_map(|_| unreachable()));
    reads().await.into_iter().for_each(unavailable);
}
