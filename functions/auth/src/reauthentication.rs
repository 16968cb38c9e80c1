//! Actions that require a fresh sign-in (® in the contract): the password, or a session that began within 5 minutes
//! (S5).

use crate::passwords::PasswordComparison;
use crate::state::State;
use serde::Deserialize;
use tollgate_domain::password::Password;
use tollgate_domain::session::FRESH;
use tollgate_http::{AccountKey, ActiveUser, ActiveUserWith, ApiError, BY_USER, RequestContext};
use tollgate_store::{Profile, ProfileOf};
use utoipa::ToSchema;

/// The part of a body that confirms the user's identity.
#[derive(Deserialize, ToSchema)]
pub struct Confirmation {
    /// The current password.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    pub password: Option<Password>,
}

/// The errors of [`require_fresh`].
pub fn errors() -> [ApiError; 4] {
    [ApiError::RATE_LIMITED, ApiError::Unauthenticated, ApiError::ReauthenticationRequired, ApiError::WrongPassword]
}

/// The user, with the profile.
pub type Actor = ActiveUserWith<ProfileOf>;

/// Accepts the caller with the right password, or in a session that has just begun; a refresh does not count as a
/// beginning. Calls are counted by user, and by `account` where it names one, before anything is compared (S7).
pub async fn require_fresh(
    state: &State,
    context: &RequestContext,
    (user, profile): (&ActiveUser, Option<&Profile>),
    account: Option<&AccountKey>,
    password: Option<&Password>,
) -> Result<(), ApiError> {
    let counted = async {
        let of_account = async {
            match account {
                Some(account) => state.limiter.admit_account(context, account).await,
                None => Ok(()),
            }
        };
        let (of_account, of_user) = tokio::join!(of_account, state.limiter.admit_user(context, &user.id, BY_USER));
        of_account.and(of_user)
    };
    match password.filter(|_| state.config.offer.passwords) {
        Some(password) => verify_password(state, (user, profile), counted, password).await,
        None => {
            let (counted, session) = tokio::join!(counted, state.store.session(&user.id, &user.session_id));
            counted?;
            let is_fresh = session?.is_some_and(|row| context.now.duration_since(row.created_at) <= FRESH);
            if is_fresh { Ok(()) } else { Err(ApiError::ReauthenticationRequired) }
        }
    }
}

/// Accepts `user` with the right password, after the call is `counted`.
pub async fn verify_password(
    state: &State,
    (user, profile): (&ActiveUser, Option<&Profile>),
    counted: impl Future<Output = Result<(), ApiError>>,
    password: &Password,
) -> Result<(), ApiError> {
    let credentials = async {
        let read = match profile {
            Some(_) => None,
            None => Some(state.store.profile(&user.id).await?.ok_or(ApiError::Unauthenticated)?),
        };
        let Some(profile) = profile.or(read.as_ref()) else { return Err(ApiError::Unauthenticated) };
        Ok::<_, ApiError>(state.store.credentials(&profile.email).await?)
    };
    let (counted, credentials) = tokio::join!(counted, credentials);
    counted?;
    let credentials = credentials?.filter(|found| found.user_id == user.id);
    match state.hasher.verify(password, credentials.as_ref().map(|found| found.hash.as_str())).await? {
        PasswordComparison::Wrong => Err(ApiError::WrongPassword),
        PasswordComparison::Right | PasswordComparison::RightButWeak => Ok(()),
    }
}
