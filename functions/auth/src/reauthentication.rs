//! Acts that want a fresh sign-in (® in the contract): the password, or a session that began within 5 minutes (S5).

use crate::State;
use crate::passwords::PasswordComparison;
use serde::Deserialize;
use tollgate_domain::password::Password;
use tollgate_domain::session::FRESH;
use tollgate_http::{ActiveUser, ApiError, BY_USER, RequestContext};
use utoipa::ToSchema;

/// The part of a body that confirms who is acting.
#[derive(Deserialize, ToSchema)]
pub struct Confirmation {
    /// The present password.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    pub password: Option<Password>,
}

/// The errors of [`require_fresh`].
pub fn errors() -> [ApiError; 4] {
    [ApiError::RATE_LIMITED, ApiError::Unauthenticated, ApiError::ReauthenticationRequired, ApiError::WrongPassword]
}

/// Lets `user` pass with the right password, or in a session that has just begun; a refresh is no beginning.
pub async fn require_fresh(
    state: &State,
    context: &RequestContext,
    user: &ActiveUser,
    password: Option<&Password>,
) -> Result<(), ApiError> {
    state.limiter.admit_user(context, &user.id, BY_USER).await?;
    let Some(password) = password else {
        let session = state.store.session(&user.id, &user.session_id).await?;
        let is_fresh = session.is_some_and(|row| context.now.duration_since(row.created_at) <= FRESH);
        return if is_fresh { Ok(()) } else { Err(ApiError::ReauthenticationRequired) };
    };
    verify_password(state, user, password).await
}

/// Lets `user` pass with the right password.
pub async fn verify_password(state: &State, user: &ActiveUser, password: &Password) -> Result<(), ApiError> {
    let profile = state.store.profile(&user.id).await?.ok_or(ApiError::Unauthenticated)?;
    let credentials = state.store.credentials(&profile.email).await?.filter(|found| found.user_id == user.id);
    match state.hasher.verify(password, credentials.as_ref().map(|found| found.hash.as_str())).await? {
        PasswordComparison::Wrong => Err(ApiError::WrongPassword),
        PasswordComparison::Right | PasswordComparison::RightButWeak => Ok(()),
    }
}
