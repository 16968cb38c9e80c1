//! `POST /admin/users/{id}/mail`: an admin requests a mail to a user. It is a route of this function, which alone
//! issues the secrets in mails: the function of the other admin routes has no access to their key.

use super::request_mail::{applies, issue};
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use serde::Deserialize;
use tollgate_domain::UserId;
use tollgate_domain::limit::{HOUR_SECONDS, Quota};
use tollgate_domain::onetime::Purpose;
use tollgate_http::{Admin, ApiError, JsonBody, Message, PathId, RequestContext, errors, message};
use utoipa::ToSchema;

/// The number of mails that admins may request for one user.
const MAILS_AN_HOUR: Quota = Quota { calls: 10, window_seconds: HOUR_SECONDS };

/// The mail to send.
#[derive(Deserialize, ToSchema)]
#[schema(as = MailToUser)]
pub struct NewMail {
    kind: Kind,
}

/// A mail with a secret.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[schema(as = MailToUserKind)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The link and the code that verify the address.
    Verify,
    /// The link that sets a new password.
    Reset,
}

impl From<Kind> for Purpose {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Verify => Self::Verify,
            Kind::Reset => Self::Reset,
        }
    }
}

errors! {
    /// Why no mail is sent.
    MailErrors = [ApiError::NotEnabled, ApiError::RATE_LIMITED]
}

/// Sends a user the mail that verifies the address, or the one that sets a new password. The caps on mails do not count
/// it; each user gets at most 10 an hour. The message says if nothing was sent, because the address is verified or the
/// account is disabled.
/// account is disabled.
#[utoipa::path(
    post, path = "/admin/users/{id}/mail", operation_id = "mail_user", tag = "Admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "The user's id")), request_body = NewMail,
    responses((status = 202, body = Message), MailErrors)
)]
pub async fn send(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    PathId(id): PathId<UserId>,
    JsonBody(NewMail { kind }): JsonBody<NewMail>,
) -> Result<(StatusCode, Json<Message>), ApiError> {
    let account = state.store.profile_and_gate(&id).await?.filter(|(_, gate)| gate.state().exists());
    let (profile, gate) = account.ok_or(ApiError::NotFound)?;
    let purpose = Purpose::from(kind);
    if purpose == Purpose::Reset && !state.config.offer.passwords {
        return Err(ApiError::NotEnabled);
    }
    let text = if applies(purpose, &profile, &gate) {
        state.limiter.admit_user(&context, &id, MAILS_AN_HOUR).await?;
        issue(&state, purpose, &profile, &gate, context.now).await?;
        tracing::info!(admin = %admin.id, user = %id, kind = purpose.as_str(), "an admin sends a mail");
        "The mail is on its way."
    } else if gate.state().may_sign_in() {
        "Nothing was sent: the address is verified."
    } else {
        "Nothing was sent: the account is disabled."
    };
    Ok((StatusCode::ACCEPTED, message(text)))
}
