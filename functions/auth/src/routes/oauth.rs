//! Sign-in at Google and GitHub: `GET /google/login`, `/github/login` and their callbacks (S21–S24).

use crate::config::FLOW_SECONDS;
use crate::devices::Shown;
use crate::identities::{account_of, link_identity};
use crate::pages::wants_json;
use crate::providers::{authorize_url, identify};
use crate::sign_in::{Client, SignInMethod, TokenDelivery, TokenResponse, refused_entry, sign_in};
use crate::state::State;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use oauth2::url::Url;
use serde::Deserialize;
use tollgate_domain::gate::Gate;
use tollgate_domain::session::after;
use tollgate_domain::user::IdentityProvider;
use tollgate_domain::{Secret, SessionId};
use tollgate_http::{ApiError, CookieJar, CookieName, Message, RequestContext, errors, message};
use tollgate_platform::random_bytes;
use tollgate_store::{FlowRow, LinkFor, ProfileOf, TakenFlow, UseOfFlow};
use tollgate_tokens::oauth::{BrowserSecret, Flow};
use utoipa::IntoParams;

/// The address to return to.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Begin {
    /// An absolute address of an allowed origin.
    #[serde(default)]
    #[param(value_type = Option<String>, format = "uri", min_length = 1)]
    return_to: Option<String>,
}

/// The parameters of a provider's redirect.
#[derive(Deserialize, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Returned {
    /// The state of the flow.
    #[serde(default)]
    state: String,
    /// The code that the provider exchanges for a token.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    code: Option<Secret<String>>,
    /// Why there is no code (RFC 6749, 4.1.2.1).
    #[serde(default)]
    error: Option<String>,
}

type BeginQuery = Result<Query<Begin>, QueryRejection>;
type ReturnedQuery = Result<Query<Returned>, QueryRejection>;

errors! {
    /// Why the browser is not sent to a provider.
    BeginErrors = [ApiError::InvalidReturnTo, ApiError::ProviderNotConfigured]
}

errors! {
    /// Why a callback does not sign in.
    CallbackErrors = [
        ApiError::NotEnabled,
        ApiError::OauthStateMismatch,
        ApiError::OauthDenied,
        ApiError::EmailNotVerifiedByProvider,
        ApiError::EmailNotSupported,
        ApiError::AccountDisabled,
        ApiError::AlreadyLinked,
        ApiError::AccountExists,
        ApiError::OauthProviderUnavailable(String::new()),
        ApiError::ProviderNotConfigured,
    ]
}

/// Redirects the browser to Google.
#[utoipa::path(
    get, path = "/google/login", tag = "Providers", params(Begin),
    responses((status = 302, description = "To the provider"), BeginErrors)
)]
pub async fn google_login(
    state: Shared<State>,
    context: RequestContext,
    cookies: CookieJar,
    query: BeginQuery,
) -> Result<Response, ApiError> {
    login(&state, &context, &cookies, IdentityProvider::Google, query).await
}

/// Redirects the browser to GitHub.
#[utoipa::path(
    get, path = "/github/login", tag = "Providers", params(Begin),
    responses((status = 302, description = "To the provider"), BeginErrors)
)]
pub async fn github_login(
    state: Shared<State>,
    context: RequestContext,
    cookies: CookieJar,
    query: BeginQuery,
) -> Result<Response, ApiError> {
    login(&state, &context, &cookies, IdentityProvider::Github, query).await
}

/// The callback of Google.
#[utoipa::path(
    get, path = "/auth/social/callback/google", tag = "Providers", params(Returned),
    responses((status = 200, description = "With `accept: application/json`", body = TokenResponse),
        (status = 302, description = "To `return_to` or the front end: signed in, or with `?error=` and a code of below"), CallbackErrors)
)]
pub async fn google_callback(
    state: Shared<State>,
    context: RequestContext,
    cookies: CookieJar,
    headers: HeaderMap,
    query: ReturnedQuery,
) -> Response {
    callback(&state, &context, &cookies, &headers, IdentityProvider::Google, query).await
}

/// The callback of GitHub.
#[utoipa::path(
    get, path = "/auth/social/callback/github", tag = "Providers", params(Returned),
    responses((status = 200, description = "With `accept: application/json`", body = TokenResponse),
        (status = 302, description = "To `return_to` or the front end: signed in, or with `?error=` and a code of below"), CallbackErrors)
)]
pub async fn github_callback(
    state: Shared<State>,
    context: RequestContext,
    cookies: CookieJar,
    headers: HeaderMap,
    query: ReturnedQuery,
) -> Response {
    callback(&state, &context, &cookies, &headers, IdentityProvider::Github, query).await
}

