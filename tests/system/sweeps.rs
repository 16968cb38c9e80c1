//! Schedules without Stripe: messages that `relay` missed are sent again, unverified accounts are removed.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollgate_local::Options;
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;
use tollgate_tests::app::{Answer, PASSWORD, TestApp, options};

const EMAIL: &str = "ann@example.com";
const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

fn handled(answer: Answer) -> u64 {
    answer.expect(200).body["handled"].as_u64().unwrap()
}

/// Bob wants the address of Ann, who is notified by a mail that does not expire.
async fn wanted_by_bob(app: &TestApp) -> Answer {
    app.post("/register", json!({"email": EMAIL, "username": "bob", "password": PASSWORD})).await
}

async fn owner_mails(app: &TestApp) -> usize {
    app.mails(EMAIL).await.iter().filter(|mail| mail["kind"] == "already_registered").count()
}

/// A mail to Ann that relay gave up.
async fn missed() -> TestApp {
    let app = TestApp::start().await;
    app.member("ann").await;
    app.missed_by_relay(wanted_by_bob(&app)).await.expect(202);
    assert_eq!(owner_mails(&app).await, 0);
    app
}

// R13
#[tokio::test]
async fn a_message_that_relay_missed_is_sent_once_ten_minutes_after_its_cause() {
    let app = missed().await;
    app.advance(10 * MINUTE - 1);
    assert_eq!(handled(app.sweep("outbox").await), 0, "relay may still send it");
    app.advance(1);
    assert_eq!(handled(app.sweep("outbox").await), 1);
    assert_eq!(handled(app.sweep("outbox").await), 0, "twice");
    assert_eq!(owner_mails(&app).await, 1);
    app.advance(DAY);
    assert_eq!(handled(app.sweep("outbox").await), 0, "it is marked");
    assert_eq!(owner_mails(&app).await, 1);
}

// R13
#[tokio::test]
async fn one_sweep_sends_all_messages_that_were_missed_for_a_day() {
    let app = missed().await;
    app.advance(DAY);
    assert_eq!(handled(app.sweep("outbox").await), 1);
    assert_eq!(owner_mails(&app).await, 1);
}

// R13
#[tokio::test]
async fn two_simultaneous_sweeps_of_the_outbox_send_one_mail() {
    let app = missed().await;
    app.advance(10 * MINUTE);
    let sweep = || app.stack.invoke("sweeper", json!({"schedule": "outbox"}));
    app.stack.held(async { futures_util::future::try_join(sweep(), sweep()).await.unwrap() }).await;
    assert_eq!(owner_mails(&app).await, 1);
}

// R13
#[tokio::test]
async fn a_message_that_the_queue_refused_is_sent_by_the_next_sweep() {
    let app = missed().await;
    app.advance(10 * MINUTE);
    app.fail(Service::Sqs, Kind::Error, 0, 3);
    app.sweep("outbox").await.expect(500);
    assert_eq!(owner_mails(&app).await, 0);
    assert_eq!(handled(app.sweep("outbox").await), 1);
    assert_eq!(owner_mails(&app).await, 1);
}

// R6
#[tokio::test]
async fn an_undeliverable_mail_is_retried_at_growing_intervals() {
    let mut app = TestApp::start().await;
    app.member("ann").await;
    app.fail(Service::Ses, Kind::Error, 0, u32::MAX);
    wanted_by_bob(&app).await.expect(202);
    app.drain().await;
    let mut sent_again = Vec::new();
    for hour in 1..=24 {
        app.advance(60 * MINUTE);
        if handled(app.sweep("outbox").await) > 0 {
            sent_again.push(hour);
        }
        app.drain().await;
    }
    assert_eq!(sent_again, [1, 3, 11]);
    app.stack.fault_injector().clear();
    app.post("/_local/queues/mail/redrive", json!({})).await.expect(200);
    assert_eq!(owner_mails(&app).await, 1, "of all its dead letters one makes a mail");
    app.dead_wanted = 0;
}

// S6
#[tokio::test]
async fn a_decoy_is_never_sent_at_any_age() {
    let app = TestApp::start().await;
    app.post("/forget-password", json!({"email": "nobody@example.com"})).await.expect(202);
    app.drain().await;
    assert_eq!(app.table("outbox").await.len(), 1);
    app.advance(DAY);
    assert_eq!(handled(app.sweep("outbox").await), 0);
}

// R13
#[tokio::test]
async fn a_command_that_relay_missed_is_executed() {
    let app = TestApp::start().await;
    let (_, session) = app.subscriber("ann").await;
    let closed = app.post_as(&session, "/deactivate", json!({"password": PASSWORD}));
    app.missed_by_relay(closed).await.expect(200);
    assert_eq!(app.stripe("subscriptions").await[0]["cancel_at_period_end"], false);
    app.advance(10 * MINUTE);
    assert_eq!(handled(app.sweep("outbox").await), 1);
    app.drain().await;
    assert_eq!(app.stripe("subscriptions").await[0]["cancel_at_period_end"], true);
}

/// The items with personal data, by table and key.
async fn people(app: &TestApp) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for table in ["identity", "credentials", "gate"] {
        keys.extend(app.table(table).await.iter().map(|item| format!("{table} {}", item["pk"]["S"])));
    }
    keys
}

