//! Every operation of the API, one row each, in the files of this folder: what each kind of caller gets, whether calls are
//! limited, and valid calls. Authorisation, limits, roles, missing permissions, costs and crash points are tested by
//! these rows, so an operation is added here alone. What is expected is typed here; nothing is read from the router or
//! the OpenAPI document.
//!
//! Schedules, events, commands and mails, which no client calls, have scenarios as well.

mod account;
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

use crate::app::Session;
use reads::Read;
pub(crate) use scenario::{Again, Case};
pub use scenario::{Disturbed, Measured, Scenario};
use scenario::{anew, case, scenario};
use serde_json::Value;
use std::collections::BTreeMap;

/// The callers, in the order of [`Operation::statuses`].
pub const CALLERS: [&str; 5] = ["anonymous", "disabled", "other", "admin", "user"];

/// The end of the id of an object that does not exist.
const NONE: &str = "019ca945f4607c7b9c59379e3f571f07";

/// The ids of objects, by their names in paths, such as `{user}`.
pub type Ids = BTreeMap<&'static str, String>;

/// An operation of the API.
pub struct Operation {
    /// Method and path, as the OpenAPI document names them.
    pub name: &'static str,
    /// The status for each of [`CALLERS`].
    pub statuses: [u16; 5],
    /// The path that they call, without the ids of objects.
    path: &'static str,
    /// The body that they send; `{caller}` is the caller's name, `{password}` the password.
    pub body: Option<Value>,
    /// Whether too many calls are answered with 429.
    pub is_limited: bool,
    pub reads: Vec<Read>,
    pub scenarios: Vec<Scenario>,
}

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

/// An operation without authentication: the same status for all callers.
fn open(name: &'static str, status: u16) -> Operation {
    by_caller(name, [status; 5])
}

/// An operation on the caller's own account.
fn own(name: &'static str, status: u16) -> Operation {
    by_caller(name, [401, 401, status, status, status])
}

/// An operation of admins.
fn of_admins(name: &'static str, status: u16) -> Operation {
    by_caller(name, [401, 401, 403, status, 403])
}

/// An operation on an object of `user`: no other caller may use it, admins included.
fn owned(name: &'static str, status: u16) -> Operation {
    by_caller(name, [401, 401, 404, 404, status])
}

fn by_caller(name: &'static str, statuses: [u16; 5]) -> Operation {
    let path = name.split_once(' ').unwrap().1;
    Operation { name, statuses, path, body: None, is_limited: false, reads: Vec::new(), scenarios: Vec::new() }
}

impl Operation {
    /// The callers call this path. `{user}`, `{target}`, `{session}`, `{own_session}` and `{plan}` exist there; `{none}` is the
    /// end of an id that does not.
    fn at(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    fn limited(self) -> Self {
        Self { is_limited: true, ..self }
    }

    /// A call that changes nothing and whose cost is part of the budget.
    fn read(mut self, read: Read) -> Self {
        self.reads.push(read);
        self
    }

    fn scenario(mut self, scenario: Scenario) -> Self {
        self.scenarios.push(scenario);
        self
    }

    pub fn method(&self) -> &'static str {
        self.name.split_once(' ').unwrap().0
    }

    /// The path that the callers call, with these ids.
    pub fn path(&self, ids: &Ids) -> String {
        filled(self.path, ids)
    }

    /// The body that a caller sends.
    pub fn body_of(&self, caller: &str, password: &str) -> Option<String> {
        let body = self.body.as_ref()?.to_string();
        Some(body.replace("{caller}", caller).replace("{password}", password))
    }

    /// The paths that exist among these objects: those of the reads, otherwise that of the callers.
    pub fn paths(&self, ids: &Ids) -> Vec<String> {
        let reads: Vec<_> = self.reads.iter().map(|read| filled(read.path, ids)).collect();
        if reads.is_empty() { vec![self.path(ids)] } else { reads }
    }

    /// Whether only admins may call it.
    pub fn is_of_admins(&self) -> bool {
        self.statuses[..3] == [401, 401, 403] && self.statuses[3] != 403
    }
}

/// A path with the ids of these objects.
fn filled(path: &str, ids: &Ids) -> String {
    let known = ids.iter().fold(path.to_owned(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id));
    let path = known.replace("{none}", NONE);
    assert!(!path.contains('{'), "no object for {path}");
    path
}

/// The id of a user.
pub fn id_of(session: &Session) -> String {
    session.user["id"].as_str().unwrap().to_owned()
}
