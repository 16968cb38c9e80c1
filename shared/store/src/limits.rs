//! Counters that move before what they count is looked at: rates of calls, mails to an address, tries at codes. One
//! conditional write in the calm case, two at most; no answer means no (S7, S11).

use crate::codec::{item, n, read, s};
use crate::schema::LIMITS;
use crate::update::{Updated, conditional};
use crate::{SCHEMA_VERSION, Store, StoreError, is_of, write_id};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use serde::Deserialize;
use tollgate_domain::RequestId;
use tollgate_domain::limit::{CODE_TRIES, DAY_MS, Mailed, Quota};

/// What a bucket said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    /// One call was counted.
    Admitted,
    /// It is full, and nothing was counted: to come again after so many seconds.
    Full {
        /// How many.
        retry_after_seconds: u32,
    },
}

fn ttl(ends_ms: i64) -> AttributeValue {
    n(ends_ms / 1000 + 60)
}

impl Store {
    /// Takes one call out of `bucket`.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn take_call(
        &self,
        bucket: &str,
        quota: Quota,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<Bucket, StoreError> {
        #[derive(Deserialize)]
        struct Row {
            filled_ms: i64,
        }
        let (now_ms, by) = (now.as_millisecond(), write_id(request));
        let key = s(format!("CALLS#{bucket}"));
        let ends_ms = now_ms + i64::from(quota.window_seconds) * 1000;
        let take = async |update: &str, condition: &str, limit: (&str, i64)| {
            let call = self
                .client
                .update_item()
                .table_name(self.table(LIMITS))
                .key("pk", key.clone())
                .update_expression(format!("{update}, #by = :by, #ttl = :ttl, v = :v"))
                .condition_expression(condition)
                .expression_attribute_names("#by", "by")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":call", n(quota.call_ms()))
                .expression_attribute_values(limit.0, n(limit.1))
                .expression_attribute_values(":by", s(&by))
                .expression_attribute_values(":ttl", ttl(ends_ms))
                .expression_attribute_values(":v", n(SCHEMA_VERSION))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            Ok::<_, StoreError>(match conditional(call).await? {
                Updated::Done(_) => None,
                // This very request did it: the answer to its first try was lost (R8).
                Updated::Refused(row) if is_of(&row, &by) => None,
                Updated::Refused(row) => Some(read::<Row>(LIMITS, row)?.filled_ms),
            })
        };
        let full = |filled_ms| Bucket::Full { retry_after_seconds: quota.retry_after_seconds(filled_ms, now_ms) };
        let is_calm = "attribute_not_exists(pk) OR filled_ms <= :now";
        let Some(filled_ms) = take("SET filled_ms = :now + :call", is_calm, (":now", now_ms)).await? else {
            return Ok(Bucket::Admitted);
        };
        let latest_ms = quota.admits_until_ms(now_ms);
        if filled_ms > latest_ms {
            return Ok(full(filled_ms));
        }
        // The second half: once for each request, also when an answer was lost (R8).
        let has_room = "filled_ms <= :latest AND (attribute_not_exists(#by) OR #by <> :by)";
        let refused = take("SET filled_ms = filled_ms + :call", has_room, (":latest", latest_ms)).await?;
        Ok(refused.map_or(Bucket::Admitted, full))
    }

    /// Counts a mail of `kind` to `whom`; `false` when that is one too many, or another one was counted at this moment. One
    /// read and one write, whatever was sent before: an address that gets mails costs what any other does (S6).
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn count_mail(
        &self,
        whom: &str,
        kind: &str,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let by = write_id(request);
        let key = s(format!("MAIL#{whom}"));
        let old = self.get(LIMITS, key.clone()).await?;
        // The request that wrote it last names its version.
        let seen = old.as_ref().and_then(|old| old.get("by").cloned()).unwrap_or_else(|| s("-"));
        let mailed: Mailed = old.map(|old| read(LIMITS, old)).transpose()?.unwrap_or_default();
        let Some(mailed) = mailed.and_one(kind, now.as_millisecond()) else { return Ok(false) };
        let row = item(&mailed, [("pk", key), ("by", s(&by)), ("ttl", ttl(mailed.ends_ms()))])?;
        let answer = self
            .client
            .put_item()
            .table_name(self.table(LIMITS))
            .set_item(Some(row))
            .condition_expression("attribute_not_exists(pk) OR #by = :seen")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":seen", seen)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                // This very request did it, and the answer to its first try was lost (R8); or another one came first.
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    Ok(refused.item().is_some_and(|item| is_of(item, &by)))
                }
                _ => Err(StoreError::of(error)),
            },
        }
    }

    /// Counts a try at a code of `whom` before it is compared; `false` when all of this day are used up.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn count_code_try(&self, whom: &str, request: &RequestId, now: Timestamp) -> Result<bool, StoreError> {
        let (now_ms, by) = (now.as_millisecond(), write_id(request));
        let write = async |update: &str, condition: &str, values: &[(&str, i64)]| {
            let mut call = self
                .client
                .update_item()
                .table_name(self.table(LIMITS))
                .key("pk", s(format!("TRIES#{whom}")))
                .update_expression(format!("{update}, #by = :by, #ttl = :ttl"))
                .condition_expression(condition)
                .expression_attribute_names("#by", "by")
                .expression_attribute_names("#count", "count")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":by", s(&by))
                .expression_attribute_values(":ttl", ttl(now_ms + DAY_MS))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            for (name, value) in values {
                call = call.expression_attribute_values(*name, n(value));
            }
            Ok::<_, StoreError>(match conditional(call).await? {
                Updated::Done(_) => true,
                // This very request did it: the answer to its first try was lost (R8).
                Updated::Refused(row) => is_of(&row, &by),
            })
        };
        let first = write(
            "SET #count = :one, ends_ms = :ends, v = :one",
            "attribute_not_exists(pk) OR ends_ms <= :now OR #count <= :none",
            &[(":one", 1), (":none", 0), (":now", now_ms), (":ends", now_ms + DAY_MS)],
        )
        .await?;
        if first {
            return Ok(true);
        }
        let max = i64::from(CODE_TRIES);
        let condition = "#count < :max AND (attribute_not_exists(#by) OR #by <> :by)";
        write("SET #count = #count + :one", condition, &[(":one", 1), (":max", max)]).await
    }

    /// Takes back a try of `request` that turned out right: only wrong ones count.
    ///
    /// # Errors
    /// When DynamoDB does not answer; then it counts as a wrong one.
    pub async fn forgive_code_try(&self, whom: &str, request: &RequestId) -> Result<(), StoreError> {
        let call = self
            .client
            .update_item()
            .table_name(self.table(LIMITS))
            .key("pk", s(format!("TRIES#{whom}")))
            .update_expression("SET #count = #count - :one, #by = :by")
            // The second half: once for each request, also when an answer was lost (R8).
            .condition_expression("#count > :none AND (attribute_not_exists(#by) OR #by <> :by)")
            .expression_attribute_names("#by", "by")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":by", s(format!("{}-right", write_id(request))))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":none", n(0));
        conditional(call).await.map(|_| ())
    }
}
