//! `DELETE /admin/users/{id}/sessions` and `/admin/users/{id}/sessions/{sid}`: an admin ends the sessions of a user.

use super::user::gate_of;
use crate::state::State;
use axum::extract::State as Shared;
use http::StatusCode;
use serde_json::json;
use std::collections::BTreeMap;
use tollgate_domain::audit::Action;
use tollgate_domain::{SessionId, UserId};
use tollgate_http::{Admin, ApiError, PathId, PathIds, RequestContext};
use tollgate_store::Consistency;

/// Ends all sessions of a user.
#[utoipa::path(
    delete, path = "/admin/users/{id}/sessions", operation_id = "revoke_user_sessions", tag = "Admin",
    security(("bearer" = [])), params(("id" = String, Path, description = "The user's id")),
    responses((status = 204, description = "Ended"))
)]
pub async fn revoke_all(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    PathId(id): PathId<UserId>,
) -> Result<StatusCode, ApiError> {
    let gate = gate_of(&state, &id, Consistency::Strong).await?;
    if !gate.sessions.is_empty() {
        let mut entry = context.entry(Action::SessionRevoked, Some(admin.id), Some(id.to_string()));
        entry.before = Some(json!({"sessions": gate.sessions.len()}));
        entry.after = Some(json!({"reason": "revoked_by_admin", "sessions": 0}));
        state.store.end_sessions(&id, None, &BTreeMap::new(), &entry).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one session of a user.
#[utoipa::path(
    delete, path = "/admin/users/{id}/sessions/{sid}", operation_id = "revoke_user_session", tag = "Admin",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "The user's id"), ("sid" = String, Path, description = "The session's id")),
    responses((status = 204, description = "Ended"))
)]
pub async fn revoke(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    PathIds(id, session): PathIds<UserId, SessionId>,
) -> Result<StatusCode, ApiError> {
    let mut entry = context.entry(Action::SessionRevoked, Some(admin.id), Some(id.to_string()));
    entry.before = Some(json!({"session_id": session}));
    entry.after = Some(json!({"reason": "revoked_by_admin"}));
    let ended = state.store.end_session(&id, &session, &entry).await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound) }
}
