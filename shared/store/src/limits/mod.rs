//! Counters that are incremented before the counted action: rates of calls, mails to an address, attempts at codes. One
//! conditional write normally, two at most; without an answer the action is refused (S7, S11).

pub(crate) mod attempts;
pub(crate) mod calls;
pub(crate) mod idempotency;
pub(crate) mod mails;
pub(crate) mod quotas;
pub(crate) mod tries;

use crate::table::codec::n;
use aws_sdk_dynamodb::types::AttributeValue;

fn ttl(ends_ms: i64) -> AttributeValue {
    n(ends_ms / 1000 + 60)
}
