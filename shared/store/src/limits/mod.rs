//! Counters that are incremented before the counted action: rates of calls, mails to an address, attempts at codes. One
//! conditional write normally, two at most; without an answer the action is refused (S7, S11).

pub(crate) mod idempotency;
pub(crate) mod quotas;

use crate::table::batch::{Items, Keys, Lookup};
use crate::table::codec::{Item, item, n, read, s};
use crate::table::schema::LIMITS;
use crate::table::update::{Updated, conditional};
use crate::{SCHEMA_VERSION, Store, StoreError, is_of, write_id};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use serde::Deserialize;
use tollgate_domain::RequestId;
use tollgate_domain::limit::{AttemptQuotas, CODE_TRIES, DAY_MS, DAY_SECONDS, HOUR_SECONDS, Mailed, Quota};

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

/// The result of counting an attempt at an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It was counted.
    Admitted,
    /// One of the counts is used up, and nothing was counted.
    Refused {
        /// The count.
        by: AttemptLimit,
        /// When to retry.
        retry_after_seconds: u32,
    },
}

/// The counts of attempts at an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptLimit {
    /// By this client, in a minute.
    ClientMinute,
    /// By this client, in an hour.
    ClientHour,
    /// By all unknown clients, in an hour.
    AccountHour,
}

/// The counts of one account in one hour, as an item holds them for one client.
#[derive(Debug, Clone, Copy)]
struct Attempts {
    filled_ms: i64,
    by_client: i64,
    by_all: i64,
}

impl Attempts {
    fn of(row: &Item, client: &str) -> Result<Self, StoreError> {
        let number = |name: &str| match row.get(name) {
            None => Ok(0),
            Some(value) => value
                .as_n()
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| StoreError::Corrupt { table: LIMITS, detail: format!("{name} is not a number") }),
        };
        Ok(Self {
            filled_ms: number(&format!("minute#{client}"))?,
            by_client: number(&format!("hour#{client}"))?,
            by_all: number("all")?,
        })
    }

    /// Why one more is refused at `now_ms`, in an hour that ends at `ends_ms`.
    fn refusal(self, quotas: &AttemptQuotas, now_ms: i64, ends_ms: i64) -> Option<Attempt> {
        let seconds_left = u32::try_from((ends_ms - now_ms + 999) / 1000).unwrap_or(HOUR_SECONDS).max(1);
        let refused = |by, retry_after_seconds| Some(Attempt::Refused { by, retry_after_seconds });
        if self.by_client >= i64::from(quotas.client_an_hour) {
            return refused(AttemptLimit::ClientHour, seconds_left);
        }
        if self.by_all >= i64::from(quotas.account_an_hour) {
            return refused(AttemptLimit::AccountHour, seconds_left);
        }
        let is_full = self.filled_ms > quotas.client.admits_until_ms(now_ms);
        is_full.then(|| Attempt::Refused {
            by: AttemptLimit::ClientMinute,
            retry_after_seconds: quotas.client.retry_after_seconds(self.filled_ms, now_ms),
        })
    }
}

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

    /// Counts an attempt of an unknown `client` at an account, whose counts of one hour are one item: one conditional
    /// write normally, two at most; a refused attempt is not counted.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn take_attempt(
        &self,
        account: &str,
        client: &str,
        quotas: &AttemptQuotas,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<Attempt, StoreError> {
        let (now_ms, by) = (now.as_millisecond(), write_id(request));
        let hour_ms = i64::from(HOUR_SECONDS) * 1000;
        let hour = now_ms.div_euclid(hour_ms);
        let ends_ms = (hour + 1) * hour_ms;
        let key = s(format!("ATTEMPTS#{account}#{hour}"));
        let has_room = "(attribute_not_exists(#hour) OR #hour < :client_max) \
                        AND (attribute_not_exists(#all) OR #all < :all_max)";
        let take = async |update: &str, condition: &str, limit: (&str, i64)| {
            let call = self
                .client
                .update_item()
                .table_name(self.table(LIMITS))
                .key("pk", key.clone())
                .update_expression(format!("SET {update}, #by = :by, #ttl = :ttl, v = :v ADD #hour :one, #all :one"))
                .condition_expression(format!("{condition} AND {has_room}"))
                .expression_attribute_names("#minute", format!("minute#{client}"))
                .expression_attribute_names("#hour", format!("hour#{client}"))
                .expression_attribute_names("#all", "all")
                .expression_attribute_names("#by", "by")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":call", n(quotas.client.call_ms()))
                .expression_attribute_values(limit.0, n(limit.1))
                .expression_attribute_values(":client_max", n(quotas.client_an_hour))
                .expression_attribute_values(":all_max", n(quotas.account_an_hour))
                .expression_attribute_values(":one", n(1))
                .expression_attribute_values(":by", s(&by))
                .expression_attribute_values(":ttl", ttl(ends_ms))
                .expression_attribute_values(":v", n(SCHEMA_VERSION))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            Ok::<_, StoreError>(match conditional(call).await? {
                Updated::Done(_) => None,
                // This request has counted it: the answer to its first attempt was lost (R8).
                Updated::Refused(row) if is_of(&row, &by) => None,
                Updated::Refused(row) => Some(Attempts::of(&row, client)?),
            })
        };
        let is_calm = "(attribute_not_exists(#minute) OR #minute <= :now)";
        let Some(found) = take("#minute = :now + :call", is_calm, (":now", now_ms)).await? else {
            return Ok(Attempt::Admitted);
        };
        if let Some(refusal) = found.refusal(quotas, now_ms, ends_ms) {
            return Ok(refusal);
        }
        // The second half: once for each request, also when an answer was lost (R8).
        let is_busy = "#minute <= :latest AND (attribute_not_exists(#by) OR #by <> :by)";
        let latest = (":latest", quotas.client.admits_until_ms(now_ms));
        let Some(found) = take("#minute = #minute + :call", is_busy, latest).await? else {
            return Ok(Attempt::Admitted);
        };
        // Other requests were faster; if there is room again, an attempt expired at this moment.
        let full = Attempt::Refused { by: AttemptLimit::ClientMinute, retry_after_seconds: 1 };
        Ok(found.refusal(quotas, now_ms, ends_ms).unwrap_or(full))
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

    /// Counts a mail of `kind`, which `client` causes, to `whom`; `false` when the limit is reached, or another mail
    /// was counted at the same time.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn count_mail(
        &self,
        whom: &str,
        kind: &str,
        client: &str,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let counted = self.look_up(&MailsTo(whom.to_owned())).await?;
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

    /// Counts an attempt at a code of `whom` before it is compared; `false` when the day's attempts are used up. An attempt
    /// without a `live` code uses up none of them, and costs the same as one with a live code (S6).
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn count_code_try(
        &self,
        whom: &str,
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
