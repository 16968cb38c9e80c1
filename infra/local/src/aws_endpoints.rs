//! Only the AWS endpoints, for one function that runs elsewhere (`sam local invoke`, `cargo lambda invoke`): empty
//! tables, queues, SES and secrets at two fixed addresses, and the rows of the samples in `events/`. Nothing is stored
//! on disk.

use crate::clock::LocalClock;
use crate::documents::TABLE_PREFIX;
use crate::documents::{DatabaseError, Documents, request_of, table_items};
use crate::environment::{Addresses, environment, sdk, seed_secrets};
use crate::error::StartError;
use crate::fakes::Fakes;
use crate::faults::FaultInjector;
use crate::queues::{QUEUES, Queue};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use dynoxide::Database;
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tollgate_platform::Env;
use tollgate_store::Store;
use tollgate_store::roles::Operator;
use tollgate_store::schema::TABLES;

/// The rows of the outbox that the samples name.
const SAMPLE_ROWS: &str = include_str!("../../../events/rows/outbox.json");
/// The secret of the links in those rows; it protects nothing.
pub const SAMPLE_CODES_SECRET: &str = "fbd5cbc50066ef0cad2187af57c5f16bf8b23e170a22aba1";

const CONTENTS: &str = "/_local";

/// The AWS side, until it is dropped.
pub struct AwsEndpoints {
    address: SocketAddr,
    tables: SocketAddr,
    servers: [JoinHandle<()>; 2],
}

/// The data that the functions have written.
#[derive(Clone)]
struct Contents {
    fakes: Fakes,
    database: Database,
}

impl AwsEndpoints {
    /// Serves queues, SES and secrets at `address` and the tables at the next port.
    ///
    /// # Errors
    /// With one line for a person.
    pub async fn start(address: SocketAddr) -> Result<Self, StartError> {
        let aws = bind(address).await?;
        let address = aws.local_addr()?;
        let next = address.port().checked_add(1).ok_or_else(|| taken(address, "the next port is needed too"))?;
        let tables = bind(SocketAddr::new(address.ip(), next)).await?;
        let served = tables.local_addr()?;
        let database = Database::memory().map_err(|error| StartError::Failed(error.to_string()))?;
        let documents = Documents::memory();
        let clock = LocalClock::running();
        let open = |spec: &_| Queue::open(*spec, documents.clone(), clock.clone());
        let queues = Arc::new(QUEUES.iter().map(open).collect::<Result<Vec<_>, _>>()?);
        let fakes = Fakes { documents, queues, clock: clock.clone() };
        seed_secrets(&fakes, &Env::from_pairs([("CODES_SECRET", SAMPLE_CODES_SECRET)]))?;

        let contents = Contents { fakes: fakes.clone(), database: database.clone() };
        let router = Router::new()
            .route(CONTENTS, get(contents_of))
            .with_state(contents)
            .fallback_service(fakes.clone().router());
        let on_tables = database.clone();
        let servers = [
            tokio::spawn(async move { dynoxide::server::serve_on(tables, on_tables).await }),
            tokio::spawn(async move {
                if let Err(error) = axum::serve(aws, router).await {
                    tracing::error!(%error, "listener");
                }
            }),
        ];
        let alone = Self { address, tables: served, servers };
        let origin = format!("http://{address}");
        let addresses = Addresses { public_url: &origin, origin: &origin, tables: served, aws: address };
        let env = environment(&addresses, Vec::new());
        Store::<Operator>::new(&sdk(&env, &FaultInjector::new(fakes), &clock), TABLE_PREFIX).create_tables().await?;
        put_sample_rows(&database)?;
        Ok(alone)
    }

    /// The variables that point AWS's SDKs at it.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{}", self.tables)),
        ]
    }

    /// The address that shows the data that the functions have written.
    #[must_use]
    pub fn contents(&self) -> String {
        format!("http://{}{CONTENTS}", self.address)
    }
}

impl Drop for AwsEndpoints {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

fn taken(address: SocketAddr, reason: impl std::fmt::Display) -> StartError {
    StartError::Failed(format!("--serve-aws {address}: {reason}"))
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| taken(address, error))
}

/// Writes the rows that the samples in `events/` name.
///
/// # Errors
/// When the database does not take them.
pub fn put_sample_rows(database: &Database) -> Result<(), StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError::Failed(format!("the samples' rows: {error}"));
    let rows: Vec<Value> = serde_json::from_str(SAMPLE_ROWS).map_err(|error| failed(&error))?;
    for row in rows {
        let request = request_of(json!({"TableName": format!("{TABLE_PREFIX}outbox"), "Item": row}))?;
        database.put_item(request).map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// The mails that were sent, the queues, and the raw items of every table.
async fn contents_of(State(contents): State<Contents>) -> Result<Json<Value>, (StatusCode, String)> {
    contents.all().map(Json).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

impl Contents {
    fn all(&self) -> Result<Value, DatabaseError> {
        let mut tables = Map::new();
        for table in TABLES {
            tables.insert(table.name.to_owned(), json!(table_items(&self.database, table.name)?));
        }
        let queues: Vec<_> = self.fakes.queues.iter().map(Queue::depth).collect();
        Ok(json!({"emails": self.fakes.mails()?, "queues": queues, "tables": tables}))
    }
}
