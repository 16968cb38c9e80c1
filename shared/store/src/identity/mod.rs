//! Accounts: profiles, the markers that make addresses, names and provider identities unique, and passwords. One file for
//! each kind of change.

pub(crate) mod closing;
pub(crate) mod email_change;
pub(crate) mod erasure;
pub(crate) mod invitations;
pub(crate) mod lists;
pub(crate) mod names;
pub(crate) mod passwords;
pub(crate) mod profile;
pub(crate) mod providers;
pub(crate) mod registration;
pub(crate) mod rights;
pub(crate) mod verification;

use crate::StoreError;
use crate::table::transaction::Refusal;

/// The conditions of an account's transactions that a caller distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Email,
    Username,
    Identity,
    Admins,
    EmailUnverified,
    Invitation,
    Invariant,
}

pub(crate) fn outcome(done: Result<(), Refusal<Condition>>) -> Result<bool, StoreError> {
    match done {
        Ok(()) => Ok(true),
        Err(Refusal::Condition(Condition::EmailUnverified)) => Ok(false),
        Err(other) => Err(other.unexpected()),
    }
}
