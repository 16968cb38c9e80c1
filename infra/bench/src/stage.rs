//! The environment of the functions: the local stack with one account, the endpoint in front of it, and the recorded
//! answers.

use crate::certificate;
use crate::endpoint::{Call, Endpoint, Mode, post};
use crate::error::{BenchError, While};
use crate::event::{event, webhook};
use crate::sandbox::{Function, Sandbox, binary};
use axum::body::Bytes;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tollgate_local::clock::LocalClock;
use tollgate_local::{Data, Options, ReportLimits, Stack, TABLE_PREFIX};
use tollgate_platform::{Clock, Secret, random_bytes};
use tollgate_store::{Registration, Store};
use tollgate_tests::population::newcomer;

const EMAIL: &str = "ann@example.com";
/// The secret that signs the events of the bench.
pub const WEBHOOK_SECRET: &str = "whsec_of_the_bench";

/// The time of a stack with a frozen clock, in seconds: the beginning of 2026.
pub const START: i64 = 1_767_225_600;

/// A stack in memory with the first plans.
pub fn in_memory(clock: LocalClock) -> Options {
    Options {
        port: 0,
        public_url: None,
        data: Data::Memory,
        clock,
        admin: None,
        env: Vec::new(),
        faults: Vec::new(),
        first_plans: true,
        extra_functions: Vec::new(),
        report_runner: None,
        report_limits: ReportLimits::CONTRACT,
        password_cost: None,
        roles: None,
    }
}

/// A stack in memory with one account and without rate limits, whose access tokens outlast the run.
pub struct Setting {
    stack: Stack,
    password: String,
}

impl Setting {
    /// Starts it.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start() -> Result<Self, BenchError> {
        let password: String = random_bytes::<12>().iter().map(|byte| format!("{byte:02x}")).collect();
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let options = Options {
            admin: Some((EMAIL.to_owned(), Secret::new(password.clone()))),
            env: vec![
                setting("ACCESS_TOKEN_EXPIRE", "24h"),
                setting("RATE_LIMIT_PER_MINUTE", "0"),
                setting("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
            ],
            ..in_memory(LocalClock::running())
        };
        Ok(Self { stack: Stack::start(options).await.doing("the stack")?, password })
    }

    /// Registers this number of further users.
    ///
    /// # Errors
    /// When a registration is refused.
    pub async fn register(&self, users: usize) -> Result<(), BenchError> {
        let store: Store = Store::new(self.stack.sdk(), TABLE_PREFIX);
        for n in 0..users {
            let made = store.register(&newcomer(self.stack.clock().now(), n)).await.doing("a registration")?;
            if made != Registration::Done {
                return Err(BenchError::new("a registration", format!("{made:?}")));
            }
        }
        Ok(())
    }

    /// Stops it.
    pub async fn stop(self) {
        self.stack.stop().await;
    }
}

/// An earlier version, with events that have a token of its own.
struct Earlier {
    folder: PathBuf,
    read: Bytes,
    product: Bytes,
}

