//! `doctor` finds each of fifteen faults, and no fault in a complete stack.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails there

mod support;

use reqwest::Method;
use serde_json::{Value, json};
use support::{FakeAws, SCHEDULES, run_with};
use tollgate_local::TABLE_PREFIX;
use tollgate_platform::fingerprint;
use tollgate_store::Store;
use tollgate_tests::app::TestApp;

/// A stack in which every schedule has run, and fakes of its AWS account.
struct Deployment {
    app: TestApp,
    aws: FakeAws,
}

impl Deployment {
    async fn start() -> Self {
        let app = TestApp::start().await;
        for schedule in SCHEDULES {
            app.sweep(schedule).await.expect(200);
        }
        let aws = FakeAws::start(&app.stack.origin()).await;
        Self { app, aws }
    }

    fn store(&self) -> Store {
        Store::new(self.app.stack.sdk(), TABLE_PREFIX)
    }

    async fn put_secret(&self, name: &str, text: &str) {
        let client = aws_sdk_secretsmanager::Client::new(self.app.stack.sdk());
        client.put_secret_value().secret_id(name).secret_string(text).send().await.unwrap();
    }

    async fn secret(&self, name: &str) -> String {
        let client = aws_sdk_secretsmanager::Client::new(self.app.stack.sdk());
        client.get_secret_value().secret_id(name).send().await.unwrap().secret_string.unwrap()
    }

    /// Calls Stripe's API with the key of the stack.
    async fn stripe(&self, method: Method, path: &str, form: &str) -> Value {
        let bearer = format!("Bearer {}", self.app.stack.stripe_key());
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        self.app.send(method, &format!("/_stripe/v1/{path}"), &headers, Some(form.to_owned())).await.expect(200).body
    }

    /// Replaces the webhook endpoint by one of an older version that signs with the same secret.
    async fn replace_endpoint(&self) {
        let listed = self.stripe(Method::GET, "webhook_endpoints", "").await;
        let (id, url) = (listed["data"][0]["id"].as_str().unwrap(), listed["data"][0]["url"].as_str().unwrap());
        self.stripe(Method::DELETE, &format!("webhook_endpoints/{id}"), "").await;
        let secret = fingerprint(&self.secret("stripe-webhook").await);
        let form = format!("url={url}&api_version=2024-06-20&enabled_events[0]=*&metadata[tollgate_secret]={secret}");
        self.stripe(Method::POST, "webhook_endpoints", &form).await;
    }

    /// The checks that fail or warn, and the exit code.
    async fn findings(&self) -> (Vec<String>, i32) {
        let url = self.app.stack.origin();
        let ran = run_with(&self.aws.environment(), &["doctor", "--local", &url, "--json"]).await;
        let answer = ran.json();
        let checks = answer["result"]["checks"].as_array().unwrap();
        assert_eq!(checks.len(), 15, "{answer:#}");
        let is_finding = |check: &&Value| check["result"] == "fail" || check["result"] == "warn";
        for check in checks {
            let has_mend = !check["mend"].as_str().unwrap().is_empty();
            assert_eq!(has_mend, is_finding(&check), "{check:#}");
            assert!(!check["found"].as_str().unwrap().is_empty(), "{check:#}");
        }
        let names = checks.iter().filter(is_finding).map(|check| check["name"].as_str().unwrap().to_owned());
        (names.collect(), ran.code)
    }
}

/// The faults, each with the check that finds it and the exit code.
const FAULTS: [(&str, &str, i32); 15] = [
    ("no secret", "secrets", 1),
    ("wrong webhook secret", "webhook-secret", 1),
    ("sandbox", "mail", 1),
    ("no subscriber of the alarms", "alarms", 1),
    ("dead letters", "dead-letters", 1),
    ("stale statistics", "statistics", 1),
    ("portal not configured", "portal", 1),
    ("wrong version of the endpoint", "webhook-endpoint", 1),
    ("key without a permission", "stripe-key", 1),
    ("clock", "clock", 1),
    ("quota", "quota", 0),
    ("schedule that has not run", "schedules", 1),
    ("table without time to live", "tables", 1),
    ("wrong region", "region", 1),
    ("old version", "version", 0),
];

