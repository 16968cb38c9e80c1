//! The checks of the stack itself: where it is, what runs there, its secrets, tables, queues and schedules.

use super::examination::{Examination, Finding};
use crate::arguments::DeadQueue;
use crate::aws::AwsError;
use crate::redrive::count;
use crate::target::Target;
use aws_smithy_types::error::display::DisplayErrorContext;
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use tollgate_platform::{Clock, Outbound, Secret};
use tollgate_store::schema::TABLES;
use tollgate_stripe::Gateway;
use tollgate_sweeper::Schedule;
use tollgate_tokens::check_secret;

/// The text of a secret that is not configured.
const UNSET: &str = "unset";
/// A request is signed for five minutes.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(1);
/// The statistics are counted every half hour.
const MAX_STATISTICS_AGE: SignedDuration = SignedDuration::from_hours(2);

pub fn check_region(target: &Target, outputs: &Result<BTreeMap<String, String>, AwsError>) -> Finding {
    let mend = "set AWS_REGION to the region that the stack was deployed to";
    let outputs = match outputs {
        Ok(outputs) => outputs,
        Err(AwsError::Refused { body, .. }) if body.contains("does not exist") => {
            let stack = format!("there is no stack tollgate-{} in {}", target.stage, target.region);
            return Finding::fail(stack, mend);
        }
        Err(error) => return Finding::fail(error.to_string(), "allow cloudformation:DescribeStacks"),
    };
    // arn:aws:sns:REGION:ACCOUNT:NAME
    let topic = outputs.get("AlarmTopic").and_then(|arn| arn.split(':').nth(3));
    match topic {
        Some(region) if region != target.region => {
            Finding::fail(format!("the stack is in {region}, and this command in {}", target.region), mend)
        }
        _ => Finding::ok(format!("the stack is in {}", target.region)),
    }
}

/// The secrets that must be set, and the client for Stripe where it is set up.
pub async fn check_secrets(target: &Target, has_billing: bool) -> (Finding, Option<(Gateway, Secret<String>)>) {
    let mend =
        "put the value with `aws secretsmanager put-secret-value`; stripe-webhook with `tollgate-ops stripe-setup`";
    let client = target.secrets();
    let read = async |name: &str| {
        let read = client.get_secret_value().secret_id(target.name_of(name)).send().await;
        let read = read.map_err(|error| format!("{name} cannot be read: {}", DisplayErrorContext(error)))?;
        Ok::<_, String>(Secret::new(read.secret_string.unwrap_or_default().trim().to_owned()))
    };
    let mut missing = Vec::new();
    for name in ["auth", "codes"].into_iter().chain(has_billing.then_some("trials")) {
        match read(name).await {
            Ok(secret) => {
                if let Err(bad) = check_secret(secret.expose()) {
                    missing.push(format!("{name}: expected {bad}"));
                }
            }
            Err(error) => missing.push(error),
        }
    }
    let settings = target.settings("auth").await;
    let mut wanted = if has_billing { vec!["stripe", "stripe-webhook"] } else { Vec::new() };
    let is_given = |name: &str| {
        let id = settings.as_ref().ok().and_then(|settings| settings.get(name));
        id.is_some_and(|id| !id.is_empty() && id != UNSET)
    };
    wanted.extend(
        [("google", "GOOGLE_CLIENT_ID"), ("github", "GITHUB_CLIENT_ID")]
            .into_iter()
            .filter_map(|(secret, variable)| is_given(variable).then_some(secret)),
    );
    let mut webhook = None;
    for name in wanted {
        match read(name).await {
            Ok(secret) if secret.expose().is_empty() || secret.expose() == UNSET => {
                missing.push(format!("{name} is not set"));
            }
            Ok(secret) if name == "stripe-webhook" => webhook = Some(secret),
            Ok(_) => {}
            Err(error) => missing.push(error),
        }
    }
    let is_set = |name: &str| !missing.iter().any(|text| text.starts_with(&format!("{name} ")));
    let stripe = match (is_set("stripe"), webhook, target.stripe().await) {
        (true, Some(webhook), Ok(gateway)) => Some((gateway, webhook)),
        _ => None,
    };
    match missing.is_empty() {
        true => (Finding::ok("all are set"), stripe),
        false => (Finding::fail(missing.join("; "), mend), stripe),
    }
}

/// The answer of the gateway to `GET /healthz`.
async fn health(of: &Examination<'_>) -> Result<http::Response<Vec<u8>>, String> {
    let endpoint = of.outputs.get("ApiEndpoint").ok_or("the stack has no output ApiEndpoint")?;
    let request = http::Request::get(format!("{endpoint}/healthz")).body(Vec::new());
    let request = request.map_err(|error| error.to_string())?;
    Outbound::system().send(request).await.map_err(|error| format!("{endpoint}: {error}"))
}

