//! Invitations: their mails, their links and their entries in the audit trail. The entries name the invitation and not
//! its address, so that the address of a person who never registers disappears with the invitation.

use crate::mails;
use crate::registered::FIRST_PASSWORD;
use crate::sign_in::{Client, issue_tokens, new_session, signed_in_entry};
use crate::state::State;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::gate::Gate;
use tollgate_domain::invitation::Invitation;
use tollgate_domain::user::Provider;
use tollgate_domain::{Secret, UserId, Username};
use tollgate_http::{ApiError, RequestContext};
use tollgate_platform::random_bytes;
use tollgate_store::{
    AcceptedInvitation, Credentials, NewAccount, OutboxMessage, Profile, Registration, StoredInvitation,
};
use tollgate_tokens::codes::InvitationToken;

/// `invitation` with the key of its link, and the mail with that link.
pub async fn with_mail(
    state: &State,
    invitation: Invitation,
    now: Timestamp,
) -> Result<(StoredInvitation, OutboxMessage), ApiError> {
    let generation = state.keys.codes().await?.generation(now).to_owned();
    let mail = tollgate_mail::Invitation {
        to: invitation.email.as_str().to_owned(),
        invitation_id: invitation.id,
        generation: generation.clone(),
        expires_at: invitation.expires_at,
    };
    let mail = mails::outbox_message(mail, invitation.locale.clone(), now)?;
    Ok((StoredInvitation { invitation, generation }, mail))
}

/// The invitation whose link has this token. Nothing is read about an address before the token is verified (S6).
pub async fn find(state: &State, token: &Secret<String>, now: Timestamp) -> Result<Invitation, ApiError> {
    let token = InvitationToken::parse(token.expose()).ok_or(ApiError::InvalidToken)?;
    let stored = state.store.invitation(&token.id).await?.ok_or(ApiError::InvalidToken)?;
    if !state.keys.codes().await?.is_invitation(&token, &stored.generation) {
        return Err(ApiError::InvalidToken);
    }
    stored.invitation.check(now).map_err(|_| ApiError::TokenExpired)?;
    Ok(stored.invitation)
}

/// The entry of an invitation that `user` has accepted.
pub fn accepted_entry(context: &RequestContext, invitation: &Invitation, user: &UserId) -> AuditEntry {
    let mut entry = context.entry(Action::InvitationAccepted, Some(*user), Some(invitation.id.to_string()));
    entry.after = Some(json!({"user_id": user}));
    entry
}

/// How an invited account signs in, in the audit trail.
const METHOD: &str = "invitation";
/// The same in the claim `amr`: a mailed link counts as a code.
const AMR: &str = "otp";

/// Creates the account of an invitation with its first session, in one transaction that ends the invitation. The link has
/// verified the address.
pub async fn register(
    state: &State,
    client: &Client<'_>,
    invitation: Invitation,
    username: Username,
    hash: Option<String>,
) -> Result<Response, ApiError> {
    let context = client.context;
    let id = UserId::new(context.now, random_bytes());
    let (session, nonce) = new_session(state, client, &id, AMR);
    let mut gate = Gate::new(id);
    gate.sessions.insert(session.id, session.ends_at);
    let mut audit = context.entry(Action::Registered, Some(id), Some(id.to_string()));
    audit.after = Some(json!({"provider": Provider::Local, "email_verified": true}));
    let entries = vec![accepted_entry(context, &invitation, &id), signed_in_entry(context, &session, METHOD, &[])];
    let profile = Profile {
        id,
        email: invitation.email.clone(),
        username,
        provider: Provider::Local,
        email_verified: true,
        is_active: true,
        is_admin: false,
        created_at: context.now,
        links: BTreeMap::new(),
        link_emails: BTreeMap::new(),
        locale: mails::locale_of(context).or_else(|| invitation.locale.clone()),
    };
    let account = NewAccount {
        profile,
        credentials: hash.map(|hash| Credentials { user_id: id, hash, password_version: FIRST_PASSWORD }),
        gate,
        verification: None,
        audit,
        invited: Some(AcceptedInvitation { invitation, session: Some(session.clone()), audit: entries }),
    };
    match state.store.register(&account).await? {
        Registration::Done => issue_tokens(state, client, account.profile, &account.gate, session, &nonce).await,
        Registration::UsernameTaken => Err(ApiError::UsernameTaken),
        Registration::EmailTaken | Registration::IdentityTaken | Registration::InvitationEnded => {
            Err(ApiError::InvalidToken)
        }
    }
}
