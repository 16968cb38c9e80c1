//! The samples in `events/`: each is an event as AWS sends it. It is handled by its function's own handler, and has
//! exactly the effect in this table.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tollgate_local::{FUNCTIONS, Options, SAMPLE_CODES_SECRET, Source, put_sample_rows};
use tollgate_tests::app::{TestApp, limited};

/// The expected answer to a sample.
enum Answer {
    /// A status, and a text in the answer's headers or body.
    Http(u16, &'static str),
    /// The records that are reported as failed: they are retried.
    Failed(&'static [&'static str]),
    /// The number of users, messages or accounts that a sweep handled.
    Swept(u64),
    /// The authorizer refuses the token.
    Refused,
}
use Answer::{Failed, Http, Refused, Swept};

/// The effects of a function: new rows of the outbox, messages in the mail queue, mails by kind.
struct Residue(usize, usize, &'static [&'static str]);

const NOTHING: Residue = Residue(0, 0, &[]);
const DONE: Answer = Failed(&[]);

/// Each file with its function, its answer and its effect.
const SAMPLES: &[(&str, &str, Answer, Residue)] = &[
    ("http-account", "pages", Http(200, "gzip"), NOTHING),
    ("http-head", "pages", Http(200, "text/html"), NOTHING),
    ("http-healthz", "auth", Http(200, r#""status":"ok""#), NOTHING),
    ("http-jwks", "auth", Http(200, r#""crv":"Ed25519""#), NOTHING),
    ("http-login", "auth", Http(401, "invalid_credentials"), Residue(1, 0, &[])),
    ("http-me-without-token", "auth", Http(401, "unauthenticated"), NOTHING),
    ("http-method-not-allowed", "auth", Http(405, "method_not_allowed"), NOTHING),
    ("http-not-found", "pages", Http(404, "not_found"), NOTHING),
    ("http-openapi", "pages", Http(200, r#""openapi":"#), NOTHING),
    ("http-plans", "billing", Http(200, r#""code":"pro""#), NOTHING),
    ("http-preflight", "auth", Http(200, "https://accounts.example.com"), NOTHING),
    ("http-refresh-by-cookie", "auth", Http(401, "invalid_refresh_token"), NOTHING),
    ("http-register", "auth", Http(202, "message"), Residue(1, 0, &[])),
    ("http-register-weak-password", "auth", Http(422, "weak_password"), NOTHING),
    ("http-revoke-session", "auth", Http(401, "unauthenticated"), NOTHING),
    ("http-root", "pages", Http(303, "/account"), NOTHING),
    ("http-subscribe-without-token", "billing", Http(401, "unauthenticated"), NOTHING),
    ("http-delete-without-token", "auth", Http(401, "unauthenticated"), NOTHING),
    ("http-example-quota-without-token", "example", Http(401, "unauthenticated"), NOTHING),
    ("http-example-tier-without-token", "example", Http(401, "unauthenticated"), NOTHING),
    ("http-export-without-token", "auth", Http(401, "unauthenticated"), NOTHING),
    ("http-admin-users-without-token", "admin", Http(401, "unauthenticated"), NOTHING),
    // An unread body has no token in it: that would be a 422.
    ("http-verify-form-base64", "auth", Http(400, "That did not work"), NOTHING),
    ("http-verify-page", "auth", Http(200, "019ca9450a0073c1a57f9b2d48601e2f"), NOTHING),
    ("http-webhook-unsigned", "stripe-webhook", Http(400, "invalid_signature"), NOTHING), // S26
    ("url-webhook-with-a-false-signature", "stripe-webhook", Http(400, "invalid_signature"), NOTHING), // S26
    ("dynamodb-decoy", "relay", DONE, NOTHING),
    ("dynamodb-handled", "relay", DONE, NOTHING),
    ("dynamodb-mail", "relay", DONE, Residue(0, 1, &[])),
    ("dynamodb-mail-of-an-older-version", "relay", DONE, Residue(0, 1, &[])), // R18
    ("dynamodb-unreadable", "relay", Failed(&["184021500000000038812345607"]), Residue(0, 2, &[])), // R6
    ("sqs-done", "mailer", DONE, NOTHING),
    ("sqs-expired", "mailer", DONE, NOTHING), // R15
    ("sqs-held-by-another", "mailer", Failed(&["059f36b4-87a3-44ab-83d2-661975830007"]), NOTHING),
    ("sqs-mail", "mailer", DONE, Residue(0, 0, &["verify"])),
    ("sqs-mail-of-an-older-version", "mailer", DONE, Residue(0, 0, &["verify"])), // R18
    ("sqs-received-again", "mailer", DONE, Residue(0, 0, &["already_registered"])),
    ("sqs-unknown", "mailer", DONE, NOTHING),
    (
        "sqs-unreadable", // R6
        "mailer",
        Failed(&["059f36b4-87a3-44ab-83d2-661975830009"]),
        Residue(0, 0, &["password_changed"]),
    ),
    ("sqs-report", "reports", DONE, NOTHING), // of a report that is not stored any more
    ("sqs-stripe-event", "stripe-events", DONE, NOTHING), // R5
    (
        "sqs-stripe-poison", // R6: the messages after it in its group are not handled
        "stripe-events",
        Failed(&["059f36b4-87a3-44ab-83d2-661975830011", "059f36b4-87a3-44ab-83d2-661975830012"]),
        NOTHING,
    ),
    ("schedule-expiry", "sweeper", Swept(0), NOTHING),
    ("schedule-reconcile", "sweeper", Swept(0), NOTHING),
    ("schedule-reminders", "sweeper", Swept(0), NOTHING),
    ("schedule-outbox", "sweeper", Swept(0), NOTHING), // the time of the samples' rows
    ("schedule-accounts", "sweeper", Swept(0), NOTHING),
    ("schedule-rollup", "sweeper", Swept(0), NOTHING),
    ("authorizer-token-of-another-key", "authorizer", Refused, NOTHING),
    ("authorizer-without-token", "authorizer", Refused, NOTHING),
    ("authorizer-two-identity-sources", "authorizer", Refused, NOTHING),
    ("authorizer-another-scheme", "authorizer", Refused, NOTHING),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../events")
}

fn sample(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A stack as it is deployed, with the rows that the samples name.
async fn start() -> TestApp {
    let env = [("APP_URL", "https://accounts.example.com"), ("CODES_SECRET", SAMPLE_CODES_SECRET)];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    TestApp::start_with(Options { env, ..limited() }).await
}

/// The answer, and the effects.
async fn invoke(app: &TestApp, name: &str, function: &str) -> (Value, usize, usize, Vec<String>) {
    let held = async {
        put_sample_rows(app.stack.database()).unwrap();
        let rows = app.table("outbox").await.len();
        let answer = app.stack.invoke(function, sample(name)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let rows = app.table("outbox").await.len() - rows;
        let queue = app.get("/_local/queues").await.body["items"][0]["depth"].as_u64().unwrap();
        let mails = app.get("/_local/emails").await.body["items"].as_array().unwrap().clone();
        let kinds = mails.iter().map(|mail| mail["kind"].as_str().unwrap().to_owned()).collect();
        (answer, rows, usize::try_from(queue).unwrap(), kinds)
    };
    app.stack.held(held).await
}

#[tokio::test]
async fn each_sample_gets_its_expected_answer_and_effects() {
    for (name, function, wanted, residue) in SAMPLES {
        let app = start().await;
        let (answer, rows, queued, mails) = invoke(&app, name, function).await;
        match wanted {
            Http(status, text) => {
                assert_eq!(answer["statusCode"], *status, "{name}: {answer}");
                let written = answer.to_string().replace("\\\"", "\"");
                assert!(written.contains(text), "{name} does not say {text}: {written}");
            }
            Failed(wanted) => {
                let failures = answer["batchItemFailures"].as_array().unwrap();
                let ids: Vec<_> = failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap()).collect();
                assert_eq!(ids, *wanted, "{name}");
            }
            Swept(handled) => assert_eq!(answer, json!({"handled": handled}), "{name}"),
            Refused => assert_eq!(answer, json!({"isAuthorized": false}), "{name}"),
        }
        assert_eq!((rows, queued), (residue.0, residue.1), "{name}");
        assert_eq!(mails, residue.2, "{name}");
    }
}

#[test]
fn every_file_is_a_sample_and_is_named_after_its_source() {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.is_file()).map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    let files: BTreeSet<_> = files.collect();
    let samples: BTreeSet<_> = SAMPLES.iter().map(|(name, ..)| format!("{name}.json")).collect();
    assert_eq!(files, samples);
    for (name, function, ..) in SAMPLES {
        let source = match FUNCTIONS.iter().find(|known| known.name == *function).unwrap().source {
            Source::Outbox => "dynamodb",
            Source::Queue(_) => "sqs",
            Source::Schedules(_) => "schedule",
            Source::OwnApi => "authorizer",
            // Stripe may use the webhook's own address.
            Source::Gateway(_) if *function == "stripe-webhook" && name.starts_with("url-") => "url",
            Source::Gateway(_) | Source::OtherPaths(_) => "http",
        };
        assert!(name.starts_with(&format!("{source}-")), "{name}");
    }
}

/// The paths of all values of `event`, except lists and names that a caller chooses.
fn fields(event: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    const FREE: [&str; 4] = ["headers", "queryStringParameters", "pathParameters", "NewImage"];
    for (name, value) in event.as_object().into_iter().flatten() {
        found.insert(format!("{prefix}{name}"));
        if !FREE.contains(&name.as_str()) {
            fields(value, &format!("{prefix}{name}."), found);
        }
    }
}

/// The fields that AWS sends with every event of a source, and those that it sends with some.
const FIELDS: [(&str, &str, &str); 6] = [
    ("schedule", "schedule", ""),
    (
        "authorizer",
        "version type routeArn routeKey rawPath rawQueryString headers requestContext requestContext.accountId \
         requestContext.apiId requestContext.domainName requestContext.domainPrefix requestContext.http \
         requestContext.http.method requestContext.http.path requestContext.http.protocol requestContext.http.sourceIp \
         requestContext.http.userAgent requestContext.requestId requestContext.routeKey requestContext.stage \
         requestContext.time requestContext.timeEpoch",
        "identitySource cookies queryStringParameters pathParameters stageVariables",
    ),
    (
        "http",
        "version routeKey rawPath rawQueryString headers isBase64Encoded requestContext requestContext.accountId \
         requestContext.apiId requestContext.domainName requestContext.domainPrefix requestContext.http \
         requestContext.http.method requestContext.http.path requestContext.http.protocol requestContext.http.sourceIp \
         requestContext.http.userAgent requestContext.requestId requestContext.routeKey requestContext.stage \
         requestContext.time requestContext.timeEpoch",
        "body cookies queryStringParameters pathParameters",
    ),
    (
        "url",
        "version routeKey rawPath rawQueryString headers isBase64Encoded requestContext requestContext.accountId \
         requestContext.apiId requestContext.domainName requestContext.domainPrefix requestContext.http \
         requestContext.http.method requestContext.http.path requestContext.http.protocol requestContext.http.sourceIp \
         requestContext.http.userAgent requestContext.requestId requestContext.routeKey requestContext.stage \
         requestContext.time requestContext.timeEpoch",
        "body cookies queryStringParameters pathParameters",
    ),
    (
        "dynamodb",
        "eventID eventName eventVersion eventSource eventSourceARN awsRegion dynamodb \
         dynamodb.ApproximateCreationDateTime dynamodb.Keys dynamodb.Keys.pk dynamodb.Keys.pk.S dynamodb.SequenceNumber \
         dynamodb.SizeBytes dynamodb.StreamViewType",
        "dynamodb.NewImage userIdentity userIdentity.principalId userIdentity.type",
    ),
    (
        "sqs",
        "messageId receiptHandle body attributes attributes.ApproximateReceiveCount attributes.AWSTraceHeader \
         attributes.SentTimestamp attributes.SenderId attributes.ApproximateFirstReceiveTimestamp messageAttributes \
         md5OfBody eventSource eventSourceARN awsRegion",
        "attributes.MessageGroupId attributes.MessageDeduplicationId attributes.SequenceNumber",
    ),
];

#[test]
fn each_sample_has_the_fields_that_aws_sends_and_no_other() {
    for (name, ..) in SAMPLES {
        let (_, always, sometimes) = FIELDS.iter().find(|(source, ..)| name.starts_with(source)).unwrap();
        let always: BTreeSet<_> = always.split_whitespace().map(str::to_owned).collect();
        let sometimes: BTreeSet<_> = sometimes.split_whitespace().map(str::to_owned).collect();
        let event = sample(name);
        let records = event["Records"].as_array().cloned().unwrap_or_else(|| vec![event.clone()]);
        assert!(!records.is_empty(), "{name}");
        for record in records {
            let mut found = BTreeSet::new();
            fields(&record, "", &mut found);
            assert_eq!(always.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "{name} lacks these");
            let known = &always | &sometimes;
            assert_eq!(
                found.difference(&known).collect::<Vec<_>>(),
                Vec::<&String>::new(),
                "{name}: AWS sends no such"
            );
        }
    }
}

#[test]
fn each_http_sample_arrives_by_the_route_of_its_function() {
    let paths: BTreeMap<&str, BTreeSet<String>> = FUNCTIONS
        .iter()
        .filter_map(|function| Some((function.name, function.openapi()?.paths.paths.into_keys().collect())))
        .collect();
    let mut count = 0;
    for (name, function, ..) in SAMPLES.iter().filter(|(name, ..)| name.starts_with("http")) {
        let event = sample(name);
        let (path, http) = (event["rawPath"].as_str().unwrap(), &event["requestContext"]["http"]);
        let mut route = path.to_owned();
        for (name, value) in event["pathParameters"].as_object().unwrap_or(&Map::new()) {
            route = route.replace(value.as_str().unwrap(), &format!("{{{name}}}"));
        }
        let key = match paths.values().any(|paths| paths.contains(&route)) {
            true => format!("ANY {route}"),
            false => "$default".to_owned(),
        };
        assert_eq!((&event["routeKey"], &event["requestContext"]["routeKey"]), (&json!(key), &json!(key)), "{name}");
        assert_eq!((&http["path"], &http["userAgent"]), (&json!(path), &event["headers"]["user-agent"]), "{name}");
        assert!(key == "$default" || paths[function].contains(&route), "{name} goes to another function");
        count += 1;
    }
    assert!(count > 10);
}

#[tokio::test]
async fn a_cookie_reaches_its_function_from_the_list_in_the_event() {
    let app = start().await;
    let (_, session) = app.person("ann").await;
    let mut event = sample("http-refresh-by-cookie");
    let cookies = event["cookies"].as_array_mut().unwrap();
    assert!(cookies.len() == 2 && cookies[1].as_str().unwrap().starts_with("refresh_token="));
    cookies[1] = json!(format!("refresh_token={}", session.refresh));
    let answer = app.stack.invoke("auth", event).await.unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let set = answer["cookies"].as_array().unwrap().iter().map(|cookie| cookie.as_str().unwrap());
    let set: Vec<_> = set.filter(|cookie| cookie.starts_with("refresh_token=")).collect();
    assert!(set.len() == 1 && !set[0].contains(&session.refresh), "{set:?}");
}

#[tokio::test]
async fn a_sample_with_a_valid_token_is_authorized_with_the_gates_data() {
    let app = start().await;
    let (_, session) = app.person("ann").await;
    let mut event = sample("authorizer-token-of-another-key");
    let bearer = format!("Bearer {}", session.access);
    event["identitySource"] = json!([bearer]);
    event["headers"]["authorization"] = json!(bearer);
    let answer = app.stack.invoke("authorizer", event).await.unwrap();
    let features = json!({"exports": false, "limits": {"exports": 3}}).to_string();
    let (user, session) = (&session.user["id"], &session.claims()["sid"]);
    let context = json!({"sub": user, "sid": session, "tier": 0, "is_admin": false, "features": features});
    assert_eq!(answer, json!({"isAuthorized": true, "context": context}));
}
