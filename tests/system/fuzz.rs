//! Objects of the fake with fields of any value: no function panics, and no object blocks the others.
//! `tests/stripe/fuzz.py` generates objects from Stripe's own description.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use tollgate_tests::app::TestApp;
use tollgate_tests::logs;

const KINDS: [&str; 8] = ["customer", "subscription", "invoice", "charge", "refund", "dispute", "product", "price"];
const CASES: u32 = 6;
const OBJECTS: usize = 60;

/// A field of an object of a kind, and its new value. The field is chosen among those that the object has.
#[derive(Clone)]
struct Mutation {
    kind: &'static str,
    field: prop::sample::Index,
    value: Value,
    is_own: bool,
}

impl fmt::Debug for Mutation {
    /// The short form: without lists of a hundred entries.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value: String = self.value.to_string().chars().take(30).collect();
        write!(f, "{} {:?} {value} {}", self.kind, self.field, self.is_own)
    }
}

fn values() -> impl Strategy<Value = Value> {
    let fixed = [
        json!(null),
        json!("a_value_of_tomorrow"),
        json!(""),
        json!(-1),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1.5),
        json!(true),
        json!([]),
        json!([null, 1, "x", {}]),
        json!({}),
        json!({"id": 7}),
        json!({"object": "list", "data": null}),
        json!({"object": "list", "data": vec![json!({"id": null}); 100]}),
    ];
    prop::sample::select(fixed.to_vec())
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let one = (prop::sample::select(&KINDS[..]), any::<prop::sample::Index>(), values(), any::<bool>());
    let one = one.prop_map(|(kind, field, value, is_own)| Mutation { kind, field, value, is_own });
    prop::collection::vec(one, OBJECTS)
}

/// The paths of all fields within an object.
fn paths(value: &Value) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for (name, inner) in value.as_object().into_iter().flatten() {
        all.push(vec![name.clone()]);
        all.extend(paths(inner).into_iter().map(|path| [vec![name.clone()], path].concat()));
    }
    all
}

/// The fields that replace one of them by a value.
fn fields(path: &[String], value: &Value) -> Value {
    path.iter().rev().fold(value.clone(), |inner, name| json!({name: inner}))
}

async fn holds(mutations: &[Mutation]) {
    let app = TestApp::start().await;
    let (_, session) = app.subscriber("ann").await;
    let customer = app.stripe("customers").await[0]["id"].clone();
    let subscription = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    let mut usual = BTreeMap::new();
    for kind in KINDS {
        let made = app.at_stripe("foreign", json!({"kind": kind, "fields": {}})).await.expect(201).body;
        let mut paths = paths(&made);
        // The fake finds the object by these.
        paths.retain(|path| !matches!(path[0].as_str(), "id" | "object"));
        usual.insert(kind, paths);
    }
    let mut foreign = BTreeSet::new();
    for Mutation { kind, field, value, is_own } in mutations {
        let path = field.get(&usual[kind]);
        let mut fields = fields(path, value);
        let is_own = *is_own && path[0] != "customer" && !matches!(*kind, "customer" | "product" | "price");
        if is_own {
            fields["customer"] = customer.clone();
        }
        let made = app.at_stripe("foreign", json!({"kind": kind, "fields": fields})).await.expect(201).body;
        if !is_own {
            foreign.insert(made["id"].as_str().unwrap().to_owned());
        }
    }
    // The events about them are handled, or dead letters fail the test.
    app.drain().await;
    let swept = app.sweep("reconcile").await;
    assert_eq!(swept.status, 200, "{:?}", logs::errors().last());
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    app.at_stripe(&format!("subscriptions/{subscription}/renew"), json!({"outcome": "paid"})).await.expect(200);
    let swept = app.sweep("reconcile").await.expect(200);
    assert_eq!(swept.body["handled"], 1, "the renewal is found");
    assert_eq!(app.get_as(&session, "/me").await.expect(200).body["tier"], 1);
    for line in logs::text().lines().filter(|line| line.contains("cannot be read")) {
        let fields = serde_json::from_str::<Value>(line).unwrap()["fields"].clone();
        assert!(fields["object"].as_str().is_some_and(|kind| !kind.is_empty()), "{line}");
    }
    for id in foreign {
        let logged = logs::text().lines().filter(|line| line.contains("cannot be read") && line.contains(&id)).count();
        assert!(logged == 0 || logged == 2, "{id}: once in each of two runs, not {logged} times");
    }
}

// A5
#[test]
fn an_object_with_any_value_in_any_field_blocks_nothing() {
    let config = Config { cases: CASES, failure_persistence: None, max_shrink_iters: 40, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let case = |mutations: Vec<Mutation>| {
        runtime.block_on(holds(&mutations));
        Ok(())
    };
    if let Err(error) = runner.run(&mutations(), case) {
        panic!("{error}");
    }
}
