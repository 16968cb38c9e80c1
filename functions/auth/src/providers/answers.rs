//! The answers of the providers: tokens, documents and refusals.

use http::HeaderMap;
use oauth2::basic::{BasicErrorResponse, BasicTokenType};
use oauth2::{ExtraTokenFields, RequestTokenError, StandardTokenResponse};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tollgate_http::ApiError;
use tollgate_platform::{Outbound, OutboundError};

/// The fields of a token answer besides those of the standard.
#[derive(Debug, Serialize, Deserialize)]
pub struct Extra {
    #[serde(default)]
    pub id_token: Option<String>,
}

impl ExtraTokenFields for Extra {}

pub type Tokens = StandardTokenResponse<Extra, BasicTokenType>;

/// A refusal by the provider is reported to the caller; a missing or incomplete answer is an error of the provider.
pub fn refusal(error: RequestTokenError<OutboundError, BasicErrorResponse>) -> ApiError {
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
pub fn denied(why: &impl std::fmt::Display) -> ApiError {
    tracing::warn!(%why, "a provider's answer does not hold");
    ApiError::OauthDenied
}

/// The provider does not answer, or not as expected; `cause` is for the log.
pub fn unavailable(cause: impl std::fmt::Display) -> ApiError {
    ApiError::OauthProviderUnavailable(cause.to_string())
}

/// Gets a JSON document with the provider's access token, if given.
pub async fn get_json<T: DeserializeOwned>(
    outbound: &Outbound,
    address: &str,
    token: Option<&str>,
) -> Result<T, ApiError> {
    Ok(get(outbound, address, token).await?.0)
}

/// The same with the headers of the answer.
pub async fn get<T: DeserializeOwned>(
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
