//! `GET`, `POST /admin/invitations` and `DELETE /admin/invitations/{id}`. They are routes of this function, which alone
//! issues the secrets in mails.

use crate::named_account::email;
use crate::state::State;
use crate::{invited, mails};
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tollgate_domain::audit::Action;
use tollgate_domain::invitation::{INVITATION_SECONDS, Invitation};
use tollgate_domain::limit::{HOUR_SECONDS, Quota};
use tollgate_domain::session::after;
use tollgate_domain::{Email, InvitationId, UserId};
use tollgate_http::{
    AccountKey, Admin, ApiError, Cursor, Filters, JsonBody, NoFilters, Page, PageQuery, PathId, RequestContext, errors,
};
use tollgate_platform::random_bytes;
use tollgate_store::Invited;
use utoipa::ToSchema;

/// The number of invitations of one address that admins may mail.
const MAILS_AN_HOUR: Quota = Quota { calls: 10, window_seconds: HOUR_SECONDS };

/// The address to invite.
#[derive(Deserialize, ToSchema)]
#[schema(as = InvitationInput)]
pub struct NewInvitation {
    #[schema(format = Email)]
    email: String,
    /// The language of the mail, such as `de`. Without it: that of the admin's browser.
    #[serde(default)]
    #[schema(min_length = 2)]
    locale: Option<String>,
}

errors! {
    /// Why there is no list.
    ListErrors = [ApiError::NotEnabled]
}

errors! {
    /// Why an address is not invited.
    InviteErrors = [
        ApiError::NotEnabled,
        ApiError::InvalidEmail("email"),
        ApiError::EmailTaken,
        ApiError::RATE_LIMITED,
    ]
}

errors! {
    /// Why no invitation is revoked.
    RevokeErrors = [ApiError::NotEnabled]
}

/// The open invitations, the newest first. Expired ones are not listed.
#[utoipa::path(
    get, path = "/admin/invitations", operation_id = "list_invitations", tag = "Admin", security(("bearer" = [])),
    params(PageQuery), responses((status = 200, body = Page<Invitation>), ListErrors)
)]
pub async fn list(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    _: Filters<NoFilters>,
    query: PageQuery,
) -> Result<Json<Page<Invitation>>, ApiError> {
    let cursor = Cursor { list: "/admin/invitations", reader: admin.id };
    let after = query.after(&cursor)?;
    let listed = state.store.list_invitations(query.of(after.as_deref()), context.now).await?;
    Ok(Json(Page::of(listed, &cursor, |invitation| invitation)))
}

/// Invites an address: mails a link that creates an account, once, within 7 days. It replaces an open invitation of the
/// same address, whose link is not valid any more. An address gets at most 10 such mails an hour.
#[utoipa::path(
    post, path = "/admin/invitations", operation_id = "create_invitation", tag = "Admin", security(("bearer" = [])),
    request_body = NewInvitation, responses((status = 201, body = Invitation), InviteErrors)
)]
pub async fn create(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    JsonBody(body): JsonBody<NewInvitation>,
) -> Result<(StatusCode, Json<Invitation>), ApiError> {
    let email = email(&body.email, "email")?;
    let locale = match body.locale.as_deref() {
        None => mails::locale_of(&context),
        Some(tag) => Some(mails::language_named(tag)?.to_owned()),
    };
    state.limiter.admit_address(&context, &AccountKey::address(&email, None), MAILS_AN_HOUR).await?;
    invite(&state, &context, &admin.id, (&email, locale)).await.map(|created| (StatusCode::CREATED, Json(created)))
}

async fn invite(
    state: &State,
    context: &RequestContext,
    admin: &UserId,
    (email, locale): (&Email, Option<String>),
) -> Result<Invitation, ApiError> {
    // A concurrent request may invite the same address, or end its invitation: then it is looked up again.
    for _ in 0..3 {
        let (owner, previous) = tokio::join!(state.store.user_of_email(email), state.store.invitation_of(email));
        if owner?.is_some() {
            return Err(ApiError::EmailTaken);
        }
        let previous = previous?.map(|stored| stored.invitation);
        let invitation = Invitation {
            id: InvitationId::new(context.now, random_bytes()),
            email: email.clone(),
            locale: locale.clone(),
            created_by: *admin,
            created_at: context.now,
            expires_at: after(context.now, INVITATION_SECONDS),
        };
        let mut entry = context.entry(Action::InvitationCreated, Some(*admin), Some(invitation.id.to_string()));
        entry.before = previous.as_ref().map(|previous| json!({"invitation_id": previous.id}));
        entry.after = Some(json!({"expires_at": invitation.expires_at}));
        let (stored, mail) = invited::with_mail(state, invitation, context.now).await?;
        match state.store.invite(&stored, previous.as_ref(), &mail, &entry).await? {
            Invited::Done => return Ok(stored.invitation),
            Invited::HasAccount => return Err(ApiError::EmailTaken),
            Invited::Changed => {}
        }
    }
    Err(ApiError::Unavailable("the invitation changes too often".into()))
}

/// Revokes an open invitation: its link is not valid any more.
#[utoipa::path(
    delete, path = "/admin/invitations/{id}", operation_id = "revoke_invitation", tag = "Admin",
    security(("bearer" = [])), params(("id" = String, Path, description = "The invitation's id")),
    responses((status = 204), RevokeErrors)
)]
pub async fn revoke(
    Shared(state): Shared<State>,
    context: RequestContext,
    Admin(admin): Admin,
    PathId(id): PathId<InvitationId>,
) -> Result<StatusCode, ApiError> {
    let stored = state.store.invitation(&id).await?.map(|stored| stored.invitation);
    let invitation = stored.filter(|stored| stored.check(context.now).is_ok()).ok_or(ApiError::NotFound)?;
    let mut entry = context.entry(Action::InvitationRevoked, Some(admin.id), Some(id.to_string()));
    entry.before = Some(json!({"expires_at": invitation.expires_at}));
    let revoked = state.store.revoke_invitation(&invitation, &entry).await?;
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound) }
}
