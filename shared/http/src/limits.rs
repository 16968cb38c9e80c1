//! The limiter: each route counts calls by client address, attempts at each named account by client and over all
//! unknown clients, and costly calls by user (S7–S9). A counter is incremented before any other work, and without an
//! answer of the tables every request is refused.

use crate::openapi::{Describe, refuse};
use crate::{ApiError, Exceeded, RequestContext};
use axum::extract::{FromRef, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Method;
use http::request::Parts;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use tokio::sync::OnceCell;
use tollgate_domain::limit::{AttemptQuotas, DAY_SECONDS, HOUR_SECONDS, Quota};
use tollgate_domain::{Email, UserId};
use tollgate_guard::{ActiveUser, Guard};
use tollgate_platform::{ConfigError, Env, fingerprint};
use tollgate_store::roles::Limiting;
use tollgate_store::{Attempt, AttemptLimit, Bucket, MailCount, MailsTo, Store};
use tollgate_tokens::device::Device;
use utoipa::openapi::HttpMethod;
use utoipa::openapi::path::Operation;

/// The default number of calls a minute on each limited route.
const CALLS_A_MINUTE: u32 = 5;
/// The default number of registrations by a client in a day.
const REGISTRATIONS_A_DAY: u32 = 100;
/// The same on the redirects of providers, which a browser follows by itself.
pub const REDIRECTS: Quota = Quota::per_minute(60);
/// The calls a minute by a user on a route that is costly or confirms the user's identity.
pub const BY_USER: Quota = Quota::per_minute(20);
/// Exports by a user in a minute.
pub const EXPORTS: Quota = Quota::per_minute(5);

/// Questions by an admin to the assistant in a day.
const QUESTIONS_A_DAY: u32 = 200;

/// The limits of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The limits by client of each route.
    pub client: Quota,
    /// The limits by account of each route.
    pub attempts: AttemptQuotas,
    /// Registrations by a client in a day.
    pub registrations_a_day: u32,
}

impl Limits {
    /// The limits of a function that only users call; `None` where `RATE_LIMIT_PER_MINUTE` is 0.
    ///
    /// # Errors
    /// When a setting is not a number of its range.
    pub fn of_users(env: &Env) -> Result<Option<Self>, ConfigError> {
        let calls = number(env, "RATE_LIMIT_PER_MINUTE", CALLS_A_MINUTE, 0..=1000)?;
        Ok((calls > 0).then(|| Self {
            client: Quota::per_minute(CALLS_A_MINUTE),
            attempts: AttemptQuotas::per_minute(calls),
            registrations_a_day: REGISTRATIONS_A_DAY,
        }))
    }

    /// The limits of a function that strangers call.
    ///
    /// # Errors
    /// When a setting is not a number of its range.
    pub fn of_strangers(env: &Env) -> Result<Option<Self>, ConfigError> {
        let per_client = number(env, "RATE_LIMIT_PER_CLIENT_PER_MINUTE", CALLS_A_MINUTE, 1..=10_000)?;
        let registrations_a_day = number(env, "REGISTRATIONS_PER_CLIENT_PER_DAY", REGISTRATIONS_A_DAY, 1..=100_000)?;
        let limits = Self::of_users(env)?;
        Ok(limits.map(|limits| Self { client: Quota::per_minute(per_client), registrations_a_day, ..limits }))
    }
}

fn number(env: &Env, name: &'static str, default: u32, range: RangeInclusive<u32>) -> Result<u32, ConfigError> {
    let expects = format!("a number from {} to {}", range.start(), range.end());
    let value = env.parse(name, default, &expects)?;
    if range.contains(&value) { Ok(value) } else { Err(ConfigError::new(name, &expects)) }
}

/// Counts calls and mails.
#[derive(Clone)]
pub struct Limiter {
    pub(crate) store: Store<Limiting>,
    limits: Option<Limits>,
}

