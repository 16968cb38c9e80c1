//! The cookies of the contract, and the check of a call that relies on one (S20).

use crate::ApiError;
use crate::openapi::Describe;
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use std::convert::Infallible;
use tollgate_platform::{ConfigError, Env, Origins, Secret};

/// A cookie of this service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieName {
    /// Holds the refresh token.
    Refresh,
    /// Marks a client that signed in before.
    Device,
    /// Binds a sign-in at a provider to a browser.
    Flow,
    /// Marks the browser in which an account was registered.
    Registered,
}

impl CookieName {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Refresh => "refresh_token",
            Self::Device => "device",
            Self::Flow => "oauth_state",
            Self::Registered => "registered",
        }
    }
}

/// With this prefix a browser accepts a cookie only from the host itself: no neighbouring host can set one.
const HOST_PREFIX: &str = "__Host-";

/// The names and attributes of cookies in this deployment.
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

    fn full_name(&self, name: CookieName) -> String {
        let prefix = if self.secure { HOST_PREFIX } else { "" };
        format!("{prefix}{}", name.as_str())
    }

    /// A `set-cookie` of `name`; `max_age_seconds` 0 clears it.
    ///
    /// # Errors
    /// When the value is not allowed in a header.
    pub fn set(&self, name: CookieName, value: &str, max_age_seconds: i64) -> Result<HeaderValue, ApiError> {
        let name = self.full_name(name);
        let same_site = if self.same_site_none { "None" } else { "Lax" };
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; HttpOnly; SameSite={same_site}; Path=/; Max-Age={max_age_seconds}{secure}");
        let mut value =
            HeaderValue::try_from(text).map_err(|_| ApiError::Internal(format!("cookie {name} does not fit")))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// The cookies of a request: every pair that can be parsed.
pub struct CookieJar {
    pairs: Vec<(String, Secret<String>)>,
    origin: Option<String>,
    /// Whether the browser reports that a page of this origin sent the request. No page can set this header.
    is_of_own_page: bool,
}

impl Describe for CookieJar {}

impl CookieJar {
    /// The cookies in `headers`. A pair that cannot be parsed invalidates only itself: other software on the same host
    /// may set any cookie.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let headers_of_cookies = headers.get_all(header::COOKIE).iter();
        let pairs = headers_of_cookies.flat_map(|value| value.as_bytes().split(|byte| *byte == b';')).filter_map(pair);
        let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("null").to_owned());
        let is_of_own_page = headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
        Self { pairs: pairs.collect(), origin, is_of_own_page }
    }

    /// The values of a cookie, in the order of the header, each once. A browser sends several where hosts or paths
    /// differ: each must be tried, and the valid one counts.
    pub fn values(&self, settings: &CookieSettings, name: CookieName) -> Vec<Secret<String>> {
        let name = settings.full_name(name);
        let mut values: Vec<Secret<String>> = Vec::new();
        for (_, value) in self.pairs.iter().filter(|(found, _)| *found == name) {
            if values.iter().all(|known| known.expose() != value.expose()) {
                values.push(value.clone());
            }
        }
        values
    }

    /// The values of a cookie that is not a secret, as a script set it.
    pub(crate) fn plain_values(&self, name: &str) -> Vec<String> {
        let found = self.pairs.iter().filter(|(found, _)| found == name);
        found.map(|(_, value)| value.expose().clone()).collect()
    }

    /// Whether this request may use its cookies. The forms of this service's own pages, which have no referrer, name no
    /// origin; then `sec-fetch-site` decides.
    #[must_use]
    pub fn is_of_allowed_page(&self, origins: &Origins) -> bool {
        match self.origin.as_deref() {
            Some("null") => self.is_of_own_page,
            Some(origin) => origins.allow(origin),
            None => true,
        }
    }

    /// Refuses a request that relies on a cookie and comes from an origin that is not allowed; a request without an
    /// origin does not come from a browser.
    ///
    /// # Errors
    /// `forbidden` for another origin.
    pub fn check_origin(&self, origins: &Origins) -> Result<(), ApiError> {
        match &self.origin {
            Some(origin) if !origins.allow(origin) => Err(ApiError::Forbidden),
            _ => Ok(()),
        }
    }
}

/// A pair of RFC 6265: a token, `=`, and a value of printable ASCII without quotes, comma or backslash.
fn pair(bytes: &[u8]) -> Option<(String, Secret<String>)> {
    let (name, value) = std::str::from_utf8(bytes).ok()?.trim_matches([' ', '\t']).split_once('=')?;
    let is_octet = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b'\\');
    let is_token = |byte: u8| is_octet(byte) && !b"()/:;<=>?@[]{}".contains(&byte);
    let is_pair = !name.is_empty() && name.bytes().all(is_token) && value.bytes().all(is_octet);
    is_pair.then(|| (name.to_owned(), Secret::new(value.to_owned())))
}

impl<S: Sync> FromRequestParts<S> for CookieJar {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: CookieSettings = CookieSettings { secure: false, same_site_none: false };
    const DEPLOYED: CookieSettings = CookieSettings { secure: true, same_site_none: false };

    fn values(settings: &CookieSettings, headers: &[&[u8]]) -> Vec<String> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(header::COOKIE, HeaderValue::from_bytes(header).unwrap());
        }
        let values = CookieJar::of(&map).values(settings, CookieName::Refresh);
        values.iter().map(|value| value.expose().clone()).collect()
    }

    // B2, S20
    #[test]
    fn a_malformed_cookie_pair_invalidates_only_itself() {
        for foreign in
            ["a=ü", "=", "=x", "x", "", "a=\"b\"", "a b=c", "a=b c", "refresh_token", "refresh_token =x", "a,b=c"]
        {
            for header in [format!("{foreign}; refresh_token=T"), format!("refresh_token=T;{foreign}")] {
                assert_eq!(values(&LOCAL, &[header.as_bytes()]), ["T"], "{header}");
            }
        }
        assert_eq!(values(&LOCAL, &[b"a=\xff\xfe;refresh_token=T"]), ["T"]);
        for own in
            ["refresh_token=\"T\"", "refresh_token=ü", "refresh_token=a b", "Refresh_Token=T", "xrefresh_token=T"]
        {
            assert!(values(&LOCAL, &[own.as_bytes()]).is_empty(), "{own}");
        }
    }

    // B3, S20
    #[test]
    fn all_values_of_a_cookie_name_are_found_once_in_header_order() {
        let headers: [&[u8]; 2] = [b"refresh_token=1; a=b; refresh_token=2==", b"refresh_token=1;refresh_token="];
        assert_eq!(values(&LOCAL, &headers), ["1", "2==", ""]);
    }

    // B3, S20
    #[test]
    fn outside_the_local_stack_a_name_without_the_host_prefix_does_not_count() {
        let header: [&[u8]; 1] = [b"refresh_token=planted; __Host-refresh_token=T; __host-refresh_token=x"];
        assert_eq!(values(&DEPLOYED, &header), ["T"]);
        assert_eq!(values(&LOCAL, &header), ["planted"]);
        let line = DEPLOYED.set(CookieName::Device, "x", 1).unwrap();
        assert_eq!(line, "__Host-device=x; HttpOnly; SameSite=Lax; Path=/; Max-Age=1; Secure");
    }
}
