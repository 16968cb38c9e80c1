//! The context of a request: its id, client and time.

use crate::accept::requested_languages;
use crate::describe::Describe;
use crate::header::header_text;
use axum::extract::{FromRequestParts, MatchedPath};
use http::request::Parts;
use http::{HeaderMap, HeaderName, header};
use jiff::Timestamp;
use std::convert::Infallible;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::{AuditId, RequestId, UserId};
use tollgate_platform::random_bytes;

/// How much is kept of what a client says of itself, in characters.
const MAX_HEADER_CHARS: usize = 256;

/// What is known when a request arrives. The rest of its context is read from its headers where it is needed.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) request_id: RequestId,
    pub(crate) now: Timestamp,
    pub(crate) ip: Option<String>,
}

/// The context of a request: what the middleware knew at its arrival, and what its headers say.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Our own id of it, never the caller's.
    pub request_id: RequestId,
    /// When it arrived. The whole request uses this one time.
    pub now: Timestamp,
    /// Its route, as the contract writes it; empty if there is none.
    pub route: String,
    /// The client's address: as the gateway or the operator's own proxy saw it; no other header counts (S8).
    pub ip: Option<String>,
    /// The client's user agent.
    pub user_agent: Option<String>,
    /// The languages that it asks for: the one chosen on the account pages, then `accept-language`.
    pub languages: String,
}

impl RequestContext {
    /// An entry of the audit trail about `target`, done by `actor` in this request.
    #[must_use]
    pub fn entry(&self, action: Action, actor: Option<UserId>, target: Option<String>) -> AuditEntry {
        AuditEntry {
            id: AuditId::new(self.now, random_bytes()),
            actor_id: actor,
            action,
            target_id: target,
            before: None,
            after: None,
            ip: self.ip.clone(),
            request_id: Some(self.request_id),
            created_at: self.now,
        }
    }
}

impl Describe for RequestContext {}

fn short_text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.contains_key(&name).then(|| short(&header_text(headers, name)))
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_HEADER_CHARS).collect()
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // The conventions set it; a router without them is a bug that every test of it shows.
        #[allow(clippy::expect_used)]
        let arrival = parts.extensions.get::<Arrival>().cloned().expect("the router is served through Conventions");
        let Arrival { request_id, now, ip } = arrival;
        let route = parts.extensions.get::<MatchedPath>().map(|route| route.as_str().to_owned()).unwrap_or_default();
        let user_agent = short_text(&parts.headers, header::USER_AGENT);
        Ok(Self { request_id, now, route, ip, user_agent, languages: short(&requested_languages(&parts.headers)) })
    }
}