impl ApiError {
    /// One of the limits, for a list of what an operation can answer.
    pub const RATE_LIMITED: Self =
        Self::RateLimited(Exceeded { policy: "user", quota: BY_USER, retry_after_seconds: 1 });
}

/// An account as a caller names it, known or not, and the device of the caller.
#[derive(Debug, Clone)]
pub struct AccountKey {
    name: String,
    is_known_device: bool,
}

impl AccountKey {
    /// By an address; `device` has signed in to this account before.
    #[must_use]
    pub fn address(email: &Email, device: Option<&Device>) -> Self {
        Self::named(email.key(), device)
    }

    /// By a text that is not an address: it has a bucket, too (S6).
    #[must_use]
    pub fn no_address(text: &str) -> Self {
        Self::named(text, None)
    }

    /// By a credential of that user.
    #[must_use]
    pub fn user(user: &UserId) -> Self {
        Self { name: user.to_string(), is_known_device: false }
    }

    /// One with its own count, for work that replaces the work for this one.
    #[must_use]
    pub fn decoy(&self) -> Self {
        Self { name: format!("{}#decoy", self.name), ..self.clone() }
    }

    fn named(name: &str, device: Option<&Device>) -> Self {
        let name = fingerprint(name);
        let of_device = device.map(|device| format!("{name}#{}", device.id));
        Self { name: of_device.unwrap_or(name), is_known_device: device.is_some() }
    }

    /// As part of a key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl Limiter {
    /// One with these limits; `None` allows everything.
    #[must_use]
    pub fn new(store: Store<Limiting>, limits: Option<Limits>) -> Self {
        Self { store, limits }
    }

    async fn admit_client(&self, context: &RequestContext) -> Result<(), ApiError> {
        match self.limits {
            Some(limits) => self.admit_client_within(context, limits.client).await,
            None => Ok(()),
        }
    }

    /// Counts a call of `account` on the route of `context`: for a known device separately, for an unknown client
    /// together with all others.
    ///
    /// # Errors
    /// `rate_limited`, or 503 when it cannot be counted.
    pub async fn admit_account(&self, context: &RequestContext, account: &AccountKey) -> Result<(), ApiError> {
        let Some(Limits { attempts, .. }) = &self.limits else { return Ok(()) };
        if account.is_known_device {
            return self.admit(context, "account", account.as_str(), attempts.client).await;
        }
        let key = format!("{}#{}", context.route, account.as_str());
        let client = client(context.ip.as_deref());
        let taken = self.store.take_attempt(&key, &client, attempts, &context.request_id, context.now).await?;
        let Attempt::Refused { by, retry_after_seconds } = taken else { return Ok(()) };
        let an_hour = |calls| Quota { calls, window_seconds: HOUR_SECONDS };
        let (policy, quota) = match by {
            AttemptLimit::ClientMinute => ("account", attempts.client),
            AttemptLimit::ClientHour => ("account-hour", an_hour(attempts.client_an_hour)),
            AttemptLimit::AccountHour => ("account-all", an_hour(attempts.account_an_hour)),
        };
        Err(ApiError::RateLimited(Exceeded { policy, quota, retry_after_seconds }))
    }

    /// Counts a call of `user` on the route of `context`, from any client.
    ///
    /// # Errors
    /// `rate_limited`, or 503 when it cannot be counted.
    pub async fn admit_user(&self, context: &RequestContext, user: &UserId, quota: Quota) -> Result<(), ApiError> {
        match self.limits {
            Some(_) => self.admit(context, "user", &user.to_string(), quota).await,
            None => Ok(()),
        }
    }

    /// Counts a mail that an admin sends to `account`, an address without a user.
    ///
    /// # Errors
    /// `rate_limited`, or 503 when it cannot be counted.
    pub async fn admit_address(
        &self,
        context: &RequestContext,
        account: &AccountKey,
        quota: Quota,
    ) -> Result<(), ApiError> {
        match self.limits {
            Some(_) => self.admit(context, "address", account.as_str(), quota).await,
            None => Ok(()),
        }
    }

