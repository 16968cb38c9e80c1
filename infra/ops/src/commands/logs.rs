//! `logs`: the log lines of one request in every function.

use crate::aws::{AwsError, LOGS};
use crate::outcome::{Failure, Outcome};
use crate::target::Target;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tollgate_domain::RequestId;

/// The functions that answer requests.
const FUNCTIONS: [&str; 5] = ["auth", "billing", "admin", "pages", "stripe-webhook"];
/// A request's lines are written within this time of its id.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);

pub async fn run(target: &Target, request_id: &str) -> Result<Outcome, Failure> {
    let id: RequestId = request_id.parse().map_err(|_| {
        Failure::refused("usage", format!("{request_id:?} is not the id of a request, such as req_0190…"))
    })?;
    let found = match local_lines(target, request_id)? {
        Some(found) => found,
        None => lines(target, &id).await?,
    };
    if found.is_empty() {
        return Ok(Outcome::nothing("no line names this request", json!({"lines": []})));
    }
    let text: Vec<_> = found.iter().map(Value::to_string).collect();
    Ok(Outcome::done(text.join("\n"), json!({"lines": found})))
}

/// The lines of the file of a local stack that has one.
fn local_lines(target: &Target, request_id: &str) -> Result<Option<Vec<Value>>, Failure> {
    let Some(file) = target.local.as_ref().and_then(|local| local.log.as_ref()) else { return Ok(None) };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::failed("logs", format!("{}: {error}", file.display())))?;
    let own = text.lines().filter(|line| line.contains(request_id));
    Ok(Some(own.filter_map(|line| serde_json::from_str(line).ok()).collect()))
}

async fn lines(target: &Target, id: &RequestId) -> Result<Vec<Value>, Failure> {
    let at = id.made_at().as_millisecond();
    let mut found = Vec::new();
    for function in FUNCTIONS {
        let group = format!("/aws/lambda/tollgate-{}-{function}", target.stage);
        let mut request = json!({
            "logGroupName": group, "filterPattern": format!("{{ $.request_id = \"{id}\" }}"),
            "startTime": at - 1000, "endTime": at + i64::try_from(WINDOW.as_millis()).unwrap_or_default(),
        });
        loop {
            let answer = target.aws.json(LOGS, "Logs_20140328.FilterLogEvents", &request).await;
            let answer = match answer {
                Ok(answer) => answer,
                // A function that was never called has no log group.
                Err(AwsError::Refused { body, .. }) if body.contains("ResourceNotFoundException") => break,
                Err(error) => return Err(Failure::failed("logs", error)),
            };
            for event in answer["events"].as_array().into_iter().flatten() {
                let message = event["message"].as_str().unwrap_or_default();
                found.push(serde_json::from_str(message).unwrap_or_else(|_| json!({"message": message})));
            }
            match answer["nextToken"].as_str() {
                Some(token) => request["nextToken"] = json!(token),
                None => break,
            }
        }
    }
    Ok(found)
}
