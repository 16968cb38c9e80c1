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
mod store;
mod system;
mod table;

pub use audit::AuditFilter;
pub use billing::{
    AccountWrite, BillingFilter, CheckoutReservation, CustomerOf, CustomerVersion, Due, DuePage, EventRow, Owned,
    PlanReservation, PlanWrite, TrialEntry, VersionPage, VersionPlace,
};
pub use error::StoreError;
pub use gate::GateOf;
pub use gate::admission::{Admission, Admitted};
pub use gate::published::{CurrentKeySet, FreeFeatures, PublishedKeySet};
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
pub use store::Store;
pub use system::reconciliation::{ReconciledPage, Reconciliation, ReconciliationState};
pub use table::batch::{Items, Keys, Lookup, OwnLookup, ReadableBy};
pub use table::codec::SCHEMA_VERSION;
pub use table::listing::{Consistency, Listed, PageOf, each};
pub use table::schema;
