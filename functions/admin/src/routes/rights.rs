//! `PATCH /admin/users/{id}/status`, `/role` and `/verify`: what an admin decides of a user. A change carries the state that
//! it was decided on as its condition; what raced it is looked at again.

use super::user::found;
use crate::State;
use axum::Json;
use axum::extract::State as Shared;
use serde::Deserialize;
use serde_json::json;
use tollgate_domain::audit::Action;
use tollgate_domain::{User, UserId};
use tollgate_http::{Admin, ApiError, JsonBody, PathId, RequestContext, errors};
use tollgate_store::RightsChange;
use utoipa::ToSchema;

/// How often a user is looked at again whose rights another change was quicker to touch.
const LOOKS: usize = 4;

/// Whether a user may sign in.
#[derive(Deserialize, ToSchema)]
#[schema(as = UserStatus)]
pub struct NewStatus {
    is_active: bool,
}

/// Whether a user is an admin.
#[derive(Deserialize, ToSchema)]
#[schema(as = UserRole)]
pub struct NewRole {
    is_admin: bool,
}

fn overtaken() -> ApiError {
    ApiError::Unavailable("the user's rights change too often".into())
}

errors! {
    /// Why a user's status stays.
    SetStatusErrors = [ApiError::LastAdmin]
}

errors! {
    /// Why a user's role stays.
    SetRoleErrors = [ApiError::LastAdmin, ApiError::EmailNotVerified]
}

/// Lets a user sign in, or no more: every session ends then at once. The subscription goes on.
#[utoipa::path(
    patch, path = "/admin/users/{id}/status", operation_id = "set_user_status", tag = "Admin",
    security(("bearer" = [])), params(("id" = String, Path, description = "The user's id")), request_body = NewStatus,
    responses((status = 200, body = User), SetStatusErrors)
)]
pub async fn set_status(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    PathId(id): PathId<UserId>,
    JsonBody(NewStatus { is_active }): JsonBody<NewStatus>,
) -> Result<Json<User>, ApiError> {
    for _ in 0..LOOKS {
        let (profile, gate) = found(&state, &id).await?;
        if gate.is_active == is_active {
            return Ok(Json(profile.into_user()));
        }
        let action = if is_active { Action::Enabled } else { Action::Disabled };
        let mut entry = context.entry(action, Some(admin.id), Some(id.to_string()));
        entry.before = Some(json!({"is_active": gate.is_active}));
        entry.after = Some(match is_active {
            true => json!({"is_active": true}),
            false => json!({"is_active": false, "sessions_ended": gate.sessions.len()}),
        });
        match state.store.set_active(&gate, is_active, &entry).await? {
            RightsChange::Done => return Ok(Json(User { is_active, ..profile.into_user() })),
            RightsChange::LastAdmin => return Err(ApiError::LastAdmin),
            RightsChange::Changed => {}
        }
    }
    Err(overtaken())
}

/// Makes a user an admin, or no admin any more.
#[utoipa::path(
    patch, path = "/admin/users/{id}/role", operation_id = "set_user_role", tag = "Admin",
    security(("bearer" = [])), params(("id" = String, Path, description = "The user's id")), request_body = NewRole,
    responses((status = 200, body = User), SetRoleErrors)
)]
pub async fn set_role(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    PathId(id): PathId<UserId>,
    JsonBody(NewRole { is_admin }): JsonBody<NewRole>,
) -> Result<Json<User>, ApiError> {
    for _ in 0..LOOKS {
        let (profile, gate) = found(&state, &id).await?;
        if gate.is_admin == is_admin {
            return Ok(Json(profile.into_user()));
        }
        if is_admin && !profile.email_verified {
            return Err(ApiError::EmailNotVerified);
        }
        let mut entry = context.entry(Action::RoleChanged, Some(admin.id), Some(id.to_string()));
        entry.before = Some(json!({"is_admin": gate.is_admin}));
        entry.after = Some(json!({"is_admin": is_admin}));
        match state.store.set_admin(&gate, is_admin, &entry).await? {
            RightsChange::Done => return Ok(Json(User { is_admin, ..profile.into_user() })),
            RightsChange::LastAdmin => return Err(ApiError::LastAdmin),
            RightsChange::Changed => {}
        }
    }
    Err(overtaken())
}

/// Marks a user's address as verified. A password that was set before becomes invalid: its owner sets a new one by mail.
#[utoipa::path(
    patch, path = "/admin/users/{id}/verify", operation_id = "verify_user", tag = "Admin",
    security(("bearer" = [])), params(("id" = String, Path, description = "The user's id")),
    responses((status = 200, body = User))
)]
pub async fn verify(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    PathId(id): PathId<UserId>,
) -> Result<Json<User>, ApiError> {
    for _ in 0..LOOKS {
        let (profile, gate) = found(&state, &id).await?;
        if profile.email_verified {
            return Ok(Json(profile.into_user()));
        }
        let mut entry = context.entry(Action::Verified, Some(admin.id), Some(id.to_string()));
        entry.before = Some(json!({"email_verified": false}));
        entry.after = Some(json!({"email_verified": true, "method": "admin", "has_password": false}));
        if state.store.set_verified(&profile, gate.password_version, &entry).await? {
            return Ok(Json(User { email_verified: true, ..profile.into_user() }));
        }
    }
    Err(overtaken())
}