async fn login(
    state: &State,
    context: &RequestContext,
    cookies: &CookieJar,
    provider: IdentityProvider,
    query: BeginQuery,
) -> Result<Response, ApiError> {
    let Query(Begin { return_to }) = query.map_err(|_| ApiError::InvalidReturnTo)?;
    let (address, cookie) = begin(state, context, cookies, provider, return_to, None).await?;
    let mut response = redirect(address.as_str())?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Starts a flow: its row, the provider's address, and the cookie that binds it to this browser, whose tabs share it.
pub async fn begin(
    state: &State,
    context: &RequestContext,
    cookies: &CookieJar,
    provider: IdentityProvider,
    return_to: Option<String>,
    link: Option<LinkFor>,
) -> Result<(Url, HeaderValue), ApiError> {
    if return_to.as_ref().is_some_and(|address| !state.config.origins.allow_address(address)) {
        return Err(ApiError::InvalidReturnTo);
    }
    let flow = state.keys.auth().await?.new_flow(context.now);
    let address = authorize_url(state, provider, &flow).await?;
    let browser = browser_secrets(state, cookies).into_iter().next().unwrap_or_else(BrowserSecret::draw);
    let row = FlowRow {
        id: flow.id,
        provider,
        browser_hash: browser.hash(),
        session_id: None,
        return_to,
        link,
        expires_at: after(context.now, FLOW_SECONDS),
    };
    state.store.put_flow(&row).await?;
    let cookie = state.config.cookies.set(CookieName::Flow, browser.expose(), i64::from(FLOW_SECONDS))?;
    Ok((address, cookie))
}

/// The result of a flow.
enum Ended {
    /// The answer with both tokens.
    SignedIn(Response),
    /// By an earlier request of this browser, whose session is live.
    SignedInBefore,
    Linked,
}

async fn callback(
    state: &State,
    context: &RequestContext,
    cookies: &CookieJar,
    headers: &HeaderMap,
    provider: IdentityProvider,
    query: ReturnedQuery,
) -> Response {
    let returned = query.map(|Query(returned)| returned).unwrap_or_default();
    let new_session = SessionId::new(context.now, random_bytes());
    let is_json = wants_json(headers);
    let (row, ended) = match take(state, context, cookies, provider, &returned.state, new_session).await {
        Ok(Taken::Now(flow, row)) => {
            let ended = finish(state, context, cookies, &flow, &row, returned, new_session).await;
            (Some(row), ended)
        }
        Ok(Taken::Before(row)) if !is_json => match ended_before(state, context, cookies, &row).await {
            Ok(ended) => (Some(row), Ok(ended)),
            Err(error) => (None, Err(error)),
        },
        Ok(Taken::Before(_)) => (None, Err(ApiError::OauthStateMismatch)),
        Err(error) => (None, Err(error)),
    };
    if is_json {
        return match ended {
            Ok(Ended::SignedIn(response)) => response,
            Ok(Ended::SignedInBefore) => ApiError::OauthStateMismatch.into_response(),
            Ok(Ended::Linked) => message_of(provider).into_response(),
            Err(error) => error.into_response(),
        };
    }
    let place = row.and_then(|row| row.return_to).unwrap_or_else(|| state.config.frontend_url.to_string());
    let sent = match ended {
        Ok(Ended::SignedIn(response)) => redirect(&place).map(|mut sent| {
            for cookie in response.headers().get_all(header::SET_COOKIE) {
                sent.headers_mut().append(header::SET_COOKIE, cookie.clone());
            }
            sent
        }),
        Ok(Ended::SignedInBefore) => redirect(&place),
        Ok(Ended::Linked) => redirect(&with_query(&place, "linked", provider.as_str())),
        Err(error) => {
            tracing::warn!(request_id = %context.request_id, code = error.code(), cause = error.cause(), "sign-in at a provider");
            redirect(&with_query(&place, "error", error.code()))
        }
    };
    sent.unwrap_or_else(IntoResponse::into_response)
}

fn message_of(provider: IdentityProvider) -> axum::Json<Message> {
    match provider {
        IdentityProvider::Google => message("Google is linked to your account."),
        IdentityProvider::Github => message("GitHub is linked to your account."),
    }
}

/// The flow of a callback.
enum Taken {
    /// It is used by this request.
    Now(Flow, FlowRow),
    /// It was used before: the callback is loaded again.
    Before(FlowRow),
}

/// Uses the flow of `returned`, in the browser that began it; a session that it creates has the id `new_session`.
async fn take(
    state: &State,
    context: &RequestContext,
    cookies: &CookieJar,
    provider: IdentityProvider,
    returned: &str,
    new_session: SessionId,
) -> Result<Taken, ApiError> {
    let flow = state.keys.auth().await?.read_flow(returned).ok_or(ApiError::OauthStateMismatch)?;
    let browsers: Vec<_> = browser_secrets(state, cookies).iter().map(BrowserSecret::hash).collect();
    if browsers.is_empty() {
        return Err(ApiError::OauthStateMismatch);
    }
    let use_of_flow = UseOfFlow { browsers: &browsers, session: &new_session, request: &context.request_id };
    let row = match state.store.take_flow(&flow.id, provider, &use_of_flow, context.now).await? {
        TakenFlow::Now(row) => row,
        TakenFlow::Before(row) => return Ok(Taken::Before(row)),
        TakenFlow::Refused => return Err(ApiError::OauthStateMismatch),
    };
    Ok(Taken::Now(flow, row))
}

/// The secrets of this browser: several if it holds several cookies with this name.
fn browser_secrets(state: &State, cookies: &CookieJar) -> Vec<BrowserSecret> {
    let values = cookies.values(&state.config.cookies, CookieName::Flow);
    values.iter().filter_map(BrowserSecret::of_cookie).collect()
}

async fn finish(
    state: &State,
    context: &RequestContext,
    cookies: &CookieJar,
    flow: &Flow,
    row: &FlowRow,
    returned: Returned,
    new_session: SessionId,
) -> Result<Ended, ApiError> {
    if let Some(error) = returned.error.filter(|error| !error.is_empty()) {
        return Err(refused_by_provider(&error));
    }
    let code = returned.code.filter(|code| !code.expose().is_empty()).ok_or(ApiError::OauthDenied)?;
    let identity = identify(state, row.provider, flow, code).await?;
    if let Some(link) = row.link {
        return link_identity(state, context, &identity, link).await.map(|()| Ended::Linked);
    }
    let (profile, gate) = account_of(state, context, &identity).await?;
    let client =
        Client { context, shown: Shown::in_cookies(cookies), delivery: TokenDelivery::Cookie, session: new_session };
    if !gate.state().may_sign_in() {
        let refusal = ApiError::AccountDisabled;
        let entry = refused_entry(context, Some(&profile.id), row.provider.as_str(), &refusal);
        state.store.record(&entry).await?;
        return Err(refusal);
    }
    sign_in(state, &client, profile, gate, SignInMethod::Provider(row.provider)).await.map(Ended::SignedIn)
}

/// Maps an error of RFC 6749 (4.1.2.1): two of them are the provider's own, the others a denial.
fn refused_by_provider(error: &str) -> ApiError {
    match error {
        "server_error" | "temporarily_unavailable" => ApiError::OauthProviderUnavailable(format!("it sent {error}")),
        _ => ApiError::OauthDenied,
    }
}

/// The outcome of a flow that was used before, if this browser still holds its session.
async fn ended_before(
    state: &State,
    context: &RequestContext,
    cookies: &CookieJar,
    row: &FlowRow,
) -> Result<Ended, ApiError> {
    let session = row.link.map_or(row.session_id, |link| Some(link.session_id)).ok_or(ApiError::OauthStateMismatch)?;
    let keys = state.keys.auth().await?;
    let values = cookies.values(&state.config.cookies, CookieName::Refresh);
    let mut tokens = values.iter().filter_map(|value| keys.read_refresh_token(value.expose()).ok());
    let token = tokens.find(|token| token.session_id == session).ok_or(ApiError::OauthStateMismatch)?;
    let admits = |gate: &Gate| gate.admits(&session, context.now);
    let own = state.store.look_up_behind_gate(token.user_id, &ProfileOf(token.user_id), admits).await?;
    let profile = own.and_then(|(_, profile)| profile).ok_or(ApiError::OauthStateMismatch)?;
    match row.link {
        None => Ok(Ended::SignedInBefore),
        Some(_) if profile.links.contains_key(&row.provider) => Ok(Ended::Linked),
        Some(_) => Err(ApiError::OauthStateMismatch),
    }
}

fn redirect(place: &str) -> Result<Response, ApiError> {
    let place =
        HeaderValue::try_from(place).map_err(|_| ApiError::Internal("an address that fits no header".into()))?;
    Ok((StatusCode::FOUND, [(header::LOCATION, place)]).into_response())
}

/// `address` with another pair in its query.
fn with_query(address: &str, name: &str, value: &str) -> String {
    let (before, fragment) = address.split_once('#').map_or((address, None), |(before, after)| (before, Some(after)));
    let joint = if before.contains('?') { '&' } else { '?' };
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{before}{joint}{name}={value}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_added_to_the_query_of_any_address() {
        for (address, with) in [
            ("https://a.example", "https://a.example?error=x"),
            ("https://a.example/b?c=d", "https://a.example/b?c=d&error=x"),
            ("https://a.example/b#f?g", "https://a.example/b?error=x#f?g"),
        ] {
            assert_eq!(with_query(address, "error", "x"), with);
        }
    }
}
