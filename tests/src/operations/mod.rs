//! Every operation of the API, one row each, in the files of this folder: what each kind of caller gets, whether calls are
//! limited, and valid calls. Authorisation, limits, roles, missing permissions, costs and crash points are tested by
//! these rows, so an operation is added here alone. What is expected is typed here; nothing is read from the router or
//! the OpenAPI document.
//!
//! Schedules, events, commands and mails, which no client calls, have scenarios as well.

mod account;
mod operation;
mod pages;
mod plans;
mod providers;
pub mod reads;
mod registration;
mod reports;
mod scenario;
mod services;
mod sign_in;
mod stripe_events;
mod subscriptions;
mod sweeps;
mod users;

pub use operation::{CALLERS, Ids, Operation, Read, Reader, id_of};
use operation::{by_caller, of_admins, open, own, owned};
pub(crate) use scenario::{Again, Case};
pub use scenario::{Disturbed, Measured, Scenario};
use scenario::{anew, case, scenario};

/// All operations.
pub fn operations() -> Vec<Operation> {
    let all = [
        registration::operations(),
        sign_in::operations(),
        account::operations(),
        providers::operations(),
        pages::operations(),
        plans::operations(),
        subscriptions::operations(),
        stripe_events::operations(),
        services::operations(),
        users::operations(),
        reports::operations(),
    ];
    all.into_iter().flatten().collect()
}

/// All scenarios: those of operations, and those of work without a client.
pub fn scenarios() -> Vec<Scenario> {
    let of_operations = operations().into_iter().flat_map(|operation| operation.scenarios);
    of_operations.chain(stripe_events::scenarios()).chain(sweeps::scenarios()).collect()
}
