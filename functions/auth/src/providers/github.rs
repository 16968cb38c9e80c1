//! GitHub: the account by its API; the address counts only as a verified primary one of `/user/emails` (S22).

use super::answers::{Tokens, get, get_json, unavailable};
use super::identity::{Identity, verified_email};
use crate::state::State;
use http::{HeaderMap, header};
use oauth2::TokenResponse;
use oauth2::url::Url;
use serde::Deserialize;
use tollgate_domain::user::IdentityProvider;
use tollgate_http::ApiError;
use tollgate_platform::Outbound;

/// The largest page of the API.
const PER_PAGE: &str = "100";
/// More pages than any account has.
const MAX_PAGES: usize = 10;

#[derive(Deserialize)]
struct Account {
    id: u64,
    #[serde(default)]
    login: String,
}

#[derive(Deserialize)]
struct Address {
    email: String,
    primary: bool,
    verified: bool,
}

pub async fn identity(state: &State, tokens: &Tokens) -> Result<Identity, ApiError> {
    let github = state.config.providers.github.as_ref().ok_or(ApiError::ProviderNotConfigured)?;
    let token = tokens.access_token().secret().as_str();
    let client = &state.providers.github;
    let (account, email) = tokio::join!(
        get_json::<Account>(client, &github.user_url, Some(token)),
        verified_primary(client, &github.emails_url, token),
    );
    let (account, email) = (account?, email?);
    Ok(Identity {
        provider: IdentityProvider::Github,
        subject: account.id.to_string(),
        name: account.login,
        email: verified_email(email.as_deref()),
    })
}

/// The verified primary address, on any page of the list.
async fn verified_primary(client: &Outbound, emails_url: &str, token: &str) -> Result<Option<String>, ApiError> {
    let first = Url::parse_with_params(emails_url, [("per_page", PER_PAGE)]);
    let mut url = first.map_err(|error| ApiError::Internal(format!("GITHUB_EMAILS: {error}")))?;
    for _ in 0..MAX_PAGES {
        let (addresses, headers) = get::<Vec<Address>>(client, url.as_str(), Some(token)).await?;
        if let Some(found) = addresses.into_iter().find(|address| address.primary && address.verified) {
            return Ok(Some(found.email));
        }
        match next_page(&url, &headers) {
            None => return Ok(None),
            // The token is sent only to the API.
            Some(next) if next.origin() == url.origin() => url = next,
            Some(_) => return Err(unavailable("the next page of the addresses is on another host")),
        }
    }
    Err(unavailable("the list of the addresses does not end"))
}

/// The target of the link with `rel="next"` (RFC 8288).
fn next_page(page: &Url, headers: &HeaderMap) -> Option<Url> {
    let links = headers.get_all(header::LINK).iter().filter_map(|value| value.to_str().ok());
    let mut links = links.flat_map(|value| value.split('<').skip(1)).filter_map(|link| link.split_once('>'));
    let is_next = |parameters: &str| {
        parameters.split([';', ',']).any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
            name.trim().eq_ignore_ascii_case("rel") && relations.any(|relation| relation == "next")
        })
    };
    links.find(|(_, parameters)| is_next(parameters)).and_then(|(target, _)| page.join(target).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    // B13
    #[test]
    fn the_next_page_is_the_target_of_the_link_with_rel_next() {
        let page = Url::parse("https://api.example/user/emails?per_page=100").unwrap();
        for (link, next) in [
            ("<https://api.example/user/emails?page=2>; rel=\"next\"", Some("https://api.example/user/emails?page=2")),
            (
                "<https://a.example/?page=9>; rel=\"last\", <https://a.example/?b=1,2&page=2>; rel=next",
                Some("https://a.example/?b=1,2&page=2"),
            ),
            ("<?page=3>; title=\"x\"; REL=\"prev next\"", Some("https://api.example/user/emails?page=3")),
            ("<https://a.example/?page=1>; rel=\"prev\"", None),
            ("<https://a.example/?page=1>", None),
            ("nonsense", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(header::LINK, link.parse().unwrap())]);
            assert_eq!(next_page(&page, &headers).as_ref().map(Url::as_str), next, "{link}");
        }
        assert_eq!(next_page(&page, &HeaderMap::new()), None);
    }
}
