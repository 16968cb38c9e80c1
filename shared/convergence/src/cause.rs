//! Why a user is synchronised.

use tollgate_domain::RequestId;
use tollgate_store::EventRow;

/// Why a user is synchronised.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cause<'a> {
    /// The events that caused it, each once: at most ten.
    pub events: &'a [EventRow],
    /// The request.
    pub request_id: Option<RequestId>,
    /// The customer that Stripe reports as deleted.
    pub gone_customer: Option<&'a str>,
    /// Whether only reconciliation found the difference.
    pub is_repair: bool,
}
