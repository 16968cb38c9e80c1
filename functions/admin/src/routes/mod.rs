//! One file for each path, or for a few that do the same: their requests, their answers, their handlers.

pub mod ask;
pub mod audit_logs;
pub mod payments;
pub mod personal_data;
pub mod reports;
pub mod rights;
pub mod sessions;
pub mod stats;
pub mod subscriptions;
pub mod user;
pub mod users;
