//! `GET /admin/users/{id}/export` and `DELETE /admin/users/{id}`: an admin does what the owner of an account can do by
//! `/me/export` and `/me/delete`, for a request received by mail.

use super::user::found;
use crate::changes::{Actor, delete_user};
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use tollgate_domain::UserId;
use tollgate_http::{Admin, ApiError, EXPORTS, Export, Message, PathId, RequestContext, errors, message};

errors! {
    /// Why nothing is exported.
    ExportErrors = [ApiError::RATE_LIMITED]
}

errors! {
    /// Why a user is not deleted.
    DeleteErrors = [ApiError::LastAdmin]
}

/// All data about a user.
#[utoipa::path(
    get, path = "/admin/users/{id}/export", operation_id = "export_user", tag = "Admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "The user's id")),
    responses((status = 200, body = Export), ExportErrors)
)]
pub async fn export(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    PathId(id): PathId<UserId>,
) -> Result<Json<Export>, ApiError> {
    state.limiter.admit_user(&context, &admin.id, EXPORTS).await?;
    let user = found(&state, &id).await?;
    tracing::info!(admin = %admin.id, user = %id, "an admin exports the data of a user");
    Ok(Json(Export::read(&state.store, user, &admin.session_id, state.config.grace, context.now).await?))
}

/// Deletes a user: every session and the subscription end at once, and personal data is erased within a day. Payments and
/// audit entries stay under the id.
#[utoipa::path(
    delete, path = "/admin/users/{id}", operation_id = "delete_user", tag = "Admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "The user's id")),
    responses((status = 202, body = Message), DeleteErrors)
)]
pub async fn delete(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    PathId(id): PathId<UserId>,
) -> Result<(StatusCode, Json<Message>), ApiError> {
    let actor = Actor { store: &state.store, context: &context, admin: Some(admin.id), operator: None };
    delete_user(&actor, &id).await?;
    Ok((StatusCode::ACCEPTED, message("The user is deleted. Personal data is erased within a day.")))
}
