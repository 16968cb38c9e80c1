//! What the rows of this table have in common: their partition, the pointer to a pending change, and how long they are
//! stored.

use crate::table::codec::s;
use aws_sdk_dynamodb::types::AttributeValue;
use tollgate_domain::{Email, UserId};

/// How long a row is stored after its end, in seconds, so that a late secret is distinguished from an unknown one.
pub(super) const KEPT_SECONDS: i64 = 86_400;

pub(crate) fn partition(user: &UserId) -> AttributeValue {
    s(format!("USER#{user}"))
}

pub(crate) fn pending_key(address: &Email) -> [(&'static str, AttributeValue); 2] {
    [("pk", s(format!("ADDRESS#{}", address.key()))), ("sk", s("CHANGE"))]
}
