//! `GET /sessions` and `DELETE /sessions/{id}`.

use crate::State;
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tollgate_domain::SessionId;
use tollgate_domain::audit::Action;
use tollgate_http::{ActiveUser, ApiError, Cursor, Page, PageQuery, PathId, RequestContext};
use tollgate_store::SessionRow;
use utoipa::ToSchema;

/// A session, as its owner sees it.
#[derive(Serialize, ToSchema)]
pub struct Session {
    #[schema(value_type = String)]
    id: SessionId,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    ip: Option<String>,
    user_agent: Option<String>,
    current: bool,
}

/// The caller's live sessions, newest first.
#[utoipa::path(
    get, path = "/sessions", operation_id = "list_sessions", tag = "Sessions", security(("bearer" = [])), params(PageQuery),
    responses((status = 200, body = Page<Session>), (status = 400, description = "`invalid_cursor`"))
)]
pub async fn list(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
    query: PageQuery,
) -> Result<Json<Page<Session>>, ApiError> {
    let cursor = Cursor { list: "/sessions", reader: user.id };
    let before = match &query.cursor {
        None => None,
        Some(text) => Some(cursor.key(text)?.parse::<SessionId>().map_err(|_| ApiError::InvalidCursor)?),
    };
    // Ids sort by the time they were made.
    let live = user.gate.sessions.iter().rev().filter(|(_, end)| context.now < **end).map(|(id, _)| *id);
    let mut ids: Vec<_> = live.filter(|id| before.is_none_or(|before| *id < before)).take(query.limit + 1).collect();
    let more = ids.len() > query.limit;
    ids.truncate(query.limit);
    let next_cursor = ids.last().filter(|_| more).map(|last| cursor.after(&last.to_string()));
    let rows = state.store.sessions(&user.id, &ids).await?;
    Ok(Json(Page { items: rows.into_iter().map(|row| shown(row, &user)).collect(), next_cursor }))
}

fn shown(row: SessionRow, user: &ActiveUser) -> Session {
    Session {
        id: row.id,
        created_at: row.created_at,
        last_used_at: row.rotation().rotated_at,
        current: row.id == user.session_id,
        ip: row.ip,
        user_agent: row.user_agent,
    }
}

/// Ends one of the caller's sessions, the present one too.
#[utoipa::path(
    delete, path = "/sessions/{id}", operation_id = "revoke_session", tag = "Sessions", security(("bearer" = [])),
    params(("id" = String, Path, description = "Its id")),
    responses((status = 204, description = "Ended"), (status = 404, description = "`not_found`"))
)]
pub async fn revoke(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
    PathId(id): PathId<SessionId>,
) -> Result<StatusCode, ApiError> {
    let mut entry = context.entry(Action::SessionRevoked, Some(user.id), Some(user.id.to_string()));
    entry.before = Some(json!({"session_id": id}));
    entry.after = Some(json!({"reason": "revoked"}));
    let ended = state.store.end_session(&user.id, &id, &entry).await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound) }
}
