//! The whole system, driven over HTTP as its users drive it. One binary; each test has a stack of its own.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on fails there

mod accounts;
mod addresses;
mod admin;
mod audit;
mod authorisation;
mod batches;
mod billing;
mod bodies;
mod budget;
mod changes;
mod codes;
mod conventions;
mod cookies;
mod crashes;
mod deletion;
mod enumeration;
mod events;
mod fuzz;
mod journey;
mod limits;
mod links;
mod local_stack;
mod mails;
mod model;
mod oauth;
mod openapi;
mod passwords;
mod reconciliation;
mod roles;
mod rotation;
mod secrets;
mod search;
mod sessions;
mod size;
mod stripe_controls;
mod stripe_plans;
mod stripe_sync;
mod stripe_terms;
mod sweeps;
mod template;
mod tidy;
mod tokens;
mod trials;
mod verification;
