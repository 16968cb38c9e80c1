//! Google and GitHub as identity providers: OAuth 2.0 (RFC 6749) with PKCE (RFC 7636), as RFC 9700 requires.

mod answers;
mod clients;
mod config;
mod github;
mod google;
mod identity;

pub use clients::ProviderClients;
pub use config::Providers;
pub use identity::Identity;

use answers::{Tokens, denied, refusal};
use config::Endpoints;

use crate::state::State;
use oauth2::basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse};
use oauth2::url::Url;
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    StandardRevocableToken, TokenResponse, TokenUrl,
};
use std::pin::Pin;
use tollgate_domain::user::IdentityProvider;
use tollgate_http::ApiError;
use tollgate_platform::{Outbound, OutboundError, Secret};
use tollgate_tokens::oauth::Flow;

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
