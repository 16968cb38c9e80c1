//! DynamoDB, which is used nowhere else: the tables, their keys, and one file for each entity. Every transition has its
//! source state as its condition.

mod audit;
mod billing;
mod error;
mod gate;
mod identity;
mod limits;
pub mod outbox;
mod reports;
pub mod roles;
mod sessions;
mod system;
mod table;

pub use audit::AuditFilter;
pub use billing::{
    AccountWrite, BillingFilter, CheckoutReservation, CustomerVersion, Due, DuePage, EventRow, Owned, PlanReservation,
    PlanWrite, TrialEntry, VersionPage, VersionPlace,
};
pub use error::StoreError;
pub use gate::GateOf;
pub use gate::admission::{Admission, Admitted};
pub use gate::published::PublishedKeySet;
pub use gate::services::StoredService;
pub use identity::email_change::{AddressChange, AddressRequest, ChangedAddress};
pub use identity::invitations::{Invited, StoredInvitation};
pub use identity::lists::UserFilter;
pub use identity::names::{NameAndAddress, TakenNames};
pub use identity::passwords::{Credentials, NewPassword};
pub use identity::profile::{Profile, ProfileOf};
pub use identity::providers::{Linked, Takeover};
pub use identity::registration::{AcceptedInvitation, NewAccount, Registration};
pub use identity::rights::RightsChange;
pub use limits::attempts::{Attempt, AttemptLimit};
pub use limits::calls::Bucket;
pub use limits::idempotency::{IdempotentCall, StoredAnswer};
pub use limits::mails::{MailCount, MailsTo};
pub use limits::quotas::Use;
pub use outbox::{Claim, MessageState, OutboxMessage, UnsentPage};
pub use reports::rows::{ReportGate, ReportProfile, ReportRow, ReportTable, Segment, SegmentPage, SegmentPlace};
pub use sessions::flows::{FlowRow, LinkFor, TakenFlow, UseOfFlow};
pub use sessions::secrets::PendingChange;
pub use sessions::{NewSession, SessionRow, TokenRotation};
pub use system::reconciliation::{ReconciledPage, Reconciliation, ReconciliationState};
pub use table::batch::{Items, Keys, Lookup, OwnLookup, ReadableBy};
pub use table::listing::{Consistency, Listed, PageOf, each};
pub use table::schema;

use aws_types::SdkConfig;
use roles::{Includes, Operator, Role};
use std::marker::PhantomData;
use std::ops::Deref;
use table::client::Tables;
use table::codec::Item;
use tollgate_domain::RequestId;

/// The version of the items' shape; every item carries it as `v`.
pub const SCHEMA_VERSION: u32 = 1;

/// The tables of one deployment, as the role `R` may use them.
#[derive(Clone, Debug)]
pub struct Store<R: Role = Operator> {
    tables: Tables,
    role: PhantomData<R>,
}

impl<R: Role> Store<R> {
    /// The tables whose names start with `prefix`, with the settings of `sdk`. It makes no call.
    #[must_use]
    pub fn new(sdk: &SdkConfig, prefix: impl Into<String>) -> Self {
        let prefix: String = prefix.into();
        Self { tables: Tables::new(sdk, prefix.into()), role: PhantomData }
    }

    /// The same tables with the capabilities of `N` only, for a component that needs no others.
    #[must_use]
    pub fn narrow<N: Role>(&self) -> Store<N>
    where
        R: Includes<N>,
    {
        Store { tables: self.tables.clone(), role: PhantomData }
    }
}

impl<R: Role> Deref for Store<R> {
    type Target = Tables;

    fn deref(&self) -> &Tables {
        &self.tables
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
