//! The tables of one test: the store under test, a rival without the fault injector in between, and a raw client that
//! reads the stored items and writes items that no version of the store writes.
//!
//! The engine is dynoxide in memory. With `TOLLGATE_STORE_ENDPOINT` it is another one at that address, shared by all
//! tests, and each has a prefix of its own. With `TOLLGATE_STORE_FIRST_FAILURE_ENDS` the first test that fails ends the
//! whole run: code that was broken on purpose need not be noticed twice.

use crate::faults::FaultInjector;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    AsyncSleep, BehaviorVersion, Credentials, Region, SharedAsyncSleep, SharedCredentialsProvider, Sleep,
    StalledStreamProtectionConfig,
};
use aws_sdk_dynamodb::types::{AttributeValue, TimeToLiveSpecification};
use aws_types::SdkConfig;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tollgate_store::Store;
use tollgate_store::schema::TABLES;

/// The variable that names another engine.
const ENDPOINT: &str = "TOLLGATE_STORE_ENDPOINT";
/// The variable that makes the first failure the last.
const FIRST_FAILURE_ENDS: &str = "TOLLGATE_STORE_FIRST_FAILURE_ENDS";

pub struct Tables {
    /// What is tested.
    pub store: Store,
    /// Another writer on the same tables.
    pub rival: Store,
    /// The fault injector of `store`.
    pub faults: FaultInjector,
    /// The engine itself.
    pub client: Client,
    /// The prefix of table names.
    pub prefix: String,
}

impl Tables {
    /// New ones, empty.
    pub async fn new() -> Self {
        let tables = Self::none().await;
        tables.rival.create_tables().await.unwrap();
        if setting(ENDPOINT).is_some() {
            tables.keep_expired_rows().await;
        }
        tables
    }

    /// Switches the time to live off: the engine deletes rows by its own clock, and a test has another one.
    async fn keep_expired_rows(&self) {
        for spec in TABLES {
            let Some(attribute) = spec.ttl else { continue };
            let off = TimeToLiveSpecification::builder().enabled(false).attribute_name(attribute).build().unwrap();
            let call = self.client.update_time_to_live().table_name(self.name(spec.name));
            call.time_to_live_specification(off).send().await.unwrap();
        }
    }

    /// An engine in which there are none yet.
    pub async fn none() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("t{}-{}-", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        if setting(FIRST_FAILURE_ENDS).is_some() {
            std::panic::set_hook(Box::new(|panic| {
                // The run ends before the harness would print it.
                let _written = writeln!(std::io::stderr(), "{panic}");
                std::process::exit(101);
            }));
        }
        let endpoint = match setting(ENDPOINT) {
            Some(endpoint) => endpoint,
            None => serve().await,
        };
        let faults = FaultInjector::new();
        let plain = sdk(&endpoint, &FaultInjector::new());
        Self {
            store: Store::new(&sdk(&endpoint, &faults), prefix.clone()),
            rival: Store::new(&plain, prefix.clone()),
            faults,
            client: Client::new(&plain),
            prefix,
        }
    }

    /// The full name of a table.
    pub fn name(&self, table: &str) -> String {
        format!("{}{table}", self.prefix)
    }

    /// Every row of `table` by its key: `pk`, or `pk/sk`.
    pub async fn rows(&self, table: &str) -> BTreeMap<String, Value> {
        #[expect(clippy::disallowed_methods, reason = "a test looks at everything")]
        let call = self.client.scan().table_name(self.name(table)).consistent_read(true);
        let items: Vec<Value> = serde_dynamo::from_items(call.send().await.unwrap().items.unwrap()).unwrap();
        let key = |row: &Value| match row["sk"].as_str() {
            Some(sk) => format!("{}/{sk}", row["pk"].as_str().unwrap()),
            None => row["pk"].as_str().unwrap().to_owned(),
        };
        items.into_iter().map(|row| (key(&row), row)).collect()
    }

    /// One row of `table`; it must be there.
    pub async fn row(&self, table: &str, key: &str) -> Value {
        let mut rows = self.rows(table).await;
        rows.remove(key).unwrap_or_else(|| panic!("no {key} in {table}, but {:?}", rows.keys()))
    }

    /// How many rows `table` has.
    pub async fn count(&self, table: &str) -> usize {
        self.rows(table).await.len()
    }

    /// All rows of all tables.
    pub async fn all(&self) -> BTreeMap<String, Value> {
        let mut all = BTreeMap::new();
        for table in TABLES {
            let rows = self.rows(table.name).await;
            all.extend(rows.into_iter().map(|(key, row)| (format!("{}: {key}", table.name), row)));
        }
        all
    }

    /// Awaits `call`, which must leave every table as it is.
    pub async fn untouched<T>(&self, call: impl Future<Output = T>) -> T {
        let before = self.all().await;
        let output = call.await;
        assert_eq!(self.all().await, before);
        output
    }

    /// Puts `row`, keys and all.
    pub async fn put(&self, table: &str, row: Value) {
        put(&self.client, self.name(table), row).await;
    }

    /// Changes one row behind the store's back.
    pub async fn edit(&self, table: &str, key: &str, change: impl FnOnce(&mut Value)) {
        let mut row = self.row(table, key).await;
        change(&mut row);
        self.put(table, row).await;
    }

    /// Takes one row away behind the store's back.
    pub async fn delete(&self, table: &str, key: &str) {
        let row = self.row(table, key).await;
        let mut keys = HashMap::from([("pk".to_owned(), text(&row["pk"]))]);
        if row["sk"].is_string() {
            keys.insert("sk".to_owned(), text(&row["sk"]));
        }
        self.client.delete_item().table_name(self.name(table)).set_key(Some(keys)).send().await.unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "how the tests are run is no setting of the product")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn put(client: &Client, table: String, row: Value) {
    let item = serde_dynamo::to_item(row).unwrap();
    client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
}

fn text(value: &Value) -> AttributeValue {
    AttributeValue::S(value.as_str().unwrap().to_owned())
}

/// An engine of this test's own; it ends with the test's runtime.
async fn serve() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
    format!("http://{address}")
}

/// Three attempts of each call, as in a deployed function, but without waits between them.
fn sdk(endpoint: &str, faults: &FaultInjector) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("local", "local", None, None, "local")))
        .endpoint_url(endpoint)
        .http_client(faults.clone())
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1)))
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .sleep_impl(SharedAsyncSleep::new(NoSleep(faults.clone())))
        .build()
}

#[derive(Debug)]
struct NoSleep(FaultInjector);

impl AsyncSleep for NoSleep {
    fn sleep(&self, duration: Duration) -> Sleep {
        self.0.wait(duration);
        Sleep::new(std::future::ready(()))
    }
}
