//! Calls that change nothing. They share one state, so that their costs are comparable.

use super::{Ids, Measured, Operation, filled, id_of};
use crate::app::{Session, TestApp};
use crate::request::Request;
use serde_json::json;

/// A call that changes nothing, and whose cost is part of the budget.
#[derive(Clone, Copy)]
pub struct Read {
    /// Its name, unless it is that of the operation.
    name: Option<&'static str>,
    pub(super) path: &'static str,
    reader: Option<Reader>,
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
    /// A read of this path, answered with 200. Its objects are those of [`ReadWorld::ids`].
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
    fn reader(&self, operation: &Operation) -> Reader {
        match (self.reader, operation.statuses[0]) {
            (Some(reader), _) => reader,
            (None, 401) if operation.is_of_admins() => Reader::Admin,
            (None, 401) => Reader::Subscriber,
            (None, _) => Reader::Anonymous,
        }
    }
}

/// The state that the reads share.
pub struct ReadWorld {
    pub admin: Session,
    pub member: Session,
    pub subscriber: Session,
    pub ids: Ids,
}

impl ReadWorld {
    /// Prepares an admin, a member, a subscriber, and one object of each kind.
    pub async fn prepare(app: &TestApp) -> Self {
        let (_, admin) = app.person("admin").await;
        app.make_admins(&[&admin]).await;
        let (_, member) = app.person("member").await;
        let (_, subscriber) = app.person("ann").await;
        let checkout = app.subscribe(&subscriber, "team").await.expect(201);
        app.pay(&checkout.body).await.expect(303);
        app.invite(&admin, "invited@example.com").await;
        app.post_as(&admin, "/admin/service-credentials", json!({"name": "the API"})).await.expect(201);
        let report = json!({"sql": "SELECT count(*) FROM users", "format": "preview"});
        app.post_as(&admin, "/admin/reports", report).await.expect(202);
        app.drain().await;
        let first = async |path: &str| {
            let list = app.get_as(&admin, path).await.expect(200).body;
            list["items"][0]["id"].as_str().unwrap().to_owned()
        };
        let ids = Ids::from([
            ("user", id_of(&subscriber)),
            ("plan", first("/billing/plans").await),
            ("subscription", first("/admin/subscriptions").await),
            ("payment", first("/admin/payments").await),
            ("report", first("/admin/reports").await),
        ]);
        Self { admin, member, subscriber, ids }
    }

    /// The request of a read.
    pub fn request(&self, operation: &Operation, read: &Read) -> Request {
        let path = filled(read.path, &self.ids);
        match read.reader(operation) {
            Reader::Anonymous => Request::get(&path),
            Reader::Member => Request::get_as(&self.member, &path),
            Reader::Subscriber => Request::get_as(&self.subscriber, &path),
            Reader::Admin => Request::get_as(&self.admin, &path),
        }
    }
}
