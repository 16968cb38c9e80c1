//! What each function may do to the tables, as types: a [`Store`](crate::Store) is a store of a [`Role`], a role has
//! capabilities, and a method exists for the roles that have its capability. `template.yaml` grants the same to the roles of
//! the functions.
//!
//! The operator may make each of the calls that fail to compile in the examples below, so they fail because of the role:
//!
//! ```
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Operator>, user: &UserId, email: &Email) -> Result<(), StoreError> {
//!     store.profile(user).await?;
//!     store.look_up(&ProfileOf(*user)).await?;
//!     store.credentials(email).await?;
//!     store.kept_sessions(user, PageOf { after: None, limit: 1 }).await?;
//!     store.end_checkout(user, "attempt").await?;
//!     let counting: Store<Guarding> = store.narrow();
//!     Ok(())
//! }
//! ```
//!
//! The mailer claims and marks messages. It never reads users:
//!
//! ```
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Mailer>, id: &MessageId) -> Result<(), StoreError> {
//!     store.release_message(id, "holder").await?;
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Mailer>, user: &UserId) -> Result<(), StoreError> {
//!     store.profile(user).await?;
//!     Ok(())
//! }
//! ```
//!
//! The authorizer reads the gate, and no other table in the same call or in another one. It changes nothing: it cannot be a
//! guard that counts uses.
//!
//! ```
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Authorizer>, user: &UserId) -> Result<(), StoreError> {
//!     store.look_up(&GateOf(*user)).await?;
//!     store.gate(user).await?;
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Authorizer>, user: &UserId) -> Result<(), StoreError> {
//!     store.profile(user).await?;
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Authorizer>, user: &UserId) -> Result<(), StoreError> {
//!     store.look_up(&ProfileOf(*user)).await?;
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Authorizer>, user: &UserId) -> Result<(), StoreError> {
//!     let counting: Store<Guarding> = store.narrow();
//!     Ok(())
//! }
//! ```
//!
//! The guards of a product, such as `example`, read the gate and count uses:
//!
//! ```
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Guarding>, user: &UserId, month: Month, id: &RequestId) -> Result<(), StoreError> {
//!     store.gate(user).await?;
//!     store.count_use(user, "exports", month, 1, id).await?;
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Guarding>, user: &UserId) -> Result<(), StoreError> {
//!     store.profile(user).await?;
//!     Ok(())
//! }
//! ```
//!
//! Admin reads profiles and never credentials:
//!
//! ```
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Admin>, user: &UserId) -> Result<(), StoreError> {
//!     store.profile(user).await?;
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Admin>, email: &Email) -> Result<(), StoreError> {
//!     store.credentials(email).await?;
//!     Ok(())
//! }
//! ```
//!
//! The sweeper deletes accounts without reading credentials or sessions:
//!
//! ```
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Sweeper>, user: &UserId) -> Result<(), StoreError> {
//!     store.forget_sessions(user).await?;
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Sweeper>, email: &Email) -> Result<(), StoreError> {
//!     store.credentials(email).await?;
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Sweeper>, user: &UserId) -> Result<(), StoreError> {
//!     store.kept_sessions(user, PageOf { after: None, limit: 1 }).await?;
//!     Ok(())
//! }
//! ```
//!
//! Reports reads neither credentials nor sessions:
//!
//! ```
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Reports>, id: &ReportId) -> Result<(), StoreError> {
//!     store.start_report(id).await?;
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Reports>, email: &Email) -> Result<(), StoreError> {
//!     store.credentials(email).await?;
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Reports>, user: &UserId) -> Result<(), StoreError> {
//!     store.kept_sessions(user, PageOf { after: None, limit: 1 }).await?;
//!     Ok(())
//! }
//! ```
//!
//! `auth` reads billing for the export and changes nothing there:
//!
//! ```
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Auth>, user: &UserId) -> Result<(), StoreError> {
//!     store.customer(user).await?;
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail
//! # use tollgate_store::{GateOf, PageOf, ProfileOf, Store, StoreError, roles::*};
//! # use tollgate_domain::{Email, MessageId, ReportId, RequestId, UserId, features::Month};
//! async fn run(store: &Store<Auth>, user: &UserId) -> Result<(), StoreError> {
//!     store.end_checkout(user, "attempt").await?;
//!     Ok(())
//! }
//! ```

use std::fmt::Debug;

mod sealed {
    pub trait Sealed {}
}

/// A set of capabilities. Roles are declared here and nowhere else.
pub trait Role: sealed::Sealed + Debug + Clone + Copy + Send + Sync + 'static {}

/// A role with all capabilities of the role `N`, and perhaps others: its store can be narrowed to one of `N`.
pub trait Includes<N: Role>: Role {}

/// Declares the capabilities and the role of the operator, which has all of them.
macro_rules! capabilities {
    ($($(#[$doc:meta])+ $capability:ident;)+) => {
        $($(#[$doc])+ pub trait $capability: Role {})+

        /// Everything: the operator's command, the local stack and tests. No deployed function has this role.
        #[derive(Debug, Clone, Copy)]
        pub enum Operator {}
        impl sealed::Sealed for Operator {}
        impl Role for Operator {}
        $(impl $capability for Operator {})+
    };
}

/// Declares roles with their capabilities.
macro_rules! roles {
    ($($(#[$doc:meta])+ $role:ident: $($capability:ident),+;)+) => {
        $(
            $(#[$doc])+
            #[derive(Debug, Clone, Copy)]
            pub enum $role {}
            impl sealed::Sealed for $role {}
            impl Role for $role {}
            $(impl $capability for $role {})+
            impl<R: $($capability +)+> Includes<$role> for R {}
        )+
    };
}

capabilities! {
    /// Gates, the public keys, and the features of the free plan.
    ReadGate;
    /// Publishes the public keys in the gate.
    PublishKeys;
    /// Service credentials, in the gate.
    ManageServices;
    /// Adds sessions to the gate, and rotates them.
    StartSessions;
    /// Ends sessions in the gate.
    EndSessions;
    /// Rows of sessions, and of mailed secrets.
    ReadSessions;
    /// Rows of mailed links and codes, and those of sign-ins at a provider.
    UseSecrets;
    /// Creates accounts, and changes their addresses and identities.
    ManageAccounts;
    /// Hashes of passwords: the table `credentials`.
    UsePasswords;
    /// Profiles by their user's id.
    ReadProfiles;
    /// Lists of users.
    ListUsers;
    /// Changes of a user's rights by an admin.
    ChangeRights;
    /// Closes accounts.
    CloseAccounts;
    /// Removes accounts and their personal data in every table, without reading credentials or sessions.
    EraseAccounts;
    /// Counts metered uses.
    CountUses;
    /// Counts calls, attempts and mails, and stores answers under idempotency keys.
    CountCalls;
    /// Plans, customers, subscriptions and payments.
    ReadBilling;
    /// Writes what follows from Stripe's state, gates included.
    Converge;
    /// Writes plans, and reserves customers and checkouts.
    SellPlans;
    /// Executes the commands that change a customer.
    ChangeCustomers;
    /// Subscriptions by the time of their next synchronisation.
    ReadDue;
    /// Removes what is due no more, and reads customers and payments by time.
    SweepBilling;
    /// The progress of the reconciliation.
    Reconcile;
    /// Puts messages into the outbox.
    WriteMessages;
    /// Claims and marks messages of the outbox.
    DeliverMessages;
    /// Finds messages that were not sent.
    FindMessages;
    /// The audit trail.
    ReadAudit;
    /// Adds audit entries.
    RecordAudit;
    /// The statistics.
    ReadStatistics;
    /// The positions of schedules, and writes of the statistics.
    RunSchedules;
    /// Requests reports, and reads them.
    RequestReports;
    /// Reads the tables for a report, and stores its result.
    RunReports;
    /// Creates and describes tables.
    ManageTables;
}

roles! {
    /// `functions/auth`.
    Auth: ReadGate, PublishKeys, ManageServices, StartSessions, EndSessions, ReadSessions, UseSecrets, ManageAccounts,
        UsePasswords, ReadProfiles, CloseAccounts, CountUses, CountCalls, ReadBilling, ReadAudit, RecordAudit;
    /// `functions/authorizer`.
    Authorizer: ReadGate;
    /// `functions/billing`.
    Billing: ReadGate, ReadProfiles, CountUses, CountCalls, ReadBilling, Converge, SellPlans, ChangeCustomers, WriteMessages;
    /// `functions/admin`.
    Admin: ReadGate, EndSessions, ReadSessions, ReadProfiles, ListUsers, ChangeRights, CloseAccounts, CountUses, CountCalls,
        ReadBilling, ReadAudit, ReadStatistics, RequestReports;
    /// `functions/stripe-events`.
    StripeEvents: ReadGate, ReadProfiles, ReadBilling, Converge, ChangeCustomers, ReadDue, WriteMessages, DeliverMessages;
    /// `functions/mailer`.
    Mailer: DeliverMessages;
    /// `functions/reports`.
    Reports: DeliverMessages, ReadAudit, RunReports;
    /// `functions/sweeper`.
    Sweeper: ReadGate, ListUsers, EraseAccounts, ReadBilling, Converge, ReadDue, SweepBilling, Reconcile, WriteMessages, DeliverMessages,
        FindMessages, ReadAudit, ReadStatistics, RunSchedules;
    /// The verification of access tokens (`shared/guard`): the public keys and the free plan.
    Verifying: ReadGate;
    /// The guards of endpoints (`shared/guard`), and `functions/example` with them.
    Guarding: ReadGate, CountUses;
    /// The limits and the idempotency of HTTP functions (`shared/http`).
    Limiting: CountCalls;
    /// The convergence with Stripe (`shared/convergence`).
    Converging: ReadGate, ReadBilling, Converge, WriteMessages;
}

/// The tables that a function may use.
#[derive(Debug, Clone, Copy)]
pub struct TableAccess {
    /// Its name.
    pub function: &'static str,
    /// The tables of which it reads items.
    pub reads: &'static [&'static str],
    /// The tables of which it writes items.
    pub writes: &'static [&'static str],
}

const fn access(
    function: &'static str,
    reads: &'static [&'static str],
    writes: &'static [&'static str],
) -> TableAccess {
    TableAccess { function, reads, writes }
}

/// The tables of each function that has any; the roles in `template.yaml` allow the same. A condition on an item is neither a
/// read nor a write.
pub const TABLE_ACCESS: &[TableAccess] = &[
    access(
        "admin",
        &["identity", "gate", "sessions", "billing", "audit", "system"],
        &["identity", "credentials", "gate", "limits", "outbox", "audit", "system"],
    ),
    access(
        "auth",
        &["identity", "credentials", "gate", "sessions", "limits", "billing", "audit"],
        &["identity", "credentials", "gate", "sessions", "limits", "outbox", "audit"],
    ),
    access("authorizer", &["gate"], &[]),
    access("billing", &["identity", "gate", "billing"], &["gate", "limits", "outbox", "billing", "audit"]),
    access("example", &["gate"], &["limits"]),
    access("mailer", &[], &["outbox"]),
    access("reports", &["identity", "gate", "billing", "audit"], &["outbox", "system"]),
    access("stripe-events", &["identity", "gate", "outbox", "billing"], &["gate", "outbox", "billing", "audit"]),
    access(
        "sweeper",
        &["identity", "gate", "sessions", "outbox", "billing", "audit", "system"],
        &["identity", "credentials", "gate", "sessions", "outbox", "billing", "audit", "system"],
    ),
];
