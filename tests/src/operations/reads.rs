//! Calls that change nothing. They share one state, so that their costs are comparable.

use super::operation::{Ids, Operation, Read, Reader, filled, id_of};
use crate::app::{Session, TestApp};
use crate::request::Request;
use serde_json::json;

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
