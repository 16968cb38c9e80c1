//! The store on a real DynamoDB engine, one module for each file of it. Every test has its own tables.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on fails there

mod account_writes;
mod accounts;
mod address;
mod audit;
mod batch;
mod billing;
mod checkouts;
mod closing;
mod customers;
mod due;
mod earlier_rows;
mod error;
mod events;
mod gate;
mod idempotency;
mod invitations;
mod keys;
mod limits;
mod listing;
mod outbox;
mod passwords;
mod people;
mod plans;
mod profiles;
mod quotas;
mod reconciliation;
mod schema;
mod services;
mod sessions;
mod social;
mod statements;
mod system;
mod tables;
mod transaction;

mod faults;
