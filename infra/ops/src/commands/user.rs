//! `user …`: shows or changes one user, by the same functions as the admin API.

use crate::arguments::Write;
use crate::confirm::confirm;
use crate::outcome::{Failure, Outcome};
use crate::target::Target;
use crate::trail::record;
use serde_json::{Value, json};
use tollgate_admin::changes::{self, Actor};
use tollgate_admin::{UserDetails, find_user};
use tollgate_domain::{Email, RequestId, SessionId, UserId};
use tollgate_http::{Export, RequestContext};
use tollgate_platform::random_bytes;
use tollgate_store::Store;

/// The state that a command sets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Active,
    Disabled { cancel_subscription: bool },
}

/// The context of a change: a request of its own.
pub fn context(target: &Target) -> RequestContext {
    let now = target.clock.now();
    RequestContext {
        request_id: RequestId::new(now, random_bytes()),
        now,
        route: String::new(),
        ip: None,
        user_agent: None,
        languages: String::new(),
    }
}

async fn find(store: &Store, named: &str) -> Result<UserId, Failure> {
    let found = match Email::parse(named) {
        Ok(email) => store.user_of_email(&email).await?,
        Err(_) => store.user_of_id(named).await?,
    };
    found.ok_or_else(|| Failure::refused("not_found", format!("{named} is no address or id of a user")))
}

pub async fn show(target: &Target, named: &str) -> Result<Outcome, Failure> {
    let store = target.store();
    let id = find(&store, named).await?;
    let details = UserDetails::of(find_user(&store, &id).await?, target.clock.now());
    Ok(shown(json!(details)))
}

/// A result that a person can read without formatting.
fn shown(result: Value) -> Outcome {
    let text = serde_json::to_string_pretty(&result).unwrap_or_default();
    Outcome::done(text, result)
}

pub async fn set_status(target: &Target, write: Write, named: &str, status: Status) -> Result<Outcome, Failure> {
    let (is_active, cancels, word) = match status {
        Status::Active => (true, false, "enabled"),
        Status::Disabled { cancel_subscription } => (false, cancel_subscription, "disabled"),
    };
    let store = target.store();
    let id = find(&store, named).await?;
    let (_, gate) = find_user(&store, &id).await?;
    if gate.is_active == is_active && (!cancels || gate.closing.is_some()) {
        return Ok(Outcome::nothing(format!("{named} ({id}) is {word} already"), json!({"user_id": id.to_string()})));
    }
    confirm(target, write, &format!("The account of {named} is to be {word}"))?;
    if write.dry_run {
        let text = format!("{named} ({id}) would be {word}");
        return Ok(Outcome::done(text, json!({"dry_run": true, "user_id": id.to_string()})));
    }
    let context = context(target);
    let actor = Actor { store: &store.narrow(), context: &context, admin: None, operator: Some(&target.operator) };
    let user = changes::set_status(&actor, &id, is_active, cancels).await?;
    target.announce_write().await?;
    Ok(Outcome::done(format!("{named} ({id}) is {word}"), json!({"user_id": id.to_string(), "user": user})))
}

pub async fn delete(target: &Target, write: Write, named: &str) -> Result<Outcome, Failure> {
    let store = target.store();
    let id = find(&store, named).await?;
    find_user(&store, &id).await?;
    confirm(target, write, &format!("The account of {named} and its data are to be deleted"))?;
    if write.dry_run {
        let text = format!("{named} ({id}) would be deleted");
        return Ok(Outcome::done(text, json!({"dry_run": true, "user_id": id.to_string()})));
    }
    let context = context(target);
    let actor = Actor { store: &store.narrow(), context: &context, admin: None, operator: Some(&target.operator) };
    changes::delete_user(&actor, &id).await?;
    target.announce_write().await?;
    let text = format!("{named} ({id}) is deleted: personal data is erased within a day");
    Ok(Outcome::done(text, json!({"user_id": id.to_string()})))
}

pub async fn export(target: &Target, write: Write, named: &str) -> Result<Outcome, Failure> {
    let (store, now) = (target.store(), target.clock.now());
    let id = find(&store, named).await?;
    let user = find_user(&store, &id).await?;
    confirm(target, write, &format!("All data about {named} is to be printed"))?;
    if write.dry_run {
        let text = format!("all data about {named} ({id}) would be printed");
        return Ok(Outcome::done(text, json!({"dry_run": true, "user_id": id.to_string()})));
    }
    record(target, "user export", json!({"user_id": id.to_string()})).await?;
    let grace = target.settings("admin").await?.grace()?;
    // No session of the user makes the request.
    let session = SessionId::new(now, random_bytes());
    let export = Export::read(&store, user, &session, grace, now).await?;
    Ok(shown(serde_json::to_value(export).unwrap_or_default()))
}
