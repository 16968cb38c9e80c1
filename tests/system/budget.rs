//! The cost of each operation: DynamoDB units and calls, compared with `docs/budget.json`. They are exact, so a rise
//! fails. The scenarios and reads of `tests/src/operations` that are measured are the operations.

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use tollgate_local::Options;
use tollgate_local::faults::Call;
use tollgate_local::service::Service;
use tollgate_tests::app::{Session, TestApp, limited};
use tollgate_tests::guards::assert_same_json;
use tollgate_tests::operations::reads::ReadWorld;
use tollgate_tests::operations::{Measured, Scenario, operations, scenarios};
use tollgate_tests::request::Request;
use tollgate_tests::{apart, panic_text};

/// The number of concurrent stacks.
const AT_ONCE: usize = 3;

/// The read and written units that no change may exceed.
const LIMITS: [(&str, f64, f64); 8] = [
    ("GET /example/feature", 1.0, 0.0),
    ("GET /example/me", 1.0, 0.0),
    ("GET /example/tier", 1.0, 0.0),
    ("GET /me", 2.0, 0.0),
    ("POST /example/quota", 1.0, 1.0),
    ("POST /login", 3.0, 7.0),
    ("POST /refresh-token", 2.0, 1.0),
    ("POST /register", 4.0, 26.0),
];

/// The costs of operations, by name.
type Costs = BTreeMap<String, Value>;

fn cost(calls: &[Call]) -> Value {
    let own: Vec<_> = calls.iter().filter(|call| call.service == Service::Dynamodb).collect();
    let sum = |pick: fn(&(String, f64, f64)) -> f64| {
        own.iter().flat_map(|call| call.units.iter().map(pick)).fold(0.0, |sum, units| sum + units)
    };
    let depth = own.iter().map(|call| call.depth).max().unwrap_or_default();
    json!({"calls": own.len(), "depth": depth, "read_units": sum(|unit| unit.1), "write_units": sum(|unit| unit.2)})
}

/// A stack in which calls are measured, and a member without a plan.
struct Meter {
    app: TestApp,
    warm: Session,
}

impl Meter {
    async fn start() -> Self {
        let env = vec![("ACCESS_TOKEN_EXPIRE".to_owned(), "1d".to_owned())]; // the clock moves at each measurement
        let app = TestApp::start_with(Options { env, ..limited() }).await;
        let (_, warm) = app.person("warm").await;
        Self { app, warm }
    }

    /// The cost of `call`.
    async fn measure<T>(&self, call: impl Future<Output = T>) -> (T, Value) {
        self.app.drain().await;
        self.app.advance(60); // the rate limits have recovered
        self.read_published_keys().await;
        let _before = self.app.calls();
        let answer = self.app.stack.held(call).await;
        (answer, cost(&self.app.calls()))
    }

    /// The cost of a request, after its answer was checked.
    async fn cost_of(&self, name: &str, request: &Request, expected: Measured) -> Value {
        let send = async {
            if expected.is_second {
                request.send(&self.app).await;
                let _first = self.app.calls();
            }
            request.send(&self.app).await
        };
        let (answer, cost) = self.measure(send).await;
        let status = answer.status.as_u16();
        let code = answer.body["code"].as_str().filter(|_| status >= 400);
        assert_eq!((status, code), (expected.status, expected.code), "{name}: {}", answer.text);
        cost
    }

    /// Makes every function that verifies tokens read the published keys now, and `auth` the features of the free
    /// plan: otherwise some operation would read them, which each function does every five minutes. For the keys an
    /// invalid token is enough; `warm` has no plan.
    async fn read_published_keys(&self) {
        self.app.get_as(&self.warm, "/me").await;
        for path in ["/billing/payments/me", "/admin/stats", "/example/me"] {
            let bearer = [("authorization", "Bearer none")];
            self.app.send(Method::GET, path, &bearer, None).await.refused(401, "unauthenticated");
        }
    }
}

async fn cost_of_scenario(scenario: Scenario, expected: Measured) -> Costs {
    let meter = Meter::start().await;
    let case = (scenario.prepare)(&meter.app).await;
    let cost = meter.cost_of(scenario.name, &case.request, expected).await;
    Costs::from([(scenario.name.to_owned(), cost)])
}

/// They change nothing, so they share one stack.
async fn costs_of_reads() -> Costs {
    let meter = Meter::start().await;
    let world = ReadWorld::prepare(&meter.app).await;
    let mut found = Costs::new();
    for operation in operations() {
        for read in &operation.reads {
            let (name, request) = (read.name(&operation), world.request(&operation, read));
            found.insert(name.to_owned(), meter.cost_of(name, &request, read.measured).await);
        }
    }
    found
}

async fn cost_of_an_event_that_changes_nothing() -> Costs {
    let meter = Meter::start().await;
    meter.app.subscriber("ann").await;
    let subscription = meter.app.stripe("subscriptions").await.remove(0);
    let ((), cost) = meter.measure(meter.app.event_about_nothing("evt_nothing", &subscription)).await;
    Costs::from([("an event that changes nothing".to_owned(), cost)])
}

/// Everything that is measured, each in its own stack, and what failed.
async fn measure_everything() -> (Costs, Vec<String>) {
    let mut work: Vec<BoxFuture<'static, Result<Costs, String>>> = Vec::new();
    macro_rules! add {
        ($name:expr, $costs:expr) => {
            work.push(
                apart(move || $costs)
                    .map(move |done| done.map_err(|panic| format!("{}: {}", $name, panic_text(panic))))
                    .boxed(),
            )
        };
    }
    for scenario in scenarios() {
        if let Some(expected) = scenario.measured {
            add!(scenario.name, cost_of_scenario(scenario, expected));
        }
    }
    add!("the reads", costs_of_reads());
    add!("an event", cost_of_an_event_that_changes_nothing());
    let done = stream::iter(work).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
    let (costs, failures): (Vec<_>, Vec<_>) = done.into_iter().partition(Result::is_ok);
    (costs.into_iter().flatten().flatten().collect(), failures.into_iter().filter_map(Result::err).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_costs_as_much_as_the_budget_states() {
    let (found, failures) = measure_everything().await;
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let found = json!(found);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/budget.json");
    let mut budget: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    if std::env::var_os("UPDATE").is_some() {
        budget["operations"] = found.clone();
        std::fs::write(file, format!("{}\n", serde_json::to_string_pretty(&budget).unwrap())).unwrap();
    }
    for (operation, read_units, write_units) in LIMITS {
        let cost = &found[operation];
        let is_within =
            cost["read_units"].as_f64() <= Some(read_units) && cost["write_units"].as_f64() <= Some(write_units);
        assert!(is_within && cost.is_object(), "{operation} costs more than its limit: {cost}");
    }
    let edit = "docs/budget.json by UPDATE=1 cargo test --workspace budget where the new cost is meant, then run \
                UPDATE=1 cargo test --workspace documents";
    assert_same_json("the measured costs and the budget", &found, &budget["operations"], edit);
}
