//! Reports at size: the `reports` function in a process of its own, with many users in the tables, each with a
//! subscription and a payment. Measured are a report that joins all three with a new snapshot, the same report on that
//! snapshot, and a CSV file.

use crate::copies::{fill, outbox_message};
use crate::endpoint::{post, send};
use crate::error::{BenchError, While};
use crate::figures::Limit;
use crate::options::Options;
use crate::sandbox::{Function, Sandbox, binary};
use crate::segments;
use crate::stage::{folder, in_memory};
use aws_smithy_http_client::Connector;
use axum::body::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tollgate_local::clock::LocalClock;
use tollgate_local::{BUCKET_SECRET_KEY, Options as StackOptions, Stack};
use tollgate_platform::{Secret, random_bytes};
use tollgate_tests::population::Population;

/// The numbers of users at which it is measured.
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const ADMIN: &str = "admin@example.com";
/// The timeout of the function.
const TIMEOUT: Duration = Duration::from_secs(900);
/// The memory of the function.
const MAX_MEMORY_MB: f64 = 512.0;
const MAX_JOIN_S: f64 = 10.0;
const MAX_SECOND_S: f64 = 1.0;
const MAX_CSV_S: f64 = 5.0;
/// The memory limit of a statement's own process, in addition to that of the function
/// (`tollgate_sql::Limits::CONTRACT`).
const STATEMENT_MB: f64 = 268.4;

const JOIN: &str = "SELECT u.tier, s.status, count(DISTINCT u.id) AS users, sum(p.amount_cents) AS paid_cents FROM users u \
                    JOIN subscriptions s ON s.user_id = u.id JOIN payments p ON p.subscription_id = s.id GROUP BY 1, 2";
const ROWS: &str = "SELECT u.id, u.email, s.status, s.price_cents, p.amount_cents, p.created_at FROM users u \
                    JOIN subscriptions s ON s.user_id = u.id JOIN payments p ON p.subscription_id = s.id LIMIT 100000";

/// The figures at each size.
#[derive(Debug, Serialize)]
pub struct Reports {
    /// By the number of users.
    pub sizes: Vec<Size>,
}

/// The figures at one number of users.
#[derive(Debug, Serialize)]
pub struct Size {
    /// The number of users; there are as many subscriptions and payments.
    pub users: usize,
    /// The report with joins, its snapshot included.
    pub join_s: f64,
    /// The same report on the same snapshot.
    pub second_s: f64,
    /// A file with one row for each user.
    pub csv_s: f64,
    /// The number of rows in that file.
    pub csv_rows: u64,
    /// The highest memory of the function's own process.
    pub peak_memory_mb: f64,
}

impl Reports {
    /// The limits for the largest size.
    pub fn limits(&self) -> Vec<Limit> {
        let Some(size) = self.sizes.last() else { return Vec::new() };
        let limit =
            |what: &str, found, most| Limit::at_most(format!("reports, {} users: {what}", size.users), found, most);
        vec![
            limit("joined report, s", size.join_s, MAX_JOIN_S),
            limit("second report on the snapshot, s", size.second_s, MAX_SECOND_S),
            limit("CSV, s", size.csv_s, MAX_CSV_S),
            limit("memory with that of a statement, MB", size.peak_memory_mb + STATEMENT_MB, MAX_MEMORY_MB),
        ]
    }
}

impl fmt::Display for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "reports on as many users, subscriptions and payments, by a process of the function")?;
        let head = ["joined s", "second s", "CSV s", "CSV rows", "memory MB"];
        writeln!(f, "{:<10}{}", "users", head.map(|name| format!("{name:>11}")).concat())?;
        for Size { users, join_s, second_s, csv_s, csv_rows, peak_memory_mb } in &self.sizes {
            writeln!(f, "{users:<10}{join_s:>11.2}{second_s:>11.2}{csv_s:>11.2}{csv_rows:>11}{peak_memory_mb:>11.1}")?;
        }
        Ok(())
    }
}

/// Fills the tables and runs the reports at each size up to that of the options.
///
/// # Errors
/// When the stack or the function does not start, or a report fails.
pub fn measure(options: &Options) -> Result<Reports, BenchError> {
    let program = binary(&folder(options.folder.as_deref())?, "reports")?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().doing("the runtime")?;
    runtime.block_on(async {
        let password: String = random_bytes::<12>().iter().map(|byte| format!("{byte:02x}")).collect();
        let stack_options = StackOptions {
            admin: Some((ADMIN.to_owned(), Secret::new(password.clone()))),
            env: vec![("RATE_LIMIT_PER_MINUTE".to_owned(), "0".to_owned())],
            ..in_memory(LocalClock::running())
        };
        let stack = Stack::start(stack_options).await.doing("the stack")?;
        stack.fault_injector().count_no_calls();
        let measured = stack.held(measured(&stack, &password, &program, options)).await;
        stack.stop().await;
        measured
    })
}

