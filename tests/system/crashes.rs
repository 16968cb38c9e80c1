//! Calls that fail in the middle of an operation: after a retry there is exactly one effect (R1, R8). Here some
//! operations and races meet every kind of failure of every service; `enumerate` runs all of them.

use serde_json::Value;
use std::collections::HashSet;
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;
use tollgate_tests::app::TestApp;
use tollgate_tests::crashes::{self, Extent, FAILURES, disturbed_scenarios};
use tollgate_tests::operations::scenarios;
use tollgate_tests::races::{self, races};

/// Scenarios that together call every service.
const SCENARIOS: [&str; 8] = [
    "POST /verify by link",
    "POST /refresh-token",
    "POST /logout",
    "GET /auth/social/callback/google that links",
    "GET /auth/social/callback/github of a newcomer",
    "the mail with a code",
    "POST /billing/portal",
    "the event of a paid invoice",
];

const RACES: [&str; 8] = [
    "refresh ∥ refresh",
    "refresh ∥ sign-out",
    "register ∥ register, one name",
    "code ∥ code",
    "unlink ∥ unlink, the last two",
    "demote ∥ demote, the last two admins",
    "sweep ∥ sweep of accounts",
    "plan ∥ plan of one code",
];

// R1, R8
#[tokio::test(flavor = "multi_thread")]
async fn an_operation_has_one_effect_whichever_of_its_calls_fails() {
    let (mut failures, mut tried, mut found) = (Vec::new(), HashSet::new(), 0);
    for scenario in disturbed_scenarios().filter(|scenario| SCENARIOS.contains(&scenario.name)) {
        let report = crashes::enumerate(scenario, Extent::LastCalls).await;
        failures.extend(report.failures);
        tried.extend(report.tried);
        found += 1;
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(found, SCENARIOS.len());
    for service in [
        Service::Dynamodb,
        Service::Sqs,
        Service::Ses,
        Service::Secrets,
        Service::Google,
        Service::Github,
        Service::Stripe,
    ] {
        for (kind, _) in FAILURES {
            assert!(tried.contains(&(service, *kind)), "no {kind:?} of {service:?}");
        }
    }
    assert!(tried.contains(&(Service::Dynamodb, Kind::Unprocessed)), "no call is done in part");
}

#[test]
fn each_scenario_has_a_name_of_its_own() {
    let names: Vec<_> = scenarios().into_iter().map(|scenario| scenario.name).collect();
    let unique: HashSet<_> = names.iter().collect();
    assert!(unique.len() == names.len() && disturbed_scenarios().count() >= 103, "{names:?}");
}

// R9, R10, R11
#[tokio::test(flavor = "multi_thread")]
async fn racing_requests_agree_in_every_interleaving() {
    let mut found = 0;
    for race in races().filter(|race| RACES.contains(&race.name)) {
        let report = races::enumerate(race).await;
        assert!(report.orders > 1 && report.failures.is_empty(), "{}: {}", race.name, report.failures.join("\n"));
        found += 1;
    }
    assert_eq!(found, RACES.len());
}

// R8
#[tokio::test]
async fn a_conflicting_transaction_is_retried_and_ends_complete_or_undone() {
    for (times, status, accounts) in [(1, 202, 1), (3, 202, 1), (100, 503, 0)] {
        let app = TestApp::start().await;
        app.fail_operation(Service::Dynamodb, "TransactWriteItems", Kind::Conflict, times);
        app.register("ann").await.expect(status);
        app.stack.fault_injector().clear();
        assert_eq!(app.table("credentials").await.len(), accounts, "{times} conflicts");
    }
}

// R8
#[tokio::test]
async fn nothing_is_written_while_the_tables_refuse_writes() {
    let app = TestApp::start().await;
    app.fail_operation(Service::Dynamodb, "TransactWriteItems", Kind::Throttle, 1000);
    app.register("ann").await.refused(503, "unavailable");
    app.stack.fault_injector().clear();
    for table in ["identity", "credentials", "gate", "sessions", "outbox", "audit"] {
        assert_eq!(app.table(table).await, Vec::<Value>::new(), "{table}");
    }
}
