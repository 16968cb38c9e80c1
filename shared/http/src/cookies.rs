//! The cookies of the contract, and the check of a call that rests on one (S20).

use crate::ApiError;
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use std::convert::Infallible;
use tollgate_platform::{ConfigError, Env, Origins, Secret};

/// The cookie that holds the refresh token.
pub const REFRESH_COOKIE: &str = "refresh_token";

/// The cookie of a client that signed in before.
pub const DEVICE_COOKIE: &str = "device";
/// The cookie that binds the way to a provider and back to a browser.
pub const FLOW_COOKIE: &str = "oauth_state";

/// How cookies are set in this deployment.
#[derive(Debug, Clone, Copy)]
pub struct CookieSettings {
    secure: bool,
    same_site_none: bool,
}

impl CookieSettings {
    /// `Secure` outside `APP_ENV=local`; `COOKIE_SAMESITE` is `Lax` (the default) or `None`.
    ///
    /// # Errors
    /// For another `COOKIE_SAMESITE`, or `None` without `Secure`, which browsers refuse.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let secure = env.get("APP_ENV") != Some("local");
        let same_site_none = match env.get("COOKIE_SAMESITE").map(str::to_ascii_lowercase).as_deref() {
            None | Some("lax") => false,
            Some("none") if secure => true,
            Some("none") => {
                return Err(ConfigError::new("COOKIE_SAMESITE", "Lax where APP_ENV is local: None needs https"));
            }
            Some(_) => return Err(ConfigError::new("COOKIE_SAMESITE", "Lax or None")),
        };
        Ok(Self { secure, same_site_none })
    }

    /// A `set-cookie` of `name`; `max_age_seconds` 0 clears it.
    ///
    /// # Errors
    /// When the value does not fit a header.
    pub fn set(&self, name: &str, value: &str, max_age_seconds: i64) -> Result<HeaderValue, ApiError> {
        let same_site = if self.same_site_none { "None" } else { "Lax" };
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; HttpOnly; SameSite={same_site}; Path=/; Max-Age={max_age_seconds}{secure}");
        let mut value =
            HeaderValue::try_from(text).map_err(|_| ApiError::Internal(format!("cookie {name} does not fit")))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// The cookies of a request.
pub struct CookieJar {
    header: String,
    origin: Option<String>,
}

impl CookieJar {
    /// The cookies in `headers`.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("null").to_owned());
        Self { header: texts.collect::<Vec<_>>().join("; "), origin }
    }

    /// The value of cookie `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Secret<String>> {
        let mut pairs = self.header.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(found, _)| *found == name).map(|(_, value)| Secret::new(value.to_owned()))
    }

    /// The same, for a call that changes something on the strength of it: where the browser names an origin, that must be
    /// an allowed one.
    ///
    /// # Errors
    /// `forbidden` for another origin.
    pub fn get_to_act(&self, name: &str, origins: &Origins) -> Result<Option<Secret<String>>, ApiError> {
        match &self.origin {
            Some(origin) if !origins.allow(origin) => Err(ApiError::Forbidden),
            _ => Ok(self.get(name)),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for CookieJar {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}