    /// Counts a question by `user` to the assistant, which costs money: by minute and by day.
    ///
    /// # Errors
    /// `rate_limited`, or 503 when it cannot be counted.
    pub async fn admit_question(&self, context: &RequestContext, user: &UserId) -> Result<(), ApiError> {
        let Some(Limits { attempts, .. }) = self.limits else { return Ok(()) };
        self.admit(context, "user", &user.to_string(), attempts.client).await?;
        let bucket = format!("{}#{user}", context.route);
        match self.store.take_of_day(&bucket, QUESTIONS_A_DAY, &context.request_id, context.now).await? {
            None => Ok(()),
            Some(retry_after_seconds) => {
                let quota = Quota { calls: QUESTIONS_A_DAY, window_seconds: DAY_SECONDS };
                Err(ApiError::RateLimited(Exceeded { policy: "user-day", quota, retry_after_seconds }))
            }
        }
    }

    /// Counts a registration by the client of `context`, whether or not the address is known.
    ///
    /// # Errors
    /// `rate_limited`, or 503 when it cannot be counted.
    pub async fn admit_registration(&self, context: &RequestContext) -> Result<(), ApiError> {
        let Some(Limits { registrations_a_day: calls, .. }) = self.limits else { return Ok(()) };
        let bucket = format!("{}#{}", context.route, client(context.ip.as_deref()));
        match self.store.take_of_day(&bucket, calls, &context.request_id, context.now).await? {
            None => Ok(()),
            Some(retry_after_seconds) => {
                let quota = Quota { calls, window_seconds: DAY_SECONDS };
                Err(ApiError::RateLimited(Exceeded { policy: "ip-day", quota, retry_after_seconds }))
            }
        }
    }

    /// Counts a mail of `kind` to `account`; `false`: the limit is reached and it must not be sent.
    ///
    /// # Errors
    /// 503 when it cannot be counted.
    pub async fn admit_mail(
        &self,
        context: &RequestContext,
        account: &AccountKey,
        kind: &str,
    ) -> Result<bool, ApiError> {
        if self.limits.is_none() {
            return Ok(true);
        }
        let client = client(context.ip.as_deref());
        Ok(self.store.count_mail(account.as_str(), kind, &client, &context.request_id, context.now).await?)
    }

    /// The counter of the mails to `account`, to be read together with other items.
    #[must_use]
    pub fn mails_to(account: &AccountKey) -> MailsTo {
        MailsTo(account.as_str().to_owned())
    }

    /// Counts a mail of `kind` beyond those that were `counted`; `false`: the limit is reached and it must not be sent,
    /// or another one was counted since.
    ///
    /// # Errors
    /// 503 when it cannot be counted.
    pub async fn admit_mail_beyond(
        &self,
        context: &RequestContext,
        counted: MailCount,
        kind: &str,
    ) -> Result<bool, ApiError> {
        if self.limits.is_none() {
            return Ok(true);
        }
        let client = client(context.ip.as_deref());
        Ok(self.store.count_mail_beyond(counted, kind, &client, &context.request_id, context.now).await?)
    }

    /// Counts a request of a client that failed to authenticate as a service.
    ///
    /// # Errors
    /// `rate_limited`, or 503 when it cannot be counted.
    pub async fn admit_failed_service(&self, context: &RequestContext) -> Result<(), ApiError> {
        match &self.limits {
            Some(limits) => self.admit_client_within(context, limits.client).await,
            None => Ok(()),
        }
    }

