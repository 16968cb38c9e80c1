//! Accounts: profiles, the markers that make addresses, names and provider identities unique, and passwords. One file for
//! each kind of change.

pub(crate) mod closing;
pub(crate) mod email_change;
pub(crate) mod lists;
pub(crate) mod passwords;
pub(crate) mod profile;
pub(crate) mod providers;
pub(crate) mod registration;
