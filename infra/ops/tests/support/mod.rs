//! Runs the command against a stack in this process, with small fakes of the AWS services that the stack does not have.

#![allow(dead_code)] // each file of tests uses a part of it

pub mod gate;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tollgate_tests::app::TestApp;

/// The schedules of the sweeper.
pub const SCHEDULES: [&str; 6] = ["expiry", "reconcile", "reminders", "outbox", "accounts", "rollup"];

/// The result of a run of the command.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The one object on stdout.
    pub fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!(value["exit_code"], self.code, "{self:?}");
        value
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }
}

/// The command, with no settings of this process.
pub fn command(arguments: &[&str], environment: &[(String, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate-ops"));
    command.env_clear().args(arguments).envs(environment.iter().cloned()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

pub async fn run_with(environment: &[(String, String)], arguments: &[&str]) -> Ran {
    let output = command(arguments, environment).output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The command against the stack of `app`, as a program calls it.
pub async fn run(app: &TestApp, arguments: &[&str]) -> Ran {
    let url = app.stack.origin();
    let all = [arguments, &["--local", &url, "--json"]].concat();
    run_with(&[], &all).await
}

/// The same, as a person calls it.
pub async fn run_plain(app: &TestApp, arguments: &[&str]) -> Ran {
    let url = app.stack.origin();
    run_with(&[], &[arguments, &["--local", &url]].concat()).await
}

/// Starts the command against the stack at `url`, to be killed.
pub fn start_at(url: &str, arguments: &[&str]) -> Child {
    let all = [arguments, &["--local", url, "--json"]].concat();
    command(&all, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The answers of the fakes.
#[derive(Clone)]
pub struct Answers {
    /// Whether SES is out of the sandbox.
    pub is_in_production: bool,
    /// The ARNs of the subscriptions of the alarms.
    pub subscriptions: Vec<String>,
    pub concurrency: u64,
    /// The outputs of the stack; `None` where there is no such stack.
    pub outputs: Option<Vec<(String, String)>>,
    /// The version of `/healthz`.
    pub version: String,
    /// The date of the answer of `/healthz`; `None` for the real one.
    pub date: Option<String>,
    /// The environment of every function.
    pub environment: Value,
    /// The lines of every log group.
    pub lines: Vec<String>,
}

/// Fakes of STS, CloudFormation, SNS, SES, Lambda, CloudWatch Logs, and the gateway's `/healthz`.
pub struct FakeAws {
    pub url: String,
    pub answers: Arc<Mutex<Answers>>,
    /// The calls, by the name of their operation.
    pub calls: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

impl Drop for FakeAws {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Shared = (Arc<Mutex<Answers>>, Arc<Mutex<Vec<String>>>);

impl FakeAws {
    /// Starts fakes of a complete deployment at `stack_url`.
    pub async fn start(stack_url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let outputs = [
            ("ApiEndpoint", url.clone()),
            ("StripeWebhookUrl", format!("{stack_url}/billing/stripe/webhook")),
            ("AlarmTopic", "arn:aws:sns:us-east-1:000000000000:tollgate-local-alarms".to_owned()),
        ];
        let answers = Arc::new(Mutex::new(Answers {
            is_in_production: true,
            subscriptions: vec!["arn:aws:sns:us-east-1:000000000000:tollgate-local-alarms:1".to_owned()],
            concurrency: 1000,
            outputs: Some(outputs.map(|(name, value)| (name.to_owned(), value)).into()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            date: None,
            environment: json!({}),
            lines: Vec::new(),
        }));
        let calls = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new().fallback(answer).with_state((Arc::clone(&answers), Arc::clone(&calls)));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, answers, calls, server }
    }

    /// The variables with the addresses of the services that the local stack does not have.
    pub fn environment(&self) -> Vec<(String, String)> {
        let services = ["STS", "CLOUDFORMATION", "SNS", "SESV2", "LAMBDA", "CLOUDWATCH_LOGS"];
        services.map(|service| (format!("AWS_ENDPOINT_URL_{service}"), self.url.clone())).into()
    }

    /// The variables of a deployed stack that consists of these fakes only.
    pub fn account(&self) -> Vec<(String, String)> {
        let variables = [
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    pub fn set(&self, change: impl FnOnce(&mut Answers)) {
        change(&mut self.answers.lock().unwrap());
    }
}

async fn answer(
    State((answers, calls)): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answers = answers.lock().unwrap().clone();
    let body = String::from_utf8_lossy(&body).into_owned();
    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or_default().to_owned();
    let target = headers.get("x-amz-target").map(|target| target.to_str().unwrap().to_owned());
    let operation =
        target.unwrap_or_else(|| if action.is_empty() { format!("{method} {}", uri.path()) } else { action });
    calls.lock().unwrap().push(operation.clone());
    if operation == "GET /healthz" {
        let mut response = axum::Json(json!({"status": "ok", "version": answers.version})).into_response();
        if let Some(date) = answers.date {
            response.headers_mut().insert("date", date.parse().unwrap());
        }
        return response;
    }
    assert!(headers.get("authorization").is_some_and(|text| text.to_str().unwrap().starts_with("AWS4-HMAC-SHA256 ")));
    let list = |tag: &str, members: Vec<String>| {
        let members: String = members.iter().map(|member| format!("<member>{member}</member>")).collect();
        format!("<R><{tag}>{members}</{tag}></R>").into_response()
    };
    match operation.as_str() {
        "GetCallerIdentity" => {
            "<R><Arn>arn:aws:iam::000000000000:user/ops</Arn><UserId>U</UserId><Account>000000000000</Account></R>"
                .into_response()
        }
        "DescribeStacks" => match answers.outputs {
            Some(outputs) => {
                let output = |(name, value)| format!("<OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue>");
                list("Outputs", outputs.into_iter().map(output).collect())
            }
            None => {
                (StatusCode::BAD_REQUEST, "<Message>Stack with id tollgate-x does not exist</Message>").into_response()
            }
        },
        "ListSubscriptionsByTopic" => {
            let one = |arn| format!("<SubscriptionArn>{arn}</SubscriptionArn>");
            list("Subscriptions", answers.subscriptions.into_iter().map(one).collect())
        }
        "GET /v2/email/account" => axum::Json(json!({
            "ProductionAccessEnabled": answers.is_in_production, "SendingEnabled": true,
            "SendQuota": {"Max24HourSend": 200.0},
        }))
        .into_response(),
        "GET /2016-08-19/account-settings/" => {
            axum::Json(json!({"AccountLimit": {"ConcurrentExecutions": answers.concurrency}})).into_response()
        }
        "Logs_20140328.FilterLogEvents" => {
            let request: Value = serde_json::from_str(&body).unwrap();
            assert!(request["filterPattern"].as_str().unwrap().contains("req_"), "{request}");
            let is_auth = request["logGroupName"].as_str().unwrap().ends_with("-auth");
            let lines = answers.lines.iter().filter(|_| is_auth).map(|line| json!({"message": line}));
            axum::Json(json!({"events": lines.collect::<Vec<_>>()})).into_response()
        }
        path if path.starts_with("GET /2015-03-31/functions/") => {
            axum::Json(json!({"Environment": {"Variables": answers.environment}})).into_response()
        }
        other => (StatusCode::BAD_REQUEST, format!("no such operation: {other}")).into_response(),
    }
}
