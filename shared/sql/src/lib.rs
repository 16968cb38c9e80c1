//! Reports: the six tables that an admin may query, the allowed statements, and their execution.
//!
//! The same guards apply twice: [`check`] prepares a statement on empty tables and refuses it before anything is
//! queued, and the process of [`execute`] prepares it again on the snapshot. No code of this crate can change the
//! tables of the service: it only knows a file that [`SnapshotWriter`] wrote.

mod check;
mod clock;
mod csv_file;
mod guard;
mod job;
mod run;
mod snapshot;
mod views;

pub use check::{StatementError, check};
pub use guard::{Guard, Guards, MAX_SQL_BYTES};
pub use job::{Answer, Job, Limits, Output};
pub use run::{RunError, execute};
pub use snapshot::{
    PaymentRow, PlanRow, ProfileRow, SignInRow, Snapshot, SnapshotError, SnapshotWriter, SubscriptionEventRow,
    SubscriptionRow, TierRow,
};
pub use views::{Column, Kind, VIEWS, View, schema_sql};

#[cfg(test)]
mod questions;
#[cfg(test)]
mod tests;
