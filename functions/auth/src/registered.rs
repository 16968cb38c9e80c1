//! Browsers of registrations: a verification of the address in the same browser signs it in (E8).

use crate::state::State;
use http::HeaderValue;
use jiff::Timestamp;
use tollgate_domain::UserId;
use tollgate_http::{ApiError, CookieJar, CookieName};
use tollgate_tokens::registered::REGISTERED_SECONDS;

/// The `set-cookie` for the browser that registers `user`, or a placeholder id if the address is known already: both
/// have the same form (S6).
pub async fn remember(state: &State, user: &UserId, now: Timestamp) -> Result<HeaderValue, ApiError> {
    let value = state.keys.auth().await?.registered_cookie(user, FIRST_PASSWORD, now);
    state.config.cookies.set(CookieName::Registered, value.expose(), REGISTERED_SECONDS)
}

/// The `set-cookie` that removes it.
pub fn forget(state: &State) -> Result<HeaderValue, ApiError> {
    state.config.cookies.set(CookieName::Registered, "", 0)
}

/// The password version of a newly registered account.
pub const FIRST_PASSWORD: u64 = 1;

/// Whether one of the browser's cookies shows that it registered this account, whose password has this version, and the
/// request does not come from a foreign page.
pub async fn is_this_browser(
    state: &State,
    cookies: &CookieJar,
    (user, password_version): (&UserId, u64),
    now: Timestamp,
) -> Result<bool, ApiError> {
    let values = cookies.values(&state.config.cookies, CookieName::Registered);
    if values.is_empty() || !cookies.is_of_allowed_page(&state.config.origins) {
        return Ok(false);
    }
    let keys = state.keys.auth().await?;
    Ok(values.iter().any(|value| keys.is_registered_cookie(value.expose(), user, password_version, now)))
}
