//! Clients that signed in before: they have buckets of their own, which strangers cannot fill (S9).

use crate::state::State;
use http::HeaderValue;
use jiff::Timestamp;
use tollgate_domain::{Secret, UserId};
use tollgate_http::{ApiError, CookieJar, CookieName};
use tollgate_tokens::device::Device;

/// How long a client is recognised, in seconds.
const REMEMBERED_SECONDS: i64 = 365 * 86_400;

/// The device tokens of earlier sign-ins that a client presents.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// Its cookies.
    pub cookies: &'a CookieJar,
    /// The `device_token` of a client without cookies.
    pub token: Option<&'a Secret<String>>,
}

impl<'a> Shown<'a> {
    /// Only cookies.
    pub const fn in_cookies(cookies: &'a CookieJar) -> Self {
        Self { cookies, token: None }
    }
}

/// The first of these devices that signed in to this account with this password version.
pub async fn find_device(
    state: &State,
    shown: Shown<'_>,
    account: Option<(UserId, u64)>,
) -> Result<Option<Device>, ApiError> {
    let mut values = shown.cookies.values(&state.config.cookies, CookieName::Device);
    values.extend(shown.token.cloned());
    if values.is_empty() {
        return Ok(None);
    }
    let keys = state.keys.auth().await?;
    let mut devices = values.iter().filter_map(|value| keys.read_device_cookie(value.expose()));
    Ok(devices.find(|device| account == Some((device.user_id, device.password_version))))
}

/// The device token of a client that has just signed in: of its known device, or of a new one.
pub async fn token(
    state: &State,
    shown: Shown<'_>,
    account: (UserId, u64),
    now: Timestamp,
) -> Result<Secret<String>, ApiError> {
    let device = find_device(state, shown, Some(account)).await?.unwrap_or_else(|| Device::new(account.0, account.1));
    Ok(state.keys.auth().await?.device_cookie(&device, now))
}

/// The same as a `set-cookie`.
pub async fn remember(
    state: &State,
    cookies: &CookieJar,
    account: (UserId, u64),
    now: Timestamp,
) -> Result<HeaderValue, ApiError> {
    let token = token(state, Shown::in_cookies(cookies), account, now).await?;
    state.config.cookies.set(CookieName::Device, token.expose(), REMEMBERED_SECONDS)
}