/// The events and the functions, ready to be measured.
pub struct Stage {
    tables: Endpoint,
    services: Endpoint,
    folder: PathBuf,
    earlier: Option<Earlier>,
    env: Vec<(String, String)>,
    log: Option<PathBuf>,
    /// The value of `BARE_CALLS` for the bare functions: the calls of `auth` for a read, and those of the webhook for
    /// an event.
    calls: [(&'static str, String); 2],
    /// An authenticated read.
    pub read: Bytes,
    /// An authenticated read of the example product.
    pub product: Bytes,
    /// The caller's payments.
    pub payments: Bytes,
    /// A rotation of the refresh token.
    pub refresh: Bytes,
    /// A sign-in by password.
    pub sign_in: Bytes,
    /// A page.
    pub page: Bytes,
    /// The longest page of the list of users.
    pub list: Bytes,
    _bundle: Bundle,
}

impl Stage {
    /// Signs in to the stack and records the calls of `auth` at its start and for one read, and those of the webhook
    /// for one event.
    ///
    /// # Errors
    /// When a step fails, or one of them makes a call that its bare function cannot make.
    pub async fn set(
        setting: &Setting,
        folder: PathBuf,
        options: &crate::options::Options,
    ) -> Result<Self, BenchError> {
        let (root, tls) = certificate::made()?;
        let bundle = Bundle::write(&root)?;
        let found = setting.stack.environment();
        let upstream = |name: &str| found.get(name).ok_or_else(|| BenchError::new(name, "the stack has none"));
        let tables = Endpoint::start(upstream("AWS_ENDPOINT_URL_DYNAMODB")?, tls.clone()).await?;
        let services = Endpoint::start(upstream("AWS_ENDPOINT_URL_SECRETS_MANAGER")?, tls).await?;
        let here = |name: &str, value: &str| match name {
            "AWS_ENDPOINT_URL_DYNAMODB" => tables.url(),
            name if name.starts_with("AWS_ENDPOINT_URL_") => services.url(),
            _ => value.to_owned(),
        };
        let mut env: Vec<_> = found.iter().map(|(name, value)| (name.to_owned(), here(name, value))).collect();
        env.push(("AWS_CA_BUNDLE".to_owned(), bundle.0.display().to_string()));

        let credentials = json!({"email": EMAIL, "password": setting.password, "token_delivery": "body"});
        let session = post(&format!("{}/login", setting.stack.base_url()), &credentials).await?;
        let token = session["access_token"].as_str().ok_or_else(|| BenchError::new("/login", "it gives no token"))?;
        let mut stage = Self {
            tables,
            services,
            folder,
            earlier: None,
            env,
            log: options.log.clone(),
            calls: [("bare-calls", String::new()), ("bare-sends", String::new())],
            read: event("GET", "/me", Some(token), None),
            product: event("GET", "/example/me", Some(token), None),
            payments: event("GET", "/billing/payments/me", Some(token), None),
            refresh: Self::next_refresh(&session)?,
            sign_in: event("POST", "/login", None, Some(&credentials)),
            page: event("GET", "/account", None, None),
            list: event("GET", "/admin/users?limit=100", Some(token), None),
            _bundle: bundle,
        };
        if let Some(folder) = &options.earlier {
            stage.earlier = Some(stage.sign_in_to(folder).await?);
        }
        if options.includes("auth") {
            stage.calls[0].1 = stage.record("auth", &stage.read).await?;
        }
        if options.includes("stripe-webhook") {
            stage.calls[1].1 = stage.record("stripe-webhook", &stage.webhook()).await?;
        }
        if options.includes("example") {
            // Its bare function makes no calls: they are recorded for the replay.
            stage.record("example", &stage.product).await?;
        }
        Ok(stage)
    }

    /// An event of Stripe, signed now; its body is always the same.
    pub fn webhook(&self) -> Bytes {
        let body = json!({
            "id": "evt_1", "object": "event", "created": START, "livemode": false, "type": "invoice.paid",
            "data": {"object": {"id": "in_1", "object": "invoice", "customer": "cus_1", "amount_paid": 1900}},
        });
        webhook(WEBHOOK_SECRET, Clock::system().now().as_second(), &body.to_string())
    }

    /// The calls of `function` at its start and for this event, once it is warm: the first event also reads what the
    /// process caches.
    async fn record(&self, function: &str, event: &Bytes) -> Result<String, BenchError> {
        if let Some((earlier, event)) = self.earlier(function, event)? {
            // First: where both make the same call, the answer to the current version is replayed.
            let mut sandbox = Sandbox::start(&earlier).await?;
            for _ in 0..2 {
                check(&sandbox.invoke(event).await?.1)?;
            }
            sandbox.end().await?;
            self.tables.take_calls();
            self.services.take_calls();
        }
        let mut sandbox = Sandbox::start(&self.function(function)?).await?;
        let at_start = self.recorded()?;
        check(&sandbox.invoke(event).await?.1)?;
        self.recorded()?;
        check(&sandbox.invoke(event).await?.1)?;
        let for_each_event = self.recorded()?;
        sandbox.end().await?;
        Ok(json!({"at_start": at_start, "for_each_event": for_each_event}).to_string())
    }

    /// The number of calls that `auth`, and so its bare function, makes for an authenticated read.
    pub fn calls_of_read(&self) -> usize {
        let calls: Value = serde_json::from_str(&self.calls[0].1).unwrap_or_default();
        calls["for_each_event"].as_array().map_or(0, Vec::len)
    }

    /// Sets how calls are handled from now on.
    pub fn mode(&self, mode: Mode) {
        self.tables.set(mode);
        self.services.set(mode);
    }

    /// From now on calls are passed to the stack, and each takes at least this long.
    pub fn forward_with(&self, least: Duration) {
        self.mode(Mode::Forward);
        self.tables.take_at_least(least);
        self.services.take_at_least(least);
    }

    /// The rotation of the refresh token in this answer to a sign-in or a rotation.
    ///
    /// # Errors
    /// When it has none.
    pub fn next_refresh(answer: &Value) -> Result<Bytes, BenchError> {
        let token = answer["refresh_token"].as_str();
        let token = token.ok_or_else(|| BenchError::new("a session", "it has no refresh token"))?;
        Ok(event("POST", "/refresh-token", None, Some(&json!({"refresh_token": token, "token_delivery": "body"}))))
    }

    /// The function whose binary is `name`.
    ///
    /// # Errors
    /// When it is not built.
    pub fn function(&self, name: &str) -> Result<Function, BenchError> {
        let mut function = self.at(&self.folder, name)?;
        if let Some((_, calls)) = self.calls.iter().find(|(bare, _)| *bare == name) {
            function.env.push(("BARE_CALLS".to_owned(), calls.clone()));
        }
        Ok(function)
    }

    /// The same function of the earlier version, where one is given, and this event for it.
    ///
    /// # Errors
    /// When its folder does not have it.
    pub fn earlier<'a>(&'a self, name: &str, event: &'a Bytes) -> Result<Option<(Function, &'a Bytes)>, BenchError> {
        let Some(earlier) = &self.earlier else { return Ok(None) };
        let event = match name {
            "auth" => &earlier.read,
            "example" => &earlier.product,
            _ => event,
        };
        Ok(Some((self.at(&earlier.folder, name)?, event)))
    }

    fn at(&self, folder: &Path, name: &str) -> Result<Function, BenchError> {
        Ok(Function { path: binary(folder, name)?, env: self.env.clone(), log: self.log.clone() })
    }

    /// Signs in to the `auth` of an earlier version, which may not accept the tokens of this one.
    async fn sign_in_to(&self, folder: &Path) -> Result<Earlier, BenchError> {
        let mut auth = Sandbox::start(&self.at(folder, "auth")?).await?;
        let (_, answer) = auth.invoke(&self.sign_in).await?;
        auth.end().await?;
        check(&answer)?;
        let answer: Value = serde_json::from_slice(&answer).doing("an answer")?;
        let session: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default()).doing("a session")?;
        let token = session["access_token"].as_str();
        let token = token.ok_or_else(|| BenchError::new("the earlier version", "it gives no token"))?;
        let (read, product) = (event("GET", "/me", Some(token), None), event("GET", "/example/me", Some(token), None));
        Ok(Earlier { folder: folder.to_owned(), read, product })
    }

