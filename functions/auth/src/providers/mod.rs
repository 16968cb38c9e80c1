//! Google and GitHub as identity providers: OAuth 2.0 (RFC 6749) with PKCE (RFC 7636), as RFC 9700 requires.

mod config;
mod github;
mod google;

pub use config::Providers;

use crate::State;
use http::HeaderMap;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::url::Url;
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tollgate_domain::Email;
use tollgate_domain::user::IdentityProvider;
use tollgate_http::ApiError;
use tollgate_platform::{Outbound, OutboundError, Secret};
use tollgate_tokens::oauth::Flow;

/// The clients of both providers, and their cached keys.
#[derive(Clone)]
pub struct ProviderClients {
    /// The client of Google.
    pub google: Outbound,
    /// The client of GitHub.
    pub github: Outbound,
    /// Google's public keys.
    pub(crate) google_keys: Arc<Mutex<google::HeldKeys>>,
}

impl ProviderClients {
    /// Nothing is cached yet.
    #[must_use]
    pub fn new(google: Outbound, github: Outbound) -> Self {
        Self { google, github, google_keys: Arc::default() }
    }
}

/// An identity at a provider: provider and subject, never the address (S22).
pub struct Identity {
    pub provider: IdentityProvider,
    pub subject: String,
    /// The provider's name for the user.
    pub name: String,
    /// The address that the provider has verified, or why there is none.
    pub email: Result<Email, ApiError>,
}

/// The address of an identity that the provider has verified.
fn verified_email(address: Option<&str>) -> Result<Email, ApiError> {
    let address = address.ok_or(ApiError::EmailNotVerifiedByProvider)?;
    Email::parse(address).map_err(|_| ApiError::EmailNotSupported)
}

/// The address at which a sign-in at a provider begins.
struct Endpoints<'a> {
    client_id: &'a str,
    authorize_url: &'a str,
    token_url: &'a str,
    scopes: &'static [&'static str],
    /// The scopes of which one must be granted for the address.
    email_scopes: &'static [&'static str],
}

/// The fields of a token answer besides those of the standard.
#[derive(Debug, Serialize, Deserialize)]
struct Extra {
    #[serde(default)]
    id_token: Option<String>,
}

impl ExtraTokenFields for Extra {}

type Tokens = StandardTokenResponse<Extra, BasicTokenType>;
type Client = oauth2::Client<
    BasicErrorResponse,
    Tokens,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The address of the provider's page for `flow`.
pub async fn authorize_url(state: &State, provider: IdentityProvider, flow: &Flow) -> Result<Url, ApiError> {
    let (client, Endpoints { scopes, .. }) = client(state, provider).await?;
    let verifier = PkceCodeVerifier::new(flow.verifier.expose().clone());
    let mut request = client
        .authorize_url(|| CsrfToken::new(flow.state.expose().clone()))
        .add_scopes(scopes.iter().map(|scope| Scope::new((*scope).to_owned())))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
    if provider == IdentityProvider::Google {
        request = request.add_extra_param("nonce", flow.nonce.expose().clone());
    }
    Ok(request.url().0)
}

/// Exchanges the provider's `code` for the identity.
pub async fn identify(
    state: &State,
    provider: IdentityProvider,
    flow: &Flow,
    code: Secret<String>,
) -> Result<Identity, ApiError> {
    let (client, endpoints) = client(state, provider).await?;
    let outbound = match provider {
        IdentityProvider::Google => &state.providers.google,
        IdentityProvider::Github => &state.providers.github,
    };
    let tokens = client
        .exchange_code(AuthorizationCode::new(code.expose().clone()))
        .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier.expose().clone()))
        .request_async(&Exchange(outbound))
        .await
        .map_err(refusal)?;
    // RFC 6749, 5.1: a scope that differs from the requested one is named. GitHub separates scopes by commas.
    let granted = tokens.scopes().into_iter().flatten().flat_map(|scope| scope.split(','));
    let granted: Vec<&str> = granted.filter(|scope| !scope.is_empty()).collect();
    if !granted.is_empty() && !granted.iter().any(|scope| endpoints.email_scopes.contains(scope)) {
        return Err(denied(&"the scope of the address was not granted"));
    }
    match provider {
        IdentityProvider::Google => google::identity(state, &tokens, flow).await,
        IdentityProvider::Github => github::identity(state, &tokens).await,
    }
}

