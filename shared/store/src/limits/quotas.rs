//! Metered uses: one counter for each user, name and month.

use crate::roles::CountUses;
use crate::table::codec;
use crate::table::codec::SCHEMA_VERSION;
use crate::table::codec::n;
use crate::table::schema::LIMITS;
use crate::table::update::{Updated, conditional};
use crate::table::update::{is_of, write_id};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use tollgate_domain::features::Month;
use tollgate_domain::{RequestId, UserId};

/// The outcome of counting a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It was counted.
    Counted {
        /// The uses so far, this one included.
        used: u64,
    },
    /// The limit is reached, and nothing was counted.
    Refused {
        /// The uses so far.
        used: u64,
    },
}

impl<R: CountUses> Store<R> {
    /// Counts one of at most `limit` uses of `name` by `user` in `month`: one conditional write, so the limit holds for
    /// parallel uses too. The counter expires after the month.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn count_use(
        &self,
        user: &UserId,
        name: &str,
        month: Month,
        limit: u64,
        request: &RequestId,
    ) -> Result<Use, StoreError> {
        let by = write_id(request);
        let call = self
            .client
            .update_item()
            .table_name(self.table(LIMITS))
            .key("pk", codec::s(format!("USES#{user}#{month}#{name}")))
            .update_expression("SET #by = :by, #ttl = :ttl, v = :v ADD #used :one")
            // The second half: once for each request, also when an answer was lost (R8).
            .condition_expression(
                "(attribute_not_exists(#used) OR #used < :limit) AND (attribute_not_exists(#by) OR #by <> :by)",
            )
            .expression_attribute_names("#used", "used")
            .expression_attribute_names("#by", "by")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":limit", n(limit))
            .expression_attribute_values(":by", codec::s(&by))
            .expression_attribute_values(":ttl", n(month.ends_at().as_second() + 60))
            .expression_attribute_values(":v", n(SCHEMA_VERSION))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(match conditional(call).await? {
            Updated::Done(row) => Use::Counted { used: used(&row)? },
            // This request has counted it: the answer to its first attempt was lost (R8).
            Updated::Refused(row) if is_of(&row, &by) => Use::Counted { used: used(&row)? },
            Updated::Refused(row) => Use::Refused { used: used(&row)? },
        })
    }
}

fn used(row: &codec::Item) -> Result<u64, StoreError> {
    let number = row.get("used").and_then(|value| value.as_n().ok()).and_then(|text| text.parse().ok());
    number.ok_or_else(|| StoreError::Corrupt { table: LIMITS, detail: "used is not a number".to_owned() })
}