    fn recorded(&self) -> Result<Vec<Value>, BenchError> {
        let calls = self.services.take_calls().into_iter().chain(self.tables.take_calls());
        calls.map(|call| for_the_bare_function(&call)).collect()
    }
}

/// The same call for the bare function. A call that it cannot make ends the run, because the comparison would be wrong
/// without it.
fn for_the_bare_function(call: &Call) -> Result<Value, BenchError> {
    let body: Value = serde_json::from_slice(&call.body).doing(&call.operation)?;
    match call.operation.as_str() {
        "secretsmanager.GetSecretValue" => Ok(json!({"secret": body["SecretId"]})),
        "AmazonSQS.SendMessage" => Ok(json!({
            "queue": body["QueueUrl"], "body": body["MessageBody"], "group": body["MessageGroupId"],
            "id": body["MessageDeduplicationId"],
        })),
        "DynamoDB_20120810.UpdateItem" => Ok(json!({
            "table": body["TableName"], "key": body["Key"]["pk"]["S"], "update": body["UpdateExpression"],
            "condition": body["ConditionExpression"], "values": body["ExpressionAttributeValues"],
        })),
        "DynamoDB_20120810.GetItem" => Ok(json!({"table": body["TableName"], "key": body["Key"]["pk"]["S"]})),
        "DynamoDB_20120810.BatchGetItem" => {
            let keys = |wanted: &Value| -> Vec<Value> {
                wanted["Keys"].as_array().into_iter().flatten().map(|key| key["pk"]["S"].clone()).collect()
            };
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            Ok(
                json!({"batch": tables.map(|(table, wanted)| (table.clone(), json!(keys(wanted)))).collect::<Map<_, _>>()}),
            )
        }
        other => Err(BenchError::new(other, "the bare function does not know this call")),
    }
}

/// Checks that an answer is a 200.
///
/// # Errors
/// When it is not.
pub fn check(answer: &Bytes) -> Result<(), BenchError> {
    let parsed: Value = serde_json::from_slice(answer).doing("an answer")?;
    if parsed["statusCode"] == 200 {
        return Ok(());
    }
    Err(BenchError::new("an answer", String::from_utf8_lossy(answer)))
}

/// The file of trusted certificates; it is deleted when the run ends.
struct Bundle(PathBuf);

impl Bundle {
    fn write(pem: &str) -> Result<Self, BenchError> {
        let file = std::env::temp_dir().join(format!("tollgate-bench-{}.pem", std::process::id()));
        fs::write(&file, pem).doing(file.display())?;
        Ok(Self(file))
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let _left_behind = fs::remove_file(&self.0);
    }
}

/// The folder of the binaries: that of this one, or the one of the option.
///
/// # Errors
/// When the path of this binary is not known.
pub fn folder(given: Option<&Path>) -> Result<PathBuf, BenchError> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let own = std::env::current_exe().doing("the folder of the binaries")?;
    Ok(own.parent().unwrap_or(Path::new(".")).to_owned())
}
