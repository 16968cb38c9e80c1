//! Answers stored under an idempotency key, for 24 hours.

use crate::roles::CountCalls;
use crate::table::client::Tables;
use crate::table::codec::SCHEMA_VERSION;
use crate::table::codec::{n, read, s};
use crate::table::schema::LIMITS;
use crate::table::update::write_id;
use crate::table::update::{Updated, conditional};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use serde::Deserialize;
use tollgate_domain::RequestId;

/// How long an answer is stored, in milliseconds.
const KEPT_MS: i64 = 24 * 3600 * 1000;
/// The time after which a call without an answer counts as not made, in milliseconds.
const LAPSES_MS: i64 = 30 * 1000;

/// The state of an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdempotentCall {
    /// The key was unused: this call is the first.
    Begun,
    /// The first call is running.
    UnderWay,
    /// The first call came with another body.
    OtherBody,
    /// Its answer.
    Answer(StoredAnswer),
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// Its content type.
    pub content_type: String,
    /// Its body.
    pub body: String,
}

fn pk(key: &str) -> AttributeValue {
    s(format!("IDEMPOTENT#{key}"))
}

impl<R: CountCalls> Store<R> {
    /// Begins the call under `key` (user, route and the caller's key) with the digest of its body.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn begin_once(
        &self,
        key: &str,
        digest: &str,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<IdempotentCall, StoreError> {
        #[derive(Deserialize)]
        struct Row {
            digest: String,
            by: String,
            #[serde(flatten)]
            answer: Option<StoredAnswer>,
        }
        let now_ms = now.as_millisecond();
        let call = self
            .update_call(key)
            .update_expression(
                "SET digest = :digest, begun_ms = :now, #by = :by, #ttl = :ttl, v = :v REMOVE #status, content_type, body",
            )
            .condition_expression(
                "attribute_not_exists(pk) OR begun_ms <= :forgotten OR (attribute_not_exists(#status) AND begun_ms <= :lapsed)",
            )
            .expression_attribute_names("#by", "by")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":digest", s(digest))
            .expression_attribute_values(":now", n(now_ms))
            .expression_attribute_values(":by", s(write_id(request)))
            .expression_attribute_values(":ttl", n((now_ms + KEPT_MS) / 1000 + 60))
            .expression_attribute_values(":v", n(SCHEMA_VERSION))
            .expression_attribute_values(":forgotten", n(now_ms - KEPT_MS))
            .expression_attribute_values(":lapsed", n(now_ms - LAPSES_MS))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let row: Row = match conditional(call).await? {
            Updated::Done(_) => return Ok(IdempotentCall::Begun),
            Updated::Refused(row) => read(LIMITS, row)?,
        };
        Ok(match row.answer {
            // This call has written it: the answer to its first attempt was lost (R8).
            None if row.by == write_id(request) => IdempotentCall::Begun,
            _ if row.digest != digest => IdempotentCall::OtherBody,
            None => IdempotentCall::UnderWay,
            Some(answer) => IdempotentCall::Answer(answer),
        })
    }

    /// Stores the answer to the call that `request` started.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn store_answer(&self, key: &str, request: &RequestId, answer: &StoredAnswer) -> Result<(), StoreError> {
        let call = self
            .update_call(key)
            .update_expression("SET #status = :status, content_type = :type, body = :body")
            .condition_expression("#by = :by")
            .expression_attribute_names("#by", "by")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":by", s(write_id(request)))
            .expression_attribute_values(":status", n(answer.status))
            .expression_attribute_values(":type", s(&answer.content_type))
            .expression_attribute_values(":body", s(&answer.body));
        conditional(call).await.map(|_| ())
    }

    /// Removes the call that `request` started, so that it can be repeated at once.
    ///
    /// # Errors
    /// When DynamoDB does not answer; then the call expires by itself.
    pub async fn forget_call(&self, key: &str, request: &RequestId) -> Result<(), StoreError> {
        let call = self
            .client
            .delete_item()
            .table_name(self.table(LIMITS))
            .key("pk", pk(key))
            .condition_expression("attribute_not_exists(pk) OR #by = :by")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":by", s(write_id(request)))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(refused) if refused.is_conditional_check_failed_exception() => Ok(()),
                _ => Err(StoreError::of(error)),
            },
        }
    }
}

impl Tables {
    fn update_call(&self, key: &str) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(self.table(LIMITS)).key("pk", pk(key))
    }
}
