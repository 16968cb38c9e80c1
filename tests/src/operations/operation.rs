//! An operation of the API: who may call it, and its valid calls.

use super::scenario::{Measured, Scenario};
use crate::app::Session;
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
    pub(super) path: &'static str,
    /// The body that they send; `{caller}` is the caller's name, `{password}` the password.
    pub body: Option<Value>,
    /// Whether too many calls are answered with 429.
    pub is_limited: bool,
    pub reads: Vec<Read>,
    pub scenarios: Vec<Scenario>,
}

/// An operation without authentication: the same status for all callers.
pub(super) fn open(name: &'static str, status: u16) -> Operation {
    by_caller(name, [status; 5])
}

/// An operation on the caller's own account.
pub(super) fn own(name: &'static str, status: u16) -> Operation {
    by_caller(name, [401, 401, status, status, status])
}

/// An operation of admins.
pub(super) fn of_admins(name: &'static str, status: u16) -> Operation {
    by_caller(name, [401, 401, 403, status, 403])
}

/// An operation on an object of `user`: no other caller may use it, admins included.
pub(super) fn owned(name: &'static str, status: u16) -> Operation {
    by_caller(name, [401, 401, 404, 404, status])
}

pub(super) fn by_caller(name: &'static str, statuses: [u16; 5]) -> Operation {
    let path = name.split_once(' ').unwrap().1;
    Operation { name, statuses, path, body: None, is_limited: false, reads: Vec::new(), scenarios: Vec::new() }
}

impl Operation {
    /// The callers call this path. `{user}`, `{target}`, `{session}`, `{own_session}` and `{plan}` exist there; `{none}` is the
    /// end of an id that does not.
    pub(super) fn at(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    pub(super) fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    pub(super) fn limited(self) -> Self {
        Self { is_limited: true, ..self }
    }

    /// A call that changes nothing and whose cost is part of the budget.
    pub(super) fn read(mut self, read: Read) -> Self {
        self.reads.push(read);
        self
    }

    pub(super) fn scenario(mut self, scenario: Scenario) -> Self {
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
pub(super) fn filled(path: &str, ids: &Ids) -> String {
    let known = ids.iter().fold(path.to_owned(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id));
    let path = known.replace("{none}", NONE);
    assert!(!path.contains('{'), "no object for {path}");
    path
}

/// The id of a user.
pub fn id_of(session: &Session) -> String {
    session.user["id"].as_str().unwrap().to_owned()
}

/// A call that changes nothing, and whose cost is part of the budget.
#[derive(Clone, Copy)]
pub struct Read {
    /// Its name, unless it is that of the operation.
    pub(super) name: Option<&'static str>,
    pub(super) path: &'static str,
    pub(super) reader: Option<Reader>,
    pub measured: Measured,
}

/// The caller of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Anonymous,
    /// A user without a plan.
    Member,
    /// A user who has paid for `team`.
    Subscriber,
    Admin,
}

impl Read {
    /// A read of this path, answered with 200. Its objects are those of the state that the reads share.
    pub const fn of(path: &'static str) -> Self {
        Self { name: None, path, reader: None, measured: Measured::answer(200) }
    }

    pub const fn named(self, name: &'static str) -> Self {
        Self { name: Some(name), ..self }
    }

    pub const fn by(self, reader: Reader) -> Self {
        Self { reader: Some(reader), ..self }
    }

    pub const fn refused(self, status: u16, code: &'static str) -> Self {
        Self { measured: Measured::refusal(status, code), ..self }
    }

    pub const fn second(self) -> Self {
        Self { measured: self.measured.second(), ..self }
    }

    /// Its name in the budget.
    pub fn name(&self, operation: &Operation) -> &'static str {
        self.name.unwrap_or(operation.name)
    }

    /// Its caller: unless another one is named, the first of those who may call it.
    pub(super) fn reader(&self, operation: &Operation) -> Reader {
        match (self.reader, operation.statuses[0]) {
            (Some(reader), _) => reader,
            (None, 401) if operation.is_of_admins() => Reader::Admin,
            (None, 401) => Reader::Subscriber,
            (None, _) => Reader::Anonymous,
        }
    }
}
