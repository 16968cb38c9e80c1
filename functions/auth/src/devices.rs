//! Clients that signed in before: they have buckets of their own, which strangers cannot fill (S9).

use crate::State;
use http::HeaderValue;
use jiff::Timestamp;
use tollgate_domain::UserId;
use tollgate_http::{ApiError, CookieJar, DEVICE_COOKIE};
use tollgate_platform::device::Device;

/// How long a client is remembered, in seconds.
const REMEMBERED_SECONDS: i64 = 365 * 86_400;

/// The device that `cookies` name, where it signed in to this account under this password version.
pub async fn known(
    state: &State,
    cookies: &CookieJar,
    account: Option<(UserId, u64)>,
) -> Result<Option<Device>, ApiError> {
    let Some(cookie) = cookies.get(DEVICE_COOKIE) else { return Ok(None) };
    let device = state.keys.auth().await?.read_device_cookie(cookie.expose());
    Ok(device.filter(|device| account == Some((device.user_id, device.password_version))))
}

/// The `set-cookie` of the client that has just shown who it is: the device that it was, or a new one.
pub async fn remember(
    state: &State,
    cookies: &CookieJar,
    account: (UserId, u64),
    now: Timestamp,
) -> Result<HeaderValue, ApiError> {
    let device = known(state, cookies, Some(account)).await?.unwrap_or_else(|| Device::new(account.0, account.1));
    let cookie = state.keys.auth().await?.device_cookie(&device, now);
    state.config.cookies.set(DEVICE_COOKIE, cookie.expose(), REMEMBERED_SECONDS)
}
