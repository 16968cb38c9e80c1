//! Tests of the fake as its callers use it: through its API, its pages, its controls and its deliveries, with a clock
//! that the test moves.

#![allow(clippy::unwrap_used, clippy::expect_used)] // an unexpected result ends the test
#![allow(missing_docs)] // a program of tests

mod calls;
mod changes;
mod dashboard;
mod debits;
mod deliveries;
mod discounts;
mod disputes;
mod foreign;
#[path = "../harness/mod.rs"]
#[allow(dead_code)] // the scenarios use the rest
mod harness;
mod items;
mod links;
mod lists;
mod pauses;
mod payments;
mod pending;
mod portal;
mod previews;
mod refusals;
mod renewals;
mod rules;
mod schedules;
