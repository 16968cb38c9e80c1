//! The creation of the tables, for the local stack and for tests, and their time to live.

use crate::roles::ManageTables;
use crate::table::client::Tables;
use crate::table::schema::{Projection, TABLES, TableSpec};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection as SdkProjection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType, TimeToLiveSpecification,
    TimeToLiveStatus,
};

impl<R: ManageTables> Store<R> {
    /// Creates missing tables, for the local stack and for tests. A deployment has the tables of the template.
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
            if spec.ttl.is_some() && self.time_to_live(spec).await?.as_deref() != spec.ttl {
                self.enable_time_to_live(spec).await?;
            }
        }
        Ok(())
    }

    /// The time-to-live attribute of this table; `None` where it has none.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn time_to_live(&self, spec: &TableSpec) -> Result<Option<String>, StoreError> {
        let answer = self.client.describe_time_to_live().table_name(self.table(spec.name)).send().await;
        let described = answer.map_err(StoreError::of)?.time_to_live_description;
        let is_on =
            |status: &TimeToLiveStatus| matches!(status, TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling);
        let on = described.filter(|described| described.time_to_live_status.as_ref().is_some_and(is_on));
        Ok(on.and_then(|described| described.attribute_name))
    }
}

impl Tables {
    async fn enable_time_to_live(&self, spec: &TableSpec) -> Result<(), StoreError> {
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(spec.ttl.unwrap_or_default());
        let call = self.client.update_time_to_live().table_name(self.table(spec.name));
        call.time_to_live_specification(built(ttl.build())?).send().await.map_err(StoreError::of)?;
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
            let projection = SdkProjection::builder();
            let projection = match index.projection {
                Projection::All => projection.projection_type(ProjectionType::All),
                Projection::Some(attributes) => {
                    let is_key = |name: &&str| [index.partition_key, index.sort_key].contains(name);
                    let others = attributes.iter().filter(|name| !is_key(name)).map(|name| (*name).to_owned());
                    projection.projection_type(ProjectionType::Include).set_non_key_attributes(Some(others.collect()))
                }
            };
            let index = GlobalSecondaryIndex::builder()
                .index_name(index.name)
                .key_schema(key(index.partition_key, KeyType::Hash)?)
                .key_schema(key(index.sort_key, KeyType::Range)?)
                .projection(projection.build());
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
