//! Mails to an address.

use crate::limits::ttl;
use crate::roles::CountCalls;
use crate::table::batch::{Items, Keys, Lookup, ReadableBy};
use crate::table::codec::{Item, item, read, s};
use crate::table::schema::LIMITS;
use crate::table::update::{is_of, write_id};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use tollgate_domain::RequestId;
use tollgate_domain::limit::Mailed;

/// Where the mails to an account are counted.
#[derive(Debug, Clone)]
pub struct MailsTo(pub String);

/// The mails to an account, as they were counted when they were read.
#[derive(Debug)]
pub struct MailCount {
    key: AttributeValue,
    row: Option<Item>,
}

impl MailsTo {
    fn key(&self) -> AttributeValue {
        s(format!("MAIL#{}", self.0))
    }
}

impl<R: CountCalls> ReadableBy<R> for MailsTo {}

impl Lookup for MailsTo {
    type Found = MailCount;

    fn add_keys(&self, keys: &mut Keys) {
        keys.add(LIMITS, [("pk", self.key())]);
    }

    fn take(&self, items: &Items) -> Result<MailCount, StoreError> {
        let key = self.key();
        Ok(MailCount { row: items.get(LIMITS, [("pk", key.clone())]).cloned(), key })
    }
}

impl<R: CountCalls> Store<R> {
    /// Counts a mail of `kind`, which `client` causes, to `account`; `false` when the limit is reached, or another mail
    /// was counted at the same time.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn count_mail(
        &self,
        account: &str,
        kind: &str,
        client: &str,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let counted = self.look_up(&MailsTo(account.to_owned())).await?;
        self.count_mail_beyond(counted, kind, client, request, now).await
    }

    /// Counts a mail of `kind`, which `client` causes, beyond those that were `counted`; `false` when the limit is
    /// reached, or another mail was counted since. It makes one read and one write in every case: an address with mails
    /// costs the same as any other (S6).
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn count_mail_beyond(
        &self,
        counted: MailCount,
        kind: &str,
        client: &str,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let by = write_id(request);
        let MailCount { key, row: old } = counted;
        // The last request that wrote the item names its version.
        let seen = old.as_ref().and_then(|old| old.get("by").cloned()).unwrap_or_else(|| s("-"));
        let mailed: Mailed = old.map(|old| read(LIMITS, old)).transpose()?.unwrap_or_default();
        let Some(mailed) = mailed.and_one(kind, client, now.as_millisecond()) else { return Ok(false) };
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
                // Either this request has written it and the answer to its first attempt was lost (R8), or another
                // request came first.
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    Ok(refused.item().is_some_and(|item| is_of(item, &by)))
                }
                _ => Err(StoreError::of(error)),
            },
        }
    }
}
