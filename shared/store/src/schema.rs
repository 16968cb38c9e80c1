//! The tables, one for each thing that a role may be granted: their keys, indexes, time to live and stream. The template
//! says the same.

use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection as SdkProjection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType,
};

/// One table. All key attributes are strings.
#[derive(Debug, Clone, Copy)]
pub struct TableSpec {
    /// Its name, without the deployment's prefix.
    pub name: &'static str,
    /// Its partition key.
    pub partition_key: &'static str,
    /// Its sort key.
    pub sort_key: Option<&'static str>,
    /// Its global secondary indexes.
    pub indexes: &'static [IndexSpec],
    /// The attribute that holds an item's end, in seconds since 1970.
    pub ttl: Option<&'static str>,
    /// Whether new items go onto a stream.
    pub stream: bool,
}

/// One global secondary index.
#[derive(Debug, Clone, Copy)]
pub struct IndexSpec {
    /// Its name.
    pub name: &'static str,
    /// Its partition key.
    pub partition_key: &'static str,
    /// Its sort key.
    pub sort_key: &'static str,
    /// What it holds.
    pub projection: Projection,
}

/// What an index holds of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projection {
    /// All of it.
    All,
    /// The keys.
    KeysOnly,
}

const fn index(
    name: &'static str,
    partition_key: &'static str,
    sort_key: &'static str,
    projection: Projection,
) -> IndexSpec {
    IndexSpec { name, partition_key, sort_key, projection }
}

pub(crate) const IDENTITY: &str = "identity";
pub(crate) const CREDENTIALS: &str = "credentials";
pub(crate) const GATE: &str = "gate";
pub(crate) const SESSIONS: &str = "sessions";
pub(crate) const LIMITS: &str = "limits";
pub(crate) const OUTBOX: &str = "outbox";
pub(crate) const AUDIT: &str = "audit";
pub(crate) const BILLING: &str = "billing";
pub(crate) const DESK: &str = "desk";

/// Every table.
pub const TABLES: &[TableSpec] = &[
    TableSpec {
        name: IDENTITY,
        partition_key: "pk",
        sort_key: None,
        indexes: &[
            // Newest users first, month by month.
            index("by_month", "month", "id", Projection::All),
            // Addresses and user names by prefix, spread by their first character.
            index("by_prefix", "initial", "marker", Projection::All),
        ],
        ttl: None,
        stream: false,
    },
    TableSpec { name: CREDENTIALS, partition_key: "pk", sort_key: None, indexes: &[], ttl: None, stream: false },
    TableSpec { name: GATE, partition_key: "pk", sort_key: None, indexes: &[], ttl: None, stream: false },
    TableSpec {
        name: SESSIONS,
        partition_key: "pk",
        sort_key: Some("sk"),
        indexes: &[],
        ttl: Some("ttl"),
        stream: false,
    },
    TableSpec { name: LIMITS, partition_key: "pk", sort_key: None, indexes: &[], ttl: Some("ttl"), stream: false },
    TableSpec { name: OUTBOX, partition_key: "pk", sort_key: None, indexes: &[], ttl: Some("ttl"), stream: true },
    TableSpec {
        name: BILLING,
        partition_key: "pk",
        sort_key: Some("sk"),
        indexes: &[
            // Live subscriptions by the end of their period, spread by their id.
            index("due", "due_shard", "due_at", Projection::All),
        ],
        ttl: Some("ttl"),
        stream: false,
    },
    TableSpec {
        name: AUDIT,
        partition_key: "pk",
        sort_key: Some("sk"),
        indexes: &[
            index("by_month", "month", "sk", Projection::All),
            index("by_actor", "actor_id", "sk", Projection::All),
            index("by_action", "action", "sk", Projection::All),
        ],
        ttl: None,
        stream: false,
    },
    TableSpec { name: DESK, partition_key: "pk", sort_key: Some("sk"), indexes: &[], ttl: Some("ttl"), stream: false },
];

impl Store {
    /// Makes the tables that are not there yet: for the local stack and for tests. A deployment's are the template's.
    ///
    /// # Errors
    /// When DynamoDB refuses one.
    pub async fn create_tables(&self) -> Result<(), StoreError> {
        let names = self.client.list_tables().into_paginator().items().send();
        let there = names.collect::<Result<Vec<_>, _>>().await.map_err(StoreError::of)?;
        for spec in TABLES {
            if !there.contains(&self.table(spec.name)) {
                self.create_table(spec).await?;
            }
        }
        Ok(())
    }

    async fn create_table(&self, spec: &TableSpec) -> Result<(), StoreError> {
        let mut call =
            self.client.create_table().table_name(self.table(spec.name)).billing_mode(BillingMode::PayPerRequest);
        let mut attributes = vec![spec.partition_key];
        attributes.extend(spec.sort_key);
        for index in spec.indexes {
            attributes.extend([index.partition_key, index.sort_key]);
        }
        attributes.sort_unstable();
        attributes.dedup();
        for name in attributes {
            let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
            call = call.attribute_definitions(built(attribute.build())?);
        }
        call = call.key_schema(key(spec.partition_key, KeyType::Hash)?);
        if let Some(sort_key) = spec.sort_key {
            call = call.key_schema(key(sort_key, KeyType::Range)?);
        }
        for index in spec.indexes {
            let kind = match index.projection {
                Projection::All => ProjectionType::All,
                Projection::KeysOnly => ProjectionType::KeysOnly,
            };
            let index = GlobalSecondaryIndex::builder()
                .index_name(index.name)
                .key_schema(key(index.partition_key, KeyType::Hash)?)
                .key_schema(key(index.sort_key, KeyType::Range)?)
                .projection(SdkProjection::builder().projection_type(kind).build());
            call = call.global_secondary_indexes(built(index.build())?);
        }
        if spec.stream {
            let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage);
            call = call.stream_specification(built(stream.build())?);
        }
        call.send().await.map_err(StoreError::of)?;
        Ok(())
    }
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, StoreError> {
    built(KeySchemaElement::builder().attribute_name(name).key_type(kind).build())
}

fn built<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<T, StoreError> {
    result.map_err(|error| StoreError::Unexpected(error.to_string()))
}