async fn measured(stack: &Stack, password: &str, program: &Path, options: &Options) -> Result<Reports, BenchError> {
    let population = Population::gather(stack, 1).await;
    population.sweep("reconcile").await;
    let mut sizes = Vec::new();
    let mut users = 1;
    for size in SIZES.into_iter().filter(|size| *size <= options.users) {
        fill(stack, users..size).await?;
        users = size;
        sizes.push(Admin::sign_in(stack, password).await?.measure(program, users, options.log.clone()).await?);
    }
    Ok(Reports { sizes })
}

/// The admin who requests reports.
struct Admin<'a> {
    stack: &'a Stack,
    token: String,
}

impl<'a> Admin<'a> {
    async fn sign_in(stack: &'a Stack, password: &str) -> Result<Self, BenchError> {
        let session =
            post(&format!("{}/login", stack.base_url()), &json!({"email": ADMIN, "password": password})).await?;
        let token = session["access_token"].as_str().ok_or_else(|| BenchError::new("/login", &session))?;
        Ok(Self { stack, token: token.to_owned() })
    }

    async fn measure(&self, program: &Path, users: usize, log: Option<PathBuf>) -> Result<Size, BenchError> {
        let settings = self.stack.environment();
        let mut env: Vec<_> = settings.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        // The bucket checks the signature: the key's id is the name of the function.
        let key = [("AWS_ACCESS_KEY_ID", "reports"), ("AWS_SECRET_ACCESS_KEY", BUCKET_SECRET_KEY)];
        env.extend(key.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let tables = settings.get("AWS_ENDPOINT_URL_DYNAMODB").unwrap_or_default();
        env.push(("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), segments::start(tables).await?));
        let mut sandbox = Sandbox::start(&Function { path: program.to_owned(), env, log }).await?;
        // The first report fetches each page from the engine, whose own time is no part of the figures.
        self.report(&mut sandbox, json!({"sql": JOIN, "format": "preview", "fresh": true})).await?;
        let (join_s, groups) =
            self.report(&mut sandbox, json!({"sql": JOIN, "format": "preview", "fresh": true})).await?;
        let (second_s, _) = self.report(&mut sandbox, json!({"sql": JOIN, "format": "preview"})).await?;
        let (csv_s, file) = self.report(&mut sandbox, json!({"sql": ROWS, "format": "csv"})).await?;
        let counted = groups["rows"].as_array().map(|rows| rows.iter().filter_map(|row| row[2].as_u64()).sum::<u64>());
        if counted != Some(users as u64) {
            return Err(BenchError::new("the joined report", format!("{users} users, counted {counted:?}")));
        }
        let size = Size {
            users,
            join_s,
            second_s,
            csv_s,
            csv_rows: file["row_count"].as_u64().unwrap_or_default(),
            peak_memory_mb: sandbox.peak_memory_bytes()? as f64 / 1e6,
        };
        sandbox.end().await?;
        Ok(size)
    }

    /// Requests a report and runs it in `sandbox`: the seconds of the function, and the report.
    async fn report(&self, sandbox: &mut Sandbox, body: Value) -> Result<(f64, Value), BenchError> {
        let queued = self.request(&body).await?;
        let (took, _) = sandbox.invoke_within(&queued.event, TIMEOUT).await?;
        let report = self.read(&queued.report).await?;
        if report["status"] != "succeeded" {
            return Err(BenchError::new("a report", report));
        }
        Ok((took.as_secs_f64(), report))
    }
}

/// A report that waits for the function.
struct Queued {
    report: String,
    event: Bytes,
}

impl Admin<'_> {
    /// Requests a report: its id, and the queue's event that runs it.
    async fn request(&self, body: &Value) -> Result<Queued, BenchError> {
        let answer = self.send(Method::POST, "/admin/reports", body.to_string().into(), StatusCode::ACCEPTED).await?;
        let report = answer["id"].as_str().unwrap_or_default().to_owned();
        let message = outbox_message(self.stack, &report).await?;
        let event = json!({"Records": [{
            "messageId": report, "receiptHandle": "bench", "body": json!({"id": message}).to_string(),
            "attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {}, "eventSource": "aws:sqs",
        }]});
        Ok(Queued { report, event: event.to_string().into() })
    }

    async fn read(&self, report: &str) -> Result<Value, BenchError> {
        self.send(Method::GET, &format!("/admin/reports/{report}"), Bytes::new(), StatusCode::OK).await
    }

    async fn send(&self, method: Method, path: &str, body: Bytes, expected: StatusCode) -> Result<Value, BenchError> {
        let bearer = HeaderValue::try_from(format!("Bearer {}", self.token)).doing("the token")?;
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json), (header::AUTHORIZATION, bearer)]);
        let url = format!("{}{path}", self.stack.base_url());
        let answer = send(&Connector::builder().build_http(), method, &url, headers, body).await?;
        if answer.status != expected {
            return Err(BenchError::new(path, String::from_utf8_lossy(&answer.body)));
        }
        serde_json::from_slice(&answer.body).doing(path)
    }
}
