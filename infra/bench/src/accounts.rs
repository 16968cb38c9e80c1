//! What one operation of the local stack costs with few and with many accounts in it: the CPU time of the whole process for
//! a registration, a sign-in and a subscription with its webhooks, and its memory.

use crate::endpoint::send;
use crate::error::{BenchError, While};
use crate::figures::Limit;
use crate::options::Options;
use crate::stage::in_memory;
use aws_smithy_http_client::Connector;
use axum::body::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;
use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tollgate_domain::MessageId;
use tollgate_domain::billing::Attempt;
use tollgate_domain::onetime::{OneTimeRow, Purpose};
use tollgate_domain::user::Provider;
use tollgate_fake_stripe::Mode;
use tollgate_local::clock::LocalClock;
use tollgate_local::{Data, Options as StackOptions, Stack, TABLE_PREFIX};
use tollgate_mail::{Message, OneTime, Verify};
use tollgate_platform::random_bytes;
use tollgate_store::{Credentials, NewAccount, OutboxMessage, Registration, Store};
use tollgate_tests::population::newcomer;
use tollgate_tokens::codes;

/// The numbers of accounts at which the stack is measured.
const SIZES: [usize; 4] = [100, 1_000, 10_000, 50_000];
/// How often each operation is repeated for one measurement.
const REPEATS: usize = 40;
/// Accounts that are created at the same time.
const MAKERS: usize = 4;
/// How many are created before the bench waits for all their mails.
const BATCH: usize = 1_000;
const MOST_GROWTH: f64 = 1.2;
const MOST_MB: f64 = 500.0;
const PASSWORD: &str = "correct horse battery staple";
const CARD: &str = "4242424242424242";

/// The figures of the stack at each size.
#[derive(Debug, Serialize)]
pub struct Accounts {
    /// Where its data was stored.
    pub data: &'static str,
    /// By the number of accounts.
    pub sizes: Vec<Size>,
}

/// The figures at one number of accounts.
#[derive(Debug, Serialize)]
pub struct Size {
    /// The number of accounts.
    pub accounts: usize,
    /// CPU time of a registration: the form, its mail, the link in the mail.
    pub registration_ms: f64,
    /// CPU time of a sign-in by password.
    pub sign_in_ms: f64,
    /// CPU time of a new subscription, with all its webhooks.
    pub subscription_ms: f64,
    /// The memory of the process, which includes the clients of the bench.
    pub resident_mb: f64,
    /// Seconds since the start.
    pub after_s: f64,
}

impl Accounts {
    /// The limits that the figures must meet.
    pub fn limits(&self) -> Vec<Limit> {
        let (Some(first), Some(last)) = (self.sizes.first(), self.sizes.last()) else { return Vec::new() };
        let growth = |name: &str, figure: fn(&Size) -> f64| {
            Limit::at_most(
                format!("{}: {name}, of that at {}", self.data, first.accounts),
                figure(last) / figure(first),
                MOST_GROWTH,
            )
        };
        vec![
            growth("a registration", |size| size.registration_ms),
            growth("a sign-in", |size| size.sign_in_ms),
            growth("a subscription", |size| size.subscription_ms),
            Limit::at_most(format!("{}: memory, MB", self.data), last.resident_mb, MOST_MB),
        ]
    }
}

impl fmt::Display for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the local stack, data {}; CPU time of the process for each operation", self.data)?;
        let head = ["registration ms", "sign-in ms", "subscription ms", "memory MB", "after s"];
        writeln!(f, "{:<12}{}", "accounts", head.map(|name| format!("{name:>17}")).concat())?;
        for size in &self.sizes {
            let cells = [size.registration_ms, size.sign_in_ms, size.subscription_ms, size.resident_mb, size.after_s];
            writeln!(f, "{:<12}{}", size.accounts, cells.map(|cell| format!("{cell:>17.2}")).concat())?;
        }
        Ok(())
    }
}

/// Fills the stack and measures it at each size.
///
/// When the stack does not start, or an operation fails.
/// When the stack does not start, or an operation does not succeed.
pub fn measure(options: &Options) -> Result<Accounts, BenchError> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().doing("the runtime")?;
    runtime.block_on(async {
        let data = options.data.clone().map_or(Data::Memory, Data::Folder);
        let name = if options.data.is_some() { "in a folder" } else { "in memory" };
        let stack_options = StackOptions {
            data,
            env: vec![("RATE_LIMIT_PER_MINUTE".to_owned(), "0".to_owned())],
            ..in_memory(LocalClock::running())
        };
        let stack = Stack::start(stack_options).await.doing("the stack")?;
        stack.fault_injector().count_no_calls(); // as the command does
        let mut people = People::of(&stack).await?;
        let (mut sizes, begun) = (Vec::new(), Instant::now());
        for accounts in SIZES.into_iter().filter(|size| *size <= options.accounts) {
            people.fill(accounts - REPEATS).await?;
            sizes.push(people.measure(accounts, begun).await?);
            let _closed = writeln!(std::io::stderr(), "{:?}", sizes.last());
        }
        drop(people);
        stack.stop().await;
        Ok(Accounts { data: name, sizes })
    })
}

