//! `POST /forget-password`.

use super::request_verify::{Address, mail_onetime};
use super::{Message, message};
use crate::State;
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use tollgate_domain::onetime::Purpose;
use tollgate_http::{ApiError, JsonBody, RequestContext};

/// Mails a link to set a new password, to an active account. The answer is the same for any address.
pub async fn forget_password(
    Shared(state): Shared<State>,
    context: RequestContext,
    JsonBody(body): JsonBody<Address>,
) -> Result<(StatusCode, Json<Message>), ApiError> {
    mail_onetime(&state, &context, &body, Purpose::Reset).await?;
    Ok((StatusCode::ACCEPTED, message("If there is an account with this address, a mail is on its way.")))
}
