//! Rates of calls, and requests of a day.

use crate::limits::ttl;
use crate::roles::CountCalls;
use crate::table::codec::SCHEMA_VERSION;
use crate::table::codec::{n, read, s};
use crate::table::schema::LIMITS;
use crate::table::update::{Updated, conditional};
use crate::table::update::{is_of, write_id};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use jiff::Timestamp;
use serde::Deserialize;
use tollgate_domain::RequestId;
use tollgate_domain::limit::{DAY_SECONDS, Quota};

/// The result of taking from a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    /// One call was counted.
    Admitted,
    /// It is full, and nothing was counted: retry after this number of seconds.
    Full {
        /// The number of seconds.
        retry_after_seconds: u32,
    },
}

impl<R: CountCalls> Store<R> {
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
                // This request has counted it: the answer to its first attempt was lost (R8).
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

    /// Counts one of at most `max` requests of `bucket` in a day; `None` when it was counted, otherwise the seconds until
    /// the next day.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn take_of_day(
        &self,
        bucket: &str,
        max: u32,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<Option<u32>, StoreError> {
        let (now_seconds, by) = (now.as_second(), write_id(request));
        let day = now_seconds.div_euclid(i64::from(DAY_SECONDS));
        let ends = (day + 1) * i64::from(DAY_SECONDS);
        let call = self
            .client
            .update_item()
            .table_name(self.table(LIMITS))
            .key("pk", s(format!("DAY#{bucket}#{day}")))
            .update_expression("SET #by = :by, #ttl = :ttl, v = :v ADD #count :one")
            // The second half: once for each request, also when an answer was lost (R8).
            .condition_expression(
                "(attribute_not_exists(#count) OR #count < :max) AND (attribute_not_exists(#by) OR #by <> :by)",
            )
            .expression_attribute_names("#count", "count")
            .expression_attribute_names("#by", "by")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":max", n(max))
            .expression_attribute_values(":by", s(&by))
            .expression_attribute_values(":ttl", ttl(ends * 1000))
            .expression_attribute_values(":v", n(SCHEMA_VERSION))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(match conditional(call).await? {
            Updated::Done(_) => None,
            // This request has counted it: the answer to its first attempt was lost (R8).
            Updated::Refused(row) if is_of(&row, &by) => None,
            Updated::Refused(_) => Some(u32::try_from(ends - now_seconds).unwrap_or(DAY_SECONDS).max(1)),
        })
    }
}