/// The accounts that exist.
struct People<'a> {
    stack: &'a Stack,
    store: Store,
    connector: Connector,
    base_url: String,
    /// The hash of the password, as `auth` stored it.
    hash: String,
    /// The key of links and codes.
    generation: String,
    count: usize,
}

impl<'a> People<'a> {
    /// With one account that was registered over HTTP: the values that the other accounts need are read from its rows.
    async fn of(stack: &'a Stack) -> Result<Self, BenchError> {
        let mut people = Self {
            stack,
            store: Store::new(stack.sdk(), TABLE_PREFIX),
            connector: Connector::builder().build_http(),
            base_url: stack.base_url(),
            hash: String::new(),
            generation: String::new(),
            count: 0,
        };
        people.register().await?;
        let attribute = async |table: &str, name: &str| {
            let rows = people.call(Method::GET, &format!("/_local/tables/{table}"), None).await?;
            let rows = rows["items"].as_array().cloned().unwrap_or_default();
            let found = rows.iter().find_map(|row| row[name]["S"].as_str());
            found.map(str::to_owned).ok_or_else(|| BenchError::new(table, format!("no row has a {name}")))
        };
        let (hash, generation) = (attribute("credentials", "hash").await?, attribute("sessions", "generation").await?);
        Ok(Self { hash, generation, ..people })
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, BenchError> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let answer = send(&self.connector, method, &format!("{}{path}", self.base_url), headers, body).await?;
        if !answer.status.is_success() {
            return Err(BenchError::new(path, answer.status));
        }
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    async fn drain(&self) -> Result<(), BenchError> {
        self.call(Method::POST, "/_local/drain", None).await.map(drop)
    }

    /// One registration as a browser makes it, up to the verified address.
    async fn register(&mut self) -> Result<String, BenchError> {
        let n = self.count;
        self.count += 1;
        let email = format!("door{n}@example.com");
        let body = json!({"email": email, "username": format!("door{n}"), "password": PASSWORD});
        self.call(Method::POST, "/register", Some(&body)).await?;
        self.drain().await?;
        let mails = self.call(Method::GET, &format!("/_local/emails?to={email}"), None).await?;
        let link = mails["items"][0]["links"][0].as_str().and_then(|link| link.split_once("token="));
        let (_, token) = link.ok_or_else(|| BenchError::new("the mail", "it has no link"))?;
        self.call(Method::POST, "/verify", Some(&json!({"token": token}))).await?;
        self.drain().await?;
        Ok(email)
    }

    /// Creates accounts in the store up to this number: each has its rows, its message in the outbox and its mail,
    /// which is sent in the ordinary way. The password hash is copied.
    async fn fill(&mut self, accounts: usize) -> Result<(), BenchError> {
        while self.count < accounts {
            let mut making = JoinSet::new();
            let batch: Vec<usize> = (self.count..accounts.min(self.count + BATCH)).collect();
            for maker in 0..MAKERS {
                let (store, numbers) = (self.store.clone(), batch.iter().copied().skip(maker).step_by(MAKERS));
                let made = numbers.map(|n| self.made(n)).collect::<Result<Vec<_>, _>>()?;
                making.spawn(async move {
                    for account in made {
                        let done = store.register(&account).await.doing("a registration")?;
                        if done != Registration::Done {
                            return Err(BenchError::new("a registration", format!("{done:?}")));
                        }
                    }
                    Ok(())
                });
            }
            while let Some(made) = making.join_next().await {
                made.doing("a registration")??;
            }
            self.count += batch.len();
            self.drain().await?;
        }
        Ok(())
    }

    fn made(&self, n: usize) -> Result<NewAccount, BenchError> {
        let now = self.stack.clock().now();
        let mut account = newcomer(now, n);
        let profile = &mut account.profile;
        profile.provider = Provider::Local;
        profile.links.clear();
        let row = OneTimeRow {
            id: codes::new_row_id(now),
            purpose: Purpose::Verify,
            user_id: profile.id,
            generation: self.generation.clone(),
            email_key: profile.email.key().to_owned(),
            new_email: None,
            session_id: None,
            password_version: 1,
            expires_at: now + Duration::from_secs(86_400),
            code_expires_at: now + Duration::from_secs(900),
            tries: 0,
            used_at: None,
        };
        let otp = OneTime {
            user_id: profile.id,
            id: row.id.clone(),
            generation: row.generation.clone(),
            expires_at: row.expires_at,
        };
        let (to, username) = (profile.email.as_str().to_owned(), profile.username.as_str().to_owned());
        let message = Message::from(Verify { to, username, otp, is_change: false, unlinks: Vec::new() });
        let id = MessageId::new(now, random_bytes());
        let mail = OutboxMessage::of(message.kind(), &message, id, now).doing("a mail")?;
        account.credentials = Some(Credentials { user_id: profile.id, hash: self.hash.clone(), password_version: 1 });
        account.verification = Some((row, mail));
        Ok(account)
    }

    /// Repeats each operation; `accounts` is the number of accounts at the end.
    async fn measure(&mut self, accounts: usize, begun: Instant) -> Result<Size, BenchError> {
        let mut emails = Vec::with_capacity(REPEATS);
        let at_start = cpu()?;
        for _ in 0..REPEATS {
            emails.push(self.register().await?);
        }
        let registered = cpu()?;
        for email in &emails {
            let body = json!({"email": email, "password": PASSWORD});
            self.call(Method::POST, "/login", Some(&body)).await?;
        }
        let signed_in = cpu()?;
        let subscription = self.subscriptions().await?;
        let each = |took: Duration| took.as_secs_f64() * 1e3 / REPEATS as f64;
        Ok(Size {
            accounts,
            registration_ms: each(registered - at_start),
            sign_in_ms: each(signed_in - registered),
            subscription_ms: each(subscription),
            resident_mb: resident_mb()?,
            after_s: begun.elapsed().as_secs_f64(),
        })
    }

    /// CPU time until this number of new customers has subscribed and all of Stripe's events are handled.
    async fn subscriptions(&mut self) -> Result<Duration, BenchError> {
        let stripe = self.stack.stripe().ok_or_else(|| BenchError::new("Stripe", "this stack has no fake Stripe"))?;
        let plans = self.store.catalogue().await.doing("the plans")?.plans;
        let price = plans.into_iter().find(|plan| plan.code.as_str() == "pro").and_then(|plan| plan.stripe_price_id);
        let price = price.ok_or_else(|| BenchError::new("the plans", "none is sold"))?;
        stripe.set_delivery(Mode::Silent);
        let mut customers = Vec::with_capacity(REPEATS);
        for _ in 0..REPEATS {
            let (n, now) = (self.count, self.stack.clock().now());
            self.count += 1;
            let account = newcomer(now, n);
            self.store.register(&account).await.doing("a registration")?;
            let attempt = Attempt { id: format!("attempt-{n}"), started_at: now };
            let (user, email) = (&account.profile.id, &account.profile.email);
            let reserved =
                self.store.reserve_customer(user, (email, None), &attempt, None).await.doing("a customer")?;
            let customer = stripe.create_customer(email.as_str())["id"].as_str().unwrap_or_default().to_owned();
            self.store.link_customer(&reserved, &customer, None).await.doing("a customer")?;
            customers.push(customer);
        }
        stripe.set_delivery(Mode::Normal);
        self.drain().await?;
        let before = cpu()?;
        for customer in &customers {
            stripe.subscribe(customer, &price, CARD).doing("a subscription")?;
            self.drain().await?;
        }
        Ok(cpu()? - before)
    }
}

/// The CPU time that this process has used, with that of threads that have ended.
pub fn cpu() -> Result<Duration, BenchError> {
    const FILE: &str = "/proc/self/stat";
    /// As Linux reports it, in hundredths of a second.
    const TICK: Duration = Duration::from_millis(10);
    let text = fs::read_to_string(FILE).doing(FILE)?;
    // User and system time; the name of the process before them may contain any character.
    let fields = text.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    let ticks =
        fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>().doing(FILE)?;
    Ok(TICK * ticks)
}

/// The memory that this process uses now.
fn resident_mb() -> Result<f64, BenchError> {
    const FILE: &str = "/proc/self/status";
    let text = fs::read_to_string(FILE).doing(FILE)?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB"));
    let kib: u32 = line.unwrap_or_default().trim().parse().doing(FILE)?;
    Ok(f64::from(kib) * 1024.0 / 1e6)
}
