//! `POST /change-email`.

use super::register::ALREADY_REGISTERED;
use super::{email, placeholder_id};
use crate::mails::{self, Account, NewAddress};
use crate::reauthentication::{self, Actor, require_fresh};
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tollgate_domain::Email;
use tollgate_domain::audit::Action;
use tollgate_domain::onetime::Purpose;
use tollgate_domain::password::Password;
use tollgate_http::{AccountKey, ActiveUser, ApiError, JsonBody, Limiter, Message, RequestContext, errors, message};
use tollgate_mail::{AlreadyRegistered, EmailChangeRequested};
use tollgate_store::{AddressRequest, Profile, ProfileOf};
use utoipa::ToSchema;

/// The new address, and the confirmation of the user's identity.
#[derive(Deserialize, ToSchema)]
pub struct ChangeEmail {
    #[schema(format = Email)]
    new_email: String,
    /// The current password.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Password>,
}

errors! {
    /// Why another address is refused.
    ChangeEmailErrors = reauthentication::errors().into_iter().chain([ApiError::InvalidEmail("new_email")])
}

/// Mails a link and a code to the new address; the change takes effect when one of them is used while this session is
/// live. The current address is notified at once. Nothing is reserved. The owner of a taken address is notified, and
/// the answer is the same (S6).
#[utoipa::path(
    post, path = "/change-email", tag = "Accounts", security(("bearer" = [])), request_body = ChangeEmail,
    responses((status = 202, body = Message), ChangeEmailErrors)
)]
pub async fn change_email(
    Shared(state): Shared<State>,
    context: RequestContext,
    actor: Actor,
    JsonBody(body): JsonBody<ChangeEmail>,
) -> Result<(StatusCode, Json<Message>), ApiError> {
    let to = email(&body.new_email, "new_email")?;
    let account = AccountKey::user(&actor.user.id);
    let (fresh, owner) = tokio::join!(
        require_fresh(&state, &context, (&actor.user, actor.own.as_ref()), Some(&account), body.password.as_ref()),
        state.store.user_of_email(&to),
    );
    fresh?;
    let Actor { user, own } = actor;
    let own = own.ok_or(ApiError::Unauthenticated)?;
    let someone = owner?.unwrap_or_else(|| placeholder_id(&context));
    let mails = Limiter::mails_to(&AccountKey::address(&to, None));
    let (theirs, mails) = state.store.look_up(&(ProfileOf(someone), mails)).await?;
    let kind = if theirs.is_some() { ALREADY_REGISTERED } else { mails::kind(Purpose::ChangeEmail) };
    let may_be_sent = state.limiter.admit_mail_beyond(&context, mails, kind).await?;
    request(&state, &context, (&user, &own), to, theirs, may_be_sent).await?;
    Ok((StatusCode::ACCEPTED, message("Look into the mail of the new address: it has what to do next.")))
}

/// Writes the request: for a free address, for a taken one of the profile `theirs`, and, where no mail may be sent, for
/// none.
async fn request(
    state: &State,
    context: &RequestContext,
    (user, own): (&ActiveUser, &Profile),
    to: Email,
    theirs: Option<Profile>,
    may_be_sent: bool,
) -> Result<(), ApiError> {
    let new = NewAddress { unlinks: own.links_to_end(&to), session: user.session_id, email: to.clone() };
    // The row is written for a taken address too, and its link is not mailed: the caller sees no difference.
    let (row, mail) = mails::change_of_address(state, Account::of(own, &user.gate), new, context.now).await?;
    let mail = match theirs {
        None => mail,
        Some(theirs) => {
            let mail = AlreadyRegistered { to: theirs.email.as_str().to_owned() };
            mails::outbox_message(mail, theirs.locale, context.now)?
        }
    };
    let notice = EmailChangeRequested {
        to: own.email.as_str().to_owned(),
        username: own.username.as_str().to_owned(),
        at: context.now,
    };
    // A request that mails nothing stores nothing either, so the owner is not notified.
    let (mail, notice) = match may_be_sent {
        true => (mail, mails::outbox_message(notice, own.locale.clone(), context.now)?),
        false => (mails::decoy(state, context.now).await?, mails::decoy(state, context.now).await?),
    };
    let mut entry = context.entry(Action::EmailChangeRequested, Some(user.id), Some(user.id.to_string()));
    entry.after = Some(json!({"email": to}));
    let request = AddressRequest { row: may_be_sent.then_some(&row), mail: &mail, notice: &notice, audit: &entry };
    Ok(state.store.request_address(&request, context.now).await?)
}
