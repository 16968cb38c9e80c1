//! DynamoDB, which is used nowhere else: the tables, their keys, and one file for each entity. Every transition has its
//! source state as its condition.

mod accounts;
mod address;
mod audit;
mod batch;
mod billing;
mod closing;
mod codec;
mod error;
mod gate;
mod idempotency;
mod invitations;
mod limits;
mod listing;
pub mod outbox;
mod passwords;
mod profiles;
mod quotas;
mod reconciliation;
mod report_rows;
mod reports;
pub mod schema;
mod services;
mod sessions;
mod social;
mod system;
mod transaction;
mod update;
mod users;

pub use accounts::{AcceptedInvitation, NewAccount, Registration};
pub use address::{AddressChange, AddressRequest, ChangedAddress};
pub use audit::AuditFilter;
pub use batch::{Items, Keys, Lookup, OwnLookup};
pub use billing::{
    AccountWrite, BillingFilter, CheckoutReservation, CustomerVersion, Due, DuePage, EventRow, Owned, PlanReservation,
    PlanWrite, TrialEntry, VersionPage, VersionPlace,
};
pub use error::StoreError;
pub use gate::{Admission, Admitted, GateOf, PublishedKeySet};
pub use idempotency::{IdempotentCall, StoredAnswer};
pub use invitations::{Invited, StoredInvitation};
pub use limits::{Attempt, AttemptLimit, Bucket, MailCount, MailsTo};
pub use listing::{Consistency, Listed, PageOf, each};
pub use outbox::{Claim, MessageState, OutboxMessage, UnsentPage};
pub use passwords::NewPassword;
pub use profiles::{Credentials, NameAndAddress, Profile, ProfileOf, TakenNames};
pub use quotas::Use;
pub use reconciliation::{ReconciledPage, Reconciliation, ReconciliationState};
pub use report_rows::{ReportGate, ReportProfile, ReportRow, ReportTable, Segment, SegmentPage, SegmentPlace};
pub use services::StoredService;
pub use sessions::{NewSession, PendingChange, SessionRow, TokenRotation};
pub use social::{FlowRow, LinkFor, Linked, TakenFlow, Takeover, UseOfFlow};
pub use users::{RightsChange, UserFilter};

use aws_sdk_dynamodb::Client;
use aws_types::SdkConfig;
use codec::Item;
use tollgate_domain::RequestId;

/// The version of the items' shape; every item carries it as `v`.
pub const SCHEMA_VERSION: u32 = 1;

/// The tables of one deployment.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    prefix: String,
}

impl Store {
    /// The tables whose names start with `prefix`, with the settings of `sdk`. It makes no call.
    #[must_use]
    pub fn new(sdk: &SdkConfig, prefix: impl Into<String>) -> Self {
        Self { client: Client::new(sdk), prefix: prefix.into() }
    }

    fn table(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
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
