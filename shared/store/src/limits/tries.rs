//! Attempts at mailed codes of an account or an address.

use crate::limits::ttl;
use crate::roles::CountCalls;
use crate::table::codec::{n, s};
use crate::table::schema::LIMITS;
use crate::table::update::{Updated, conditional};
use crate::table::update::{is_of, write_id};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use jiff::Timestamp;
use tollgate_domain::RequestId;
use tollgate_domain::limit::{CODE_TRIES, DAY_MS};

impl<R: CountCalls> Store<R> {
    /// Counts an attempt at a code of `account` before it is compared; `false` when the day's attempts are used up. An attempt
    /// without a `live` code uses up none of them, and costs the same as one with a live code (S6).
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn count_code_try(
        &self,
        account: &str,
        live: bool,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (now_ms, by) = (now.as_millisecond(), write_id(request));
        let write = async |update: &str, condition: &str, values: &[(&str, i64)]| {
            let mut call = self
                .client
                .update_item()
                .table_name(self.table(LIMITS))
                .key("pk", s(format!("TRIES#{account}")))
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
                // This request has counted it: the answer to its first attempt was lost (R8).
                Updated::Refused(row) => is_of(&row, &by),
            })
        };
        let first = write(
            "SET #count = :count, decoys = :decoys, ends_ms = :ends, v = :one",
            "attribute_not_exists(pk) OR ends_ms <= :now OR #count <= :none AND decoys <= :none",
            &[
                (":count", live.into()),
                (":decoys", (!live).into()),
                (":one", 1),
                (":none", 0),
                (":now", now_ms),
                (":ends", now_ms + DAY_MS),
            ],
        )
        .await?;
        if first {
            return Ok(true);
        }
        let is_new = "(attribute_not_exists(#by) OR #by <> :by)";
        if live {
            let values = [(":one", 1), (":max", i64::from(CODE_TRIES))];
            write("SET #count = #count + :one", &format!("#count < :max AND {is_new}"), &values).await
        } else {
            // A row of an earlier version has no `decoys`.
            let update = "SET #count = if_not_exists(#count, :none), decoys = if_not_exists(decoys, :none) + :one";
            write(update, is_new, &[(":one", 1), (":none", 0)]).await
        }
    }

    /// Uncounts a correct attempt of `request`: only wrong ones count.
    ///
    /// # Errors
    /// When DynamoDB does not answer; then it counts as a wrong one.
    pub async fn forgive_code_try(&self, account: &str, request: &RequestId) -> Result<(), StoreError> {
        let call = self
            .client
            .update_item()
            .table_name(self.table(LIMITS))
            .key("pk", s(format!("TRIES#{account}")))
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
