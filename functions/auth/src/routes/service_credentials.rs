//! `GET`, `POST /admin/service-credentials` and `DELETE /admin/service-credentials/{id}`. They are routes of this function,
//! which verifies an admin's password and authenticates services: the function of the other admin routes has no access to
//! password hashes.

use crate::reauthentication::{self, require_fresh};
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tollgate_domain::ServiceId;
use tollgate_domain::audit::Action;
use tollgate_domain::password::Password;
use tollgate_domain::service::ServiceCredential;
use tollgate_http::{Admin, ApiError, FieldError, JsonBody, PathId, RequestContext, errors};
use tollgate_platform::random_bytes;
use tollgate_store::StoredService;
use tollgate_tokens::ServiceSecret;
use utoipa::ToSchema;

/// All service credentials, without their secrets.
#[derive(Serialize, ToSchema)]
pub struct ServiceCredentials {
    /// At most 20, the oldest first.
    items: Vec<ServiceCredential>,
}

/// A credential to create.
#[derive(Deserialize, ToSchema)]
#[schema(as = ServiceCredentialInput)]
pub struct NewServiceCredential {
    /// The name of the service.
    #[schema(min_length = 1, max_length = 80)]
    name: String,
    /// The admin's password; not required within 5 minutes of the sign-in.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Password>,
}

/// A new credential with its secret, which is shown only once.
#[derive(Serialize, ToSchema)]
pub struct CreatedServiceCredential {
    #[serde(flatten)]
    credential: ServiceCredential,
    /// `tgs_…`: the `client_secret` of OAuth.
    secret: String,
}

errors! {
    /// Why no credential is created.
    CreateErrors = reauthentication::errors().into_iter().chain([ApiError::TooManyServiceCredentials])
}

/// The service credentials.
#[utoipa::path(
    get, path = "/admin/service-credentials", operation_id = "list_service_credentials", tag = "Admin",
    security(("bearer" = [])), responses((status = 200, body = ServiceCredentials))
)]
pub async fn list(Shared(state): Shared<State>, _: Admin) -> Result<Json<ServiceCredentials>, ApiError> {
    let services = state.store.services().await?;
    Ok(Json(ServiceCredentials { items: services.into_iter().map(|service| service.credential).collect() }))
}

/// Creates a service credential. The response is the only one that shows its secret.
#[utoipa::path(
    post, path = "/admin/service-credentials", operation_id = "create_service_credential", tag = "Admin",
    security(("bearer" = [])), request_body = NewServiceCredential,
    responses((status = 201, body = CreatedServiceCredential), CreateErrors)
)]
pub async fn create(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    JsonBody(body): JsonBody<NewServiceCredential>,
) -> Result<(StatusCode, Json<CreatedServiceCredential>), ApiError> {
    let invalid = |error| ApiError::Validation(FieldError::new("name", format!("{error}")));
    let name = body.name.parse().map_err(|error: tollgate_domain::service::InvalidServiceNameError| invalid(error))?;
    require_fresh(&state, &context, (&admin, None), None, body.password.as_ref()).await?;
    let secret = ServiceSecret::draw(ServiceId::new(context.now, random_bytes()));
    let credential =
        ServiceCredential { id: secret.id, name, created_at: context.now, created_by: admin.id, last_used_on: None };
    let mut entry = context.entry(Action::ServiceCredentialCreated, Some(admin.id), Some(credential.id.to_string()));
    entry.after = Some(json!({"name": credential.name}));
    let stored = StoredService { credential: credential.clone(), hash: secret.hash() };
    if !state.store.add_service(&stored, &entry).await? {
        return Err(ApiError::TooManyServiceCredentials);
    }
    state.services.forget();
    Ok((StatusCode::CREATED, Json(CreatedServiceCredential { credential, secret: secret.expose().to_owned() })))
}

/// Deletes a service credential. Its service is refused within a minute.
#[utoipa::path(
    delete, path = "/admin/service-credentials/{id}", operation_id = "delete_service_credential", tag = "Admin",
    security(("bearer" = [])), params(("id" = String, Path, description = "The credential's id")),
    responses((status = 204))
)]
pub async fn delete(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    PathId(id): PathId<ServiceId>,
) -> Result<StatusCode, ApiError> {
    let services = state.store.services().await?;
    let service = services.into_iter().find(|service| service.credential.id == id).ok_or(ApiError::NotFound)?;
    let mut entry = context.entry(Action::ServiceCredentialDeleted, Some(admin.id), Some(id.to_string()));
    entry.before = Some(json!({"name": service.credential.name}));
    if !state.store.delete_service(&id, &entry).await? {
        return Err(ApiError::NotFound);
    }
    state.services.forget();
    Ok(StatusCode::NO_CONTENT)
}
