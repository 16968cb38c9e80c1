//! The fake as its callers meet it: through its API, its pages, its controls and its deliveries, with a clock that the
//! test moves.

#![allow(clippy::unwrap_used, clippy::expect_used)] // what is not as expected ends the test
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
#[allow(dead_code)] // the lives use the rest
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
