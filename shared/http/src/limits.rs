//! The limiter: each route has a bucket for each client address and one for each account that is named there (S7–S9). The
//! counter moves before anything is looked at, and without an answer of the tables nobody passes.

use crate::{ApiError, RequestContext};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use std::net::IpAddr;
use tollgate_domain::limit::Quota;
use tollgate_domain::{Email, UserId};
use tollgate_platform::device::Device;
use tollgate_platform::{ConfigError, Env, fingerprint};
use tollgate_store::{Bucket, Store};

/// Calls a minute on each route that is limited, where nothing else is set.
const CALLS_A_MINUTE: u32 = 5;
/// The same on the ways to providers and back, which a browser walks by itself.
pub const REDIRECTS: Quota = Quota::per_minute(60);

/// Counts calls and mails.
#[derive(Clone)]
pub struct Limiter {
    store: Store,
    quota: Option<Quota>,
}

/// A limit that was passed, for the headers of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// Which of the limits: `ip` or `account`.
    pub policy: &'static str,
    /// How much it lets through.
    pub quota: Quota,
    /// When it lets one more through.
    pub retry_after_seconds: u32,
}

/// The setting of the limiter: `RATE_LIMIT_PER_MINUTE`, 0 for none.
///
/// # Errors
/// When it is no number from 0 to 1,000.
pub fn quota_from_env(env: &Env) -> Result<Option<Quota>, ConfigError> {
    let expects = "a number of calls from 0 (no limits) to 1000";
    match env.parse("RATE_LIMIT_PER_MINUTE", CALLS_A_MINUTE, expects)? {
        0 => Ok(None),
        calls @ 1..=1000 => Ok(Some(Quota::per_minute(calls))),
        _ => Err(ConfigError::new("RATE_LIMIT_PER_MINUTE", expects)),
    }
}

/// An account as a caller names it, known or not, and the device that it is named from.
#[derive(Debug, Clone)]
pub struct AccountKey(String);

impl AccountKey {
    /// By an address; `device` is one that signed in to this account before.
    #[must_use]
    pub fn address(email: &Email, device: Option<&Device>) -> Self {
        Self::named(email.key(), device)
    }

    /// By a text that is no address: it has a bucket all the same (S6).
    #[must_use]
    pub fn no_address(text: &str) -> Self {
        Self::named(text, None)
    }

    /// By a proof that it is that user.
    #[must_use]
    pub fn user(user: &UserId) -> Self {
        Self(user.to_string())
    }

    fn named(name: &str, device: Option<&Device>) -> Self {
        let name = fingerprint(name);
        Self(device.map_or(name.clone(), |device| format!("{name}#{}", device.id)))
    }

    /// As part of a key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Limiter {
    /// One with this quota on each route; `None` lets everything through.
    #[must_use]
    pub fn new(store: Store, quota: Option<Quota>) -> Self {
        Self { store, quota }
    }

    /// Counts a call of `account` on the route of `context`.
    ///
    /// # Errors
    /// `rate_limited`, or 503 when it cannot be counted.
    pub async fn admit_account(&self, context: &RequestContext, account: &AccountKey) -> Result<(), ApiError> {
        match self.quota {
            Some(quota) => self.admit(context, "account", account.as_str(), quota).await,
            None => Ok(()),
        }
    }

    /// Counts a mail of `kind` to `account`; `false`: it is one too many and must not be sent.
    ///
    /// # Errors
    /// 503 when it cannot be counted.
    pub async fn admit_mail(
        &self,
        context: &RequestContext,
        account: &AccountKey,
        kind: &str,
    ) -> Result<bool, ApiError> {
        match self.quota {
            Some(_) => Ok(self.store.count_mail(account.as_str(), kind, &context.request_id, context.now).await?),
            None => Ok(true),
        }
    }

    async fn admit_client(&self, context: &RequestContext, quota: Quota) -> Result<(), ApiError> {
        self.admit(context, "ip", &client(context.ip.as_deref()), quota).await
    }

    async fn admit(
        &self,
        context: &RequestContext,
        policy: &'static str,
        who: &str,
        quota: Quota,
    ) -> Result<(), ApiError> {
        let bucket = format!("{}#{policy}#{who}", context.route);
        match self.store.take_call(&bucket, quota, &context.request_id, context.now).await? {
            Bucket::Admitted => Ok(()),
            Bucket::Full { retry_after_seconds } => {
                Err(ApiError::RateLimited(Exceeded { policy, quota, retry_after_seconds }))
            }
        }
    }
}

/// The layer of routes whose POSTs are limited by client address.
///
/// # Errors
/// `rate_limited`, or 503 when it cannot be counted.
pub async fn limit_posts(
    State(limiter): State<Limiter>,
    context: RequestContext,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if let Some(quota) = limiter.quota
        && request.method() == Method::POST
    {
        limiter.admit_client(&context, quota).await?;
    }
    Ok(next.run(request).await)
}

/// The layer of routes that a browser walks by itself.
///
/// # Errors
/// `rate_limited`, or 503 when it cannot be counted.
pub async fn limit_redirects(
    State(limiter): State<Limiter>,
    context: RequestContext,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if limiter.quota.is_some() {
        limiter.admit_client(&context, REDIRECTS).await?;
    }
    Ok(next.run(request).await)
}

/// Who a client is by its address: IPv6 by /64, which one household has.
fn client(ip: Option<&str>) -> String {
    match ip.and_then(|ip| ip.parse::<IpAddr>().ok()).map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(ip)) => ip.to_string(),
        Some(IpAddr::V6(ip)) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::")
        }
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // S8
    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_64() {
        for (ip, name) in [
            (Some("192.0.2.7"), "192.0.2.7"),
            (Some("::ffff:192.0.2.7"), "192.0.2.7"),
            (Some("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::"),
            (Some("2001:db8:1:2:ffff::1"), "2001:db8:1:2::"),
            (Some("2001:db8:1:3::1"), "2001:db8:1:3::"),
            (Some("nonsense"), "-"),
            (None, "-"),
        ] {
            assert_eq!(client(ip), name);
        }
    }

    // S8
    #[test]
    fn spellings_of_an_address_are_one_account_and_a_device_is_another_bucket_of_it() {
        let key = |text: &str| AccountKey::address(&Email::parse(text).unwrap(), None).0;
        assert_eq!(key("Ann@Example.com"), key(" ann@example.com "));
        assert_ne!(key("ann@example.com"), key("bob@example.com"));
        let device = Device::new(UserId::new(jiff::Timestamp::UNIX_EPOCH, [1; 10]), 1);
        let known = AccountKey::address(&Email::parse("ann@example.com").unwrap(), Some(&device)).0;
        assert_ne!(key("ann@example.com"), known);
        assert!(!known.contains("ann"), "no address in a key");
    }

    #[test]
    fn the_setting_takes_a_number_and_0_for_none() {
        let of = |value: &str| quota_from_env(&Env::from_pairs([("RATE_LIMIT_PER_MINUTE", value)]));
        assert_eq!(of("").unwrap(), Some(Quota::per_minute(5)));
        assert_eq!(of("7").unwrap(), Some(Quota::per_minute(7)));
        assert_eq!(of("0").unwrap(), None);
        for bad in ["-1", "1001", "many"] {
            assert_eq!(of(bad).unwrap_err().variable, "RATE_LIMIT_PER_MINUTE");
        }
    }
}
