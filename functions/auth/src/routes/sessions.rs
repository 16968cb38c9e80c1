//! `GET /sessions`, `DELETE /sessions` and `DELETE /sessions/{id}`.

use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tollgate_domain::SessionId;
use tollgate_domain::audit::Action;
use tollgate_domain::session::Session;
use tollgate_http::{
    ActiveUser, ApiError, Cursor, Filters, NoFilters, Page, PageQuery, Parameters, PathId, RequestContext, filter,
    sessions_page,
};
use tollgate_store::Consistency;
use utoipa::IntoParams;

/// The caller's live sessions, newest first.
#[utoipa::path(
    get, path = "/sessions", operation_id = "list_sessions", tag = "Sessions", security(("bearer" = [])), params(PageQuery),
    responses((status = 200, body = Page<Session>))
)]
pub async fn list(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
    _: Filters<NoFilters>,
    query: PageQuery,
) -> Result<Json<Page<Session>>, ApiError> {
    let cursor = Cursor { list: "/sessions", reader: user.id };
    let page =
        sessions_page(&state.store, (&user.gate, Consistency::Strong), &user.session_id, &cursor, &query, context.now);
    Ok(Json(page.await?))
}

/// Which sessions end.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EndQuery {
    /// `true`: this session too.
    #[param(value_type = Option<bool>)]
    all: Option<String>,
}

/// Ends all of the caller's sessions except this one, or with `?all=true` this one too.
#[utoipa::path(
    delete, path = "/sessions", operation_id = "revoke_sessions", tag = "Sessions", security(("bearer" = [])),
    params(EndQuery),
    responses((status = 204, description = "Ended"))
)]
pub async fn revoke_all(
    Shared(state): Shared<State>,
    context: RequestContext,
    mut user: ActiveUser,
    Parameters(query): Parameters<EndQuery>,
) -> Result<StatusCode, ApiError> {
    let is_all = filter("all", query.all.as_deref())?.unwrap_or(false);
    let mut entry = context.entry(Action::SessionRevoked, Some(user.id), Some(user.id.to_string()));
    entry.before = Some(json!({"sessions": user.gate.sessions.len()}));
    user.gate.sessions.retain(|id, _| !is_all && *id == user.session_id);
    entry.after = Some(json!({"reason": "revoked", "sessions": user.gate.sessions.len()}));
    let ended = state.store.end_sessions(&user.id, Some(&user.session_id), &user.gate.sessions, &entry).await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::Unauthenticated) }
}

/// Ends one of the caller's sessions, also the current one.
#[utoipa::path(
    delete, path = "/sessions/{id}", operation_id = "revoke_session", tag = "Sessions", security(("bearer" = [])),
    params(("id" = String, Path, description = "Its id")),
    responses((status = 204, description = "Ended"))
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