async fn client(state: &State, provider: IdentityProvider) -> Result<(Client, Endpoints<'_>), ApiError> {
    let endpoints = state.config.providers.endpoints(provider).ok_or(ApiError::ProviderNotConfigured)?;
    let secret = state.keys.client_secret(provider).await?;
    let secret = secret.as_ref().as_ref().ok_or(ApiError::ProviderNotConfigured)?;
    let wrong = |error: oauth2::url::ParseError| ApiError::Internal(format!("an address of a provider: {error}"));
    let redirect = format!("{}/auth/social/callback/{}", state.config.app_url, provider.as_str());
    let client = oauth2::Client::new(ClientId::new(endpoints.client_id.to_owned()))
        .set_client_secret(ClientSecret::new(secret.expose().clone()))
        .set_auth_uri(AuthUrl::new(endpoints.authorize_url.to_owned()).map_err(wrong)?)
        .set_token_uri(TokenUrl::new(endpoints.token_url.to_owned()).map_err(wrong)?)
        .set_redirect_uri(RedirectUrl::new(redirect).map_err(wrong)?)
        .set_auth_type(AuthType::RequestBody);
    Ok((client, endpoints))
}

/// The outbound client, in the form that the crate requires.
struct Exchange<'a>(&'a Outbound);

impl<'c> AsyncHttpClient<'c> for Exchange<'_> {
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OutboundError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.send(request))
    }
}

/// A refusal by the provider is reported to the caller; a missing or incomplete answer is an error of the provider.
fn refusal(error: RequestTokenError<OutboundError, BasicErrorResponse>) -> ApiError {
    match error {
        RequestTokenError::ServerResponse(answer) => denied(answer.error()),
        RequestTokenError::Parse(error, body) => match serde_json::from_slice::<BasicErrorResponse>(&body) {
            // GitHub reports errors with status 200.
            Ok(answer) => denied(answer.error()),
            Err(_) => unavailable(format!("the token answer: {}", error.path())),
        },
        RequestTokenError::Request(error) => unavailable(error),
        RequestTokenError::Other(error) => unavailable(error),
    }
}

/// A refusal; `why` is for the operator who configured the client, for example an expired secret.
fn denied(why: &impl std::fmt::Display) -> ApiError {
    tracing::warn!(%why, "a provider's answer does not hold");
    ApiError::OauthDenied
}

/// The provider does not answer, or not as expected; `cause` is for the log.
fn unavailable(cause: impl std::fmt::Display) -> ApiError {
    ApiError::OauthProviderUnavailable(cause.to_string())
}

/// Gets a JSON document with the provider's access token, if given.
async fn get_json<T: DeserializeOwned>(outbound: &Outbound, address: &str, token: Option<&str>) -> Result<T, ApiError> {
    Ok(get(outbound, address, token).await?.0)
}

/// The same with the headers of the answer.
async fn get<T: DeserializeOwned>(
    outbound: &Outbound,
    address: &str,
    token: Option<&str>,
) -> Result<(T, HeaderMap), ApiError> {
    let mut request = http::Request::get(address).header("accept", "application/json").header("user-agent", "tollgate");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Vec::new()).map_err(|error| ApiError::Internal(format!("{address}: {error}")))?;
    let answer = outbound.send(request).await.map_err(unavailable)?;
    match answer.status().as_u16() {
        200 => {
            let document = serde_json::from_slice(answer.body());
            let document = document.map_err(|error| unavailable(format!("{address}: {error}")))?;
            Ok((document, answer.into_parts().0.headers))
        }
        401 => Err(ApiError::OauthDenied),
        status => Err(unavailable(format!("{address}: status {status}"))),
    }
}
