//! Service credentials: all of them in one item of the gate, which the functions that authenticate services read
//! anyway. Each is an attribute under its id, with a hash of its secret.

use crate::audit::audit_item;
use crate::roles::ManageServices;
use crate::table::client::Tables;
use crate::table::codec::{Item, n, read, s};
use crate::table::schema::{AUDIT, GATE};
use crate::table::transaction::Refusal;
use crate::table::update::conditional;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::Update;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tollgate_domain::ServiceId;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::service::{MAX_SERVICE_CREDENTIALS, ServiceCredential};

/// The item that holds them.
const SERVICES: &str = "SERVICES";

/// A credential with the hash of its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredService {
    /// The credential.
    #[serde(flatten)]
    pub credential: ServiceCredential,
    /// The hash of its secret.
    pub hash: String,
}

#[derive(Clone, Copy, Debug)]
enum Condition {
    Services,
    Audit,
}

impl<R: ManageServices> Store<R> {
    /// All service credentials, the oldest first.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn services(&self) -> Result<Vec<StoredService>, StoreError> {
        let item = self.get(GATE, s(SERVICES)).await?.unwrap_or_default();
        let rows = item.into_values().filter_map(|row| row.as_m().ok().cloned());
        let mut services = rows.map(|row| read::<StoredService>(GATE, row)).collect::<Result<Vec<_>, _>>()?;
        services.sort_by_key(|service| service.credential.id);
        Ok(services)
    }

    /// Adds a credential, with its audit entry; `false` when the largest number is reached.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn add_service(&self, service: &StoredService, entry: &AuditEntry) -> Result<bool, StoreError> {
        let mut row: Item =
            serde_dynamo::to_item(service).map_err(|error| StoreError::Unexpected(error.to_string()))?;
        row.retain(|_, value| !value.is_null());
        let update = Update::builder()
            .key("pk", s(SERVICES))
            .update_expression("SET #id = :row, v = :one ADD #count :one")
            .condition_expression("attribute_not_exists(#id) AND (attribute_not_exists(#count) OR #count < :max)")
            .expression_attribute_names("#id", service.credential.id.to_string())
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":row", aws_sdk_dynamodb::types::AttributeValue::M(row))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":max", n(MAX_SERVICE_CREDENTIALS));
        self.change_services(update, entry).await
    }

    /// Deletes a credential, with its audit entry; `false` when there is none with this id.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn delete_service(&self, id: &ServiceId, entry: &AuditEntry) -> Result<bool, StoreError> {
        let update = Update::builder()
            .key("pk", s(SERVICES))
            .update_expression("REMOVE #id SET #count = #count - :one")
            .condition_expression("attribute_exists(#id)")
            .expression_attribute_names("#id", id.to_string())
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":one", n(1));
        self.change_services(update, entry).await
    }

    /// Records that a credential was used on `day`, if that is later than the recorded day.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn use_service(&self, id: &ServiceId, day: Date) -> Result<(), StoreError> {
        let call = self
            .client
            .update_item()
            .table_name(self.table(GATE))
            .key("pk", s(SERVICES))
            .update_expression("SET #id.last_used_on = :day")
            .condition_expression(
                "attribute_exists(#id) AND (attribute_not_exists(#id.last_used_on) OR #id.last_used_on < :day)",
            )
            .expression_attribute_names("#id", id.to_string())
            .expression_attribute_values(":day", s(day.to_string()));
        conditional(call).await.map(|_| ())
    }
}

impl Tables {
    async fn change_services(
        &self,
        update: aws_sdk_dynamodb::types::builders::UpdateBuilder,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let transaction = self.transaction().update(Condition::Services, GATE, update);
        match transaction.put_any(Condition::Audit, AUDIT, audit_item(entry)?).run().await {
            Ok(()) => Ok(true),
            Err(Refusal::Condition(Condition::Services)) => Ok(false),
            Err(other) => Err(other.unexpected()),
        }
    }
}