const NO_ANSWER: &str =
    "read the log of the function auth; a proxy of your own may refuse requests to the gateway's address";

pub async fn check_version(of: &Examination<'_>) -> Finding {
    let answer = match health(of).await {
        Ok(answer) => answer,
        Err(error) => return Finding::fail(error, NO_ANSWER),
    };
    let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let own = env!("CARGO_PKG_VERSION");
    match body["version"].as_str() {
        Some(version) if version == own => Finding::ok(format!("{version} is deployed")),
        Some(version) => {
            let found = format!("{version} is deployed, and this command is of {own}");
            Finding::warn(found, "deploy this version, or use the command of the deployed one (docs/upgrading.md)")
        }
        None => Finding::fail(format!("/healthz answers {}", answer.status()), NO_ANSWER),
    }
}

pub async fn check_clock(of: &Examination<'_>) -> Finding {
    let Ok(answer) = health(of).await else { return Finding::skipped("the gateway does not answer") };
    let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| rfc2822::parse(&date.replace("GMT", "+0000")).ok());
    let Some(date) = date else { return Finding::skipped("the gateway's answer has no date") };
    let skew = Clock::system().now().duration_since(date.timestamp());
    match skew.abs() <= MAX_SKEW {
        true => Finding::ok("it agrees with the gateway's"),
        false => {
            let found = format!("this machine's clock differs from the gateway's by {} s", skew.as_secs());
            Finding::fail(
                found,
                "set this machine's clock (NTP): AWS refuses requests that are signed for another time",
            )
        }
    }
}

pub async fn check_dead_letters(of: &Examination<'_>) -> Finding {
    let (client, mut waiting) = (of.target.queues(), Vec::new());
    for queue in DeadQueue::ALL.into_iter().filter(|queue| of.has_billing || *queue != DeadQueue::Stripe) {
        match count(&client, &of.target.name_of(queue.dead_name())).await {
            Ok(0) => {}
            Ok(count) => waiting.push(format!("{}: {count}", queue.name())),
            Err(error) => return Finding::fail(error.to_string(), "allow sqs:GetQueueAttributes"),
        }
    }
    match waiting.is_empty() {
        true => Finding::ok("there are none"),
        false => Finding::fail(
            waiting.join(", "),
            "find the cause with `tollgate-ops dead-letters list`, remove it, then run `tollgate-ops redrive`",
        ),
    }
}

pub async fn check_schedules(of: &Examination<'_>) -> Finding {
    let (store, now, mut late) = (of.target.store(), of.target.clock.now(), Vec::new());
    for (_, name, minutes) in Schedule::ALL.into_iter().filter(|(task, ..)| of.has_billing || !task.needs_stripe()) {
        // A run may be late, and one may fail.
        let limit = SignedDuration::from_mins(2 * minutes + 15);
        match store.schedule_run(name).await {
            Ok(Some(at)) if now.duration_since(at) <= limit => {}
            Ok(Some(at)) => late.push(format!("{name} last ran at {}", shown(at))),
            Ok(None) => late.push(format!("{name} has never run")),
            Err(error) => return Finding::fail(error.to_string(), "allow dynamodb:GetItem"),
        }
    }
    match late.is_empty() {
        true => Finding::ok("each has run"),
        false => {
            Finding::fail(late.join("; "), "read the log of the function sweeper, and run it (docs/operations.md)")
        }
    }
}

pub async fn check_statistics(of: &Examination<'_>) -> Finding {
    let mend = "read the log of the function sweeper for the schedule rollup";
    match of.target.store().statistics().await {
        Ok(Some(totals)) if of.target.clock.now().duration_since(totals.as_of) <= MAX_STATISTICS_AGE => {
            Finding::ok(format!("counted at {}", shown(totals.as_of)))
        }
        Ok(Some(totals)) => Finding::fail(format!("counted at {}", shown(totals.as_of)), mend),
        Ok(None) => Finding::fail("they were never counted", mend),
        Err(error) => Finding::fail(error.to_string(), "allow dynamodb:GetItem"),
    }
}

fn shown(at: Timestamp) -> String {
    format!("{at:.0}")
}

pub async fn check_tables(of: &Examination<'_>) -> Finding {
    let (store, mut without) = (of.target.store(), Vec::new());
    for spec in TABLES.iter().filter(|spec| spec.ttl.is_some()) {
        match store.time_to_live(spec).await {
            Ok(found) if found.as_deref() == spec.ttl => {}
            Ok(_) => without.push(spec.name),
            Err(error) => return Finding::fail(error.to_string(), "allow dynamodb:DescribeTimeToLive"),
        }
    }
    match without.is_empty() {
        true => Finding::ok("each has its time to live"),
        false => Finding::fail(
            format!("no time to live: {}", without.join(", ")),
            "enable it with `aws dynamodb update-time-to-live`, attribute ttl: otherwise expired items stay",
        ),
    }
}
