//! The store against a real DynamoDB engine, one module for each file of it. Every test has tables of its own.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on fails there

mod accounts;
mod address;
mod audit;
mod error;
mod gate;
mod limits;
mod outbox;
mod passwords;
mod people;
mod profiles;
mod schema;
mod sessions;
mod social;
mod tables;
mod transaction;
mod wire;
