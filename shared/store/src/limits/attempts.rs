//! Attempts of unknown clients at an account, which are one item for each hour.

use crate::limits::ttl;
use crate::roles::CountCalls;
use crate::table::codec::SCHEMA_VERSION;
use crate::table::codec::{Item, n, s};
use crate::table::schema::LIMITS;
use crate::table::update::{Updated, conditional};
use crate::table::update::{is_of, write_id};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use jiff::Timestamp;
use tollgate_domain::RequestId;
use tollgate_domain::limit::{AttemptQuotas, HOUR_SECONDS};

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

impl<R: CountCalls> Store<R> {
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
}