async fn plant(fault: &str, deployment: &mut Deployment) {
    let now = deployment.app.now();
    let hours_ago = |hours| now - jiff::SignedDuration::from_hours(hours);
    match fault {
        "no secret" => deployment.put_secret("stripe-webhook", "unset").await,
        "wrong webhook secret" => deployment.put_secret("stripe-webhook", "whsec_local_of_another_endpoint").await,
        "sandbox" => deployment.aws.set(|answers| answers.is_in_production = false),
        "no subscriber of the alarms" => {
            deployment.aws.set(|answers| answers.subscriptions = vec!["PendingConfirmation".to_owned()]);
        }
        "dead letters" => {
            deployment.app.stack.put_dead_letter("mail", "{}".to_owned(), None).unwrap();
            deployment.app.dead_wanted = 1;
        }
        "stale statistics" => {
            let mut totals = deployment.store().statistics().await.unwrap().unwrap();
            totals.as_of = hours_ago(3);
            deployment.store().store_statistics(&totals, &[]).await.unwrap();
        }
        "portal not configured" => {
            deployment.app.at_stripe("portal", json!({"configured": false})).await.expect(200);
        }
        "wrong version of the endpoint" => deployment.replace_endpoint().await,
        "key without a permission" => {
            let refusal = json!({"operation": "POST /v1/refunds", "status": 403});
            deployment.app.at_stripe("refusals", refusal).await.expect(200);
        }
        "clock" => {
            let date = "Sun, 01 Mar 2026 12:00:00 GMT".to_owned();
            deployment.aws.set(|answers| answers.date = Some(date));
        }
        "quota" => deployment.aws.set(|answers| answers.concurrency = 10),
        "schedule that has not run" => deployment.store().put_schedule_run("expiry", hours_ago(4)).await.unwrap(),
        "table without time to live" => {
            let request = json!({
                "TableName": format!("{TABLE_PREFIX}limits"),
                "TimeToLiveSpecification": {"Enabled": false, "AttributeName": "ttl"},
            });
            let request = serde_json::from_value(request).unwrap();
            deployment.app.stack.database().update_time_to_live(request).unwrap();
        }
        "wrong region" => deployment.aws.set(|answers| {
            let topic = answers.outputs.as_mut().unwrap().iter_mut().find(|(name, _)| name == "AlarmTopic").unwrap();
            topic.1 = topic.1.replace("us-east-1", "eu-west-1");
        }),
        "old version" => deployment.aws.set(|answers| answers.version = "0.0.1".to_owned()),
        other => panic!("{other} is not planted"),
    }
}

#[tokio::test]
async fn doctor_finds_no_fault_in_a_complete_stack() {
    let deployment = Deployment::start().await;
    assert_eq!(deployment.findings().await, (Vec::new(), 0));
}

#[tokio::test]
async fn doctor_finds_each_planted_fault_and_no_other() {
    for (fault, check, code) in FAULTS {
        let mut deployment = Deployment::start().await;
        plant(fault, &mut deployment).await;
        assert_eq!(deployment.findings().await, (vec![check.to_owned()], code), "{fault}");
    }
}

#[tokio::test]
async fn doctor_skips_what_one_machine_does_not_have() {
    let app = TestApp::start().await;
    for schedule in SCHEDULES {
        app.sweep(schedule).await.expect(200);
    }
    let ran = support::run_plain(&app, &["doctor"]).await.expect(0);
    let skipped = ran.stdout.lines().filter(|line| line.starts_with("skipped")).count();
    assert_eq!(skipped, 3, "mail, alarms and quota: {}", ran.stdout);
    assert!(ran.stderr.starts_with("account 000000000000 · region us-east-1 · stage local"), "{}", ran.stderr);
}

#[tokio::test]
async fn doctor_names_a_stack_that_is_not_there() {
    let app = TestApp::start().await;
    let aws = FakeAws::start(&app.stack.origin()).await;
    aws.set(|answers| answers.outputs = None);
    let ran = run_with(&aws.account(), &["doctor", "--stage", "dev", "--json"]).await.expect(1);
    let answer = ran.json();
    let checks = answer["result"]["checks"].as_array().unwrap();
    assert_eq!((&checks[0]["name"], &checks[0]["result"]), (&json!("region"), &json!("fail")));
    assert!(checks[0]["found"].as_str().unwrap().contains("tollgate-dev"), "{answer:#}");
    assert!(checks[1..].iter().all(|check| check["result"] == "skipped"), "{answer:#}");
    assert_eq!((&answer["account"], &answer["region"]), (&json!("000000000000"), &json!("us-east-1")));
}
