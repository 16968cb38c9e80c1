//! The users of the tests, and the items that are written with them.

use crate::tables::Tables;
use jiff::Timestamp;
use std::collections::BTreeMap;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::gate::Gate;
use tollgate_domain::onetime::{OneTimeRow, Purpose};
use tollgate_domain::user::Provider;
use tollgate_domain::{AuditId, Email, MessageId, RequestId, SessionId, UserId, Username};
use tollgate_store::{Credentials, NewAccount, NewSession, OutboxMessage, Profile, Registration};

/// The last day of November 2026, noon: the time at which the tests start.
pub const START: i64 = 1_796_040_000;

/// This number of seconds after the start.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

/// This number of milliseconds after the start.
pub fn at_ms(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(START * 1000 + ms).unwrap()
}

pub fn user(n: u8) -> UserId {
    UserId::new(at(0), [n; 10])
}

/// Sessions sort by `n`.
pub fn session(n: u8) -> SessionId {
    SessionId::new(at(0), [n; 10])
}

pub fn request(n: u8) -> RequestId {
    RequestId::new(at(0), [n; 10])
}

pub fn message(n: u8) -> MessageId {
    MessageId::new(at(0), [n; 10])
}

pub fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

pub fn username(text: &str) -> Username {
    Username::parse(text).unwrap()
}

/// Entry `n`, about `target`.
pub fn entry(n: u8, target: &UserId) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(at(0), [n; 10]),
        actor_id: Some(*target),
        action: Action::Registered,
        target_id: Some(target.to_string()),
        before: None,
        after: None,
        ip: None,
        request_id: None,
        created_at: at(0),
    }
}

/// Mail `n`.
pub fn mail(n: u8) -> OutboxMessage {
    OutboxMessage { id: message(n), kind: "mail".into(), body: format!(r#"{{"n":{n}}}"#), created_at: at(0) }
}

/// The row of a mailed secret for `of`, whose link is valid for an hour and whose code for a quarter of an hour.
pub fn secret(id: &str, purpose: Purpose, of: &Profile) -> OneTimeRow {
    OneTimeRow {
        id: id.into(),
        purpose,
        user_id: of.id,
        generation: "g1".into(),
        email_key: of.email.key().into(),
        new_email: None,
        session_id: None,
        password_version: 1,
        expires_at: at(3600),
        code_expires_at: at(900),
        tries: 0,
        used_at: None,
    }
}

/// `Name@Example.com`, registered by password, not verified, not an admin; all its ids contain `n`.
pub fn newcomer(name: &str, n: u8) -> NewAccount {
    let id = user(n);
    let profile = Profile {
        id,
        email: email(&format!("{name}@Example.com")),
        username: username(name),
        provider: Provider::Local,
        email_verified: false,
        is_active: true,
        is_admin: false,
        created_at: at(0),
        links: BTreeMap::new(),
        link_emails: BTreeMap::new(),
        locale: None,
    };
    let verification = (secret(&format!("verify{n}"), Purpose::Verify, &profile), mail(n));
    NewAccount {
        credentials: Some(Credentials { user_id: id, hash: format!("hash{n}"), password_version: 1 }),
        gate: Gate { has_password: Some(true), ..Gate::new(id) },
        verification: Some(verification),
        audit: entry(n, &id),
        invited: None,
        profile,
    }
}

pub fn new_session(of: UserId, n: u8) -> NewSession {
    NewSession {
        id: session(n),
        user_id: of,
        nonce_hash: "nonce".into(),
        created_at: at(0),
        ends_at: at(90 * 86_400),
        ip: Some("192.0.2.1".into()),
        user_agent: Some("a browser".into()),
        amr: vec!["pwd".into()],
    }
}

impl Tables {
    /// Registers `account`, without conflicts.
    pub async fn registered(&self, account: NewAccount) -> NewAccount {
        assert_eq!(self.rival.register(&account).await.unwrap(), Registration::Done);
        account
    }

    /// Ann is registered: user 1, `Ann@example.com`.
    pub async fn with_ann() -> (Self, NewAccount) {
        let tables = Self::new().await;
        let ann = tables.registered(newcomer("Ann", 1)).await;
        (tables, ann)
    }
}
