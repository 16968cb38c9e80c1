//! Single conditional updates: done, or refused by the stored item.

use crate::StoreError;
use crate::table::codec::Item;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use tollgate_domain::RequestId;

/// The result.
pub(crate) enum Updated {
    /// The attributes that the call asked for with `return_values`.
    Done(Item),
    /// The condition failed: the item, if the call requested it; empty where there is none.
    Refused(Item),
}

/// Sends `call`: a failed condition is a business answer.
pub(crate) async fn conditional(call: UpdateItemFluentBuilder) -> Result<Updated, StoreError> {
    let error = match call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await {
        Ok(done) => return Ok(Updated::Done(done.attributes.unwrap_or_default())),
        Err(error) => error,
    };
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
            Ok(Updated::Refused(refused.item().cloned().unwrap_or_default()))
        }
        _ => Err(StoreError::of(error)),
    }
}

/// The id of the writer in a write, so that a repeated write whose answer was lost is recognised (R8).
pub(crate) fn write_id(request: &RequestId) -> String {
    request.bare()
}

/// Whether the write `by` wrote `item`.
pub(crate) fn is_of(item: &Item, by: &str) -> bool {
    item.get("by").and_then(|value| value.as_s().ok()).is_some_and(|found| found == by)
}