// S23
#[tokio::test]
async fn an_unverified_account_is_removed_after_seven_days() {
    let app = TestApp::start().await;
    app.member("bob").await;
    let others = people(&app).await;
    app.register("ann").await.expect(202);
    app.advance(7 * DAY - 1);
    assert_eq!(handled(app.sweep("accounts").await), 0, "a second before");
    app.post("/request/verify", json!({"email": EMAIL})).await.expect(202);
    let old_link = app.link_token(EMAIL, "verify").await;
    app.advance(1);
    assert_eq!(handled(app.sweep("accounts").await), 1);
    assert_eq!(people(&app).await, others);
    app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
    app.post("/verify", json!({"token": old_link})).await.refused(400, "invalid_token");
    app.register("ann").await.expect(202);
    let token = app.link_token(EMAIL, "verify").await;
    app.post("/verify", json!({"token": token})).await.expect(200);
    app.sign_in(EMAIL).await;
    app.sign_in("bob@example.com").await;
}

// S23
#[tokio::test]
async fn the_entry_of_a_removed_account_names_no_person() {
    let app = TestApp::start().await;
    app.register("ann").await.expect(202);
    app.advance(7 * DAY);
    assert_eq!(handled(app.sweep("accounts").await), 1);
    let entries = app.table("audit").await;
    let entry = entries.iter().find(|entry| entry["action"]["S"] == "user.deleted").unwrap();
    let user = entries.iter().find(|entry| entry["action"]["S"] == "user.registered").unwrap();
    assert_eq!(entry["target_id"], user["target_id"]);
    assert_eq!(entry["before"]["M"], json!({"email_verified": {"BOOL": false}}));
    let absent = |name: &str| entry.get(name).is_none_or(|value| *value == Value::Null);
    assert!(["actor_id", "after", "ip", "request_id"].into_iter().all(absent), "{entry}");
}

/// The remaining users after registrations over some weeks, when the sweep ran on these days, this often on each.
async fn left_after(days: &[i64], times: usize) -> (BTreeSet<String>, usize) {
    let app = TestApp::start().await;
    for day in 0..=50 {
        match day {
            0 | 20 | 33 => drop(app.register(&format!("unverified{day}")).await.expect(202)),
            5 | 34 => drop(app.member(&format!("verified{day}")).await),
            _ => {}
        }
        for _ in 0..if days.contains(&day) { times } else { 0 } {
            app.sweep("accounts").await.expect(200);
        }
        app.advance(DAY);
    }
    let names = app
        .table("identity")
        .await
        .iter()
        .filter_map(|item| item["username"]["S"].as_str().map(str::to_owned))
        .collect();
    let deleted = app.actions().await.iter().filter(|action| *action == "user.deleted").count();
    (names, deleted)
}

// R13
#[tokio::test]
async fn account_sweeps_give_the_same_result_daily_late_or_after_weeks() {
    let daily: Vec<_> = (0..=50).collect();
    let wanted = (BTreeSet::from(["verified34".to_owned(), "verified5".to_owned()]), 3);
    for (days, times) in [(&daily[..], 1), (&daily, 2), (&[9, 30, 31, 48], 1), (&[50], 1)] {
        assert_eq!(left_after(days, times).await, wanted, "{days:?}, {times} times");
    }
}

// R13
#[tokio::test]
async fn a_sweep_of_accounts_reads_no_account_that_the_previous_one_finished() {
    let app = TestApp::start().await;
    app.register("ann").await.expect(202);
    app.advance(7 * DAY);
    assert_eq!(handled(app.sweep("accounts").await), 1);
    let _before = app.calls();
    app.advance(DAY);
    assert_eq!(handled(app.sweep("accounts").await), 0);
    let calls: Vec<_> = app.calls().into_iter().map(|call| call.operation).collect();
    let wanted = ["Query", "Query", "Query", "PutItem"];
    assert_eq!(calls, wanted, "the deleted, the erased and the unverified, the time of the run, and no call of Stripe");
}

// R13
#[tokio::test]
async fn an_account_that_cannot_be_removed_blocks_no_other_and_is_retried() {
    let app = TestApp::start().await;
    for name in ["ann", "bob"] {
        app.register(name).await.expect(202);
    }
    app.advance(7 * DAY);
    app.fail_operation(Service::Dynamodb, "TransactWriteItems", Kind::Error, 3);
    app.sweep("accounts").await.expect(500);
    assert_eq!(app.table("gate").await.len(), 1);
    assert_eq!(handled(app.sweep("accounts").await), 1);
    assert!(people(&app).await.is_empty());
}

// R13, S16
#[tokio::test]
async fn both_schedules_run_without_stripe_and_the_others_do_nothing() {
    let mut options = Options { first_plans: false, ..options() };
    options.env.push(("STRIPE_SECRET_KEY".to_owned(), "unset".to_owned()));
    let app = TestApp::start_with(options).await;
    app.missed_by_relay(app.register("ann")).await.expect(202);
    app.advance(10 * MINUTE);
    assert_eq!(handled(app.sweep("outbox").await), 1);
    assert_eq!(app.mails(EMAIL).await.len(), 1);
    app.advance(7 * DAY);
    assert_eq!(handled(app.sweep("accounts").await), 1);
    for schedule in ["expiry", "reconcile"] {
        assert_eq!(handled(app.sweep(schedule).await), 0, "{schedule}");
    }
}
