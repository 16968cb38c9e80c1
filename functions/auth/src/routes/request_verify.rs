//! `POST /request/verify`.

use super::{Message, email, message, nobody};
use crate::State;
use crate::mails::{self, Account};
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use serde::Deserialize;
use tollgate_domain::onetime::Purpose;
use tollgate_http::{ApiError, JsonBody, RequestContext};

/// Whose verification mail is wanted again.
#[derive(Deserialize)]
pub struct Address {
    pub email: String,
}

/// Sends a verification mail again, where there is something to verify. The answer is the same.
pub async fn request_verify(
    Shared(state): Shared<State>,
    context: RequestContext,
    JsonBody(body): JsonBody<Address>,
) -> Result<(StatusCode, Json<Message>), ApiError> {
    mail_onetime(&state, &context, &body, Purpose::Verify).await?;
    Ok((StatusCode::ACCEPTED, message("If this address waits to be proved, a mail is on its way.")))
}

/// Mails a secret of `purpose` to an account that may have one; for any other address the same work is done on decoys.
pub async fn mail_onetime(
    state: &State,
    context: &RequestContext,
    body: &Address,
    purpose: Purpose,
) -> Result<(), ApiError> {
    let email = email(&body.email, "email")?;
    let found = state.store.user_of_email(&email).await?;
    let user = found.unwrap_or_else(|| nobody(context));
    let (profile, gate) = tokio::join!(state.store.profile(&user), state.store.gate(&user));
    let wanted = profile?.zip(gate?).filter(|(profile, gate)| match purpose {
        Purpose::Verify => gate.is_active && !profile.email_verified,
        Purpose::Reset => gate.is_active,
    });
    match wanted {
        Some((profile, gate)) => {
            let account = Account {
                id: user,
                email: &profile.email,
                username: &profile.username,
                password_version: gate.password_version,
            };
            let (row, mail) = mails::onetime(state, account, purpose, context.now).await?;
            state.store.put_onetime(&row, &mail).await?;
        }
        None => state.store.put_decoys(&mails::new_id(context.now), context.now).await?,
    }
    Ok(())
}
