//! `POST /change-email`.

use super::register::ALREADY_REGISTERED;
use super::{Message, email, message, nobody};
use crate::State;
use crate::mails::{self, Account};
use crate::reauthentication::{Confirmation, require_fresh};
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use serde::Deserialize;
use tollgate_domain::onetime::Purpose;
use tollgate_http::{AccountKey, ActiveUser, ApiError, JsonBody, RequestContext};
use tollgate_mail::Message as Mail;
use utoipa::ToSchema;

/// The address to have, and who asks.
#[derive(Deserialize, ToSchema)]
pub struct ChangeEmail {
    #[schema(format = Email)]
    new_email: String,
    #[serde(flatten)]
    confirmation: Confirmation,
}

/// Mails a link and a code to the new address; it takes effect when they come back. Nothing is reserved. The owner of an
/// address that is taken is told, and the answer is the same (S6).
#[utoipa::path(
    post, path = "/change-email", tag = "Accounts", security(("bearer" = [])), request_body = ChangeEmail,
    responses((status = 202, body = Message),
        (status = 403, description = "`reauthentication_required`, `wrong_password`"),
        (status = 422, description = "`invalid_email`"), (status = 429, description = "`rate_limited`"))
)]
pub async fn change_email(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
    JsonBody(body): JsonBody<ChangeEmail>,
) -> Result<(StatusCode, Json<Message>), ApiError> {
    state.limiter.admit_account(&context, &AccountKey::user(&user.id)).await?;
    let to = email(&body.new_email, "new_email")?;
    require_fresh(&state, &context, &user, &body.confirmation).await?;
    let owner = state.store.user_of_email(&to).await?;
    let someone = owner.unwrap_or_else(|| nobody(&context));
    let (own, theirs) = tokio::join!(state.store.profile(&user.id), state.store.profile(&someone));
    let (own, theirs) = (own?.ok_or(ApiError::Unauthenticated)?, theirs?);
    let kind = if theirs.is_some() { ALREADY_REGISTERED } else { mails::kind(Purpose::ChangeEmail) };
    let may_be_sent = state.limiter.admit_mail(&context, &AccountKey::address(&to, None), kind).await?;
    // Asked for in either case: it may be a call.
    state.keys.codes().await?;
    match theirs {
        None if may_be_sent => {
            let account = Account::of(&own, &user.gate);
            let (row, mail) = mails::onetime(&state, account, Purpose::ChangeEmail, Some(to), context.now).await?;
            state.store.put_onetime(&row, &mail).await?;
        }
        Some(theirs) if may_be_sent => {
            let mail = Mail::AlreadyRegistered { to: theirs.email.as_str().to_owned() };
            state.store.put_decoys(&mails::outgoing(&mail, context.now)?, 2, context.now).await?;
        }
        _ => state.store.put_decoys(&mails::decoy(&state, context.now).await?, 2, context.now).await?,
    }
    Ok((StatusCode::ACCEPTED, message("Look into the mail of the new address: it has what to do next.")))
}
