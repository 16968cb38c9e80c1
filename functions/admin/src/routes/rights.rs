//! `PATCH /admin/users/{id}/status`, `/role` and `/verify`: an admin changes a user's rights. A change has the state that
//! was read as its condition; when another change was faster, the state is read again.

use super::user::found;
use crate::changes::{self, Actor, MAX_ATTEMPTS, overtaken};
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use serde::Deserialize;
use serde_json::json;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::gate::Gate;
use tollgate_domain::{User, UserId};
use tollgate_http::{ActiveUser, Admin, ApiError, JsonBody, PathId, RequestContext, errors};
use tollgate_store::RightsChange;
use utoipa::ToSchema;

/// Whether a user may sign in.
#[derive(Deserialize, ToSchema)]
#[schema(as = UserStatus)]
pub struct NewStatus {
    is_active: bool,
    /// What happens to the subscription of a user who is disabled; without it, `keep`.
    #[serde(default)]
    subscription: Option<SubscriptionChange>,
}

/// What happens to the subscription of a user who is disabled.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionChange {
    /// It continues.
    Keep,
    /// It is cancelled at the end of its period, and an open checkout expires.
    CancelAtPeriodEnd,
}

/// Whether a user is an admin.
#[derive(Deserialize, ToSchema)]
#[schema(as = UserRole)]
pub struct NewRole {
    is_admin: bool,
}

errors! {
    /// Why a user's status is not changed.
    SetStatusErrors = [ApiError::LastAdmin]
}

errors! {
    /// Why a user's role is not changed.
    SetRoleErrors = [ApiError::LastAdmin, ApiError::EmailNotVerified]
}

/// Enables or disables a user. Disabling ends every session at once; the subscription continues, unless the body says
/// that it is cancelled.
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
    JsonBody(NewStatus { is_active, subscription }): JsonBody<NewStatus>,
) -> Result<Json<User>, ApiError> {
    let cancels = !is_active && subscription == Some(SubscriptionChange::CancelAtPeriodEnd);
    let actor = Actor { store: &state.store, context: &context, admin: Some(admin.id), operator: None };
    Ok(Json(changes::set_status(&actor, &id, is_active, cancels).await?))
}

/// Makes a user an admin, or removes the role.
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
    for _ in 0..MAX_ATTEMPTS {
        let (profile, gate) = found(&state, &id).await?;
        if gate.is_admin == is_admin {
            return Ok(Json(profile.into_user()));
        }
        if is_admin && !profile.email_verified {
            return Err(ApiError::EmailNotVerified);
        }
        let entry = role_entry(&context, &admin, (&gate, is_admin));
        match state.store.set_admin(&gate, is_admin, &entry).await? {
            RightsChange::Done => return Ok(Json(User { is_admin, ..profile.into_user() })),
            RightsChange::LastAdmin => return Err(ApiError::LastAdmin),
            RightsChange::Changed => {}
        }
    }
    Err(overtaken())
}

/// The audit entry of a change from the role in `gate`.
fn role_entry(context: &RequestContext, admin: &ActiveUser, (gate, is_admin): (&Gate, bool)) -> AuditEntry {
    let mut entry = context.entry(Action::RoleChanged, Some(admin.id), Some(gate.user_id.to_string()));
    entry.before = Some(json!({"is_admin": gate.is_admin}));
    entry.after = Some(json!({"is_admin": is_admin}));
    entry
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
    for _ in 0..MAX_ATTEMPTS {
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
