//! The created tables.

use crate::faults::Fault;
use crate::tables::Tables;
use aws_sdk_dynamodb::types::{KeySchemaElement, KeyType, ProjectionType, ScalarAttributeType, StreamViewType};
use std::collections::BTreeSet;
use tollgate_store::StoreError;
use tollgate_store::schema::{Projection, TABLES};

fn keys(schema: &[KeySchemaElement]) -> Vec<(&str, KeyType)> {
    schema.iter().map(|key| (key.attribute_name(), key.key_type().clone())).collect()
}

#[tokio::test]
async fn every_table_is_created_as_the_schema_defines() {
    let tables = Tables::none().await;
    tables.store.create_tables().await.unwrap();
    for spec in TABLES {
        let made = tables.client.describe_table().table_name(tables.name(spec.name)).send().await.unwrap();
        let made = made.table.unwrap();
        let mut expected = vec![(spec.partition_key, KeyType::Hash)];
        expected.extend(spec.sort_key.map(|key| (key, KeyType::Range)));
        assert_eq!(keys(made.key_schema()), expected, "{}", spec.name);
        assert_eq!(made.billing_mode_summary.unwrap().billing_mode.unwrap().as_str(), "PAY_PER_REQUEST");
        let stream = made.stream_specification.filter(|stream| stream.stream_enabled);
        assert_eq!(stream.and_then(|stream| stream.stream_view_type), spec.stream.then_some(StreamViewType::NewImage));

        let indexes = made.global_secondary_indexes.unwrap_or_default();
        assert_eq!(indexes.len(), spec.indexes.len(), "{}", spec.name);
        let mut attributes: BTreeSet<&str> = spec.sort_key.into_iter().chain([spec.partition_key]).collect();
        for index in spec.indexes {
            let made = indexes.iter().find(|made| made.index_name() == Some(index.name)).unwrap();
            assert_eq!(
                keys(made.key_schema()),
                [(index.partition_key, KeyType::Hash), (index.sort_key, KeyType::Range)],
                "{}",
                index.name
            );
            let projection = made.projection().unwrap();
            match index.projection {
                Projection::All => assert_eq!(projection.projection_type(), Some(&ProjectionType::All)),
                Projection::Some(attributes) => {
                    assert_eq!(projection.projection_type(), Some(&ProjectionType::Include));
                    let others = attributes.iter().filter(|name| ![index.partition_key, index.sort_key].contains(name));
                    let others: BTreeSet<_> = others.copied().collect();
                    assert_eq!(
                        projection.non_key_attributes().iter().map(|name| &**name).collect::<BTreeSet<_>>(),
                        others
                    );
                }
            }
            attributes.extend([index.partition_key, index.sort_key]);
        }
        let defined = made.attribute_definitions.unwrap();
        assert!(defined.iter().all(|attribute| attribute.attribute_type == ScalarAttributeType::S));
        assert_eq!(defined.iter().map(|attribute| &*attribute.attribute_name).collect::<BTreeSet<_>>(), attributes);
    }
}

#[tokio::test]
async fn existing_tables_stay_and_missing_ones_are_created() {
    let (tables, _) = Tables::with_ann().await;
    tables.client.delete_table().table_name(tables.name("limits")).send().await.unwrap();
    tables.store.create_tables().await.unwrap();
    assert_eq!(tables.count("limits").await, 0);
    assert_eq!(tables.count("gate").await, 1);
    let made = tables.faults.take_calls().into_iter().filter(|call| call.operation == "CreateTable");
    assert_eq!(made.count(), 1);
}

#[tokio::test]
async fn tables_are_found_among_more_than_one_page_of_names() {
    let tables = Tables::none().await;
    tables.rival.create_tables().await.unwrap();
    // A page has a hundred names at most; these sort before the others.
    let mine: Vec<String> = TABLES.iter().map(|table| tables.name(table.name)).collect();
    let first = serde_json::json!({"TableNames": ["a-table"], "LastEvaluatedTableName": "a-table"});
    let second = serde_json::json!({"TableNames": mine});
    tables.faults.next("ListTables", [Fault::Answer(200, first), Fault::Answer(200, second)]);
    tables.store.create_tables().await.unwrap();
    let mut calls = tables.faults.take_calls();
    // The time to live of an existing table is read, too.
    calls.retain(|call| call.operation != "DescribeTimeToLive");
    assert!(calls.iter().all(|call| call.operation == "ListTables"), "{calls:?}");
    assert_eq!(calls[1].body["ExclusiveStartTableName"], "a-table");
}

#[tokio::test]
async fn tables_that_cannot_be_listed_or_created_are_an_error() {
    for operation in ["ListTables", "CreateTable"] {
        let tables = Tables::none().await;
        tables.faults.next(operation, [Fault::error("ValidationException")]);
        let error = tables.store.create_tables().await.unwrap_err();
        assert!(matches!(error, StoreError::Unexpected(_)), "{operation}: {error}");
    }
}