    async fn admit_client_within(&self, context: &RequestContext, quota: Quota) -> Result<(), ApiError> {
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

/// The layer of routes whose POSTs call another service: they are limited by user.
pub async fn limit_users<S>(State(state): State<S>, request: Request, next: Next) -> Response
where
    S: Clone + Send + Sync + 'static,
    Guard: FromRef<S>,
    Limiter: FromRef<S>,
{
    let (mut parts, body) = request.into_parts();
    if parts.method == Method::POST {
        let Ok(context) = RequestContext::from_request_parts(&mut parts, &state).await;
        let admitted = match ActiveUser::from_request_parts(&mut parts, &state).await {
            Ok(user) => {
                let admitted = Limiter::from_ref(&state).admit_user(&context, &user.id, BY_USER).await;
                // The handler finds the user in the extensions.
                parts.extensions.insert(user);
                admitted
            }
            Err(error) => Err(error.into()),
        };
        if let Err(error) = admitted {
            return error.into_response();
        }
    }
    next.run(Request::from_parts(parts, body)).await
}

/// The description of [`limit_users`].
pub fn describe_limit_of_users(method: &HttpMethod, operation: &mut Operation) {
    if *method == HttpMethod::Post {
        ActiveUser::describe(operation);
        describe_limit(operation);
    }
}

/// The description of [`limit_posts`] and [`count_posts`].
pub fn describe_limit_of_posts(method: &HttpMethod, operation: &mut Operation) {
    if *method == HttpMethod::Post {
        describe_limit(operation);
    }
}

/// The description of [`limit_redirects`].
pub fn describe_limit_of_redirects(_: &HttpMethod, operation: &mut Operation) {
    describe_limit(operation);
}

fn describe_limit(operation: &mut Operation) {
    refuse(operation, [ApiError::RATE_LIMITED]);
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
    if request.method() == Method::POST {
        limiter.admit_client(&context).await?;
    }
    Ok(next.run(request).await)
}

/// The count of the client's call, on a route of [`count_posts`]: made once, when a handler first waits for it,
/// concurrently with the handler's first read.
#[derive(Clone)]
pub struct ClientCount {
    limiter: Limiter,
    context: RequestContext,
    outcome: Arc<OnceCell<Result<(), Arc<ApiError>>>>,
}

impl ClientCount {
    /// Allows the call after it is counted. Before, nothing may be decided, written or answered.
    ///
    /// # Errors
    /// `rate_limited`, or 503 when it cannot be counted.
    pub async fn admitted(&self) -> Result<(), ApiError> {
        let count = || async { self.limiter.admit_client(&self.context).await.map_err(Arc::new) };
        match self.outcome.get_or_init(count).await {
            Ok(()) => Ok(()),
            Err(error) => match &**error {
                ApiError::RateLimited(exceeded) => Err(ApiError::RateLimited(*exceeded)),
                other => Err(ApiError::Unavailable(other.cause().unwrap_or_default().to_owned())),
            },
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientCount {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let count = parts.extensions.get::<Self>().cloned();
        count.ok_or_else(|| ApiError::Internal("a route without the layer that counts its clients".into()))
    }
}

impl Describe for ClientCount {}

/// The layer of routes whose POSTs are limited by client address, and whose handlers take a [`ClientCount`].
///
/// # Errors
/// `rate_limited`, or 503 when it cannot be counted.
pub async fn count_posts(
    State(limiter): State<Limiter>,
    context: RequestContext,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if request.method() != Method::POST {
        return Ok(next.run(request).await);
    }
    let count = ClientCount { limiter, context, outcome: Arc::default() };
    request.extensions_mut().insert(count.clone());
    let answer = next.run(request).await;
    // A request that does not reach its handler, for example because its body cannot be read, is counted too.
    count.admitted().await?;
    Ok(answer)
}

/// The layer of routes that a browser follows by itself.
///
/// # Errors
/// `rate_limited`, or 503 when it cannot be counted.
pub async fn limit_redirects(
    State(limiter): State<Limiter>,
    context: RequestContext,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if limiter.limits.is_some() {
        limiter.admit_client_within(&context, REDIRECTS).await?;
    }
    Ok(next.run(request).await)
}

/// The client of an address: IPv6 by /64, which is one household.
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
mod tests;
